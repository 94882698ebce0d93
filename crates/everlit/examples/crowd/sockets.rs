//! Client sockets.
//!
//! In: the server's address. Out: sockets that are about to be connected. Must hold: nonblocking; so many ports that a
//! million connections fit, and none of those that the system gives to others.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

/// Ports below those that the system chooses from.
const PORTS: RangeInclusive<u16> = 1025..=32_000;

/// Source addresses and ports, one after the other: 127.1.0.1, 127.1.0.2, ...
pub(crate) struct Sources {
    next: u32,
}

impl Sources {
    pub(crate) fn new() -> Sources {
        Sources { next: 0 }
    }

    fn next(&mut self) -> SocketAddrV4 {
        let ports = u32::from(PORTS.end() - PORTS.start()) + 1;
        let (host, port) = (self.next / ports, self.next % ports);
        self.next += 1;
        let address = Ipv4Addr::from(0x7f01_0001 + host);
        SocketAddrV4::new(address, PORTS.start() + port as u16)
    }

    /// A socket on its way to `to`, from the next source.
    pub(crate) fn connect(&mut self, to: SocketAddrV4) -> io::Result<OwnedFd> {
        loop {
            let socket = stream()?;
            sockopt::set_socket_reuseaddr(&socket, true)?;
            match bind(&socket, &self.next()) {
                Ok(()) => return start(socket, to),
                // Somebody listens at this port on all addresses.
                Err(Errno::ADDRINUSE) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// A socket on its way to `to`, from wherever the system likes.
pub(crate) fn connect_from_anywhere(to: SocketAddrV4) -> io::Result<OwnedFd> {
    start(stream()?, to)
}

/// Once the kernel says that it is writable: whether it is connected.
pub(crate) fn connected(socket: &OwnedFd) -> io::Result<()> {
    Ok(sockopt::socket_error(socket)??)
}

/// Closes it so that nothing of it stays behind in the kernel.
pub(crate) fn close_at_once(socket: OwnedFd) {
    let _ = sockopt::set_socket_linger(&socket, Some(Duration::ZERO));
}

fn stream() -> io::Result<OwnedFd> {
    Ok(socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )?)
}

fn start(socket: OwnedFd, to: SocketAddrV4) -> io::Result<OwnedFd> {
    sockopt::set_tcp_nodelay(&socket, true)?;
    match connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(errno) => Err(errno.into()),
    }
}
