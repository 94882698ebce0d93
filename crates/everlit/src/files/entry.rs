//! One thing in the file system, as it was when we looked.

use std::cell::{OnceCell, RefCell};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::response::Headers;

/// Files up to this many bytes are answered from memory.
pub(crate) const SMALL_FILE: u64 = 32 * 1024;

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else; never served.
    Special,
}

/// What `stat` said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Kind.
    pub kind: EntryKind,
    /// Device.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Time of modification: seconds since 1970-01-01 UTC.
    pub mtime: i64,
    /// Nanoseconds of it.
    pub mtime_nanos: u32,
    /// Permission bits.
    pub mode: u32,
}

/// A thing in the file system.
#[derive(Debug)]
pub struct Entry {
    /// What `stat` said.
    pub metadata: Metadata,
    path: Vec<u8>,
    file: OnceCell<Rc<OpenFile>>,
    content: OnceCell<Option<Rc<[u8]>>>,
    /// A head prepared by the static file module: for these settings, this one. Settings are told apart by address, and
    /// kept alive here, so an address cannot come back with other settings behind it.
    prepared: RefCell<Option<Prepared>>,
}

#[derive(Debug)]
struct Prepared {
    settings: Rc<crate::settings::Settings>,
    headers: Rc<Headers>,
}

/// A file, open for reading.
#[derive(Debug)]
pub struct OpenFile(OwnedFd);

impl AsFd for OpenFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for OpenFile {
    fn from(fd: OwnedFd) -> Self {
        OpenFile(fd)
    }
}

impl Entry {
    pub(super) fn new(path: Vec<u8>, metadata: Metadata) -> Entry {
        Entry {
            metadata,
            path,
            file: OnceCell::new(),
            content: OnceCell::new(),
            prepared: RefCell::new(None),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The file, opened at first use.
    pub fn open(&self) -> Result<Rc<OpenFile>, Errno> {
        if let Some(file) = self.file.get() {
            return Ok(file.clone());
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = Rc::new(OpenFile(rustix::fs::open(
            self.path.as_slice(),
            flags,
            Mode::empty(),
        )?));
        Ok(self.file.get_or_init(|| file).clone())
    }

    /// The whole content of a small file. `None` if it is larger than [`SMALL_FILE`], or changed while it was read.
    pub fn content(&self) -> Result<Option<Rc<[u8]>>, Errno> {
        if self.metadata.size > SMALL_FILE {
            return Ok(None);
        }
        if let Some(content) = self.content.get() {
            return Ok(content.clone());
        }
        let file = self.open()?;
        let size = self.metadata.size as usize;
        let mut bytes = vec![0; size + 1];
        let mut filled = 0;
        while filled < bytes.len() {
            match rustix::io::pread(&file, &mut bytes[filled..], filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        let content = (filled == size).then(|| Rc::from(&bytes[..size]));
        Ok(self.content.get_or_init(|| content).clone())
    }

    /// The header fields prepared under these settings, made by `make` if there are none yet.
    pub fn prepared(
        &self,
        settings: &Rc<crate::settings::Settings>,
        make: impl FnOnce() -> Headers,
    ) -> Rc<Headers> {
        let mut slot = self.prepared.borrow_mut();
        match &*slot {
            Some(prepared) if Rc::ptr_eq(&prepared.settings, settings) => prepared.headers.clone(),
            _ => {
                let headers = Rc::new(make());
                *slot = Some(Prepared {
                    settings: settings.clone(),
                    headers: headers.clone(),
                });
                headers
            }
        }
    }
}
