//! Opening log files, often as root and in directories that others may write to; and writing to logs.
//!
//! In: a path, as configured. Out: a descriptor that appends. Must hold: nobody but root (or ourselves) decides by a
//! symbolic link what is written to; opening never waits; a terminal does not become ours.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// As many links as the kernel follows (path_resolution(7)).
const LINKS_MAX: usize = 40;

const FLAGS: OFlags = OFlags::WRONLY
    .union(OFlags::APPEND)
    .union(OFlags::CREATE)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY)
    .union(OFlags::NONBLOCK);

/// Opens a log for appending; makes the file (0644) if it is not there. Only a named pipe stays non-blocking.
///
/// A symbolic link as the path's last component is followed if it is root's or our own, and so is its directory, which
/// nobody else may write to: `/dev/stdout` is such a link.
pub(crate) fn open(path: &Path) -> io::Result<OwnedFd> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match rustix::fs::open(&path, FLAGS | OFlags::NOFOLLOW, Mode::from_raw_mode(0o644)) {
            Ok(file) => return settle(file),
            Err(Errno::LOOP) => match trusted_target(&path)? {
                Target::Path(target) => path = target,
                Target::Magic => {
                    let file = rustix::fs::open(&path, FLAGS, Mode::from_raw_mode(0o644))?;
                    return settle(file);
                }
            },
            Err(Errno::NXIO) if is_pipe(&path) => {
                return Err(io::Error::other("nobody reads this named pipe"));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(Errno::LOOP.into())
}

/// Where a link leads.
enum Target {
    Path(PathBuf),
    /// To something that the kernel knows without a path (`/proc/self/fd/2`).
    Magic,
}

fn trusted_target(link: &Path) -> io::Result<Target> {
    let handle = rustix::fs::open(
        link,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let directory = match link.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let place = rustix::fs::stat(directory)?;
    if !is_trusted(&rustix::fs::fstat(&handle)?)
        || !is_trusted(&place)
        || place.st_mode & 0o022 != 0
    {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "a symbolic link that others could have made or could replace is not followed; configure the file itself",
        ));
    }
    if rustix::fs::fstatfs(&handle)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
        return Ok(Target::Magic);
    }
    let target = rustix::fs::readlinkat(&handle, "", Vec::new())?;
    Ok(Target::Path(
        directory.join(OsStr::from_bytes(target.as_bytes())),
    ))
}

/// Whether nobody but root and ourselves has a say in it.
fn is_trusted(stat: &Stat) -> bool {
    stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw()
}

fn is_pipe(path: &Path) -> bool {
    rustix::fs::statat(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

/// Writes all of it. On an error some may have been written.
pub(crate) fn write_all(log: impl AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(&log, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn settle(file: OwnedFd) -> io::Result<OwnedFd> {
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo {
        rustix::io::ioctl_fionbio(&file, false)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn files_are_made_and_devices_work() {
        let directory = tempfile::tempdir().unwrap();
        open(&directory.path().join("a.log")).unwrap();
        open(Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn our_own_link_is_followed_and_one_that_others_could_replace_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link.log");
        symlink("real.log", &link).unwrap();
        open(&link).unwrap();
        assert!(directory.path().join("real.log").is_file());
        let mode = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory.path(), mode).unwrap();
        let error = open(&link).unwrap_err().to_string();
        assert!(error.contains("symbolic link"), "{error}");
        // Not for the file itself.
        open(&directory.path().join("real.log")).unwrap();
    }

    #[test]
    fn what_standard_error_is_can_be_opened() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(file.as_file());
        open(Path::new(&format!("/proc/self/fd/{number}"))).unwrap();
    }

    #[test]
    fn a_pipe_without_a_reader_fails_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains("nobody reads"), "{error}");
        let _reader =
            rustix::fs::open(&path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
        open(&path).unwrap();
    }
}
