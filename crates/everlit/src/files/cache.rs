//! The cache: path -> entry, for as long as it may be believed.
//!
//! In: a path, the rules it must obey, and the time. Out: the entry, or why there is none. Must hold: bounded; an entry
//! is believed for one second at most; what was refused under the rules is refused again.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use rustix::io::Errno;

use super::budget::{Budget, MAX_BYTES, MAX_DESCRIPTORS};
use super::entry::{Budgets, Entry};
use super::look::{Rules, look};
use crate::clock::Now;
use crate::config::StatCache;

/// Most slots of one half. When the young half is full it becomes the old one, and the old one is forgotten: what is
/// asked for again in time moves to the young half, so a flood of paths that nobody asks for twice washes only itself away.
const HALF: usize = 2048;
/// Longest path that the kernel takes, with its end (`PATH_MAX`).
const PATH_MAX: usize = 4096;

/// A cache of what is in the file system.
#[derive(Debug)]
pub struct FileCache {
    engine: StatCache,
    young: Slots,
    old: Slots,
    budgets: Budgets,
}

type Slots = HashMap<Vec<u8>, Slot, RandomState>;

#[derive(Debug)]
struct Slot {
    rules: Rules,
    /// Second (monotonic) in which it was last looked at.
    looked: u64,
    /// Whether the file had been at rest for a while when it was first looked at. If not, a later change may have left
    /// no trace in its metadata, whose clock ticks only some hundred times a second.
    settled: Settled,
    found: Result<Rc<Entry>, Errno>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Yes,
    No,
}

impl FileCache {
    /// An empty cache.
    pub fn new(engine: StatCache) -> FileCache {
        FileCache {
            engine,
            young: Slots::default(),
            old: Slots::default(),
            budgets: Budgets {
                descriptors: Budget::new(MAX_DESCRIPTORS),
                bytes: Budget::new(MAX_BYTES),
            },
        }
    }

    /// What is at `path`.
    pub fn look_up(&mut self, path: &[u8], rules: Rules, now: Now) -> Result<Rc<Entry>, Errno> {
        // The kernel knows no longer ones, and they are not worth remembering.
        if path.len() >= PATH_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        let second = now.monotonic.as_secs();
        if let Some(slot) = self.young.get_mut(path) {
            if slot.rules == rules && slot.looked == second && self.engine == StatCache::Simple {
                return slot.found.clone();
            }
            slot.renew(path, rules, now, &self.budgets);
            return slot.found.clone();
        }
        let slot = match self.old.remove(path) {
            Some(mut slot) => {
                if slot.rules != rules || slot.looked != second || self.engine != StatCache::Simple
                {
                    slot.renew(path, rules, now, &self.budgets);
                }
                slot
            }
            None => Slot::new(path, rules, now, &self.budgets),
        };
        let found = slot.found.clone();
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(path.to_vec(), slot);
        found
    }

    /// Looks at `path` anew, after an entry turned out to be stale (`ESTALE`).
    pub fn renew(&mut self, path: &[u8], rules: Rules, now: Now) -> Result<Rc<Entry>, Errno> {
        self.young.remove(path);
        self.old.remove(path);
        self.look_up(path, rules, now)
    }

    /// Whether there is anything to be forgotten some day.
    pub fn is_holding(&self) -> bool {
        !self.young.is_empty() || !self.old.is_empty()
    }

    /// Forgets entries that nobody asked for in the last `idle` seconds, and with them their descriptors.
    pub fn sweep(&mut self, now: Now, idle: u64) {
        let second = now.monotonic.as_secs();
        self.young.retain(|_, slot| slot.looked + idle >= second);
        self.old.retain(|_, slot| slot.looked + idle >= second);
    }
}

impl Slot {
    fn new(path: &[u8], rules: Rules, now: Now, budgets: &Budgets) -> Slot {
        let found = look(path, rules)
            .map(|metadata| Rc::new(Entry::new(path.to_vec(), metadata, rules, budgets.clone())));
        Slot {
            rules,
            looked: now.monotonic.as_secs(),
            settled: Settled::of(&found, now),
            found,
        }
    }

    /// Looks again. The entry stays if nothing changed, with all that it holds.
    fn renew(&mut self, path: &[u8], rules: Rules, now: Now, budgets: &Budgets) {
        if let Ok(entry) = &self.found
            && self.rules == rules
            && self.settled == Settled::Yes
            && look(path, rules) == Ok(entry.metadata)
        {
            self.looked = now.monotonic.as_secs();
            return;
        }
        *self = Slot::new(path, rules, now, budgets);
    }
}

