//! The system log, as syslog(3) speaks with it.
//!
//! In: lines. Out: a datagram each, with priority and tag (RFC 3164, section 4.1), at `/dev/log`. Must hold: nobody waits
//! for it; where there is none yet, or a new one, the next line looks for it again.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with,
};

/// Where it listens.
const ADDRESS: &str = "/dev/log";

/// A way to the system log.
#[derive(Debug)]
pub struct Syslog {
    socket: OwnedFd,
    address: SocketAddrUnix,
    /// What goes before each line.
    prefix: String,
}

impl Syslog {
    /// For lines of this priority: a facility times eight, and a level. Nobody need listen there yet.
    pub(crate) fn new(priority: u16) -> io::Result<Self> {
        Self::at(ADDRESS, priority)
    }

    fn at(address: &str, priority: u16) -> io::Result<Self> {
        let kind = (AddressFamily::UNIX, SocketType::DGRAM);
        let log = Self {
            socket: socket_with(kind.0, kind.1, SocketFlags::CLOEXEC, None)?,
            address: SocketAddrUnix::new(address)?,
            prefix: format!("<{priority}>everlit[{}]: ", std::process::id()),
        };
        // At once: from within a chroot it may be out of sight. Whether it worked, the first line shows.
        let _ = log.connect();
        Ok(log)
    }

    /// Sends a line; an error says that it was not taken.
    pub(crate) fn send(&self, line: &[u8]) -> Result<(), Errno> {
        let message = [self.prefix.as_bytes(), line].concat();
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match send(&self.socket, &message, flags) {
            Ok(_) => Ok(()),
            // It is there, and that will not change.
            Err(errno @ (Errno::AGAIN | Errno::MSGSIZE | Errno::NOBUFS)) => Err(errno),
            // It was started anew, or only now.
            Err(_) => {
                self.connect()?;
                send(&self.socket, &message, flags).map(drop)
            }
        }
    }

    /// Says why if nobody listens.
    pub(crate) fn connect(&self) -> Result<(), Errno> {
        connect(&self.socket, &self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    fn next(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_line_is_a_datagram_with_priority_and_tag() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let log = Syslog::at(path.to_str().unwrap(), 27).unwrap();
        log.send(b"one").unwrap();
        let process = std::process::id();
        assert_eq!(next(&daemon), format!("<27>everlit[{process}]: one"));
    }

    #[test]
    fn one_that_is_started_later_or_again_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = Syslog::at(path.to_str().unwrap(), 27).unwrap();
        assert_eq!(log.send(b"lost"), Err(Errno::NOENT));
        for _ in 0..2 {
            let daemon = UnixDatagram::bind(&path).unwrap();
            log.send(b"found").unwrap();
            assert!(next(&daemon).ends_with(": found"));
            drop(daemon);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
