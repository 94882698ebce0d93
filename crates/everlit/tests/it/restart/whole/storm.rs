//! Clients that ask without a pause, and judge each answer by what was in force when they asked and when they were answered.

use std::fmt;
use std::sync::{Condvar, Mutex};

use super::place::{Answer, Known, Place, QUESTIONS};
use crate::support::PATIENCE;
use crate::support::http::{Asked, Client};

/// How far the reloads are.
#[derive(Debug, Default)]
pub(super) struct Course {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Reloads that were begun, and those that were reported.
    begun: usize,
    done: usize,
    /// Rounds of questions that were answered since the last change.
    answered: usize,
    is_over: bool,
}

/// Ends a course, whatever happens: clients do not go on when a reload has failed.
pub(super) struct Ends<'c>(&'c Course);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Course {
    pub(super) fn ends_with_this(&self) -> Ends<'_> {
        Ends(self)
    }

    pub(super) fn begin(&self) {
        self.change(|state| state.begun += 1);
    }

    pub(super) fn is_done(&self) {
        self.change(|state| state.done += 1);
    }

    pub(super) fn end(&self) {
        self.change(|state| state.is_over = true);
    }

    /// Waits until some rounds were answered since the last change.
    pub(super) fn wait_for_answers(&self) {
        let state = self.state.lock().unwrap();
        let waits = |state: &mut State| state.answered < 2 * HABITS.len();
        let (_state, waited) = self
            .news
            .wait_timeout_while(state, PATIENCE, waits)
            .unwrap();
        assert!(!waited.timed_out(), "clients are answered");
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        state.answered = 0;
    }

    fn now(&self) -> State {
        *self.state.lock().unwrap()
    }

    fn is_answered(&self) {
        self.state.lock().unwrap().answered += 1;
        self.news.notify_all();
    }
}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// One after the other, on a connection that it keeps.
    Keeps,
    /// So many at once, on a connection that it keeps.
    Pipelines(usize),
    /// On a new connection each time.
    Comes,
}

pub(super) const HABITS: [Habit; 5] = [
    Habit::Keeps,
    Habit::Keeps,
    Habit::Pipelines(4),
    Habit::Pipelines(QUESTIONS.len()),
    Habit::Comes,
];

/// How many answers there were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// While one configuration was in force.
    pub(super) settled: usize,
    /// While one took over from the other: of the earlier one, of the later one.
    pub(super) between: usize,
    pub(super) later: usize,
    pub(super) connections: usize,
}

impl Tally {
    pub(super) fn plus(self, other: Tally) -> Tally {
        Tally {
            settled: self.settled + other.settled,
            between: self.between + other.between,
            later: self.later + other.later,
            connections: self.connections + other.connections,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            settled,
            between,
            later,
            connections,
        } = self;
        write!(
            f,
            "{} answers on {connections} connections, {between} of them while one took over ({later} by the successor)",
            settled + between
        )
    }
}

/// Asks all questions again and again until the course is over.
pub(super) fn ask(place: &Place, known: &Known, course: &Course, habit: Habit) -> Tally {
    let address = place.server.address();
    let connect = || Client::connect(address);
    let mut tally = Tally {
        connections: 1,
        ..Tally::default()
    };
    let mut client = connect();
    // In which reload this connection has met the successor.
    let mut met = 0;
    let at_once = match habit {
        Habit::Keeps | Habit::Comes => 1,
        Habit::Pipelines(count) => count,
    };
    let all: Vec<_> = QUESTIONS.iter().zip(known).collect();
    while !course.now().is_over {
        for some in all.chunks(at_once) {
            if habit == Habit::Comes {
                client = connect();
                met = 0;
                tally.connections += 1;
            }
            let before = course.now();
            let bytes: Vec<u8> = some
                .iter()
                .flat_map(|(question, _)| question.bytes())
                .collect();
            client.send(&bytes);
            for (question, answers) in some {
                let name = question.name();
                let response = client
                    .response(Asked::ForAnything)
                    .unwrap_or_else(|failure| panic!("{habit:?}, {name}: {failure}"));
                let answer = Answer::from(response);
                let after = course.now();
                let by = answers.iter().position(|known| *known == answer);
                let Some(by) = by else {
                    panic!("{habit:?}, {name}: {answer:#?} is neither of {answers:#?}");
                };
                // The first is in force at the beginning, and after each second reload.
                if before.done == after.begun {
                    assert_eq!(by, before.done % 2, "{habit:?}, {name}: {before:?}");
                    tally.settled += 1;
                    continue;
                }
                tally.between += 1;
                let is_later = after.begun == before.done + 1 && by == after.begun % 2;
                if is_later {
                    tally.later += 1;
                    met = after.begun;
                } else if after.begun == before.done + 1 {
                    assert!(met != after.begun, "{habit:?}, {name}: it went back");
                }
            }
        }
        course.is_answered();
    }
    tally
}
