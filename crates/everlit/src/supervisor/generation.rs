//! The life of one generation.
//!
//! In: what it says, what it is told, and how it ended. Out: what it is doing, and what its end means. Must hold: a state
//! changes only by the verbs below; whatever a generation says at the wrong time changes nothing.

use std::fmt;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::age;
use crate::tally::Tally;

/// One generation.
///
/// ```text
/// Starting --ready--> Ready --serve--> Serving --leave--> Leaving --left--> Left
///                                         ^                  |
///                                         +-----resumed------+
/// from each of them: --condemn--> Condemned
/// from each of them: --gone--> the end, whose meaning depends on where it came from
/// ```
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Generation {
    number: u64,
    version: String,
    #[serde(with = "age")]
    started: Instant,
    /// Its last `STATUS=`.
    said: Option<String>,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Starting,
    Ready,
    Serving,
    Leaving(Departure),
    Left(Tally),
    /// It was killed by us.
    Condemned,
}

/// How far a leaving generation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Departure {
    /// Done so far.
    pub(crate) tally: Tally,
    /// Still to be moved, and to be finished; none before the first word of it.
    pub(crate) remaining: Option<Remaining>,
}

/// Connections that a leaving generation still has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remaining {
    /// They will move.
    pub(crate) waiting: u64,
    /// They will finish where they are.
    pub(crate) draining: u64,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Exit {
    /// With this code.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
    /// Nobody can know: it was not our child.
    Unknown,
}

/// What the end of a generation means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It never became ready.
    NeverReady {
        /// How it ended.
        exit: Exit,
        /// What it said last.
        said: Option<String>,
    },
    /// It was ready or serving.
    Crashed(Exit),
    /// It was leaving, and did not say goodbye.
    Lost {
        /// How it ended.
        exit: Exit,
        /// Done until then.
        tally: Tally,
        /// Connections it still had, if that is known.
        lost: Option<u64>,
    },
    /// It said goodbye.
    Left(Tally),
    /// We killed it.
    Condemned,
}

impl Generation {
    /// It was started just now.
    pub(crate) fn new(number: u64, version: String, now: Instant) -> Self {
        Self {
            number,
            version,
            started: now,
            said: None,
            state: State::Starting,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// It says how it is doing.
    pub(crate) fn says(&mut self, text: String) {
        self.said = Some(text);
    }

    /// It says that it accepts connections. Whether that was news.
    pub(crate) fn ready(&mut self) -> bool {
        self.step(State::Starting, State::Ready)
    }

    /// It is the one that serves from now on.
    pub(crate) fn serve(&mut self) -> bool {
        self.step(State::Ready, State::Serving)
    }

    /// It is told to leave.
    pub(crate) fn leave(&mut self) -> bool {
        let possible = matches!(self.state, State::Ready | State::Serving);
        if possible {
            self.state = State::Leaving(Departure::default());
        }
        possible
    }

    /// It says how far it is.
    pub(crate) fn progress(&mut self, tally: Tally, remaining: Remaining) -> bool {
        let State::Leaving(departure) = &mut self.state else {
            return false;
        };
        *departure = Departure {
            tally,
            remaining: Some(remaining),
        };
        true
    }

    /// It says how many connections it has; for one that leaves and has said nothing else yet, so many remain.
    pub(crate) fn counted(&mut self, connections: u64) {
        if let State::Leaving(departure) = &mut self.state
            && departure.remaining.is_none()
        {
            departure.remaining = Some(Remaining {
                waiting: connections,
                draining: 0,
            });
        }
    }

    /// It says goodbye.
    pub(crate) fn left(&mut self, tally: Tally) -> bool {
        let leaving = matches!(self.state, State::Leaving(_));
        if leaving {
            self.state = State::Left(tally);
        }
        leaving
    }

    /// Its successor failed, and it serves as before.
    pub(crate) fn resumed(&mut self) -> bool {
        let leaving = matches!(self.state, State::Leaving(_));
        if leaving {
            self.state = State::Serving;
        }
        leaving
    }

    /// It is killed; nothing that it says matters any more.
    pub(crate) fn condemn(&mut self) {
        self.state = State::Condemned;
    }

    /// Its process is gone.
    pub(crate) fn gone(self, exit: Exit) -> End {
        match self.state {
            State::Starting => End::NeverReady {
                exit,
                said: self.said,
            },
            State::Ready | State::Serving => End::Crashed(exit),
            State::Leaving(departure) => End::Lost {
                exit,
                tally: departure.tally,
                lost: departure
                    .remaining
                    .map(|remaining| remaining.waiting + remaining.draining),
            },
            State::Left(tally) => End::Left(tally),
            State::Condemned => End::Condemned,
        }
    }

    /// It is the one that serves.
    pub(crate) fn is_serving(&self) -> bool {
        self.state == State::Serving
    }

    /// It accepts connections: ready, or serving.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, State::Ready | State::Serving)
    }

    /// Whether its process is to end: it leaves, or was told to.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.state, State::Leaving(_) | State::Condemned)
    }

