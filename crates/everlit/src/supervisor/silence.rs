//! How long a leaving generation may say nothing.
//!
//! In: that it leaves, its words, and `now`. Out: when to end it. Must hold: whoever leaves speaks several times a second,
//! so one that is silent for long is stuck; nobody who waits for its end waits for ever, over an exec of the supervisor too.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::age;

/// Silence that is too long.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to end when told to.
const END_LIMIT: Duration = Duration::from_secs(5);

/// One generation's silence.
///
/// ```text
/// Permitted --leaves--> Counted --limit--> Terminated --limit--> Killed
///    |                   ^   |                 ^
///    |                   +word                 |
///    +------------------told to end------------+
/// from each of them: --serves again--> Permitted
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Silence {
    /// It need not say anything.
    #[default]
    Permitted,
    /// It leaves, and has said nothing since then.
    Counted(#[serde(with = "age")] Instant),
    /// It was told to end, then.
    Terminated(#[serde(with = "age")] Instant),
    /// It did not.
    Killed,
}

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// `SIGTERM`.
    Terminate,
    /// `SIGKILL`.
    Kill,
}

impl Silence {
    /// It has said something.
    pub(crate) fn word(&mut self, now: Instant) {
        if let Self::Counted(since) = self {
            *since = now;
        }
    }

    /// It is in the middle of leaving, as it was before.
    pub(crate) fn leaving(&mut self, now: Instant) -> Option<Action> {
        match *self {
            Self::Permitted => *self = Self::Counted(now),
            Self::Counted(since) if now >= since + LIMIT => {
                *self = Self::Terminated(now);
                return Some(Action::Terminate);
            }
            Self::Terminated(at) if now >= at + END_LIMIT => {
                *self = Self::Killed;
                return Some(Action::Kill);
            }
            Self::Counted(_) | Self::Terminated(_) | Self::Killed => {}
        }
        None
    }

    /// It was told to end, whether or not it was leaving.
    pub(crate) fn told_to_end(&mut self, now: Instant) {
        *self = Self::Terminated(now);
    }

    /// It is not leaving.
    pub(crate) fn not_leaving(&mut self) {
        *self = Self::Permitted;
    }

    /// When [`leaving`](Self::leaving) has something to do.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Counted(since) => Some(since + LIMIT),
            Self::Terminated(at) => Some(at + END_LIMIT),
            Self::Permitted | Self::Killed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_is_left_alone_and_who_does_not_is_ended() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut silence = Silence::default();
        assert_eq!(silence.deadline(), None);
        assert_eq!(silence.leaving(start), None);
        silence.word(start + LIMIT - second);
        assert_eq!(silence.leaving(start + LIMIT), None);
        let end = silence.deadline().unwrap();
        assert_eq!(end, start + LIMIT - second + LIMIT);
        assert_eq!(silence.leaving(end), Some(Action::Terminate));
        // It is too late for words.
        silence.word(end + second);
        assert_eq!(silence.deadline(), Some(end + END_LIMIT));
        assert_eq!(silence.leaving(end + END_LIMIT), Some(Action::Kill));
        assert_eq!(silence.leaving(end + 10 * LIMIT), None);
        assert_eq!(silence.deadline(), None);
    }

    #[test]
    fn who_is_told_to_end_is_killed_if_it_does_not() {
        let start = Instant::now();
        let mut silence = Silence::default();
        silence.told_to_end(start);
        assert_eq!(silence.deadline(), Some(start + END_LIMIT));
        assert_eq!(silence.leaving(start), None);
        assert_eq!(silence.leaving(start + END_LIMIT), Some(Action::Kill));
    }

    #[test]
    fn who_serves_again_may_be_silent() {
        let now = Instant::now();
        let mut silence = Silence::default();
        silence.leaving(now);
        silence.not_leaving();
        assert_eq!(silence.deadline(), None);
        assert_eq!(silence.leaving(now + 2 * LIMIT), None);
    }
}
