//! How a worker comes to its end: by handing its connections over, or by finishing them.
//!
//! ```text
//!              Leave                  End
//!   Serving ------------> Leaving ------------> Over
//!      |  ^                 |                    ^
//!      |  +---- Resume -----+                    |
//!      |  Quit              grace over           | no connection left
//!      +------> Quitting -----------> Emptying --+
//! ```

use std::sync::Arc;

use rustix::event::epoll::{self, EventFlags};

use super::conn::Stay;
use super::orders::Report;
use super::road::Road;
use super::serve::{Fate, linger};
use super::table::Key;
use super::{Accepting, Worker};
use crate::freeze::freeze;
use crate::http1::relaying::Next;
use crate::http1::state::Phase;

/// Connections frozen before those that are still here have their turn.
const FREEZE_TURN: usize = 64;

/// Seconds that a handshake of TLS may still take when all other connections go.
const HANDSHAKE_GRACE: u32 = 10;

/// What a worker is about.
#[derive(Debug)]
pub(super) enum Stage {
    /// Serving.
    Serving,
    /// Handing over.
    Leaving {
        /// Those not looked at yet.
        queue: Vec<Key>,
        /// Where they travel.
        road: Arc<Road>,
    },
    /// Ending without a successor, and still letting clients in that were on their way, until this second (monotonic).
    Quitting {
        /// That second.
        until: u64,
    },
    /// Letting nobody in: ends when the last connection does. There is no successor, or never was more than one
    /// connection to serve.
    Emptying,
    /// At its end.
    Over,
}

impl Stage {
    /// Whether connections are on their way to their end, here or elsewhere.
    pub(super) fn is_leaving(&self) -> bool {
        !matches!(self, Stage::Serving)
    }
}

impl Worker {
    /// Whether the loop ends.
    pub(super) fn is_over(&self) -> bool {
        match self.stage {
            Stage::Over => true,
            Stage::Emptying => self.table.is_empty(),
            Stage::Serving | Stage::Leaving { .. } | Stage::Quitting { .. } => false,
        }
    }

    /// Whether there are connections to be frozen at once.
    pub(super) fn leaves_more(&self) -> bool {
        matches!(&self.stage, Stage::Leaving { queue, road } if !queue.is_empty() && road.has_room())
    }

    /// The second in which the stage ends by itself.
    pub(super) fn stage_deadline(&self) -> Option<u64> {
        match self.stage {
            Stage::Quitting { until } => Some(until),
            _ => None,
        }
    }

    pub(super) fn begin_leaving(&mut self, road: Arc<Road>) {
        self.stop_accepting(Accepting::Off);
        self.upstreams.give_up_waiting();
        let queue = self.table.keys();
        let nothing_to_sweep = queue.is_empty();
        self.stage = Stage::Leaving { queue, road };
        if nothing_to_sweep {
            self.swept();
        }
    }

    /// Freezes the next few connections.
    pub(super) fn leave_some(&mut self) {
        if let Stage::Quitting { until } = self.stage {
            if self.bench.now.monotonic.as_secs() >= until {
                self.end_grace();
            }
            return;
        }
        if !self.leaves_more() {
            return;
        }
        let Stage::Leaving { queue, .. } = &mut self.stage else {
            return;
        };
        let some = queue.split_off(queue.len().saturating_sub(FREEZE_TURN));
        let was_last = queue.is_empty();
        for key in some {
            self.send_away(key);
        }
        self.count();
        if was_last {
            self.swept();
        }
        self.reports.ring();
    }

    /// All connections have been looked at once.
    fn swept(&mut self) {
        // Our lines in the log come before those of the successor.
        self.bench.logs.flush();
        // Nobody listens only if the process is about to end.
        let _ = self.reports.queue(Report::Swept);
        self.tell_if_empty();
    }

    /// A connection that arrived in the middle of leaving goes too, without waiting for news of it.
    pub(super) fn leave_too(&mut self, key: Key) {
        match &mut self.stage {
            Stage::Leaving { queue, .. } if !queue.is_empty() => queue.push(key),
            _ => self.leave_if_quiet(key),
        }
    }

    /// After a connection was served in the middle of leaving: it is at a quiet point now.
    pub(super) fn leave_if_quiet(&mut self, key: Key) {
        let Stage::Leaving { queue, .. } = &self.stage else {
            return;
        };
        if !queue.is_empty() {
            return;
        }
        self.send_away(key);
        self.count();
        self.tell_if_empty();
    }

    /// While leaving, the lead thread waits for the last connection.
    pub(super) fn tell_if_empty(&self) {
        if let Stage::Leaving { queue, .. } = &self.stage {
            if queue.is_empty() && self.table.is_empty() {
                let _ = self.reports.queue(Report::Empty);
            }
            self.reports.ring();
        }
    }

    /// Freezes one connection and hands it on; keeps it if it cannot be frozen.
    fn send_away(&mut self, key: Key) {
        if self
            .table
            .get_mut(key)
            .is_none_or(|conn| conn.stay == Stay::Refused)
        {
            return;
        }
        let second = self.second();
        if let Some(conn) = self.table.get_mut(key)
            && conn.is_shaking()
        {
            // It goes when it has shaken hands, or is over soon.
            let deadline = conn.deadline.min(second + HANDSHAKE_GRACE);
            self.table.set_deadline(key, deadline);
            return;
        }
        self.forget_question(key);
        let Some(mut conn) = self.table.remove(key) else {
            return;
        };
        self.bench.counters.moved(conn.counted.take(), None);
        // A registration would outlive our descriptor, because the successor holds the same socket.
        let _ = epoll::delete(&self.epoll, &conn.socket);
        let endpoint = self.endpoints[usize::from(conn.endpoint)].clone();
        let deadline = conn.deadline;
        let upstream = conn
            .link
            .and_then(|id| self.upstreams.take(id, &self.epoll));
        match freeze(conn, upstream, &endpoint, &self.bench) {
            Ok(frozen) => {
                if let Stage::Leaving { road, .. } = &self.stage {
                    road.set_out();
                }
                // Without a receiver the process is ending, and so does the connection.
                drop(self.reports.queue(Report::Frozen(Box::new(frozen))));
            }
            Err(both) => {
                let (mut conn, upstream) = *both;
                conn.link = None;
                self.mark(&mut conn, Stay::Refused);
                let key = self.admit(conn, Fate::Keep, deadline);
                self.rejoin(key, upstream);
                // If it waited, it waits by another key now.
                self.resume(key, None);
            }
        }
    }

    /// Ends connections that are between two requests, and tunnels. A request that has just come is answered first, and one that
    /// comes too late meets a closed connection, not a reset.
    pub(super) fn end_idle(&mut self) {
        for key in self.table.keys() {
            self.on_connection(key, EventFlags::IN);
            let Some(conn) = self.table.get_mut(key) else {
                continue;
            };
            let before = conn.http.moment();
            if before.phase == Phase::Tunnel {
                // It never ends by itself, and there is nobody to take it.
                conn.http.end_tunnel();
                self.unlink(key, Next::Drop);
                self.flush(key);
            } else if conn.http.end_if_idle().is_some() {
                linger(conn);
                self.settle(key, before, Fate::Keep);
            }
        }
    }
}
