//! What is said to `rrdtool -`, and what its answers mean: without any I/O.
//!
//! In: the time, answers, figures of the [`Board`]. Out: lines. Must hold: one question at a time; what was not answered
//! with OK stays counted; a file gets at most one update in each period.
//!
//! ```text
//!             begin              a period begins             a file is missing, or figures
//!   Silent ----------> Resting ------------------> Turn(n) <------------------------------> Asked(n)
//!     ^                   ^                        after the last |  OK, ERROR: the next file  |
//!     | hush              +---------------------------------------+                            |
//!     +-- (from any)      +------------------------ no answer, or no program -----------------+
//! ```

use std::time::Duration;

use super::traffic::Traffic;
use crate::board::Board;
use crate::clock::Now;
use crate::errorlog;

/// How long an answer is waited for, if the period is not shorter.
const PATIENCE: Duration = Duration::from_secs(10);

/// lighttpd's: a value a minute, and what is made of them for 10 hours, 3 days, 2 weeks and 18 months or so.
const FORM: &str = "--step 60 \
    DS:InOctets:ABSOLUTE:600:U:U DS:OutOctets:ABSOLUTE:600:U:U DS:Requests:ABSOLUTE:600:U:U \
    RRA:AVERAGE:0.5:1:600 RRA:AVERAGE:0.5:6:700 RRA:AVERAGE:0.5:24:775 RRA:AVERAGE:0.5:288:797 \
    RRA:MAX:0.5:1:600 RRA:MAX:0.5:6:700 RRA:MAX:0.5:24:775 RRA:MAX:0.5:288:797 \
    RRA:MIN:0.5:1:600 RRA:MIN:0.5:6:700 RRA:MIN:0.5:24:775 RRA:MIN:0.5:288:797";

/// A conversation.
#[derive(Debug)]
pub struct Dialogue {
    files: Vec<File>,
    period: Duration,
    state: State,
}

/// What is known of a database's file.
#[derive(Debug, Default)]
struct File {
    /// Whether it was there when it was last spoken of.
    is_there: bool,
    /// What was last said to be wrong with it.
    complaint: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Somebody else may be writing.
    Silent,
    /// Until then (monotonic).
    Resting { until: Duration },
    /// This file is next.
    Turn(usize),
    /// An answer is to come, until then (monotonic).
    Asked {
        file: usize,
        question: Question,
        until: Duration,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Create,
    Update(Traffic),
}

/// What is at the place of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A file with something in it.
    There,
    /// Nothing, or an empty file.
    Missing,
    /// Something else.
    NoFile,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing for now.
    Wait,
    /// Say this, with its line end.
    Say(String),
    /// It does not answer: end it.
    GiveUp,
}

impl Dialogue {
    /// With a program that writes so many databases.
    pub fn new(databases: usize, period: Duration) -> Dialogue {
        Dialogue {
            files: (0..databases).map(|_| File::default()).collect(),
            // A period of nothing would never rest.
            period: period.max(Duration::from_secs(1)),
            state: State::Silent,
        }
    }

    /// Nobody else writes from now on.
    pub fn begin(&mut self, now: Now) {
        if self.state == State::Silent {
            self.rest(now);
        }
    }

    /// Somebody else will write from now on. What is not answered yet counts as not written.
    pub fn hush(&mut self) {
        self.state = State::Silent;
    }

    /// Whether an answer is to come.
    pub fn is_asking(&self) -> bool {
        matches!(self.state, State::Asked { .. })
    }

    /// When there is something to do (monotonic).
    pub fn wake_at(&self) -> Option<Duration> {
        match self.state {
            State::Silent | State::Turn(_) => None,
            State::Resting { until } | State::Asked { until, .. } => Some(until),
        }
    }

    /// Goes on. `look`: what is at a place.
    pub fn step(&mut self, now: Now, board: &Board, look: impl Fn(&str) -> Presence) -> Step {
        loop {
            match self.state {
                State::Resting { until } if until <= now.monotonic => self.state = State::Turn(0),
                State::Asked { until, .. } if until <= now.monotonic => {
                    self.rest(now);
                    return Step::GiveUp;
                }
                State::Silent | State::Resting { .. } | State::Asked { .. } => return Step::Wait,
                State::Turn(number) => match self.next(number, now, board, &look) {
                    Some(line) => return Step::Say(line),
                    None => continue,
                },
            }
        }
    }

