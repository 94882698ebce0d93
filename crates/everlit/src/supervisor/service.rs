//! What a service manager expects: readiness, and a pid file.
//!
//! In: what the instance is doing. Out: datagrams to systemd (`sd_notify(3)`) and a file with our process number. Must
//! hold: nothing fails because nobody listens; a pid file is removed only while it names us.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::net::{SendFlags, SocketAddrUnix, sendto};

use crate::sys::clock::monotonic_microseconds;
use crate::sys::notify;

/// Who to tell how we are.
#[derive(Debug)]
pub(crate) struct Service {
    address: Option<SocketAddrUnix>,
}

/// What to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice<'a> {
    /// Serving, as described.
    Ready(&'a str),
    /// A restart begins.
    Reloading,
    /// A stop begins.
    Stopping,
}

impl Service {
    /// The service manager that the environment names, if it names one.
    pub(crate) fn new(notify_socket: Option<OsString>) -> Self {
        Self {
            address: notify_socket.and_then(|name| notify::address(&name)),
        }
    }

    /// Whether there is one.
    pub(crate) fn is_managed(&self) -> bool {
        self.address.is_some()
    }

    /// Tells it.
    pub(crate) fn tell(&self, notice: Notice<'_>) {
        let Some(address) = &self.address else {
            return;
        };
        let text = text(notice, std::process::id(), monotonic_microseconds());
        // A manager that cannot hear us now is its own problem; serving is ours.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let _ =
            notify::socket().and_then(|socket| sendto(&socket, text.as_bytes(), flags, address));
    }
}

fn text(notice: Notice<'_>, pid: u32, monotonic: u64) -> String {
    match notice {
        Notice::Ready(status) => {
            format!("READY=1\nMAINPID={pid}\nSTATUS={}\n", one_line(status))
        }
        Notice::Reloading => {
            format!("RELOADING=1\nMONOTONIC_USEC={monotonic}\nSTATUS=restarting\n")
        }
        Notice::Stopping => "STOPPING=1\nSTATUS=stopping\n".to_owned(),
    }
}

/// Line feeds would begin another variable.
fn one_line(text: &str) -> String {
    text.trim_end().replace('\n', "; ")
}

/// A file with our process number.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes it, over whatever a dead process left there.
    pub(crate) fn write(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            // A link in a directory that others can write to could lead anywhere.
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(path)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self(path.to_owned()))
    }

    /// The file was written before an exec.
    pub(crate) fn resume(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it, unless it names another process by now.
    pub(crate) fn remove(self) {
        let ours = fs::read_to_string(&self.0)
            .is_ok_and(|text| text.trim().parse() == Ok(std::process::id()));
        if ours {
            // Gone already is as good.
            let _ = fs::remove_file(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn notices_are_worded_as_sd_notify_says() {
        assert_eq!(
            text(Notice::Ready("generation 1\nserves"), 7, 0),
            "READY=1\nMAINPID=7\nSTATUS=generation 1; serves\n"
        );
        assert_eq!(
            text(Notice::Reloading, 7, 42),
            "RELOADING=1\nMONOTONIC_USEC=42\nSTATUS=restarting\n"
        );
    }

    #[test]
    fn they_arrive_and_nobody_listening_is_no_failure() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let service = Service::new(Some(path.into()));
        assert!(service.is_managed());
        service.tell(Notice::Stopping);
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"STOPPING=1\n"));
        drop(manager);
        service.tell(Notice::Stopping);
        assert!(!Service::new(None).is_managed());
        assert!(!Service::new(Some("relative".into())).is_managed());
    }

    #[test]
    fn a_pid_file_replaces_a_stale_one_and_spares_a_foreign_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.pid");
        fs::write(&path, "99999999999\n").unwrap();
        let file = PidFile::write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        file.remove();
        assert!(!path.exists());

        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        file.remove();
        assert!(path.exists());
    }
}
