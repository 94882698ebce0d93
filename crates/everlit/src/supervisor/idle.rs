//! `-i SECS`: whether nothing has happened for so long that the instance stops by itself.
//!
//! In: `now`, and what the generation that serves says of itself. Out: when to ask it, and whether to stop. Must hold: an
//! instance that had a connection or a request within the limit is not stopped; whatever is not seen counts as activity.

use std::time::{Duration, Instant};

use crate::link::GenerationStatus;

/// How often the generation is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// The watch over activity.
///
/// ```text
/// Resting --time is up--> Asked --answer--> Resting
///    ^                      |
///    +----- disturbed ------+
/// ```
#[derive(Debug)]
pub(crate) struct Idle {
    limit: Duration,
    phase: Phase,
    quiet: Option<Quiet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The generation is asked next then.
    Resting { until: Instant },
    /// This generation was asked then.
    Asked { generation: u64, at: Instant },
}

/// A time without activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quiet {
    /// When it was first seen.
    since: Instant,
    generation: u64,
    /// Requests the generation had answered then.
    requests: u64,
}

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The instance stays.
    Stay,
    /// There was no activity for the limit: it stops.
    Stop,
}

impl Idle {
    /// Stops an instance that is idle for `limit`.
    pub(crate) fn new(limit: Duration, now: Instant) -> Self {
        Self {
            limit,
            phase: Phase::Resting { until: now },
            quiet: None,
        }
    }