    fn next(
        &mut self,
        number: usize,
        now: Now,
        board: &Board,
        look: impl Fn(&str) -> Presence,
    ) -> Option<String> {
        let (Some(file), Some(account)) = (self.files.get_mut(number), board.databases.get(number))
        else {
            self.rest(now);
            return None;
        };
        let name = &account.name;
        let presence = match file.is_there {
            true => Presence::There,
            false => look(name),
        };
        let (question, line) = match presence {
            Presence::NoFile => {
                file.complain(&format!("{name} is not a regular file"));
                self.state = State::Turn(number + 1);
                return None;
            }
            Presence::Missing => (
                Question::Create,
                format!("create {} {FORM}\n", quoted(name)),
            ),
            Presence::There => {
                let traffic = board.unwritten(number);
                let Traffic {
                    received,
                    sent,
                    requests,
                } = traffic;
                let line = format!("update {} N:{received}:{sent}:{requests}\n", quoted(name));
                (Question::Update(traffic), line)
            }
        };
        self.state = State::Asked {
            file: number,
            question,
            until: now.monotonic + PATIENCE.min(self.period),
        };
        Some(line)
    }

    /// The program has said a line.
    pub fn hear(&mut self, line: &str, board: &Board) {
        let State::Asked {
            file: number,
            question,
            ..
        } = self.state
        else {
            return;
        };
        let Some(file) = self.files.get_mut(number) else {
            return;
        };
        if line.starts_with("OK") {
            file.is_there = true;
            self.state = match question {
                Question::Create => State::Turn(number),
                Question::Update(traffic) => {
                    board.wrote(number, traffic);
                    file.complaint.clear();
                    State::Turn(number + 1)
                }
            };
        } else if line.starts_with("ERROR") {
            // It may be gone.
            file.is_there = false;
            file.complain(&format!("rrdtool says {line}"));
            self.state = State::Turn(number + 1);
        }
        // What else it may have to say, such as how it is used, is no answer.
    }

    /// There is no program to talk with for now.
    pub fn broke_off(&mut self, now: Now) {
        if self.state != State::Silent {
            self.rest(now);
        }
    }

    /// Until the clock shows a multiple of the period.
    fn rest(&mut self, now: Now) {
        let period = self.period.as_nanos();
        let left = period - now.unix.as_nanos() % period;
        // A period is some seconds.
        let left = Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
        let until = now.monotonic.saturating_add(left);
        self.state = State::Resting { until };
    }
}

impl File {
    /// Says it, but not once a minute.
    fn complain(&mut self, text: &str) {
        if self.complaint != text {
            errorlog::say("mod_rrdtool", text);
            text.clone_into(&mut self.complaint);
        }
    }
}

