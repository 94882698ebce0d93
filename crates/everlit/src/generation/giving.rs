//! The predecessor's part of a handover: connections from the workers go to the successor.
//!
//! In: frozen connections, and what the channel says of them. Out: orders for the workers, and figures. Must hold: a
//! connection that is not the successor's is a worker's again; the successor hears the end only when nothing is left.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use handover::{GiverChannel, GiverEvent, Parcel, Token};
use portable_tls::Tickets;

use super::crew::Crew;
use crate::causes::with_causes;
use crate::freeze::{
    self, Frozen, KIND_NONCES, KIND_TICKETS, NONCES_VERSION, TICKETS_VERSION, Thawed,
};
use crate::http1::state::Phase;
use crate::link::FromGeneration;
use crate::modules::auth::nonce::Nonces;
use crate::tally::Tally;
use crate::worker::Order;
use crate::worker::conn::Stay;
use crate::worker::road::Road;

/// How often the supervisor is told how it goes.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// The keys for session tickets; connections are numbered from 1.
const TICKETS: Token = Token(0);
/// The secrets for nonces.
const NONCES: Token = Token(u64::MAX);

/// A handover under way.
#[derive(Debug)]
pub(super) struct Giving {
    channel: GiverChannel,
    /// Where connections are on their way.
    road: Arc<Road>,
    /// What each of them was doing.
    travelling: HashMap<u64, Phase>,
    next_token: u64,
    /// Workers that have not yet looked at all their connections.
    sweeping: usize,
    tally: Tally,
    /// Connections that had ended during earlier handovers, which failed.
    ended_before: u64,
    /// The supervisor was told that only draining is left: the successor serves, and we never serve again.
    settled: bool,
    /// The successor is gone after that; what is left ends here.
    deserted: bool,
    finishing: bool,
    /// When the drain ends (monotonic).
    deadline: Option<Duration>,
    last_progress: Duration,
}

/// How a handover goes on.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is under way.
    Under,
    /// Everything is gone: the process may end.
    Left(Tally),
    /// The successor failed: serve on.
    Resumed {
        /// Figures so far.
        tally: Tally,
        /// Why.
        reason: String,
    },
}

impl Giving {
    /// Begins: the workers freeze their connections from now on.
    pub(super) fn begin(
        socket: OwnedFd,
        crew: &Crew,
        (tickets, nonces): (Option<&Tickets>, Option<&Nonces>),
        drain_limit: Option<Duration>,
        now: Duration,
    ) -> Result<Giving, handover::Error> {
        let mut channel = GiverChannel::new(socket, &super::software(), Vec::new())?;
        let road = Arc::new(Road::default());
        if let Some(tickets) = tickets {
            road.set_out();
            let parcel = Parcel {
                kind: KIND_TICKETS,
                version: TICKETS_VERSION,
                payload: tickets.export(),
                fds: Vec::new(),
            };
            channel.offer(TICKETS, parcel);
        }
        if let Some(nonces) = nonces {
            road.set_out();
            let parcel = Parcel {
                kind: KIND_NONCES,
                version: NONCES_VERSION,
                payload: nonces.export(),
                fds: Vec::new(),
            };
            channel.offer(NONCES, parcel);
        }
        crew.order_all(|| Order::Leave(road.clone()));
        Ok(Giving {
            channel,
            road,
            travelling: HashMap::new(),
            next_token: 0,
            sweeping: crew.len(),
            tally: Tally::default(),
            ended_before: crew.ended_while_leaving(),
            settled: false,
            deserted: false,
            finishing: false,
            deadline: drain_limit.map(|limit| now + limit),
            last_progress: now,
        })
    }

    /// What to wait on, while there is somebody to hand over to.
    pub(super) fn channel(&self) -> Option<&GiverChannel> {
        (!self.deserted).then_some(&self.channel)
    }

    /// Whether only draining is left.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// When to look even if nothing happens (monotonic).
    pub(super) fn wake_at(&self) -> Duration {
        let progress = self.last_progress + PROGRESS_EVERY;
        self.deadline
            .map_or(progress, |deadline| deadline.min(progress))
    }

    /// A worker has frozen a connection.
    pub(super) fn offer(&mut self, frozen: Frozen) {
        self.next_token += 1;
        self.travelling.insert(self.next_token, frozen.phase);
        self.channel.offer(Token(self.next_token), frozen.parcel);
    }

    /// A worker has looked at all its connections.
    pub(super) fn swept(&mut self) {
        self.sweeping = self.sweeping.saturating_sub(1);
    }