    /// As in `-i`.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Resting { until } => Some(until),
            Phase::Asked { .. } => None,
        }
    }

    /// Time passes, and this generation serves; none if more goes on than that. Returns the generation to be asked now.
    pub(crate) fn tick(&mut self, alone: Option<u64>, now: Instant) -> Option<u64> {
        match (self.phase, alone) {
            (Phase::Asked { generation, .. }, alone) if alone != Some(generation) => {
                self.disturbed(now);
                None
            }
            (Phase::Resting { until }, None) if now >= until => {
                self.disturbed(now);
                None
            }
            (Phase::Resting { until }, Some(generation)) if now >= until => {
                self.phase = Phase::Asked {
                    generation,
                    at: now,
                };
                Some(generation)
            }
            (Phase::Resting { .. } | Phase::Asked { .. }, _) => None,
        }
    }

    /// Something else goes on.
    pub(crate) fn disturbed(&mut self, now: Instant) {
        self.quiet = None;
        self.phase = Phase::Resting {
            until: now + INTERVAL,
        };
    }

    /// A generation says how it is.
    pub(crate) fn heard(
        &mut self,
        number: u64,
        status: &GenerationStatus,
        now: Instant,
    ) -> Verdict {
        let Phase::Asked { generation, at } = self.phase else {
            return Verdict::Stay;
        };
        if number != generation {
            return Verdict::Stay;
        }
        self.quiet = match self.quiet {
            _ if status.connections > 0 => None,
            Some(quiet) if quiet.generation == number && quiet.requests == status.requests => {
                Some(quiet)
            }
            // Whatever happened is over; since when is not known.
            _ => Some(Quiet {
                since: now,
                generation: number,
                requests: status.requests,
            }),
        };
        let end = self.quiet.map(|quiet| quiet.since + self.limit);
        // The answer is as old as the question at most: an answer that lay about proves nothing of the time since.
        if end.is_some_and(|end| at >= end) {
            return Verdict::Stop;
        }
        let next = now + INTERVAL;
        self.phase = Phase::Resting {
            until: end.map_or(next, |end| next.min(end.max(now))),
        };
        Verdict::Stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn figures(connections: u64, requests: u64) -> GenerationStatus {
        GenerationStatus {
            connections,
            requests,
            ..GenerationStatus::default()
        }
    }

    /// Asks generation 1 at `at`, and has it answer at once.
    fn look(idle: &mut Idle, at: Instant, connections: u64, requests: u64) -> Verdict {
        assert_eq!(idle.tick(Some(1), at), Some(1));
        assert_eq!(idle.deadline(), None, "asked once");
        idle.heard(1, &figures(connections, requests), at)
    }

    #[test]
    fn stops_after_the_limit_without_activity() {
        let start = Instant::now();
        let mut idle = Idle::new(5 * SECOND / 2, start);
        for after in [0, 1, 2] {
            assert_eq!(idle.deadline(), Some(start + after * SECOND));
            let verdict = look(&mut idle, start + after * SECOND, 0, 7);
            assert_eq!(verdict, Verdict::Stay);
        }
        // Not a moment later than necessary.
        let end = start + 5 * SECOND / 2;
        assert_eq!(idle.deadline(), Some(end));
        assert_eq!(look(&mut idle, end, 0, 7), Verdict::Stop);
    }

    #[test]
    fn an_open_connection_is_activity() {
        let start = Instant::now();
        let mut idle = Idle::new(SECOND, start);
        for after in 0..100 {
            let verdict = look(&mut idle, start + after * SECOND, 1, 0);
            assert_eq!(verdict, Verdict::Stay);
        }
        // From the first look without it, not from the last with it.
        let closed = start + 100 * SECOND;
        assert_eq!(look(&mut idle, closed, 0, 0), Verdict::Stay);
        assert_eq!(look(&mut idle, closed + SECOND, 0, 0), Verdict::Stop);
    }

    #[test]
    fn a_request_between_two_looks_is_activity() {
        let start = Instant::now();
        let mut idle = Idle::new(SECOND, start);
        for after in 0..100_u32 {
            let verdict = look(&mut idle, start + after * SECOND, 0, after.into());
            assert_eq!(verdict, Verdict::Stay);
        }
    }

    #[test]
    fn a_restart_is_activity() {
        let start = Instant::now();
        let mut idle = Idle::new(3 * SECOND, start);
        assert_eq!(look(&mut idle, start, 0, 9), Verdict::Stay);
        assert_eq!(idle.tick(None, start + SECOND), None);
        let back = start + 10 * SECOND;
        assert_eq!(look(&mut idle, back, 0, 9), Verdict::Stay);
        assert_eq!(idle.deadline(), Some(back + SECOND));
    }

    #[test]
    fn a_generation_that_goes_without_an_answer_is_activity() {
        let start = Instant::now();
        let mut idle = Idle::new(SECOND, start);
        assert_eq!(look(&mut idle, start, 0, 0), Verdict::Stay);
        let asked = start + SECOND;
        assert_eq!(idle.tick(Some(1), asked), Some(1));
        assert_eq!(idle.tick(Some(2), asked), None);
        assert_eq!(idle.heard(1, &figures(0, 0), asked), Verdict::Stay);
        assert_eq!(idle.deadline(), Some(asked + SECOND));
        assert_eq!(idle.tick(Some(2), asked + SECOND), Some(2));
        let verdict = idle.heard(2, &figures(0, 0), asked + SECOND);
        assert_eq!(verdict, Verdict::Stay);
    }

    #[test]
    fn an_answer_proves_nothing_of_the_time_after_its_question() {
        let start = Instant::now();
        let mut idle = Idle::new(5 * SECOND, start);
        assert_eq!(look(&mut idle, start, 0, 0), Verdict::Stay);
        assert_eq!(idle.tick(Some(1), start + SECOND), Some(1));
        // We were stopped meanwhile.
        let late = start + 60 * SECOND;
        assert_eq!(idle.heard(1, &figures(0, 0), late), Verdict::Stay);
        assert_eq!(idle.deadline(), Some(late));
        assert_eq!(look(&mut idle, late, 0, 0), Verdict::Stop);
    }

    #[test]
    fn others_may_ask_too() {
        let start = Instant::now();
        let mut idle = Idle::new(Duration::ZERO, start);
        assert_eq!(idle.heard(1, &figures(0, 0), start), Verdict::Stay);
        assert_eq!(idle.deadline(), Some(start));
    }
}
