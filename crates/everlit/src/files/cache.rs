//! The cache: path -> entry, for as long as it may be believed.
//!
//! In: a path, the rules it must obey, and the time. Out: the entry, or why there is none. Must hold: bounded; an entry
//! is believed for one second at most; what was refused under the rules is refused again.

use std::collections::HashMap;
use std::rc::Rc;

use rustix::fs::{AtFlags, CWD, FileType};
use rustix::io::Errno;

use super::{Entry, EntryKind, Metadata};
use crate::clock::Now;
use crate::config::StatCache;

/// Most entries kept; beyond it the cache starts afresh.
const MAX_ENTRIES: usize = 4096;

/// What a path must obey to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Symbolic links are followed.
    FollowLinks,
    /// No component of the path may be a symbolic link (`server.follow-symlink = "disable"`).
    NoLinks,
}

/// A cache of what is in the file system.
#[derive(Debug)]
pub struct FileCache {
    engine: StatCache,
    slots: HashMap<Vec<u8>, Slot>,
}

#[derive(Debug)]
struct Slot {
    rules: Rules,
    /// Second (monotonic) in which it was last looked at.
    looked: u64,
    found: Result<Rc<Entry>, Errno>,
}

impl FileCache {
    /// An empty cache.
    pub fn new(engine: StatCache) -> FileCache {
        FileCache {
            engine,
            slots: HashMap::new(),
        }
    }

    /// What is at `path`.
    pub fn look_up(&mut self, path: &[u8], rules: Rules, now: Now) -> Result<Rc<Entry>, Errno> {
        let second = now.monotonic.as_secs();
        if let Some(slot) = self.slots.get_mut(path) {
            if slot.rules == rules && slot.looked == second && self.engine == StatCache::Simple {
                return slot.found.clone();
            }
            let metadata = look(path, rules);
            slot.looked = second;
            slot.rules = rules;
            match (&slot.found, metadata) {
                (Ok(entry), Ok(metadata)) if entry.metadata == metadata => {}
                (_, Ok(metadata)) => slot.found = Ok(Rc::new(Entry::new(path.to_vec(), metadata))),
                (_, Err(errno)) => slot.found = Err(errno),
            }
            return slot.found.clone();
        }
        if self.slots.len() >= MAX_ENTRIES {
            self.slots.clear();
        }
        let found = look(path, rules).map(|metadata| Rc::new(Entry::new(path.to_vec(), metadata)));
        self.slots.insert(
            path.to_vec(),
            Slot {
                rules,
                looked: second,
                found: found.clone(),
            },
        );
        found
    }

    /// Whether there is anything to be forgotten some day.
    pub fn is_holding(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Forgets entries that nobody asked for in the last `idle` seconds, and with them their descriptors.
    pub fn sweep(&mut self, now: Now, idle: u64) {
        let second = now.monotonic.as_secs();
        self.slots.retain(|_, slot| slot.looked + idle >= second);
    }
}

/// Looks at a path.
fn look(path: &[u8], rules: Rules) -> Result<Metadata, Errno> {
    if rules == Rules::NoLinks {
        refuse_links(path)?;
    }
    let stat = rustix::fs::statat(CWD, path, AtFlags::empty())?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        _ => EntryKind::Special,
    };
    Ok(Metadata {
        kind,
        device: stat.st_dev,
        inode: stat.st_ino,
        size: stat.st_size.max(0) as u64,
        mtime: stat.st_mtime,
        mtime_nanos: stat.st_mtime_nsec as u32,
        mode: stat.st_mode,
    })
}

/// Fails with `ELOOP` if a component of the path is a symbolic link.
fn refuse_links(path: &[u8]) -> Result<(), Errno> {
    let mut end = path.len();
    while end > 1 {
        let part = &path[..end];
        if part.last() != Some(&b'/') {
            let stat = rustix::fs::statat(CWD, part, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
                return Err(Errno::LOOP);
            }
        }
        end = memchr::memrchr(b'/', part).unwrap_or(0);
    }
    Ok(())
}
