//! One live connection: a socket, who is at the other end, and the protocol's state.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use super::upstream::LinkId;
use super::warm::Warmth;
use crate::http1::machine::Http1;
use crate::http1::state::Phase;
use crate::net::Peer;
use crate::tls::Secured;
use crate::tls::channel::{Channel, Stage};
use crate::transport::proxy_protocol::{Announced, Awaited, Progress, Tls};

/// A live connection.
#[derive(Debug)]
pub struct Conn {
    /// The socket: nonblocking, and ours alone.
    pub socket: OwnedFd,
    /// The client, or a proxy that has not said for whom it speaks.
    pub peer: Peer,
    /// What a proxy says of the client.
    pub introduction: Introduction,
    /// TLS with the other end, if it is spoken.
    pub channel: Option<Box<Channel>>,
    /// Whether its session keeps expanded keys.
    pub warmth: Warmth,
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
    /// What it was doing when that was counted last.
    pub counted: Option<Phase>,
    /// Second (monotonic) in which its patience ends.
    pub deadline: u32,
    /// Second in which the table looks at the deadline; `u32::MAX`: never.
    pub looked_at: u32,
}

/// What a proxy in front of us says of its client (PROXY protocol).
#[derive(Debug)]
pub enum Introduction {
    /// Nothing, or nothing more than the peer's address.
    None,
    /// It is still to come, before everything else.
    Awaited(Box<Awaited>),
    /// Something of TLS.
    Made(Rc<Tls>),
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Who {
    /// Its address.
    pub peer: Peer,
    /// What a proxy told of TLS.
    pub tls: Option<Rc<Tls>>,
    /// How it came to us.
    pub transport: Transport,
}

/// How a connection came to us.
#[derive(Clone, Debug)]
pub enum Transport {
    /// In plain text.
    Plain,
    /// Over TLS; what was agreed on is not known before the handshake is over.
    Tls(Option<Arc<Secured>>),
}

impl Transport {
    /// What is known of a channel.
    pub fn of(channel: Option<&Channel>) -> Transport {
        match channel {
            None => Transport::Plain,
            Some(channel) => Transport::Tls(channel.secured().cloned()),
        }
    }
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
            introduction: Introduction::None,
            channel: None,
            warmth: Warmth::Cold,
            endpoint,
            input: Input::Drained,
            turn: NextTurn::OnNews,
            stay: Stay::Movable,
            link: None,
            http: Http1::default(),
            counted: None,
            deadline: 0,
            looked_at: u32::MAX,
        }
    }

    /// Who is at its other end.
    pub fn who(&self) -> Who {
        Who {
            peer: self.peer,
            tls: match &self.introduction {
                Introduction::Made(tls) => Some(tls.clone()),
                Introduction::None | Introduction::Awaited(_) => None,
            },
            transport: Transport::of(self.channel.as_deref()),
        }
    }

    /// Whether anything is owed to the other end.
    pub fn owes(&self) -> bool {
        self.http.owes() || self.channel.as_ref().is_some_and(|channel| channel.owes())
    }

    /// Whether it has not come as far as to say anything to the protocol: it gets no more time because more has come.
    pub fn is_arriving(&self) -> bool {
        let shakes =
            |channel: &Channel| matches!(channel.stage(), Stage::Greeting | Stage::Shaking);
        self.awaits_introduction() || self.channel.as_deref().is_some_and(shakes)
    }

    /// Whether it is in the middle of a handshake, and so cannot change process now.
    pub fn is_shaking(&self) -> bool {
        self.channel
            .as_ref()
            .is_some_and(|channel| channel.stage() == Stage::Shaking)
    }

    /// Whether a proxy has not said yet for whom it speaks.
    pub fn awaits_introduction(&self) -> bool {
        matches!(self.introduction, Introduction::Awaited(_))
    }

    /// Gives input to an introduction that is still to come; returns how much of it belongs to that. Fails, with the
    /// reason, if it is none.
    pub fn introduce(&mut self, input: &[u8]) -> Result<usize, &'static str> {
        let awaited = match std::mem::replace(&mut self.introduction, Introduction::None) {
            Introduction::Awaited(awaited) => awaited,
            other => {
                self.introduction = other;
                return Ok(0);
            }
        };
        match awaited.receive(input) {
            Progress::More(awaited) => {
                self.introduction = Introduction::Awaited(Box::new(awaited));
                Ok(input.len())
            }
            Progress::Complete(used, Announced { peer, tls }) => {
                self.peer = peer.unwrap_or(self.peer);
                if let Some(tls) = tls {
                    self.introduction = Introduction::Made(Rc::new(tls));
                }
                Ok(used)
            }
            Progress::Broken(why) => Err(why),
        }
    }
}
