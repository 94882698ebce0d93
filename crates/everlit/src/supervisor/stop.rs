//! Stopping: linger, then quit, then end.
//!
//! In: signals, successors that come and go, and `now`. Out: what to do. Must hold: while a successor is connected the
//! linger clock stands still; a second request to stop ends the patience, a third the politeness.

use std::time::{Duration, Instant};

/// After `SIGTERM`, a generation that does not end within this time is killed.
const TERMINATE_LIMIT: Duration = Duration::from_secs(3);

/// An instance that was asked to stop.
///
/// ```text
/// Lingering --time is up--> Quitting
///   |    ^                     |
///  came went                   |
///   v    |                     |
///  Held -+ --- interrupt/terminate from all ---> Terminating --time is up--> Killing
/// ```
#[derive(Debug)]
pub(crate) struct Stopping {
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Available for a successor until then.
    Lingering { until: Instant },
    /// A successor is connected; so much is left when it goes.
    Held { left: Duration },
    /// Generations finish what was begun.
    Quitting,
    /// Generations were told to end at once.
    Terminating { until: Instant },
    /// They did not.
    Killing,
}

/// What to do with all generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Tell them to finish what was begun.
    Quit,
    /// `SIGTERM`.
    Terminate,
    /// `SIGKILL`.
    Kill,
}

impl Stopping {
    /// A graceful stop.
    pub(crate) fn gracefully(linger: Duration, now: Instant) -> (Self, Option<Action>) {
        if linger.is_zero() {
            let phase = Phase::Quitting;
            return (Self { phase }, Some(Action::Quit));
        }
        let phase = Phase::Lingering {
            until: now + linger,
        };
        (Self { phase }, None)
    }

    /// A stop at once.
    pub(crate) fn at_once(now: Instant) -> (Self, Option<Action>) {
        let phase = Phase::Terminating {
            until: now + TERMINATE_LIMIT,
        };
        (Self { phase }, Some(Action::Terminate))
    }

    /// Asked to stop once more.
    pub(crate) fn hurry(&mut self, now: Instant) -> Option<Action> {
        match self.phase {
            Phase::Lingering { .. } | Phase::Held { .. } | Phase::Quitting => {
                let (stopping, action) = Self::at_once(now);
                *self = stopping;
                action
            }
            Phase::Terminating { .. } | Phase::Killing => {
                self.phase = Phase::Killing;
                Some(Action::Kill)
            }
        }
    }

    /// Linger no longer.
    pub(crate) fn quit(&mut self) -> Option<Action> {
        match self.phase {
            Phase::Lingering { .. } | Phase::Held { .. } => {
                self.phase = Phase::Quitting;
                Some(Action::Quit)
            }
            _ => None,
        }
    }

    /// A successor took the listening sockets.
    pub(crate) fn successor_came(&mut self, now: Instant) {
        if let Phase::Lingering { until } = self.phase {
            self.phase = Phase::Held {
                left: until.saturating_duration_since(now),
            };
        }
    }

    /// It went, and nothing was moved for good.
    pub(crate) fn successor_went(&mut self, now: Instant) {
        if let Phase::Held { left } = self.phase {
            self.phase = Phase::Lingering { until: now + left };
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Lingering { until } | Phase::Terminating { until } => Some(until),
            Phase::Held { .. } | Phase::Quitting | Phase::Killing => None,
        }
    }

    /// Time passes.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Action> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match self.phase {
            Phase::Terminating { .. } => {
                self.phase = Phase::Killing;
                Some(Action::Kill)
            }
            _ => self.quit(),
        }
    }

    /// Whether a successor may still take over.
    pub(crate) fn is_lingering(&self) -> bool {
        matches!(self.phase, Phase::Lingering { .. } | Phase::Held { .. })
    }

    /// Whether connections are cut.
    pub(crate) fn is_immediate(&self) -> bool {
        matches!(self.phase, Phase::Terminating { .. } | Phase::Killing)
    }

    /// Whether everybody is to finish.
    pub(crate) fn is_quitting(&self) -> bool {
        self.phase == Phase::Quitting
    }

    /// How long it lingers from now; none if it does not, or the clock stands still.
    pub(crate) fn remaining(&self, now: Instant) -> Option<Duration> {
        match self.phase {
            Phase::Lingering { until } => Some(until.saturating_duration_since(now)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn lingers_then_quits() {
        let now = Instant::now();
        let (mut stopping, action) = Stopping::gracefully(5 * SECOND, now);
        assert_eq!(action, None);
        assert_eq!(stopping.deadline(), Some(now + 5 * SECOND));
        assert_eq!(stopping.tick(now + 4 * SECOND), None);
        assert_eq!(stopping.tick(now + 5 * SECOND), Some(Action::Quit));
        assert!(!stopping.is_lingering());
        assert_eq!(stopping.tick(now + 500 * SECOND), None);
    }

    #[test]
    fn without_linger_quits_at_once() {
        let (stopping, action) = Stopping::gracefully(Duration::ZERO, Instant::now());
        assert_eq!(action, Some(Action::Quit));
        assert!(!stopping.is_lingering());
    }

    #[test]
    fn the_clock_stands_still_while_a_successor_is_connected() {
        let now = Instant::now();
        let (mut stopping, _) = Stopping::gracefully(5 * SECOND, now);
        stopping.successor_came(now + 2 * SECOND);
        assert_eq!(stopping.deadline(), None);
        assert_eq!(stopping.tick(now + 100 * SECOND), None);
        assert!(stopping.is_lingering());
        stopping.successor_went(now + 100 * SECOND);
        assert_eq!(stopping.deadline(), Some(now + 103 * SECOND));
    }

    #[test]
    fn impatience_grows() {
        let now = Instant::now();
        let (mut stopping, _) = Stopping::gracefully(5 * SECOND, now);
        assert_eq!(stopping.hurry(now), Some(Action::Terminate));
        assert!(stopping.is_immediate());
        assert_eq!(stopping.hurry(now), Some(Action::Kill));
        let (mut stopping, action) = Stopping::at_once(now);
        assert_eq!(action, Some(Action::Terminate));
        assert_eq!(stopping.tick(now + TERMINATE_LIMIT), Some(Action::Kill));
    }
}
