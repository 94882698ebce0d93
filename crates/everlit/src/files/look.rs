//! Looking at a path, and opening what is there.
//!
//! In: a path and the rules it must obey. Out: [`Metadata`], or a descriptor. Must hold: where links are refused, no
//! component of the path is one, not even for the moment between looking and opening.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// What a path must obey to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Symbolic links are followed.
    FollowLinks,
    /// No component of the path may be a symbolic link (`server.follow-symlink = "disable"`); `ELOOP` if one is.
    NoLinks,
}

impl From<&crate::settings::Core> for Rules {
    fn from(core: &crate::settings::Core) -> Self {
        if core.follow_symlink {
            Rules::FollowLinks
        } else {
            Rules::NoLinks
        }
    }
}

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
    /// Time of the last change of content, name or permissions: seconds and nanoseconds.
    pub ctime: (i64, u32),
    /// Permission bits.
    pub mode: u32,
}

impl From<Stat> for Metadata {
    fn from(stat: Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Directory,
            _ => EntryKind::Special,
        };
        Metadata {
            kind,
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size.max(0) as u64,
            mtime: stat.st_mtime,
            mtime_nanos: stat.st_mtime_nsec as u32,
            ctime: (stat.st_ctime, stat.st_ctime_nsec as u32),
            mode: stat.st_mode,
        }
    }
}

/// Looks at a path.
pub(super) fn look(path: &[u8], rules: Rules) -> Result<Metadata, Errno> {
    let stat = match rules {
        Rules::FollowLinks => rustix::fs::statat(CWD, path, AtFlags::empty())?,
        Rules::NoLinks => rustix::fs::fstat(without_links(path, OFlags::PATH)?)?,
    };
    Ok(stat.into())
}

/// Opens a file for reading. Never waits: whatever is there, the open returns at once.
pub(super) fn open(path: &[u8], rules: Rules) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    match rules {
        Rules::FollowLinks => rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()),
        Rules::NoLinks => without_links(path, flags),
    }
}

/// Opens a directory, to work in it.
pub fn directory(path: &[u8], rules: Rules) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    match rules {
        Rules::FollowLinks => rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()),
        Rules::NoLinks => without_links(path, flags),
    }
}

/// Opens a path of which no component is a symbolic link.
fn without_links(path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // Some sandboxes refuse the call itself (it is younger than they are).
        Err(Errno::NOSYS | Errno::PERM) => {
            refuse_links(path)?;
            rustix::fs::open(path, flags | OFlags::NOFOLLOW, Mode::empty())
        }
        outcome => outcome,
    }
}

/// Fails with `ELOOP` if a component of the path is a symbolic link.
fn refuse_links(path: &[u8]) -> Result<(), Errno> {
    let ends = memchr::memchr_iter(b'/', path).chain(std::iter::once(path.len()));
    for end in ends.filter(|end| *end > 0 && path[end - 1] != b'/') {
        let stat = rustix::fs::statat(CWD, &path[..end], AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            return Err(Errno::LOOP);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_found_in_every_component() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        std::fs::create_dir(base.join("real")).unwrap();
        std::fs::write(base.join("real/file"), "x").unwrap();
        symlink("real", base.join("link")).unwrap();
        symlink("file", base.join("real/inner")).unwrap();
        symlink("loop", base.join("loop")).unwrap();
        for (name, expected) in [
            ("real/file", Ok(())),
            ("real", Ok(())),
            ("link/file", Err(Errno::LOOP)),
            ("real/inner", Err(Errno::LOOP)),
            ("loop", Err(Errno::LOOP)),
            ("real/none", Err(Errno::NOENT)),
            ("real/file/x", Err(Errno::NOTDIR)),
        ] {
            let path = base.join(name);
            let path = path.as_os_str().as_bytes();
            assert_eq!(look(path, Rules::NoLinks).map(drop), expected, "{name}");
            assert_eq!(open(path, Rules::NoLinks).map(drop), expected, "{name}");
            assert_eq!(refuse_links(path), expected, "{name}");
        }
        let link = base.join("link/file");
        assert!(look(link.as_os_str().as_bytes(), Rules::FollowLinks).is_ok());
    }
}
