//! One live connection: a socket, who is at the other end, and the protocol's state.

use std::os::fd::OwnedFd;

use super::upstream::LinkId;
use crate::http1::machine::Http1;
use crate::net::Peer;

/// A live connection.
#[derive(Debug)]
pub struct Conn {
    /// The socket: nonblocking, and ours alone.
    pub socket: OwnedFd,
    /// The client.
    pub peer: Peer,
    /// Where it came in: index into the worker's endpoints.
    pub endpoint: u16,
    /// What is known of input that we have not read.
    pub input: Input,
    /// Whether it waits for its next turn.
    pub turn: NextTurn,
    /// Whether it may change process.
    pub stay: Stay,
    /// The connection with the backend that is to answer it.
    pub link: Option<LinkId>,
    /// The protocol.
    pub http: Http1,
    /// Second (monotonic) in which its patience ends.
    pub deadline: u32,
    /// Second in which the table looks at the deadline; `u32::MAX`: never.
    pub looked_at: u32,
}

/// What is known of input that we have not read. The kernel tells of each arrival only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// There was nothing more; the kernel will tell.
    Drained,
    /// There may be something, left there because it could not be dealt with.
    Pending,
    /// As `Pending`, and the client has closed its direction.
    Ended,
}

/// When a connection is served next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTurn {
    /// When the kernel tells of it.
    OnNews,
    /// At once, after others: it stands in the queue.
    Queued,
}

/// Whether a connection may change process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// It goes when the others go.
    Movable,
    /// The successor refused it: it finishes here.
    Refused,
}

impl Conn {
    /// A connection of which nothing has been read yet.
    pub fn new(socket: OwnedFd, peer: Peer, endpoint: u16) -> Conn {
        Conn {
            socket,
            peer,
            endpoint,
            input: Input::Drained,
            turn: NextTurn::OnNews,
            stay: Stay::Movable,
            link: None,
            http: Http1::default(),
            deadline: 0,
            looked_at: u32::MAX,
        }
    }
}
