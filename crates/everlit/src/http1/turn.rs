//! 3b. One request that is being answered.
//!
//! In: what the machine does with it. Out: the same, as plain data; a line for the access log. Must hold: it is used again for the
//! next request, and keeps no memory of the last one but a bounded buffer.

use std::time::Duration;

use crate::gateway::relay::Relay;
use crate::http1::body::Framing;
use crate::http1::encode::{self, After};
use crate::logline::{ConnectionAfter, Ending, PendingLine};
use crate::modules::rrdtool::traffic::Traffic;
use crate::transport::outbox::Outbox;
use crate::transport::pace::Pace;
use crate::worker::bench::Bench;

/// One request that is being answered.
#[derive(Debug)]
pub struct Turn {
    /// What of the request's body is still to come.
    pub(crate) body: Framing,
    /// How many more bytes of body are read before the connection is given up.
    pub(crate) room: u64,
    /// What is owed to the client.
    pub(crate) outbox: Outbox,
    /// Who still adds to that; `None`: the response is complete.
    pub(crate) relay: Option<Box<Relay>>,
    /// What comes afterwards.
    pub(crate) after: After,
    /// Input that belongs to the next request.
    pub(crate) unread: Vec<u8>,
    /// For the access log.
    pub(crate) line: PendingLine,
    /// When the head was complete (monotonic).
    pub(crate) started: Duration,
    /// Bytes of the request so far.
    pub(crate) received: u64,
    /// Bytes sent so far, head and body.
    pub(crate) sent: u64,
    /// Bytes of the response's head.
    pub(crate) head_length: u64,
    /// Bytes of the response's body; [`encode::UNTOLD`] if they are known only when they are sent.
    pub(crate) body_length: u64,
    /// How fast it may be sent; `None`: as fast as it is taken.
    pub(crate) pace: Option<Box<Pace>>,
    /// Seconds that sending may stand still.
    pub(crate) write_idle: u16,
    /// Seconds that reading may stand still.
    pub(crate) read_idle: u16,
}

impl Default for Turn {
    fn default() -> Self {
        Turn {
            body: Framing::Empty,
            room: 0,
            outbox: Outbox::default(),
            relay: None,
            after: After::Keep,
            unread: Vec::new(),
            line: PendingLine::default(),
            started: Duration::ZERO,
            received: 0,
            sent: 0,
            head_length: 0,
            body_length: 0,
            pace: None,
            write_idle: 0,
            read_idle: 0,
        }
    }
}

impl Turn {
    /// Makes it ready for another request, keeping its memory within bounds.
    pub(crate) fn clear(&mut self) {
        self.body = Framing::Empty;
        self.outbox.clear();
        self.outbox.shrink();
        self.relay = None;
        self.unread = Vec::new();
        self.line.clear();
        self.pace = None;
        self.received = 0;
        self.sent = 0;
        self.head_length = 0;
        self.body_length = 0;
    }

    /// Writes the line for the access log, and counts the request for its database, once. `served`: requests on this connection, with this one.
    pub(super) fn log(&mut self, served: u32, connection: ConnectionAfter, bench: &mut Bench) {
        if let Some(database) = self.line.database {
            let traffic = Traffic {
                received: self.received,
                sent: self.sent,
                requests: 1,
            };
            bench.counters.count(usize::from(database.0), traffic);
        }
        if self.line.text.is_empty() {
            return self.line.clear();
        }
        let ending = Ending {
            body: if connection == ConnectionAfter::Aborted || self.body_length == encode::UNTOLD {
                self.sent.saturating_sub(self.head_length)
            } else {
                self.body_length
            },
            sent: self.sent,
            received: self.received,
            took: bench.now.monotonic.saturating_sub(self.started),
            earlier: served.saturating_sub(1),
            connection,
        };
        bench.logs.write(&self.line, &ending);
        self.line.clear();
    }
}
