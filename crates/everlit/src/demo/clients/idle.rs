//! A kept connection on which nothing happens for the whole demo.
//!
//! In: the end of the story. Out: an answer at the beginning and one at the end, or a loss. Must hold: it says nothing
//! between.
//!
//! ```text
//! Connecting --> First --> Quiet --finish--> Last
//! ```

use std::time::Instant;

use super::answer::Connection;
use super::exchange::{Exchange, request};
use super::{Client, Cue, Event, Flaw, Kind, Next, Stage};
use crate::demo::measure::{Figures, Loss};
use crate::demo::pages::INDEX;

/// Asks at the beginning and at the end.
#[derive(Debug)]
pub(super) struct Idle(State);

#[derive(Debug)]
enum State {
    Connecting { since: Instant },
    First(Exchange),
    Quiet,
    Last(Exchange),
}

impl Idle {
    /// One that begins now.
    pub(super) fn new(now: Instant) -> Self {
        Self(State::Connecting { since: now })
    }
}

impl Client for Idle {
    fn on(&mut self, event: Event<'_>, now: Instant, figures: &mut Figures) -> Result<Next, Loss> {
        let ask = || Exchange::new(Kind::Idle, INDEX, now);
        match (event, &mut self.0) {
            (Event::Connected, State::Connecting { .. }) => {
                self.0 = State::First(ask());
                Ok(Next::Send(request(&INDEX)))
            }
            (Event::Bytes(bytes), State::First(exchange)) => {
                match exchange.read(bytes, now, figures)? {
                    None => Ok(Next::Wait),
                    Some(Connection::Close) => Err(Loss::Closed),
                    Some(Connection::Keep) => {
                        self.0 = State::Quiet;
                        Ok(Next::Wait)
                    }
                }
            }
            (Event::Bytes(bytes), State::Last(exchange)) => {
                match exchange.read(bytes, now, figures)? {
                    None => Ok(Next::Wait),
                    Some(_) => Ok(Next::Close),
                }
            }
            (Event::Bytes(_), _) => Err(Loss::Wrong(Flaw::Surplus)),
            (Event::Cue(Cue::Finish), State::Quiet) => {
                self.0 = State::Last(ask());
                Ok(Next::Send(request(&INDEX)))
            }
            // Too late to be idle: its first request is its last.
            (Event::Cue(Cue::Finish), State::First(_)) => {
                let State::First(exchange) = std::mem::replace(&mut self.0, State::Quiet) else {
                    return Ok(Next::Wait);
                };
                self.0 = State::Last(exchange);
                Ok(Next::Wait)
            }
            (Event::Cue(Cue::Finish), State::Connecting { .. }) => Ok(Next::Close),
            _ => Ok(Next::Wait),
        }
    }

    fn waiting_since(&self) -> Option<Instant> {
        match &self.0 {
            State::Connecting { since } => Some(*since),
            State::First(exchange) | State::Last(exchange) => Some(exchange.due()),
            State::Quiet => None,
        }
    }

    fn stage(&self) -> Stage {
        match self.0 {
            State::Connecting { .. } | State::First(_) | State::Last(_) => Stage::UnderWay,
            State::Quiet => Stage::Between,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::clients::script::{Script, answer};

    #[test]
    fn it_is_quiet_until_the_end() {
        let mut script = Script::new(Idle::new);
        assert_eq!(script.connected(), Ok(Next::Send(request(&INDEX))));
        assert_eq!(script.bytes(&answer(&INDEX, 1)), Ok(Next::Wait));
        assert_eq!(script.cue(Cue::BeforeRestart), Ok(Next::Wait));
        assert_eq!(script.cue(Cue::AfterRestart), Ok(Next::Wait));
        assert_eq!(script.client.wake_at(), None);
        assert_eq!(script.client.stage(), Stage::Between);
        assert_eq!(script.cue(Cue::Finish), Ok(Next::Send(request(&INDEX))));
        assert_eq!(script.bytes(&answer(&INDEX, 6)), Ok(Next::Close));
        assert_eq!(script.figures.answered, 2);
    }

    #[test]
    fn an_early_end_is_no_loss() {
        let mut script = Script::new(Idle::new);
        script.connected().unwrap();
        assert_eq!(script.cue(Cue::Finish), Ok(Next::Wait));
        assert_eq!(script.bytes(&answer(&INDEX, 1)), Ok(Next::Close));
    }
}