impl Settled {
    fn of(found: &Result<Rc<Entry>, Errno>, now: Now) -> Settled {
        let second = i64::try_from(now.unix.as_secs()).unwrap_or(i64::MAX);
        match found {
            Ok(entry) if entry.metadata.ctime.0 + 1 < second => Settled::Yes,
            _ => Settled::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::time::Duration;

    fn at(seconds: u64) -> Now {
        // Far in the future of any file that the tests make: all are settled.
        Now {
            monotonic: Duration::from_secs(seconds),
            unix: Duration::from_secs(1 << 40),
        }
    }

    fn look_up(cache: &mut FileCache, path: &Path, now: Now) -> Result<Rc<Entry>, Errno> {
        cache.look_up(path.as_os_str().as_bytes(), Rules::FollowLinks, now)
    }

    #[test]
    fn a_change_is_seen_in_the_next_second_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut cache = FileCache::new(StatCache::Simple);
        assert_eq!(look_up(&mut cache, &path, at(1)).unwrap_err(), Errno::NOENT);
        std::fs::write(&path, "one").unwrap();
        assert_eq!(look_up(&mut cache, &path, at(1)).unwrap_err(), Errno::NOENT);
        let one = look_up(&mut cache, &path, at(2)).unwrap();
        assert_eq!(one.content().unwrap().unwrap().as_ref(), b"one");
        let again = look_up(&mut cache, &path, at(3)).unwrap();
        assert!(Rc::ptr_eq(&one, &again), "nothing changed");
        std::fs::write(&path, "three").unwrap();
        assert!(Rc::ptr_eq(
            &one,
            &look_up(&mut cache, &path, at(3)).unwrap()
        ));
        let three = look_up(&mut cache, &path, at(4)).unwrap();
        assert_eq!(three.content().unwrap().unwrap().as_ref(), b"three");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(look_up(&mut cache, &path, at(5)).unwrap_err(), Errno::NOENT);
    }

    #[test]
    fn without_a_cache_a_change_is_seen_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut cache = FileCache::new(StatCache::Disabled);
        assert!(look_up(&mut cache, &path, at(1)).is_err());
        std::fs::write(&path, "one").unwrap();
        assert!(look_up(&mut cache, &path, at(1)).is_ok());
    }

    #[test]
    fn a_file_replaced_after_the_look_is_stale() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "one").unwrap();
        let mut cache = FileCache::new(StatCache::Simple);
        let entry = look_up(&mut cache, &path, at(1)).unwrap();
        std::fs::write(dir.path().join("g"), "two").unwrap();
        std::fs::rename(dir.path().join("g"), &path).unwrap();
        assert_eq!(entry.open().unwrap_err(), Errno::STALE);
        assert_eq!(entry.content().unwrap_err(), Errno::STALE);
        let bytes = path.as_os_str().as_bytes();
        let entry = cache.renew(bytes, Rules::FollowLinks, at(1)).unwrap();
        assert_eq!(entry.content().unwrap().unwrap().as_ref(), b"two");
    }

    #[test]
    fn a_file_that_was_just_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "one").unwrap();
        let mut cache = FileCache::new(StatCache::Simple);
        let unix = Now::read().unix;
        let now = |second| Now {
            monotonic: Duration::from_secs(second),
            unix,
        };
        let first = look_up(&mut cache, &path, now(1)).unwrap();
        let second = look_up(&mut cache, &path, now(2)).unwrap();
        assert!(!Rc::ptr_eq(&first, &second));
    }

    #[test]
    fn it_stays_bounded_and_keeps_what_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let hot = dir.path().join("hot");
        std::fs::write(&hot, "x").unwrap();
        let mut cache = FileCache::new(StatCache::Simple);
        let entry = look_up(&mut cache, &hot, at(1)).unwrap();
        for i in 0..3 * HALF {
            let _ = look_up(&mut cache, &dir.path().join(i.to_string()), at(1));
            if i % 1000 == 0 {
                assert!(Rc::ptr_eq(
                    &entry,
                    &look_up(&mut cache, &hot, at(1)).unwrap()
                ));
            }
            assert!(cache.young.len() + cache.old.len() <= 2 * HALF);
        }
        cache.sweep(at(10), 5);
        assert_eq!(cache.young.len() + cache.old.len(), 0);
    }

    #[test]
    fn descriptors_are_kept_only_as_far_as_the_budget_goes() {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = FileCache::new(StatCache::Simple);
        cache.budgets.descriptors = Budget::new(1);
        let entries: Vec<_> = ["a", "b"]
            .map(|name| {
                let path = dir.path().join(name);
                std::fs::write(&path, "x").unwrap();
                look_up(&mut cache, &path, at(1)).unwrap()
            })
            .into();
        let open = |i: usize| entries[i].open().unwrap();
        assert!(Rc::ptr_eq(&open(0), &open(0)));
        assert!(!Rc::ptr_eq(&open(1), &open(1)));
    }

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            0o644.into(),
            0,
        )
        .unwrap();
        let mut cache = FileCache::new(StatCache::Simple);
        for path in [fifo.as_path(), dir.path()] {
            let entry = look_up(&mut cache, path, at(1)).unwrap();
            assert_eq!(entry.open().unwrap_err(), Errno::INVAL);
            assert_eq!(entry.content().unwrap_err(), Errno::INVAL);
        }
    }
}
