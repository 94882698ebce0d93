//! Socket options that rustix does not know.
//!
//! In: a borrowed socket. Out: the option changed. Must hold: values are plain integers of the size the kernel expects.
#![allow(unsafe_code, reason = "setsockopt with options rustix does not know")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::net::AddressFamily;

/// `TCP_DEFER_ACCEPT`: whether (and for how many seconds at most) a connection waits in the kernel for its first bytes.
pub(crate) fn set_defer_accept(socket: BorrowedFd<'_>, seconds: u32) -> io::Result<()> {
    let seconds = libc::c_int::try_from(seconds).unwrap_or(libc::c_int::MAX);
    set(socket, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)
}

/// `IP_TRANSPARENT`, `IPV6_TRANSPARENT`: lets a socket have an address that is not this machine's. Needs CAP_NET_ADMIN.
pub(crate) fn set_transparent(socket: BorrowedFd<'_>, family: AddressFamily) -> io::Result<()> {
    match family {
        AddressFamily::INET6 => set(socket, libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT, 1),
        _ => set(socket, libc::IPPROTO_IP, libc::IP_TRANSPARENT, 1),
    }
}

/// `SO_DETACH_FILTER`: takes a packet filter off again; none there is success.
pub(crate) fn detach_filter(socket: BorrowedFd<'_>) -> io::Result<()> {
    match set(socket, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other,
    }
}

/// Makes a listening TCP socket invisible for new clients, and for nothing else: handshakes under way complete, and the
/// accept queue stays. New clients meet another socket that listens there (`0.0.0.0:80` behind `127.0.0.1:80`), or are
/// refused at once.
///
/// The socket is bound to a network interface that cannot exist (`SO_BINDTOIFINDEX`), so no SYN ever comes to it by that.
/// Since Linux 5.7 this needs no privileges.
pub(crate) fn hide_listener(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(
        socket,
        libc::SOL_SOCKET,
        libc::SO_BINDTOIFINDEX,
        libc::c_int::MAX,
    )
}

/// Undoes [`hide_listener`], which takes `CAP_NET_RAW`.
pub(crate) fn show_listener(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, 0)
}

fn set(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>())
        .expect("the size of an int fits in socklen_t");
    // SAFETY: the value lives through the call and has the length said.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    #[test]
    fn a_hidden_listener_keeps_whom_it_has_and_gets_nobody_else() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let queued = TcpStream::connect(address).unwrap();
        hide_listener(listener.as_fd()).unwrap();
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, queued.local_addr().unwrap());
        // Only with privileges.
        if show_listener(listener.as_fd()).is_ok() {
            TcpStream::connect(address).unwrap();
        }
    }
}
