//! A file without a name for bytes that somebody is too slow to take.
//!
//! In: bytes that must not stay in memory. Out: a file range at the end of an outbox. Must hold: the bytes keep their
//! order; the file goes when the last range of it does.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::outbox::Outbox;
use crate::files::OpenFile;
use crate::response::FileRange;

/// Where files without a name are made if nothing else is configured (`server.upload-dirs`).
pub const DEFAULT_DIRECTORY: &str = "/var/tmp";

/// A file without a name, made when it is first needed.
#[derive(Debug, Default)]
pub struct Spool {
    file: Option<Rc<OpenFile>>,
    /// Where the next bytes are written.
    end: u64,
}

impl Spool {
    /// Goes on where the last range of an outbox ends, if that is of a spool: one that has moved is to have no file more for
    /// it, because a parcel carries only so many.
    pub fn behind(outbox: &Outbox) -> Spool {
        let last = outbox.files().last();
        match last.filter(|last| is_writable(&last.file)) {
            Some(last) => Spool {
                file: Some(last.file.clone()),
                end: last.offset.saturating_add(last.length),
            },
            None => Spool::default(),
        }
    }

    /// Writes bytes, and has the outbox owe them after everything else.
    pub fn append(
        &mut self,
        bytes: &[u8],
        outbox: &mut Outbox,
        directories: &[PathBuf],
    ) -> Result<(), Errno> {
        if outbox.files().next().is_none() {
            // Whatever was in it is sent, or with the kernel as pages of the file, which must not change: its room goes
            // with it, and what comes now begins another one.
            *self = Spool::default();
        }
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.file.insert(Rc::new(create(directories)?)).clone(),
        };
        let offset = self.end;
        let mut left = bytes;
        while !left.is_empty() {
            match rustix::io::pwrite(&*file, left, self.end) {
                Ok(0) => return Err(Errno::NOSPC),
                Ok(n) => {
                    self.end += n as u64;
                    left = &left[n..];
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        outbox.extend_file(FileRange {
            file,
            offset,
            length: bytes.len() as u64,
        });
        Ok(())
    }
}

/// Documents are not.
fn is_writable(file: &OpenFile) -> bool {
    let flags = rustix::fs::fcntl_getfl(file);
    flags.is_ok_and(|flags| flags.contains(OFlags::RDWR))
}

fn create(directories: &[PathBuf]) -> Result<OpenFile, Errno> {
    let default = [PathBuf::from(DEFAULT_DIRECTORY)];
    let directories = match directories {
        [] => &default,
        some => some,
    };
    let mut last = Errno::NOENT;
    for directory in directories {
        match nameless(directory) {
            Ok(file) => return Ok(OpenFile::from(file)),
            Err(errno) => last = errno,
        }
    }
    Err(last)
}

fn nameless(directory: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    match rustix::fs::open(directory, flags | OFlags::TMPFILE, mode) {
        // A file system without such files: it has a name for a moment.
        Err(Errno::OPNOTSUPP | Errno::ISDIR) => {
            let moment = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            let name = format!(
                "everlit-{}-{}.{}",
                std::process::id(),
                moment.tv_sec,
                moment.tv_nsec
            );
            let path = directory.join(name);
            let file = rustix::fs::open(&path, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
            rustix::fs::unlink(&path)?;
            Ok(file)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::outbox::Segment;

    #[test]
    fn what_is_appended_becomes_one_range() {
        let directory = tempfile::tempdir().unwrap();
        let directories = [directory.path().to_owned()];
        let mut spool = Spool::default();
        let mut outbox = Outbox::default();
        outbox.append(b"head");
        spool.append(b"one", &mut outbox, &directories).unwrap();
        spool.append(b"two", &mut outbox, &directories).unwrap();
        outbox.append(b"end");
        let segments = outbox.into_segments();
        assert!(matches!(&segments[0], Segment::Bytes(bytes) if bytes == b"head"));
        let Segment::File(range) = &segments[1] else {
            panic!("{segments:?}");
        };
        assert_eq!((range.offset, range.length), (0, 6));
        let mut content = [0; 6];
        rustix::io::pread(&*range.file, &mut content, 0).unwrap();
        assert_eq!(&content, b"onetwo");
        assert!(matches!(&segments[2], Segment::Bytes(bytes) if bytes == b"end"));
        assert!(
            std::fs::read_dir(directory.path())
                .unwrap()
                .next()
                .is_none()
        );
    }

    #[test]
    fn what_was_sent_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let directories = [directory.path().to_owned()];
        let (mut spool, mut outbox) = (Spool::default(), Outbox::default());
        spool.append(b"one", &mut outbox, &directories).unwrap();
        let first = outbox.files().next().unwrap().clone();
        outbox.clear();
        spool.append(b"two", &mut outbox, &directories).unwrap();
        let second = outbox.files().next().unwrap().clone();
        for (range, expected) in [(first, b"one"), (second, b"two")] {
            let mut content = [0; 3];
            rustix::io::pread(&*range.file, &mut content, range.offset).unwrap();
            assert_eq!(&content, expected);
            let length = rustix::fs::fstat(&*range.file).unwrap().st_size;
            assert_eq!(length, 3, "room that nobody needs");
        }
    }

    #[test]
    fn it_goes_on_behind_its_own_file_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let directories = [directory.path().to_owned()];
        let mut outbox = Outbox::default();
        Spool::default()
            .append(b"one", &mut outbox, &directories)
            .unwrap();
        Spool::behind(&outbox)
            .append(b"two", &mut outbox, &directories)
            .unwrap();
        assert_eq!(outbox.files().count(), 1);
        let path = directory.path().join("document");
        std::fs::write(&path, b"document").unwrap();
        outbox.extend_file(FileRange {
            file: Rc::new(OpenFile::from(OwnedFd::from(
                std::fs::File::open(&path).unwrap(),
            ))),
            offset: 0,
            length: 8,
        });
        Spool::behind(&outbox)
            .append(b"three", &mut outbox, &directories)
            .unwrap();
        assert_eq!(outbox.files().count(), 3);
        assert_eq!(std::fs::read(path).unwrap(), b"document");
    }

    #[test]
    fn without_a_directory_it_is_an_error() {
        let mut outbox = Outbox::default();
        let nowhere = [PathBuf::from("/nowhere")];
        let error = Spool::default().append(b"x", &mut outbox, &nowhere);
        assert_eq!(error, Err(Errno::NOENT));
        assert!(outbox.is_empty());
    }
}
