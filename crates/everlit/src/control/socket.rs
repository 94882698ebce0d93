//! The control socket's file.
//!
//! In: a path. Out: a listening socket that appears under it at once and complete. Must hold: whoever connects meets
//! either the old instance or the new one, never nobody; the file is removed only if it is still ours.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, fchmod};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use serde::{Deserialize, Serialize};

/// Clients that may wait to be accepted.
const BACKLOG: i32 = 16;

/// A listening control socket and its file.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    listener: OwnedFd,
    /// None if the file is somebody else's business.
    file: Option<SocketFile>,
}

/// Which file is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SocketFile {
    /// Where it will be.
    path: PathBuf,
    /// Where it is until then; none when it is there.
    hidden: Option<PathBuf>,
    device: u64,
    inode: u64,
}

impl ControlSocket {
    /// Binds and listens, mode 0600, under a name that nobody looks for yet.
    pub(crate) fn prepare(path: &Path) -> io::Result<Self> {
        let listener = socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        let mut hidden = path.as_os_str().to_owned();
        hidden.push(format!(".{}", std::process::id()));
        let hidden = PathBuf::from(hidden);
        // Left by a process of the same number that is long dead.
        let _ = fs::remove_file(&hidden);
        let address = SocketAddrUnix::new(&hidden)?;
        // The file gets no more than the socket has.
        fchmod(&listener, Mode::RUSR | Mode::WUSR)?;
        bind(&listener, &address)?;
        listen(&listener, BACKLOG)?;
        let metadata = fs::symlink_metadata(&hidden)?;
        Ok(Self {
            listener,
            file: Some(SocketFile {
                path: path.to_owned(),
                hidden: Some(hidden),
                device: metadata.dev(),
                inode: metadata.ino(),
            }),
        })
    }

    /// Puts it together again after an exec.
    pub(crate) fn resume(listener: OwnedFd, file: SocketFile) -> Self {
        Self {
            listener,
            file: Some(file),
        }
    }

    /// A listening socket whose file belongs to a process that is dead.
    pub(crate) fn inherited(listener: OwnedFd) -> Self {
        Self {
            listener,
            file: None,
        }
    }

    /// Lets it appear under its real name, in place of what was there.
    pub(crate) fn publish(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file
            && let Some(hidden) = &file.hidden
        {
            fs::rename(hidden, &file.path)?;
            file.hidden = None;
        }
        Ok(())
    }

    /// What to remember of it.
    pub(crate) fn file(&self) -> Option<&SocketFile> {
        self.file.as_ref()
    }

    /// Removes the file, unless another instance has put its own there.
    pub(crate) fn remove(&self) {
        let Some(file) = &self.file else {
            return;
        };
        let place = file.hidden.as_ref().unwrap_or(&file.path);
        let ours = fs::symlink_metadata(place)
            .is_ok_and(|at| at.dev() == file.device && at.ino() == file.inode);
        if ours {
            // Gone already is as good.
            let _ = fs::remove_file(place);
        }
    }
}

impl AsFd for ControlSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn it_appears_when_published_and_only_the_owner_removes_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.sock");
        let mut first = ControlSocket::prepare(&path).unwrap();
        assert!(!path.exists());
        first.publish().unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);

        let mut second = ControlSocket::prepare(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        second.publish().unwrap();
        first.remove();
        UnixStream::connect(&path).unwrap();
        second.remove();
        assert!(!path.exists());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
