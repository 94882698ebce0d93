//! One thing in the file system, as it was when we looked.
//!
//! In: its path and metadata. Out: the open file, its content if it is small, header fields prepared for it. Must hold:
//! what comes out belongs to that metadata: a file that is another one by now is refused with `ESTALE`.

use std::cell::{OnceCell, RefCell};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

use rustix::io::Errno;

use super::budget::{Budget, Share};
use super::look::{self, EntryKind, Metadata, Rules};
use crate::mime::Table;
use crate::response::Headers;
use crate::settings::{EtagParts, MimeAttribute};

/// Files up to this many bytes are answered from memory.
pub(super) const SMALL_FILE: u64 = 32 * 1024;

/// Header fields are kept for so many different recipes.
const MAX_PREPARED: usize = 4;

/// A thing in the file system.
#[derive(Debug)]
pub struct Entry {
    /// What `stat` said.
    pub metadata: Metadata,
    path: Vec<u8>,
    rules: Rules,
    budgets: Budgets,
    file: OnceCell<(Rc<OpenFile>, Share)>,
    content: OnceCell<(Rc<[u8]>, Share)>,
    prepared: RefCell<Vec<(Recipe, Rc<Headers>)>>,
}

/// What the entries of a cache may keep together.
#[derive(Clone, Debug)]
pub(super) struct Budgets {
    pub(super) descriptors: Budget,
    pub(super) bytes: Budget,
}

/// What the header fields of a file are made of, besides its metadata.
#[derive(Clone, Debug)]
struct Recipe {
    /// Media types.
    mime: Arc<Table>,
    /// What may tell another one.
    attribute: MimeAttribute,
    /// Parts of the entity tag; none of them: no tag.
    etag: EtagParts,
}

impl Recipe {
    fn is(&self, mime: &Arc<Table>, attribute: &MimeAttribute, etag: EtagParts) -> bool {
        Arc::ptr_eq(&self.mime, mime) && self.etag == etag && self.attribute == *attribute
    }
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
    pub(super) fn new(path: Vec<u8>, metadata: Metadata, rules: Rules, budgets: Budgets) -> Entry {
        Entry {
            metadata,
            path,
            rules,
            budgets,
            file: OnceCell::new(),
            content: OnceCell::new(),
            prepared: RefCell::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The file, open for reading. Fails with `ESTALE` if there is another one, or the same one changed: then look the
    /// path up anew ([`super::FileCache::renew`]).
    pub fn open(&self) -> Result<Rc<OpenFile>, Errno> {
        if let Some((file, _)) = self.file.get() {
            return Ok(file.clone());
        }
        if self.metadata.kind != EntryKind::File {
            return Err(Errno::INVAL);
        }
        let file = look::open(&self.path, self.rules)?;
        if Metadata::from(rustix::fs::fstat(&file)?) != self.metadata {
            return Err(Errno::STALE);
        }
        let file = Rc::new(OpenFile(file));
        if let Some(share) = self.budgets.descriptors.take(1) {
            // It was empty above, and nothing else ran since.
            let _ = self.file.set((file.clone(), share));
        }
        Ok(file)
    }

    /// The directory, open for reading. Not kept.
    pub fn open_directory(&self) -> Result<OwnedFd, Errno> {
        if self.metadata.kind != EntryKind::Directory {
            return Err(Errno::NOTDIR);
        }
        look::open(&self.path, self.rules)
    }

    /// The whole content of a small file; `None` if it is larger than 32 KiB, or if as much is kept as may be. Fails as
    /// [`Entry::open`] does.
    pub fn content(&self) -> Result<Option<Rc<[u8]>>, Errno> {
        if let Some((content, _)) = self.content.get() {
            return Ok(Some(content.clone()));
        }
        if self.metadata.size > SMALL_FILE {
            return Ok(None);
        }
        if self.metadata.kind != EntryKind::File {
            return Err(Errno::INVAL);
        }
        let Some(share) = self.budgets.bytes.take(self.metadata.size) else {
            return Ok(None);
        };
        // Not by `Entry::open`: there is no use in keeping the descriptor.
        let file = look::open(&self.path, self.rules)?;
        if Metadata::from(rustix::fs::fstat(&file)?) != self.metadata {
            return Err(Errno::STALE);
        }
        let content: Rc<[u8]> = read_whole(&file, self.metadata.size as usize)?.into();
        // It was empty above, and nothing else ran since.
        let _ = self.content.set((content.clone(), share));
        Ok(Some(content))
    }

    /// The media type that an extended attribute tells, if it is to be read.
    pub fn attribute(&self, wanted: &MimeAttribute) -> Option<String> {
        if !wanted.is_read {
            return None;
        }
        let mut value = [0; 256];
        // One that is longer is no media type.
        let length = rustix::fs::getxattr(&*self.path, &*wanted.name, &mut value[..]).ok()?;
        let text = std::str::from_utf8(&value[..length])
            .ok()?
            .trim_end_matches('\0');
        let is_fit = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        is_fit.then(|| text.to_owned())
    }

    /// The header fields for these media types and parts of an entity tag, made by `make` if there are none yet.
    pub fn prepared(
        &self,
        mime: &Arc<Table>,
        attribute: &MimeAttribute,
        etag: EtagParts,
        make: impl FnOnce() -> Headers,
    ) -> Rc<Headers> {
        let mut prepared = self.prepared.borrow_mut();
        if let Some((_, headers)) = prepared
            .iter()
            .find(|(recipe, _)| recipe.is(mime, attribute, etag))
        {
            return headers.clone();
        }
        let headers = Rc::new(make());
        if prepared.len() == MAX_PREPARED {
            prepared.remove(0);
        }
        let recipe = Recipe {
            mime: mime.clone(),
            attribute: attribute.clone(),
            etag,
        };
        prepared.push((recipe, headers.clone()));
        headers
    }
}

/// Reads a file that has so many bytes. Fails with `ESTALE` if it has not.
pub fn read_whole(file: impl AsFd, size: usize) -> Result<Vec<u8>, Errno> {
    // One byte more, to see that it has not grown.
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
    if filled != size {
        return Err(Errno::STALE);
    }
    bytes.truncate(size);
    Ok(bytes)
}