    /// It is on its way out, and its process is to end by itself.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving(_) | State::Left(_))
    }

    /// How far it is with leaving; none if it is not.
    pub(crate) fn departure(&self) -> Option<Departure> {
        match self.state {
            State::Leaving(departure) => Some(departure),
            _ => None,
        }
    }

    /// One word for what it is doing.
    pub(crate) fn word(&self) -> &'static str {
        match self.state {
            State::Starting => "starting",
            State::Ready => "ready",
            State::Serving => "serving",
            State::Leaving(_) | State::Left(_) | State::Condemned => "leaving",
        }
    }

    fn step(&mut self, from: State, to: State) -> bool {
        let possible = self.state == from;
        if possible {
            self.state = to;
        }
        possible
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match signal_name(*number) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {number}"),
            },
            Self::Unknown => f.write_str("ended, nobody knows how"),
        }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGINT => "SIGINT",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTRAP => "SIGTRAP",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(idle: u64) -> Tally {
        let mut tally = Tally::default();
        tally.moved.idle = idle;
        tally
    }

    fn serving() -> Generation {
        let mut generation = Generation::new(1, "0.1".to_owned(), Instant::now());
        assert!(generation.ready() && generation.serve());
        generation
    }

    #[test]
    fn a_whole_life() {
        let mut generation = serving();
        assert!(generation.leave());
        let remaining = Remaining {
            waiting: 1,
            draining: 1,
        };
        assert!(generation.progress(tally(3), remaining));
        assert!(generation.left(tally(5)));
        assert_eq!(generation.gone(Exit::Code(0)), End::Left(tally(5)));
    }

    #[test]
    fn words_at_the_wrong_time_change_nothing() {
        let mut generation = Generation::new(1, "0.1".to_owned(), Instant::now());
        assert!(!generation.left(tally(1)));
        assert!(!generation.resumed());
        assert!(!generation.serve());
        assert!(!generation.leave());
        assert!(generation.ready());
        assert!(!generation.ready());
        assert_eq!(generation.word(), "ready");
    }

    #[test]
    fn the_end_means_what_came_before() {
        let mut generation = Generation::new(1, "0.1".to_owned(), Instant::now());
        generation.says("no key".to_owned());
        assert_eq!(
            generation.gone(Exit::Code(255)),
            End::NeverReady {
                exit: Exit::Code(255),
                said: Some("no key".to_owned())
            }
        );
        assert_eq!(
            serving().gone(Exit::Signal(11)),
            End::Crashed(Exit::Signal(11))
        );
        let mut generation = serving();
        generation.leave();
        generation.counted(4);
        assert_eq!(
            generation.gone(Exit::Signal(9)),
            End::Lost {
                exit: Exit::Signal(9),
                tally: Tally::default(),
                lost: Some(4)
            }
        );
    }

    #[test]
    fn it_can_leave_again_after_it_resumed() {
        let mut generation = serving();
        assert!(generation.leave());
        assert!(generation.resumed());
        assert!(generation.is_serving());
        assert!(generation.leave());
    }

    #[test]
    fn it_survives_an_exec_of_the_supervisor() {
        let mut generation = serving();
        generation.leave();
        let text = serde_json::to_string(&generation).unwrap();
        let again: Generation = serde_json::from_str(&text).unwrap();
        assert_eq!(again.state, generation.state);
    }
}
