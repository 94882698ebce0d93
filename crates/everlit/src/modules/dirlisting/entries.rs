//! What is in a directory.
//!
//! In: an open directory. Out: its files and directories, sorted. Must hold: linear in the number of entries, but for the
//! sorting; what could not be asked for anyway (links where they are refused, devices) is left out.

use std::cmp::Reverse;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;

use crate::files::{EntryKind, Metadata, Rules};

/// A file or a directory in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name, without a slash.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: ItemKind,
    /// Time of modification: seconds since 1970-01-01 UTC.
    pub mtime: i64,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A regular file.
    File {
        /// Size in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
}

/// Reads the whole directory: the names that `is_shown` lets pass, sorted by name with directories first if `sorted`.
pub fn read(
    directory: &OwnedFd,
    rules: Rules,
    sorted: bool,
    is_shown: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Item>, Errno> {
    let flags = match rules {
        Rules::FollowLinks => AtFlags::empty(),
        Rules::NoLinks => AtFlags::SYMLINK_NOFOLLOW,
    };
    let mut items = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !is_shown(name) {
            continue;
        }
        // It may be gone again.
        let Ok(stat) = rustix::fs::statat(directory.as_fd(), entry.file_name(), flags) else {
            continue;
        };
        let metadata = Metadata::from(stat);
        let kind = match metadata.kind {
            EntryKind::File => ItemKind::File {
                size: metadata.size,
            },
            EntryKind::Directory => ItemKind::Directory,
            EntryKind::Special => continue,
        };
        items.push(Item {
            name: name.to_vec(),
            kind,
            mtime: metadata.mtime,
        });
    }
    if sorted {
        items.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
    }
    Ok(items)
}

fn order(item: &Item) -> (Reverse<bool>, &[u8]) {
    (Reverse(item.kind == ItemKind::Directory), &item.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_and_directories_are_read_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["b", "a", "B", "hidden"] {
            std::fs::write(path(name), name).unwrap();
        }
        std::fs::create_dir(path("z")).unwrap();
        symlink("z", path("link")).unwrap();
        symlink("nowhere", path("dangling")).unwrap();
        let names = |rules| {
            let directory = OwnedFd::from(std::fs::File::open(dir.path()).unwrap());
            let shown = |name: &[u8]| !name.starts_with(b".") && name != b"hidden";
            let items = read(&directory, rules, true, shown).unwrap();
            items
                .iter()
                .map(|item| String::from_utf8(item.name.clone()).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Rules::FollowLinks), ["link", "z", "B", "a", "b"]);
        assert_eq!(names(Rules::NoLinks), ["z", "B", "a", "b"]);
    }
}
