//! Files and trees of them: made, copied, deleted. MKCOL and DELETE (RFC 4918 sections 9.3 and 9.6).
//!
//! In: places. Out: what was done, and what could not be. Must hold: a document appears whole or not at all; links are
//! never followed.

use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::answer::{Answer, Outcome, of_look, of_write, response};
use super::condition::preconditions;
use super::guard::{self, Touch};
use super::place::{Found, Place, enter, look, names};
use super::propfind::{Reach, depth};
use super::store::Store;
use super::work::Task;
use crate::files::EntryKind;

/// What files and directories are made with; the umask takes some of it away.
const FILE_MODE: u32 = 0o666;
const DIRECTORY_MODE: u32 = 0o777;

/// Directories within each other.
const DEPTH_MAX: usize = 128;

/// Paths that something has failed for, and the status of each.
pub(super) type Failures = Vec<(Vec<u8>, u16)>;

/// 207 for these.
pub(super) fn told(failures: &Failures) -> Answer {
    let text: String = failures
        .iter()
        .map(|(uri, status)| response(uri, *status))
        .collect();
    Answer::multistatus(&text)
}

pub(super) fn mkcol(task: &Task, store: Option<&Store>) -> Outcome {
    let order = &task.order;
    let failed = |errno| Answer::status(of_write(errno));
    let place = Place::open(&order.path, &order.uri, task.rules).map_err(failed)?;
    let touches = [Touch::Resource(&place.uri), Touch::Member(&place.uri)];
    guard::check(task, store, &touches)?;
    match make_directory(&place.directory, &place.name) {
        Ok(()) => Ok(Answer::status(201)),
        Err(Errno::EXIST) => Err(Answer::status(405)),
        Err(errno) => Err(failed(errno)),
    }
}

pub(super) fn make_directory(directory: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
    rustix::fs::mkdirat(directory, name, Mode::from_raw_mode(DIRECTORY_MODE))
}

pub(super) fn delete(task: &Task, store: Option<&Store>) -> Outcome {
    let order = &task.order;
    let mut place = Place::open(&order.path, &order.uri, task.rules).map_err(of_look)?;
    let is_collection =
        matches!(place.metadata(), Ok(metadata) if metadata.kind == EntryKind::Directory);
    if is_collection {
        place.as_collection();
    }
    let whole = match is_collection {
        true => Touch::Tree(&place.uri),
        false => Touch::Resource(&place.uri),
    };
    guard::check(task, store, &[whole, Touch::Member(&place.uri)])?;
    let (Found::Collection(metadata) | Found::Document(metadata)) = place.find()?;
    preconditions(task, Some(&metadata))?;
    if !is_collection {
        unlink(&place.directory, &place.name).map_err(|errno| Answer::status(of_unlink(errno)))?;
        if let Some(store) = store {
            store.forget(&place.uri)?;
        }
        return Ok(Answer::status(204));
    }
    if depth(order.field("Depth")) != Reach::Everything {
        return Err(Answer::status(400));
    }
    let mut failures = Failures::new();
    delete_tree(
        &place.directory,
        &place.name,
        &place.uri,
        store,
        &mut failures,
        0,
    )?;
    if !failures.is_empty() {
        return Ok(told(&failures));
    }
    if let Some(store) = store {
        store.unlock_tree(&place.uri)?;
    }
    Ok(Answer::status(204))
}

fn unlink(directory: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
    rustix::fs::unlinkat(directory, name, AtFlags::empty())
}

fn of_unlink(errno: Errno) -> u16 {
    match errno {
        Errno::NOENT => 404,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => 403,
        _ => 500,
    }
}

/// Deletes a directory and all that is in it, as far as possible. Fails only where the database does.
pub(super) fn delete_tree(
    directory: &OwnedFd,
    name: &[u8],
    uri: &[u8],
    store: Option<&Store>,
    failures: &mut Failures,
    level: usize,
) -> Result<(), Answer> {
    let before = failures.len();
    let inside = enter(directory, name).and_then(|inside| Ok((names(&inside)?, inside)));
    let (members, inside) = match inside {
        Ok(inside) if level < DEPTH_MAX => inside,
        Ok(_) | Err(_) => {
            failures.push((uri.to_vec(), 403));
            return Ok(());
        }
    };
    for member in members {
        let mut place = [uri, &member].concat();
        match look(&inside, &member) {
            Ok(metadata) if metadata.kind == EntryKind::Directory => {
                place.push(b'/');
                delete_tree(&inside, &member, &place, store, failures, level + 1)?;
            }
            Ok(_) => match unlink(&inside, &member) {
                Ok(()) | Err(Errno::NOENT) => {
                    if let Some(store) = store {
                        store.forget(&place)?;
                    }
                }
                Err(errno) => failures.push((place, of_unlink(errno))),
            },
            // It is gone already.
            Err(Errno::NOENT) => {}
            Err(errno) => failures.push((place, of_unlink(errno))),
        }
    }
    if failures.len() > before {
        return Ok(());
    }
    match rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR) {
        Ok(()) => match store {
            Some(store) => store.forget(uri),
            None => Ok(()),
        },
        Err(errno) => {
            failures.push((uri.to_vec(), of_unlink(errno)));
            Ok(())
        }
    }
}

