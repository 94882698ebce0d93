//! Small text files with secrets in them: users, passwords, groups.
//!
//! In: a path. Out: its content, read anew when the file has changed. Must hold: a change is noticed as soon as the cache of
//! files notices it; what is not needed any more is wiped.

use std::collections::HashMap;
use std::rc::Rc;

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{Entry, FileCache, Rules, read_whole};
use crate::clock::Now;

/// Longest file, in bytes.
const LONGEST: u64 = 64 << 20;

/// The content of a file.
pub type Text = Rc<Zeroizing<Vec<u8>>>;

/// What was read. Paths come from the configuration only, so there are few.
#[derive(Default)]
pub struct Texts(HashMap<Vec<u8>, (Rc<Entry>, Text)>);

impl Texts {
    /// The content of a file, links followed.
    pub fn read(&mut self, files: &mut FileCache, path: &[u8], now: Now) -> Result<Text, Errno> {
        let entry = files.look_up(path, Rules::FollowLinks, now)?;
        if let Some((known, text)) = self.0.get(path)
            && Rc::ptr_eq(known, &entry)
        {
            return Ok(text.clone());
        }
        let (entry, text) = match load(&entry) {
            Err(Errno::STALE) => {
                let entry = files.renew(path, Rules::FollowLinks, now)?;
                let text = load(&entry)?;
                (entry, text)
            }
            text => (entry, text?),
        };
        self.0.insert(path.to_vec(), (entry, text.clone()));
        Ok(text)
    }

    /// Forgets what the cache of files has forgotten.
    pub fn sweep(&mut self) {
        self.0.retain(|_, (entry, _)| Rc::strong_count(entry) > 1);
    }
}

fn load(entry: &Entry) -> Result<Text, Errno> {
    let size = entry.metadata.size;
    if size > LONGEST {
        return Err(Errno::FBIG);
    }
    let file = entry.open()?;
    let content = read_whole(&*file, size as usize)?;
    Ok(Rc::new(Zeroizing::new(content)))
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Texts({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StatCache;
    use std::os::unix::ffi::OsStrExt;
    use std::time::Duration;

    #[test]
    fn a_file_is_read_anew_when_it_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        let name = path.as_os_str().as_bytes();
        let mut files = FileCache::new(StatCache::Simple);
        let mut texts = Texts::default();
        let at = |second| Now {
            monotonic: Duration::from_secs(second),
            // All files are settled.
            unix: Duration::from_secs(1 << 40),
        };
        assert_eq!(texts.read(&mut files, name, at(1)), Err(Errno::NOENT));
        let long = "x".repeat(100_000);
        std::fs::write(&path, &long).unwrap();
        let first = texts.read(&mut files, name, at(2)).unwrap();
        assert_eq!(first.as_slice(), long.as_bytes());
        let again = texts.read(&mut files, name, at(3)).unwrap();
        assert!(Rc::ptr_eq(&first, &again));
        std::fs::write(&path, "b:c\n").unwrap();
        let second = texts.read(&mut files, name, at(4)).unwrap();
        assert_eq!(second.as_slice(), b"b:c\n");
        texts.sweep();
        assert_eq!(texts.0.len(), 1);
        files.sweep(at(100), 5);
        texts.sweep();
        assert!(texts.0.is_empty());
    }
}
