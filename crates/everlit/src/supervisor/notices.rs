//! What generations say about their readiness.
//!
//! In: datagrams at an abstract socket. Out: who said what. Must hold: the kernel vouches for the sender; what anybody but
//! a generation says is dropped unread.

use std::ffi::OsString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use rustix::net::sockopt::set_socket_passcred;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketAddrUnix,
    SocketFlags, SocketType, bind, getsockname, recvmsg, socket_with,
};
use rustix::process::Pid;

/// Most bytes of a datagram; the rest is cut off.
const NOTICE_MAX: usize = 4096;

/// The socket that `NOTIFY_SOCKET` names to generations.
#[derive(Debug)]
pub(crate) struct Notices(OwnedFd);

/// One datagram.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Who said it, as the kernel knows.
    pub(crate) pid: Pid,
    /// `READY=1` was in it.
    pub(crate) ready: bool,
    /// `STATUS=`
    pub(crate) status: Option<String>,
}

impl Notices {
    /// Opens it under a name that the kernel chooses.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        set_socket_passcred(&socket, true)?;
        bind(&socket, &SocketAddrUnix::new_unnamed())?;
        Ok(Self(socket))
    }

    /// Put together again after an exec.
    pub(crate) fn resume(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// Its name, for `NOTIFY_SOCKET`.
    pub(crate) fn name(&self) -> io::Result<OsString> {
        let address = SocketAddrUnix::try_from(getsockname(&self.0)?)?;
        let mut name = b"@".to_vec();
        name.extend_from_slice(address.abstract_name().unwrap_or_default());
        Ok(OsString::from_vec(name))
    }

    /// The next datagram that has a sender.
    pub(crate) fn next(&self) -> Option<Said> {
        loop {
            let mut text = [0; NOTICE_MAX];
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1), ScmRights(8))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            // Whatever the kernel refuses here, waiting for the next time is all that can be done.
            let received = recvmsg(
                &self.0,
                &mut [IoSliceMut::new(&mut text)],
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
            )
            .ok()?;
            let sender = ancillary.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmCredentials(credentials) => Some(credentials.pid),
                _ => None,
            });
            if let Some(pid) = sender {
                return Some(parse(pid, &text[..received.bytes]));
            }
        }
    }
}

impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn parse(pid: Pid, text: &[u8]) -> Said {
    let text = String::from_utf8_lossy(text);
    let mut said = Said {
        pid,
        ready: false,
        status: None,
    };
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "READY=1" {
            said.ready = true;
        } else if let Some(status) = line.strip_prefix("STATUS=") {
            // Our generations put it last, and diagnostics have more than one line.
            let rest: Vec<&str> = std::iter::once(status).chain(lines).collect();
            said.status = Some(rest.join("\n"));
            break;
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{SendFlags, sendto};

    #[test]
    fn the_kernel_names_the_sender() {
        let notices = Notices::open().unwrap();
        let name = notices.name().unwrap().into_vec();
        let address = SocketAddrUnix::new_abstract_name(&name[1..]).unwrap();
        let sender = socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        assert!(notices.next().is_none());
        let text = b"READY=1\nSTATUS=one\ntwo";
        sendto(&sender, text, SendFlags::empty(), &address).unwrap();
        let said = notices.next().unwrap();
        assert_eq!(said.pid, rustix::process::getpid());
        assert!(said.ready);
        assert_eq!(said.status.as_deref(), Some("one\ntwo"));
        assert!(notices.next().is_none());
    }

    #[test]
    fn what_is_not_known_is_skipped() {
        let pid = rustix::process::getpid();
        let said = parse(pid, b"FDSTORE=1\nREADY=0\n\xff\n");
        assert!(!said.ready && said.status.is_none());
    }
}
