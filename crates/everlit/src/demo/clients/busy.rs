//! A kept connection with a request every so often.
//!
//! In: how often. Out: answers, or a loss. Must hold: a late answer does not make the following requests fewer, unless it
//! is later than they are.
//!
//! ```text
//! Connecting --> Asking <--> Resting
//! ```

use std::time::{Duration, Instant};

use super::answer::Connection;
use super::exchange::{Exchange, request};
use super::{Client, Cue, Event, Flaw, Kind, Next, Stage};
use crate::demo::measure::{Figures, Loss};
use crate::demo::pages::SMALL;

/// Asks again and again on one connection.
#[derive(Debug)]
pub(super) struct Busy {
    every: Duration,
    state: State,
    last: bool,
}

#[derive(Debug)]
enum State {
    Connecting { since: Instant },
    Asking(Exchange),
    Resting { until: Instant },
}

impl Busy {
    /// One that begins now.
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        Self {
            every,
            state: State::Connecting { since: now },
            last: false,
        }
    }

    fn ask(&mut self, due: Instant) -> Next {
        self.state = State::Asking(Exchange::new(Kind::Busy, SMALL, due));
        Next::Send(request(&SMALL))
    }
}

impl Client for Busy {
    fn on(&mut self, event: Event<'_>, now: Instant, figures: &mut Figures) -> Result<Next, Loss> {
        match (event, &mut self.state) {
            (Event::Connected, State::Connecting { .. }) => Ok(self.ask(now)),
            (Event::Bytes(bytes), State::Asking(exchange)) => {
                match exchange.read(bytes, now, figures)? {
                    None => Ok(Next::Wait),
                    Some(_) if self.last => Ok(Next::Close),
                    Some(Connection::Close) => Err(Loss::Closed),
                    Some(Connection::Keep) => {
                        let until = (exchange.due() + self.every).max(now);
                        self.state = State::Resting { until };
                        Ok(Next::Wait)
                    }
                }
            }
            (Event::Bytes(_), _) => Err(Loss::Wrong(Flaw::Surplus)),
            (Event::Time, State::Resting { until }) if now >= *until => {
                let due = *until;
                Ok(self.ask(due))
            }
            (Event::Cue(Cue::Finish), State::Asking(_) | State::Connecting { .. }) => {
                self.last = true;
                Ok(Next::Wait)
            }
            (Event::Cue(Cue::Finish), State::Resting { .. }) => Ok(Next::Close),
            _ => Ok(Next::Wait),
        }
    }

    fn waiting_since(&self) -> Option<Instant> {
        match &self.state {
            State::Connecting { since } => Some(*since),
            State::Asking(exchange) => Some(exchange.due()),
            State::Resting { .. } => None,
        }
    }

    fn stage(&self) -> Stage {
        match self.state {
            State::Connecting { .. } | State::Asking(_) => Stage::UnderWay,
            State::Resting { .. } => Stage::Between,
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Resting { until } => Some(until),
            State::Connecting { .. } | State::Asking(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::clients::script::{MS, Script, answer};

    fn begun() -> Script<Busy> {
        let mut script = Script::new(|now| Busy::new(100 * MS, now));
        assert_eq!(script.connected(), Ok(Next::Send(request(&SMALL))));
        script
    }

    #[test]
    fn it_asks_again_and_again() {
        let mut script = begun();
        for count in 1..4 {
            assert_eq!(script.client.stage(), Stage::UnderWay);
            script.pass(2 * MS);
            assert_eq!(script.bytes(&answer(&SMALL, 1)), Ok(Next::Wait));
            assert_eq!(script.figures.answered, count);
            assert_eq!(script.client.stage(), Stage::Between);
            assert_eq!(script.client.wake_at(), Some(script.now + 98 * MS));
            assert_eq!(script.alarm(), Ok(Next::Send(request(&SMALL))));
        }
        assert_eq!(script.figures.times.longest(), 2 * MS);
    }

    #[test]
    fn time_runs_from_when_a_request_was_due() {
        let mut script = begun();
        script.bytes(&answer(&SMALL, 1)).unwrap();
        // We come to it 30 ms late.
        script.pass(130 * MS);
        script
            .client
            .on(Event::Time, script.now, &mut script.figures)
            .unwrap();
        script.bytes(&answer(&SMALL, 1)).unwrap();
        assert_eq!(script.figures.times.longest(), 30 * MS);
    }

    #[test]
    fn a_connection_that_is_not_kept_is_a_loss_beside_its_answer() {
        let mut script = begun();
        let text = String::from_utf8(answer(&SMALL, 1)).unwrap();
        let closing = text.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        assert_eq!(script.bytes(closing.as_bytes()), Err(Loss::Closed));
        assert_eq!(script.figures.answered, 1);
    }

    #[test]
    fn bytes_between_two_requests_are_wrong() {
        let mut script = begun();
        script.bytes(&answer(&SMALL, 1)).unwrap();
        assert_eq!(
            script.bytes(b"HTTP/1.1 408"),
            Err(Loss::Wrong(Flaw::Surplus))
        );
    }

    #[test]
    fn at_the_end_it_finishes_what_it_began() {
        let mut script = begun();
        assert_eq!(script.cue(Cue::Finish), Ok(Next::Wait));
        assert_eq!(script.bytes(&answer(&SMALL, 1)), Ok(Next::Close));
        let mut script = begun();
        script.bytes(&answer(&SMALL, 1)).unwrap();
        assert_eq!(script.cue(Cue::Finish), Ok(Next::Close));
    }
}
