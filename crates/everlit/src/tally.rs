//! Counting what a restart did with connections.
//!
//! In: what becomes of each connection of the predecessor. Out: [`Tally`], which the supervisor reports.
//! Must hold: every connection that was open when the handover began is counted exactly once.

use serde::{Deserialize, Serialize};

/// What became of the predecessor's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Moved, by what they were doing.
    pub moved: Moved,
    /// Finished where they were, because they could not be moved.
    pub drained: u64,
    /// Cut off: the time for draining was over, or the connection was lost with its process.
    pub dropped: u64,
}

/// Connections that changed process, by what they were doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Keep-alive connections between two requests, and new ones that had sent nothing yet.
    pub idle: u64,
    /// In the middle of a request head.
    pub head: u64,
    /// In the middle of a request body.
    pub body: u64,
    /// With a response partly sent, or to come from a backend.
    pub response: u64,
    /// With a tunnel.
    #[serde(default)]
    pub tunnel: u64,
}

impl Moved {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.idle + self.head + self.body + self.response + self.tunnel
    }
}

impl Tally {
    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Tally) {
        self.moved.idle += other.moved.idle;
        self.moved.head += other.moved.head;
        self.moved.body += other.moved.body;
        self.moved.response += other.moved.response;
        self.moved.tunnel += other.moved.tunnel;
        self.drained += other.drained;
        self.dropped += other.dropped;
    }
}
