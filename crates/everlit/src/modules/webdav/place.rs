//! A place in the file system: a name in an open directory.
//!
//! In: a path, and the rules for links. Out: a [`Place`], and what is there. Must hold: the directory stays the one that
//! was checked, whatever becomes of its path meanwhile; a link at the place itself is never followed.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::answer::{Answer, of_look};
use crate::files::{self, EntryKind, Metadata, Rules};

/// A name in an open directory.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: OwnedFd,
    pub(super) name: Vec<u8>,
    /// The path of its URL, decoded; that of a collection ends with a slash once it is known to be one.
    pub(super) uri: Vec<u8>,
}

/// What is at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// A directory.
    Collection(Metadata),
    /// A file, or something else that is no directory.
    Document(Metadata),
}

impl Place {
    /// The place at this path. A slash at its end is not part of the name.
    pub(super) fn open(path: &[u8], uri: &[u8], rules: Rules) -> Result<Place, Errno> {
        let end = path
            .iter()
            .rposition(|byte| *byte != b'/')
            .map_or(0, |at| at + 1);
        let (parent, name) = match memchr::memrchr(b'/', &path[..end]) {
            Some(slash) => (&path[..slash + 1], &path[slash + 1..end]),
            None => (&b"/"[..], &b"."[..]),
        };
        if memchr::memchr(0, path).is_some() {
            return Err(Errno::INVAL);
        }
        Ok(Place {
            directory: files::directory(parent, rules)?,
            name: name.to_vec(),
            uri: uri.to_vec(),
        })
    }

    /// What is there; not what a link leads to.
    pub(super) fn metadata(&self) -> Result<Metadata, Errno> {
        look(&self.directory, &self.name)
    }

    /// The same, told apart. A document is not found at a URL that ends with a slash.
    pub(super) fn find(&self) -> Result<Found, Answer> {
        let metadata = self.metadata().map_err(of_look)?;
        match metadata.kind {
            EntryKind::Directory => Ok(Found::Collection(metadata)),
            _ if self.uri.ends_with(b"/") => Err(Answer::status(403)),
            _ => Ok(Found::Document(metadata)),
        }
    }

    /// It is a collection: its URL ends with a slash from now on. Says whether it did not.
    pub(super) fn as_collection(&mut self) -> Slash {
        if self.uri.ends_with(b"/") {
            return Slash::Given;
        }
        self.uri.push(b'/');
        Slash::Added
    }

    /// The directory that is there, to read it.
    pub(super) fn enter(&self) -> Result<OwnedFd, Errno> {
        enter(&self.directory, &self.name)
    }
}

/// Whether a collection's URL had its slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slash {
    /// Yes.
    Given,
    /// Not before.
    Added,
}

/// What a name stands for; not what a link leads to.
pub(super) fn look(directory: &OwnedFd, name: &[u8]) -> Result<Metadata, Errno> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(stat.into())
}

/// What a name leads to.
pub(super) fn follow(directory: &OwnedFd, name: &[u8]) -> Result<Metadata, Errno> {
    let stat = rustix::fs::statat(directory, name, AtFlags::empty())?;
    Ok(stat.into())
}

/// A directory in a directory.
pub(super) fn enter(directory: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

/// The names in a directory, in no order.
pub(super) fn names(directory: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}
