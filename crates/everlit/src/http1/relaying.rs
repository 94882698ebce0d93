//! 3b. A request that a backend answers: the client's side of it.
//!
//! In: what the backend sent, or why it did not. Out: an outbox to flush, and what becomes of the connection with the
//! backend ([`Next`]). Must hold: a client gets one answer: the backend's, or an error in its place; never the beginning
//! of one and then another.

mod answer;
mod second;
mod tunnel;
mod upload;

use super::head::{Head, Method, Version};
use super::machine::{Http1, Need};
use super::state::{Phase, State};
use super::turn::Turn;
use crate::gateway::preface::Length;
use crate::gateway::relay::{
    Asked, Direction, Piece, Relay, Source, Stage, Trouble, Used, length_of,
};
use crate::gateway::reply::Persistence;
use crate::route::{Forwarded, Origin};
use crate::worker::bench::Bench;

/// What becomes of the connection with a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The exchange goes on.
    On,
    /// The exchange is over; the connection may be used for another.
    Release,
    /// The exchange is over, and so is the connection.
    Drop,
    /// The connection is of no use; the exchange wants another one.
    Retry,
}

impl Http1 {
    /// The exchange with a backend, if there is one.
    pub(crate) fn relay(&mut self) -> Option<&mut Relay> {
        match &mut self.state {
            State::Busy(turn) => turn.relay.as_deref_mut(),
            _ => None,
        }
    }

    /// Whether a backend is to answer, or is a tunnel's other end.
    pub fn is_relaying(&self) -> bool {
        matches!(&self.state, State::Busy(turn) if turn.relay.is_some())
    }

    /// Whether more of what a backend sends can be taken.
    pub(crate) fn wants_answer(&self) -> bool {
        match &self.state {
            State::Busy(turn) => turn
                .relay
                .as_ref()
                .is_some_and(|relay| relay.wants_answer(turn.outbox.memory())),
            _ => false,
        }
    }

    /// Whether a request is on its way, and so in need of a connection with a backend.
    pub(crate) fn needs_link(&self) -> bool {
        match &self.state {
            State::Busy(turn) => turn.relay.as_ref().is_some_and(|relay| relay.needs_link()),
            _ => false,
        }
    }

    /// Whether a client is to be told that a tunnel's backend has closed its direction.
    pub(crate) fn has_news(&self) -> bool {
        match &self.state {
            State::Busy(turn) => turn.relay.as_ref().is_some_and(|relay| relay.is_ending()),
            _ => false,
        }
    }

    /// Whether it is the backend that something is waited for from; not in a tunnel.
    pub(crate) fn awaits_backend(&self) -> bool {
        match &self.state {
            State::Busy(turn) if turn.outbox.is_empty() => turn
                .relay
                .as_ref()
                .is_some_and(|relay| !relay.is_tunnel() && relay.patience().is_some()),
            _ => false,
        }
    }

    /// What a backend sent.
    pub fn backend_said(&mut self, input: &[u8], origin: Origin<'_>, bench: &mut Bench) -> Next {
        let State::Busy(turn) = &mut self.state else {
            return Next::Drop;
        };
        let mut at = 0;
        while at < input.len() {
            let Some(relay) = turn.relay.as_deref_mut() else {
                return Next::Drop;
            };
            let (consumed, piece) = match relay.unframe(&input[at..]) {
                Ok(found) => found,
                Err(why) => return turn.fail(Trouble::Nonsense(why), Used::Never, origin, bench),
            };
            at += consumed;
            let next = match piece {
                Piece::Nothing => Next::On,
                Piece::Complaint(length) => {
                    let text = String::from_utf8_lossy(&input[at - length..at]);
                    let errors = &relay.asked.settings.core.errors;
                    errors.say(relay.protocol.module(), text);
                    Next::On
                }
                Piece::End(persistence) => turn.backend_ended(persistence, origin, bench),
                Piece::HeadEnd(text) => turn.output(text, origin, bench),
                Piece::Output(length) => turn.output(&input[at - length..at], origin, bench),
            };
            match next {
                Next::On => {}
                // More than an answer: whatever it is, it is not for us.
                Next::Release if at < input.len() => return Next::Drop,
                next => return next,
            }
        }
        turn.hold_head(bench);
        Next::On
    }

