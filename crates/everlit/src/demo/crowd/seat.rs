//! The socket of one client.
//!
//! In: where to connect; bytes to send; room for bytes that arrive. Out: what the network did, told apart as the client
//! would see it. Must hold: our own shortages (descriptors, ports, memory) are never taken for the server's faults.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, connect, getsockname, send, socket_with,
    sockopt,
};

use super::{CrowdError, kernel};
use crate::demo::clients::Kind;
use crate::demo::measure::Loss;

/// Receive buffer of a slow download: small, so that most of the file is still with the server.
const DOWNLOAD_BUFFER: usize = 64 * 1024;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Seat {
    socket: OwnedFd,
    port: u16,
    state: State,
    unsent: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Open,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

/// What came of a step.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The network's or the server's doing.
    Loss(Loss),
    /// The connection ended in order.
    Ended,
    /// Ours.
    Own(CrowdError),
}

impl Seat {
    /// Begins to connect.
    pub(super) fn connect(address: SocketAddr, kind: Kind) -> Result<Self, Trouble> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket =
            socket_with(family, SocketType::STREAM, flags, None).map_err(own("make a socket"))?;
        if kind == Kind::Download {
            sockopt::set_socket_recv_buffer_size(&socket, DOWNLOAD_BUFFER)
                .map_err(own("set a socket's receive buffer"))?;
        }
        let state = match connect(&socket, &address) {
            Ok(()) => State::Open,
            Err(Errno::INPROGRESS) => State::Connecting,
            Err(errno) => return Err(connect_trouble(errno)),
        };
        let local = getsockname(&socket).map_err(own("name a socket"))?;
        let local = SocketAddr::try_from(local).map_err(own("name a socket"))?;
        Ok(Self {
            socket,
            port: local.port(),
            state,
            unsent: Vec::new(),
        })
    }

    /// Our port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the connection is there; once it is, it stays so.
    pub(super) fn connected(&mut self) -> Result<bool, Trouble> {
        if self.state == State::Connecting {
            match sockopt::socket_error(&self.socket).map_err(own("ask a socket"))? {
                Ok(()) => {}
                Err(errno) => return Err(connect_trouble(errno)),
            }
            // No error yet is no connection yet.
            match rustix::net::getpeername(&self.socket) {
                Ok(_) => self.state = State::Open,
                Err(Errno::NOTCONN) => return Ok(false),
                Err(errno) => return Err(connect_trouble(errno)),
            }
        }
        Ok(true)
    }

    /// Sends these bytes after those that are not sent yet.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.unsent.extend_from_slice(bytes);
        self.flush()
    }

    /// Sends what is not sent yet, as far as it goes.
    pub(super) fn flush(&mut self) -> Result<(), Trouble> {
        while !self.unsent.is_empty() {
            match send(&self.socket, &self.unsent, SendFlags::NOSIGNAL) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(transfer_trouble(errno)),
            }
        }
        Ok(())
    }

    /// Reads what is there; `None` if nothing is.
    pub(super) fn read<'a>(&self, buffer: &'a mut [u8]) -> Result<Option<&'a [u8]>, Trouble> {
        loop {
            match rustix::io::read(&self.socket, &mut *buffer) {
                Ok(0) => return Err(Trouble::Ended),
                Ok(length) => return Ok(Some(&buffer[..length])),
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(transfer_trouble(errno)),
            }
        }
    }

    /// What it waits for, if its client wants to read or not.
    pub(super) fn interest(&self, appetite: usize) -> Interest {
        match self.state {
            State::Connecting => Interest {
                read: false,
                write: true,
            },
            State::Open => Interest {
                read: appetite > 0,
                write: !self.unsent.is_empty(),
            },
        }
    }
}

impl AsFd for Seat {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn own(operation: &'static str) -> impl FnOnce(Errno) -> Trouble {
    move |errno| Trouble::Own(kernel(operation)(errno))
}

fn connect_trouble(errno: Errno) -> Trouble {
    match errno {
        Errno::CONNREFUSED => Trouble::Loss(Loss::Refused),
        Errno::TIMEDOUT => Trouble::Loss(Loss::Unanswered),
        Errno::CONNRESET | Errno::CONNABORTED => Trouble::Loss(Loss::Reset),
        errno => own("connect")(errno),
    }
}

fn transfer_trouble(errno: Errno) -> Trouble {
    match errno {
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => Trouble::Loss(Loss::Reset),
        Errno::TIMEDOUT => Trouble::Loss(Loss::Unanswered),
        errno => own("use a connection")(errno),
    }
}