/// A name as one word.
fn quoted(name: &str) -> String {
    match name.contains([' ', '"', '\'']) {
        false => name.to_owned(),
        true if name.contains('"') => format!("'{name}'"),
        true => format!("\"{name}\""),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::worker::bench::Counters;

    fn at(seconds: f64) -> Now {
        Now {
            monotonic: Duration::from_secs_f64(5.0 + seconds),
            unix: Duration::from_secs_f64(600_000_000.0 + seconds),
        }
    }

    fn board(names: &[&str]) -> (Arc<Counters>, Board) {
        let counters = Arc::new(Counters::for_databases(names.len()));
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let board = Board::new(vec![counters.clone()], Vec::new(), names, at(0.0));
        (counters, board)
    }

    const SOME: Traffic = Traffic {
        received: 10,
        sent: 20,
        requests: 1,
    };

    #[test]
    fn each_minute_each_file_is_told_what_was_counted() {
        let (counters, board) = board(&["/new", "/a b"]);
        let mut dialogue = Dialogue::new(2, Duration::from_secs(60));
        let look = |name: &str| match name {
            "/new" => Presence::Missing,
            _ => Presence::There,
        };
        let nothing = |_: &str| panic!("it is known to be there");
        assert_eq!(dialogue.step(at(60.0), &board, look), Step::Wait);
        assert_eq!(dialogue.wake_at(), None);
        dialogue.begin(at(59.9));
        counters.count(0, SOME);
        assert_eq!(dialogue.step(at(59.95), &board, look), Step::Wait);
        assert_eq!(
            dialogue.wake_at().unwrap().as_millis(),
            at(60.0).monotonic.as_millis()
        );
        let line = format!("create /new {FORM}\n");
        assert_eq!(dialogue.step(at(60.1), &board, look), Step::Say(line));
        assert_eq!(dialogue.step(at(60.2), &board, look), Step::Wait);
        dialogue.hear("OK u:0.00 s:0.00 r:0.00", &board);
        let line = "update /new N:10:20:1\n".to_owned();
        assert_eq!(dialogue.step(at(60.2), &board, look), Step::Say(line));
        // While it is being written.
        counters.count(0, SOME);
        counters.count(0, SOME);
        dialogue.hear("a banner", &board);
        dialogue.hear("OK u:0.00 s:0.00 r:0.00", &board);
        let line = "update \"/a b\" N:0:0:0\n".to_owned();
        assert_eq!(dialogue.step(at(60.2), &board, look), Step::Say(line));
        dialogue.hear("OK", &board);
        assert_eq!(dialogue.step(at(60.3), &board, look), Step::Wait);
        assert_eq!(dialogue.step(at(119.9), &board, look), Step::Wait);
        let line = "update /new N:20:40:2\n".to_owned();
        assert_eq!(dialogue.step(at(120.1), &board, nothing), Step::Say(line));
    }

    #[test]
    fn what_is_not_written_stays_counted() {
        let (counters, board) = board(&["/d"]);
        let mut dialogue = Dialogue::new(1, Duration::from_secs(60));
        let there = |_: &str| Presence::There;
        dialogue.begin(at(1.0));
        let mut said = Vec::new();
        let mut round = |dialogue: &mut Dialogue, minute: f64| {
            counters.count(0, SOME);
            match dialogue.step(at(60.0 * minute), &board, there) {
                Step::Say(line) => said.push(line),
                other => panic!("{other:?}"),
            }
        };
        round(&mut dialogue, 1.0);
        dialogue.hear("ERROR: it is not convenient", &board);
        assert_eq!(dialogue.step(at(61.0), &board, there), Step::Wait);
        round(&mut dialogue, 2.0);
        // It says nothing.
        assert_eq!(dialogue.step(at(129.0), &board, there), Step::Wait);
        assert_eq!(dialogue.step(at(130.0), &board, there), Step::GiveUp);
        assert_eq!(dialogue.step(at(131.0), &board, there), Step::Wait);
        round(&mut dialogue, 3.0);
        dialogue.broke_off(at(180.5));
        round(&mut dialogue, 4.0);
        dialogue.hush();
        dialogue.hear("OK", &board);
        assert_eq!(dialogue.step(at(300.0), &board, there), Step::Wait);
        assert_eq!(
            said,
            [1, 2, 3, 4].map(|n| format!("update /d N:{}:{}:{n}\n", 10 * n, 20 * n))
        );

        // The next generation writes all of it, and what it counts itself.
        let (counters, next) = self::board(&["/e", "/d"]);
        next.inherit(&board.to_bytes());
        counters.count(1, SOME);
        assert_eq!(next.unwritten(0), Traffic::default());
        assert_eq!(next.unwritten(1).requests, 5);
        next.wrote(1, next.unwritten(1));
        counters.count(1, SOME);
        let (_, last) = self::board(&["/d"]);
        last.inherit(&next.to_bytes());
        assert_eq!(last.unwritten(0), SOME);
    }

    #[test]
    fn what_is_no_file_is_passed_over() {
        let (_, board) = board(&["/directory", "/it's"]);
        let mut dialogue = Dialogue::new(2, Duration::from_secs(60));
        dialogue.begin(at(1.0));
        let look = |name: &str| match name {
            "/directory" => Presence::NoFile,
            _ => Presence::There,
        };
        let line = "update \"/it's\" N:0:0:0\n".to_owned();
        assert_eq!(dialogue.step(at(60.0), &board, look), Step::Say(line));
        assert_eq!(quoted("say \"so\""), "'say \"so\"'");
    }
}
