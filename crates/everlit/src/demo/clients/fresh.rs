//! A new connection for one request.
//!
//! In: when it should have begun. Out: one answer, or one loss. Must hold: its time includes connecting.

use std::time::Instant;

use super::exchange::{Exchange, request};
use super::{Client, Event, Kind, Next, Stage};
use crate::demo::measure::{Figures, Loss};
use crate::demo::pages::INDEX;

/// Comes, asks once, goes.
#[derive(Debug)]
pub(super) struct Fresh(Exchange);

impl Fresh {
    /// One that is due now.
    pub(super) fn new(due: Instant) -> Self {
        Self(Exchange::new(Kind::Fresh, INDEX, due))
    }
}

impl Client for Fresh {
    fn on(&mut self, event: Event<'_>, now: Instant, figures: &mut Figures) -> Result<Next, Loss> {
        Ok(match event {
            Event::Connected => Next::Send(request(&INDEX)),
            Event::Bytes(bytes) => match self.0.read(bytes, now, figures)? {
                Some(_) => Next::Close,
                None => Next::Wait,
            },
            Event::Time | Event::Cue(_) => Next::Wait,
        })
    }

    fn waiting_since(&self) -> Option<Instant> {
        Some(self.0.due())
    }

    fn stage(&self) -> Stage {
        Stage::UnderWay
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::clients::Flaw;
    use crate::demo::clients::script::{MS, Script, answer};

    #[test]
    fn it_asks_once_and_goes() {
        let mut script = Script::new(Fresh::new);
        assert_eq!(script.connected(), Ok(Next::Send(request(&INDEX))));
        script.pass(3 * MS);
        let answer = answer(&INDEX, 1);
        let (first, second) = answer.split_at(20);
        assert_eq!(script.bytes(first), Ok(Next::Wait));
        assert_eq!(script.bytes(second), Ok(Next::Close));
        assert_eq!(script.figures.answered, 1);
        assert_eq!(script.figures.times.longest(), 3 * MS);
    }

    #[test]
    fn a_wrong_byte_is_a_loss() {
        let mut script = Script::new(Fresh::new);
        script.connected().unwrap();
        let mut bytes = answer(&INDEX, 1);
        *bytes.last_mut().unwrap() = b'?';
        assert_eq!(
            script.bytes(&bytes),
            Err(Loss::Wrong(Flaw::Byte(INDEX.length() - 1)))
        );
        assert_eq!(script.figures.answered, 0);
    }
}