/// Deletes one that is no directory.
pub(super) fn delete_file(
    directory: &OwnedFd,
    name: &[u8],
    uri: &[u8],
    store: Option<&Store>,
) -> Result<(), Answer> {
    unlink(directory, name).map_err(|errno| Answer::status(of_unlink(errno)))?;
    match store {
        Some(store) => store.forget(uri),
        None => Ok(()),
    }
}

/// Opens a regular file that is no link.
pub(super) fn open_file(directory: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(file),
        _ => Err(Errno::PERM),
    }
}

/// Copies a file; it appears whole.
pub(super) fn copy_file(
    from: (&OwnedFd, &[u8]),
    to: (&OwnedFd, &[u8]),
    replace: Replace,
) -> Result<Replaced, Errno> {
    // Whatever cannot be opened is no document.
    let file = open_file(from.0, from.1).map_err(|errno| match errno {
        Errno::NOENT => errno,
        _ => Errno::PERM,
    })?;
    let length = rustix::fs::fstat(&file)?.st_size.max(0) as u64;
    let copy = Temporary::new(to.0)?;
    copy_range(&file, 0, copy.file(), 0, length)?;
    copy.publish(to.1, replace)
}

/// Copies bytes from file to file; where the file system can, they share their blocks.
pub(super) fn copy_range(
    from: impl AsFd,
    offset: u64,
    to: impl AsFd,
    at: u64,
    length: u64,
) -> Result<(), Errno> {
    let (mut read, mut written, mut left) = (offset, at, length);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(1 << 30);
        let copied =
            rustix::fs::copy_file_range(&from, Some(&mut read), &to, Some(&mut written), most);
        match copied {
            // It has become shorter meanwhile.
            Ok(0) => return Ok(()),
            Ok(n) => left -= n as u64,
            Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return copy_bytes(&from, read, &to, written, left);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn copy_bytes(
    from: impl AsFd,
    mut offset: u64,
    to: impl AsFd,
    mut at: u64,
    mut left: u64,
) -> Result<(), Errno> {
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        let most = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        match rustix::io::pread(&from, &mut buffer[..most], offset) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                super::body::write_all(&to, &buffer[..n], at)?;
                offset += n as u64;
                at += n as u64;
                left -= n as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Whether something may take the place of something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replace {
    Allowed,
    Refused,
}

/// Whether something has taken the place of something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    Yes,
    No,
}

/// A file that nobody sees yet, in the directory where it is to be.
#[derive(Debug)]
pub(super) struct Temporary {
    directory: OwnedFd,
    file: OwnedFd,
    /// Its name, where the file system or a missing `/proc` leaves it no other way; gone when it is published.
    name: Option<Vec<u8>>,
}

static LAST: AtomicU64 = AtomicU64::new(0);

/// A name that nobody else has.
fn unique() -> Vec<u8> {
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    format!(".everlit-{}-{number}~", std::process::id()).into_bytes()
}

impl Temporary {
    pub(super) fn new(directory: &OwnedFd) -> Result<Temporary, Errno> {
        let mode = Mode::from_raw_mode(FILE_MODE);
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let own = rustix::io::fcntl_dupfd_cloexec(directory, 0)?;
        let has_proc = rustix::fs::access(c"/proc/self/fd", rustix::fs::Access::EXISTS).is_ok();
        if has_proc
            && let Ok(file) = rustix::fs::openat(directory, ".", flags | OFlags::TMPFILE, mode)
        {
            return Ok(Temporary {
                directory: own,
                file,
                name: None,
            });
        }
        let name = unique();
        let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(directory, &*name, flags, mode)?;
        Ok(Temporary {
            directory: own,
            file,
            name: Some(name),
        })
    }

    pub(super) fn file(&self) -> &OwnedFd {
        &self.file
    }

    /// Gives it its name.
    pub(super) fn publish(mut self, name: &[u8], replace: Replace) -> Result<Replaced, Errno> {
        let link = |name: &[u8]| {
            let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            rustix::fs::linkat(CWD, own, &self.directory, name, AtFlags::SYMLINK_FOLLOW)
        };
        let temporary = match &self.name {
            Some(name) => name.clone(),
            None => match link(name) {
                Ok(()) => return Ok(Replaced::No),
                Err(Errno::EXIST) if replace == Replace::Allowed => {
                    let temporary = unique();
                    link(&temporary)?;
                    self.name = Some(temporary.clone());
                    temporary
                }
                Err(errno) => return Err(errno),
            },
        };
        let replaced = rename(
            (&self.directory, &temporary),
            (&self.directory, name),
            replace,
        )?;
        self.name = None;
        Ok(replaced)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = unlink(&self.directory, name);
        }
    }
}

/// Renames.
pub(super) fn rename(
    from: (&OwnedFd, &[u8]),
    to: (&OwnedFd, &[u8]),
    replace: Replace,
) -> Result<Replaced, Errno> {
    use rustix::fs::RenameFlags;
    match rustix::fs::renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(Replaced::No),
        Err(Errno::EXIST) if replace == Replace::Allowed => {
            rustix::fs::renameat(from.0, from.1, to.0, to.1).map(|()| Replaced::Yes)
        }
        // A file system that cannot look and rename in one.
        Err(Errno::INVAL | Errno::NOSYS) => {
            let replaced = match look(to.0, to.1) {
                Ok(_) if replace == Replace::Refused => return Err(Errno::EXIST),
                Ok(_) => Replaced::Yes,
                Err(_) => Replaced::No,
            };
            rustix::fs::renameat(from.0, from.1, to.0, to.1).map(|()| replaced)
        }
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &std::path::Path) -> OwnedFd {
        std::fs::File::open(path).unwrap().into()
    }

    #[test]
    fn files_appear_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let at = open(directory.path());
        std::fs::write(directory.path().join("old"), "old").unwrap();
        for (name, replace, expected) in [
            ("new", Replace::Refused, Ok(Replaced::No)),
            ("old", Replace::Refused, Err(Errno::EXIST)),
            ("old", Replace::Allowed, Ok(Replaced::Yes)),
        ] {
            let file = Temporary::new(&at).unwrap();
            super::super::body::write_all(file.file(), b"text", 0).unwrap();
            assert_eq!(file.publish(name.as_bytes(), replace), expected, "{name}");
        }
        drop(Temporary::new(&at).unwrap());
        let mut names = names(&at).unwrap();
        names.sort();
        assert_eq!(names, [b"new", b"old"]);
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!((read("new"), read("old")), ("text".into(), "text".into()));
    }

    #[test]
    fn links_are_copied_by_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let at = open(directory.path());
        std::fs::write(directory.path().join("file"), vec![b'x'; 100_000]).unwrap();
        std::os::unix::fs::symlink("file", directory.path().join("link")).unwrap();
        let copy = |from: &str, to: &str| {
            copy_file(
                (&at, from.as_bytes()),
                (&at, to.as_bytes()),
                Replace::Refused,
            )
        };
        assert_eq!(copy("file", "copy"), Ok(Replaced::No));
        assert_eq!(copy("file", "copy"), Err(Errno::EXIST));
        assert_eq!(copy("link", "other"), Err(Errno::PERM));
        assert_eq!(copy("none", "other"), Err(Errno::NOENT));
        let content = std::fs::read(directory.path().join("copy")).unwrap();
        assert_eq!(content, vec![b'x'; 100_000]);
    }

    #[test]
    fn trees_go_as_far_as_possible() {
        let directory = tempfile::tempdir().unwrap();
        let at = open(directory.path());
        std::fs::create_dir_all(directory.path().join("a/b/c")).unwrap();
        std::fs::write(directory.path().join("a/b/f"), "x").unwrap();
        std::fs::write(directory.path().join("kept"), "x").unwrap();
        std::os::unix::fs::symlink("../kept", directory.path().join("a/link")).unwrap();
        let mut failures = Failures::new();
        delete_tree(&at, b"a", b"/a/", None, &mut failures, 0).unwrap();
        assert_eq!(failures, []);
        assert_eq!(names(&at).unwrap(), [b"kept"]);
        delete_tree(&at, b"a", b"/a/", None, &mut failures, 0).unwrap();
        assert_eq!(failures, [(b"/a/".to_vec(), 403)]);
    }
}
