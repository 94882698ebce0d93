//! The record layer: a live session.
//!
//! In: records from the client and plaintext from the server. Out: plaintext and records. Must hold: a session that has
//! nothing to do holds no expanded key and no buffer; whatever happens to it, no sequence number is used twice with a key.

mod direction;
pub(crate) mod header;
mod messages;
mod open;
mod seal;
#[cfg(test)]
pub(crate) mod tests;

pub use messages::ClientKey;
pub use open::{Event, Incoming};
pub use seal::{CONTENT_MAX, Frame};

use std::fmt;

pub(crate) use self::direction::Direction;
pub(crate) use self::messages::Patience;
use crate::secrets::Material;
use crate::suite::{Suite, Version};

/// A live server-side session.
///
/// ```text
///          close_notify                           close(), a failure
/// input: Open ────────► Ended            output: Open ───────────► Closed
///          └──failure──► Failed
/// ```
///
/// The directions are independent: after the client's `close_notify` the answer can still be sent.
pub struct Session {
    pub(crate) suite: Suite,
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) patience: Patience,
    pub(crate) tx: Direction,
    pub(crate) rx: Direction,
    /// What was read and not opened: part of a record, as a rule nothing.
    pub(crate) held: Held,
}

/// State of what the client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Open,
    /// By the client's `close_notify`: what follows is not looked at.
    Ended,
    /// By an error.
    Failed,
}

/// State of what we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Open,
    Closed,
}

/// Bytes of the client that wait, those before `at` being used.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: usize,
}

impl Held {
    pub(crate) fn unused(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn is_used_up(&self) -> bool {
        self.at == self.bytes.len()
    }
}

impl Session {
    pub(crate) fn new(suite: Suite, tx: (Material, u64), rx: (Material, u64)) -> Session {
        Session {
            suite,
            input: Input::Open,
            output: Output::Open,
            patience: Patience::default(),
            tx: Direction::new(tx.0, tx.1),
            rx: Direction::new(rx.0, rx.1),
            held: Held::default(),
        }
    }

    /// Its cipher suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Its version of TLS.
    pub fn version(&self) -> Version {
        self.suite.version()
    }

    /// Whether the client can still send: it has neither closed its direction nor failed.
    pub fn can_receive(&self) -> bool {
        self.input == Input::Open
    }

    /// Whether we can still send.
    pub fn can_send(&self) -> bool {
        self.output == Output::Open
    }

    /// Drops the expanded keys. They are built again when they are needed, which costs a few microseconds; call it for
    /// sessions that are idle for longer than a moment.
    pub fn rest(&mut self) {
        self.tx.rest();
        self.rx.rest();
    }

    /// Whether it holds no expanded keys.
    pub fn is_resting(&self) -> bool {
        self.tx.is_resting() && self.rx.is_resting()
    }

    /// Bytes of the client that are kept because their record is not complete, or because [`Incoming`] was dropped
    /// before they were asked for.
    pub fn held_bytes(&self) -> usize {
        self.held.unused().len()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("suite", &self.suite)
            .field("input", &self.input)
            .field("output", &self.output)
            .field("tx", &self.tx)
            .field("rx", &self.rx)
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}
