//! A request that a restart cuts in two.
//!
//! In: the cues before and after each restart. Out: an answer after each restart, or a loss. Must hold: the first half is
//! sent before the restart and the second after it, on one connection.
//!
//! ```text
//! Connecting --> Resting --before--> Begun --after--> Asking --> Resting
//! ```

use std::time::Instant;

use super::answer::Connection;
use super::exchange::{Exchange, request};
use super::{Client, Cue, Event, Flaw, Kind, Next, Stage};
use crate::demo::measure::{Figures, Loss};
use crate::demo::pages::SMALL;

/// Sends half a request before each restart and the other half after it.
#[derive(Debug)]
pub(super) struct Half {
    state: State,
    last: bool,
}

#[derive(Debug)]
enum State {
    Connecting { since: Instant },
    Resting,
    Begun,
    Asking(Exchange),
}

impl Half {
    /// One that begins now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::Connecting { since: now },
            last: false,
        }
    }

    fn complete(&mut self, now: Instant) -> Next {
        self.state = State::Asking(Exchange::new(Kind::Half, SMALL, now));
        Next::Send(halves().1)
    }
}

/// A request in two parts, cut in the middle of a header field.
fn halves() -> (Vec<u8>, Vec<u8>) {
    let mut first = request(&SMALL);
    let second = first.split_off(first.len() - "27.0.0.1\r\n\r\n".len());
    (first, second)
}

impl Client for Half {
    fn on(&mut self, event: Event<'_>, now: Instant, figures: &mut Figures) -> Result<Next, Loss> {
        match (event, &mut self.state) {
            (Event::Connected, State::Connecting { .. }) => {
                self.state = State::Resting;
                Ok(Next::Wait)
            }
            (Event::Cue(Cue::BeforeRestart), State::Resting) => {
                self.state = State::Begun;
                Ok(Next::Send(halves().0))
            }
            (Event::Cue(Cue::AfterRestart), State::Begun) => Ok(self.complete(now)),
            (Event::Bytes(bytes), State::Asking(exchange)) => {
                match exchange.read(bytes, now, figures)? {
                    None => Ok(Next::Wait),
                    Some(_) if self.last => Ok(Next::Close),
                    Some(Connection::Close) => Err(Loss::Closed),
                    Some(Connection::Keep) => {
                        self.state = State::Resting;
                        Ok(Next::Wait)
                    }
                }
            }
            (Event::Bytes(_), _) => Err(Loss::Wrong(Flaw::Surplus)),
            (Event::Cue(Cue::Finish), State::Begun) => {
                self.last = true;
                Ok(self.complete(now))
            }
            (Event::Cue(Cue::Finish), State::Asking(_)) => {
                self.last = true;
                Ok(Next::Wait)
            }
            (Event::Cue(Cue::Finish), State::Connecting { .. } | State::Resting) => Ok(Next::Close),
            _ => Ok(Next::Wait),
        }
    }

    fn waiting_since(&self) -> Option<Instant> {
        match &self.state {
            State::Connecting { since } => Some(*since),
            State::Asking(exchange) => Some(exchange.due()),
            // It is the server that waits.
            State::Resting | State::Begun => None,
        }
    }

    fn stage(&self) -> Stage {
        match self.state {
            State::Connecting { .. } | State::Begun | State::Asking(_) => Stage::UnderWay,
            State::Resting => Stage::Between,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::clients::script::{Script, answer};

    #[test]
    fn each_restart_lies_between_the_halves() {
        let mut script = Script::new(Half::new);
        assert_eq!(script.connected(), Ok(Next::Wait));
        let (first, second) = halves();
        for restart in 1..4 {
            assert_eq!(script.client.stage(), Stage::Between);
            let sent = script.cue(Cue::BeforeRestart);
            assert_eq!(sent, Ok(Next::Send(first.clone())));
            assert_eq!(script.client.stage(), Stage::UnderWay);
            let sent = script.cue(Cue::AfterRestart);
            assert_eq!(sent, Ok(Next::Send(second.clone())));
            assert_eq!(script.bytes(&answer(&SMALL, restart)), Ok(Next::Wait));
        }
        assert_eq!(script.figures.answered, 3);
        assert_eq!(script.cue(Cue::Finish), Ok(Next::Close));
        assert_eq!([first, second].concat(), request(&SMALL));
    }

    #[test]
    fn an_answer_to_half_a_request_is_wrong() {
        let mut script = Script::new(Half::new);
        script.connected().unwrap();
        script.cue(Cue::BeforeRestart).unwrap();
        assert_eq!(
            script.bytes(b"HTTP/1.1 408 Timeout\r\n\r\n"),
            Err(Loss::Wrong(Flaw::Surplus))
        );
    }

    #[test]
    fn what_was_begun_is_finished_at_the_end() {
        let mut script = Script::new(Half::new);
        script.connected().unwrap();
        script.cue(Cue::BeforeRestart).unwrap();
        assert_eq!(script.cue(Cue::Finish), Ok(Next::Send(halves().1)));
        assert_eq!(script.bytes(&answer(&SMALL, 1)), Ok(Next::Close));
    }
}