    /// A backend gave no answer, or only half of one.
    pub fn backend_failed(
        &mut self,
        trouble: Trouble,
        used: Used,
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Next {
        let State::Busy(turn) = &mut self.state else {
            return Next::Drop;
        };
        match trouble {
            Trouble::Ended if turn.relay.as_ref().is_some_and(|r| r.is_tunnel()) => {
                turn.tunnel_ended()
            }
            Trouble::Ended
                if turn
                    .relay
                    .as_ref()
                    .is_some_and(|relay| relay.ends_by_closing()) =>
            {
                turn.backend_ended(Persistence::Close, origin, bench)
            }
            trouble => turn.fail(trouble, used, origin, bench),
        }
    }

    /// The client has closed its direction. Returns whether there is anything left to do for it.
    pub(crate) fn client_ended(&mut self) -> Need {
        let State::Busy(turn) = &mut self.state else {
            return Need::Close;
        };
        match turn.relay.as_deref_mut().map(|relay| &mut relay.stage) {
            Some(Stage::Tunnel { client, .. }) => {
                // The backend is told when it has everything that came before.
                if *client == Direction::Open {
                    *client = Direction::Ending;
                }
                Need::Input
            }
            // In the middle of its own request.
            Some(_) if !turn.body.is_over() => Need::Close,
            Some(_) => Need::Input,
            None => Need::Close,
        }
    }

    /// A request for a backend: from now on it is the backend's turn.
    pub(super) fn forward(
        &mut self,
        head: &Head<'_>,
        raw: &[u8],
        mut turn: Box<Turn>,
        forwarded: Forwarded,
    ) {
        if head.expects_continue && !head.framing.is_over() {
            turn.outbox.append(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let source = Source {
            head: raw.to_vec(),
            ..Source::default()
        };
        turn.relay = Some(Box::new(relay_of(forwarded, head.into(), source)));
        self.state = State::Busy(turn);
    }
}

/// What a relay is to know of a request's head.
#[derive(Clone, Copy, Debug)]
struct Summary {
    method: Method,
    version: Version,
    length: Length,
}

impl From<&Head<'_>> for Summary {
    fn from(head: &Head<'_>) -> Summary {
        Summary {
            method: head.method,
            version: head.version,
            length: length_of(head.framing),
        }
    }
}

/// The exchange with the backend that a request goes to.
fn relay_of(forwarded: Forwarded, summary: Summary, source: Source) -> Relay {
    let Forwarded {
        forward,
        told,
        rewritten,
        overrides,
        environment,
        fields,
        settings,
        first,
        status,
        body,
    } = forwarded;
    let asked = Asked {
        source: Source { told, ..source },
        rewritten,
        overrides,
        environment,
        fields,
        method: summary.method,
        version: summary.version,
        upgrade: forward.upgrade,
        status,
        settings,
        first,
    };
    let mut relay = Relay::new(asked, forward.target, forward.preface, body, summary.length);
    relay.websocket = forward.websocket;
    relay
}

impl Turn {
    /// What it is waiting for.
    pub(super) fn phase(&self) -> Phase {
        match &self.relay {
            Some(relay) if relay.is_tunnel() => Phase::Tunnel,
            _ if !self.outbox.is_empty() => Phase::Sending,
            Some(_) if self.body.is_over() => Phase::Waiting,
            _ => Phase::Body,
        }
    }

    /// Seconds it may stay as it is without progress.
    pub(super) fn patience(&self) -> u16 {
        if !self.outbox.is_empty() {
            return self.write_idle;
        }
        match &self.relay {
            Some(relay) => relay.patience().unwrap_or(self.read_idle),
            None => self.read_idle,
        }
    }
}