    /// Goes on as far as possible. `tell` gets what the supervisor should hear on the way.
    pub(super) fn step(
        &mut self,
        crew: &mut Crew,
        now: Duration,
        tell: &mut impl FnMut(FromGeneration),
    ) -> Outcome {
        self.channel.pump();
        let travelling = self.travelling.len();
        while let Some(event) = self.channel.next_event() {
            match event {
                GiverEvent::Accepted(token) => {
                    self.road.arrived();
                    if let Some(phase) = self.travelling.remove(&token.0) {
                        self.tally.moved.count(phase);
                    }
                }
                // A successor that does not know them makes its own: clients shake hands in full.
                GiverEvent::Returned {
                    token: TICKETS | NONCES,
                    ..
                } => self.road.arrived(),
                GiverEvent::Returned { token, parcel, .. } => {
                    self.road.arrived();
                    self.travelling.remove(&token.0);
                    crew.adopt(revive(parcel).into_iter().collect(), Stay::Refused);
                }
                GiverEvent::Finished => {
                    self.tally.drained = self.drained(crew);
                    return Outcome::Left(self.tally);
                }
                GiverEvent::Broken { error, returned } => {
                    if let Some(outcome) = self.broken(&error, returned, crew) {
                        return outcome;
                    }
                }
                _ => {}
            }
        }
        if self.travelling.len() < travelling && self.sweeping > 0 {
            crew.order_all(|| Order::GoOn);
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            return self.time_is_up(crew);
        }
        // The order matters: a worker reports a connection before it counts it as gone.
        let connections = crew.connections();
        let at_rest = self.sweeping == 0 && self.travelling.is_empty();
        if connections == 0 && at_rest && !self.finishing {
            if crew.has_reports() {
                return Outcome::Under;
            }
            if self.deserted {
                self.tally.drained = crew.ended_while_leaving();
                return Outcome::Left(self.tally);
            }
            self.finishing = true;
            // The counters are few bytes, far below the limit.
            let _ = self.channel.finish(crew.board.to_bytes());
            self.channel.pump();
            return self.step(crew, now, tell);
        }
        if now >= self.last_progress + PROGRESS_EVERY {
            self.last_progress = now;
            let draining = crew.refused().min(connections);
            let waiting = connections - draining + self.travelling.len() as u64;
            // Between a worker and us connections are in no count but this.
            if waiting == 0 && (self.sweeping > 0 || crew.has_reports()) {
                return Outcome::Under;
            }
            self.settled |= waiting == 0;
            tell(FromGeneration::Progress {
                tally: self.tally,
                waiting,
                draining,
            });
        }
        Outcome::Under
    }

    /// The drain has lasted long enough. What the successor has answered by now is its own; the rest is cut.
    fn time_is_up(&mut self, crew: &Crew) -> Outcome {
        self.channel.abandon();
        while let Some(event) = self.channel.next_event() {
            if let GiverEvent::Accepted(token) = event
                && let Some(phase) = self.travelling.remove(&token.0)
            {
                self.tally.moved.count(phase);
            }
        }
        self.tally.drained = self.drained(crew);
        self.tally.dropped += crew.connections() + self.travelling.len() as u64;
        Outcome::Left(self.tally)
    }

    /// Connections that ended here since this handover began.
    fn drained(&self, crew: &Crew) -> u64 {
        crew.ended_while_leaving().saturating_sub(self.ended_before)
    }

    /// The conversation with the successor has ended too early. Nothing, if that changes nothing.
    fn broken(
        &mut self,
        error: &handover::Error,
        returned: Vec<(Token, Parcel)>,
        crew: &mut Crew,
    ) -> Option<Outcome> {
        if self.finishing {
            // Nothing was on its way, and nothing is left: only the successor's last word is missing.
            self.tally.drained = self.drained(crew);
            return Some(Outcome::Left(self.tally));
        }
        let thawed = returned
            .into_iter()
            .filter(|(token, _)| ![TICKETS, NONCES].contains(token))
            .filter_map(|(_, parcel)| revive(parcel))
            .collect();
        if self.settled {
            crew.adopt(thawed, Stay::Refused);
            self.travelling.clear();
            self.deserted = true;
            return None;
        }
        crew.adopt(thawed, Stay::Movable);
        crew.order_all(|| Order::Serve);
        Some(Outcome::Resumed {
            tally: self.tally,
            reason: with_causes(error),
        })
    }
}

/// A connection that we froze ourselves.
pub(super) fn revive(parcel: Parcel) -> Option<Thawed> {
    let image = freeze::examine(&parcel.payload, parcel.fds.len()).ok()?;
    freeze::thaw(image, parcel.fds).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::Ordering;

    use super::super::crew::Hand;
    use super::*;
    use crate::worker::bench::Counters;
    use crate::worker::inbox;

    #[test]
    fn once_only_draining_is_left_a_dead_successor_changes_nothing() {
        let (orders, inbox) = inbox::channel::<Order>().unwrap();
        let counters = Arc::new(Counters::default());
        counters.connections.store(1, Ordering::Release);
        let hand = Hand {
            orders,
            counters: counters.clone(),
            thread: std::thread::spawn(|| ()),
        };
        let reports = inbox::channel().unwrap().1;
        let mut crew = Crew::new(vec![hand], Default::default(), reports, Arc::default());
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut giving =
            Giving::begin(ours.into(), &crew, (None, None), None, Duration::ZERO).unwrap();
        giving.swept();
        counters.refused.store(1, Ordering::Relaxed);
        let mut told = Vec::new();
        let mut step = |giving: &mut Giving, crew: &mut Crew, at| {
            giving.step(crew, at, &mut |message| told.push(message))
        };
        assert!(matches!(
            step(&mut giving, &mut crew, PROGRESS_EVERY),
            Outcome::Under
        ));
        assert!(giving.is_settled());
        drop(theirs);
        assert!(matches!(
            step(&mut giving, &mut crew, PROGRESS_EVERY * 2),
            Outcome::Under
        ));
        assert!(giving.channel().is_none());
        assert!(matches!(inbox.next(), Some(Order::Leave(_))));
        assert!(inbox.next().is_none());
        counters.connections.store(0, Ordering::Release);
        assert!(matches!(
            step(&mut giving, &mut crew, PROGRESS_EVERY * 3),
            Outcome::Left(_)
        ));
        assert!(matches!(
            told[0],
            FromGeneration::Progress {
                waiting: 0,
                draining: 1,
                ..
            }
        ));
    }
}
