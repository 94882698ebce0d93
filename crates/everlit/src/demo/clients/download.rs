//! A large file, read slowly.
//!
//! In: a rate. Out: the longest waits for a next byte, whole downloads, or a loss. Must hold: every byte is compared; at the
//! end of the story the rate is lifted, so that the rest comes as fast as it can.
//!
//! ```text
//! Connecting --> Reading { Sated <--> Hungry } --> Reading anew
//! ```

use std::time::{Duration, Instant};

use super::answer::Connection;
use super::exchange::{Exchange, request};
use super::{Client, Cue, Event, Flaw, Kind, Next, Stage};
use crate::demo::measure::{Figures, Loss};
use crate::demo::pages::LARGE;

/// How often it reads.
const TICK: Duration = Duration::from_millis(20);

/// Reads a large file slowly, and again when it has it.
#[derive(Debug)]
pub(super) struct Download {
    /// Bytes for each tick.
    portion: usize,
    state: State,
    last: bool,
}

#[derive(Debug)]
enum State {
    Connecting { since: Instant },
    Reading { exchange: Exchange, hunger: Hunger },
}

#[derive(Debug)]
enum Hunger {
    /// It has read what it may, and reads on then.
    Sated { until: Instant },
    /// It may read so many bytes, and has waited for the next since then.
    Hungry {
        since: Instant,
        quota: usize,
        begun: Instant,
    },
}

impl Download {
    /// One that begins now.
    pub(super) fn new(rate: u64, now: Instant) -> Self {
        let portion = rate * TICK.as_millis() as u64 / 1000;
        Self {
            portion: usize::try_from(portion).unwrap_or(usize::MAX).max(1),
            state: State::Connecting { since: now },
            last: false,
        }
    }

    fn quota(&self) -> usize {
        match self.last {
            true => usize::MAX,
            false => self.portion,
        }
    }

    fn hungry(&self, now: Instant) -> Hunger {
        Hunger::Hungry {
            since: now,
            quota: self.quota(),
            begun: now,
        }
    }

    fn ask(&mut self, now: Instant) -> Next {
        self.state = State::Reading {
            exchange: Exchange::new(Kind::Download, LARGE, now),
            hunger: self.hungry(now),
        };
        Next::Send(request(&LARGE))
    }

    fn read(&mut self, bytes: &[u8], now: Instant, figures: &mut Figures) -> Result<Next, Loss> {
        let State::Reading { exchange, hunger } = &mut self.state else {
            return Err(Loss::Wrong(Flaw::Surplus));
        };
        if let Hunger::Hungry {
            since,
            quota,
            begun,
        } = hunger
        {
            let waited = now.saturating_duration_since(*since);
            figures.window.waited(Kind::Download, waited);
            *since = now;
            *quota = quota.saturating_sub(bytes.len());
            if *quota == 0 {
                let until = (*begun + TICK).max(now);
                *hunger = Hunger::Sated { until };
            }
        }
        figures.download_bytes += bytes.len() as u64;
        match exchange.read(bytes, now, figures)? {
            None => Ok(Next::Wait),
            Some(_) if self.last => Ok(Next::Close),
            Some(Connection::Close) => Err(Loss::Closed),
            Some(Connection::Keep) => Ok(self.ask(now)),
        }
    }
}

impl Client for Download {
    fn on(&mut self, event: Event<'_>, now: Instant, figures: &mut Figures) -> Result<Next, Loss> {
        match event {
            Event::Connected => return Ok(self.ask(now)),
            Event::Bytes(bytes) => return self.read(bytes, now, figures),
            Event::Cue(Cue::Finish) => self.last = true,
            Event::Time | Event::Cue(Cue::BeforeRestart | Cue::AfterRestart) => {}
        }
        // Both the time and the end make it hungry, but not hungrier than it is.
        let again = self.hungry(now);
        let all = self.quota();
        if let State::Reading { hunger, .. } = &mut self.state {
            match hunger {
                Hunger::Sated { until } if now >= *until || self.last => *hunger = again,
                Hunger::Hungry { quota, .. } if self.last => *quota = all,
                Hunger::Sated { .. } | Hunger::Hungry { .. } => {}
            }
        }
        Ok(Next::Wait)
    }

    fn waiting_since(&self) -> Option<Instant> {
        match &self.state {
            State::Connecting { since } => Some(*since),
            State::Reading { hunger, .. } => match hunger {
                Hunger::Hungry { since, .. } => Some(*since),
                Hunger::Sated { .. } => None,
            },
        }
    }

    fn stage(&self) -> Stage {
        Stage::UnderWay
    }

    fn wake_at(&self) -> Option<Instant> {
        match &self.state {
            State::Reading {
                hunger: Hunger::Sated { until },
                ..
            } => Some(*until),
            State::Connecting { .. } | State::Reading { .. } => None,
        }
    }

    fn appetite(&self) -> usize {
        match &self.state {
            State::Connecting { .. } => 0,
            State::Reading { hunger, .. } => match hunger {
                Hunger::Hungry { quota, .. } => *quota,
                Hunger::Sated { .. } => 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::clients::script::{MS, Script, answer};

    /// 100 bytes for each tick.
    fn begun() -> Script<Download> {
        let mut script = Script::new(|now| Download::new(5000, now));
        assert_eq!(script.client.appetite(), 0);
        assert_eq!(script.connected(), Ok(Next::Send(request(&LARGE))));
        assert_eq!(script.client.appetite(), 100);
        script
    }

    #[test]
    fn it_reads_no_more_than_its_portion() {
        let mut script = begun();
        let bytes = answer(&LARGE, 1);
        let mut pieces = bytes.chunks(60);
        for _ in 0..10 {
            assert_eq!(script.bytes(pieces.next().unwrap()), Ok(Next::Wait));
            assert_eq!(script.client.appetite(), 40);
            assert_eq!(script.bytes(&pieces.next().unwrap()[..40]), Ok(Next::Wait));
            pieces = bytes[script.figures.download_bytes as usize..].chunks(60);
            assert_eq!(script.client.appetite(), 0);
            let before = script.now;
            assert_eq!(script.alarm(), Ok(Next::Wait));
            assert_eq!(script.now - before, TICK);
            assert_eq!(script.client.appetite(), 100);
        }
        assert_eq!(script.figures.download_bytes, 1000);
    }

    #[test]
    fn only_time_spent_hungry_is_waiting() {
        let mut script = begun();
        let bytes = answer(&LARGE, 1);
        script.pass(3 * MS);
        script.bytes(&bytes[..100]).unwrap();
        assert_eq!(script.client.waiting_since(), None);
        script.alarm().unwrap();
        assert_eq!(script.client.waiting_since(), Some(script.now));
        script.pass(MS);
        script.bytes(&bytes[100..150]).unwrap();
        script.pass(2 * MS);
        script.bytes(&bytes[150..160]).unwrap();
        assert_eq!(script.figures.window.longest, 3 * MS);
    }

    #[test]
    fn it_begins_anew_until_the_end_and_then_hurries() {
        let bytes = answer(&LARGE, 1);
        let mut script = begun();
        assert_eq!(script.bytes(&bytes), Ok(Next::Send(request(&LARGE))));
        assert_eq!(script.bytes(&bytes[..1000]), Ok(Next::Wait));
        assert_eq!(script.client.appetite(), 0);
        assert_eq!(script.cue(Cue::Finish), Ok(Next::Wait));
        assert_eq!(script.client.appetite(), usize::MAX);
        assert_eq!(script.bytes(&bytes[1000..]), Ok(Next::Close));
        assert_eq!(script.figures.downloads, 2);
        assert_eq!(script.figures.window.longest_kind, None);
    }

    #[test]
    fn a_wrong_byte_far_inside_is_found() {
        let mut bytes = answer(&LARGE, 1);
        let head = bytes.len() - LARGE.length() as usize;
        bytes[head + 1_000_000] ^= 0x80;
        let mut script = begun();
        assert_eq!(
            script.bytes(&bytes),
            Err(Loss::Wrong(Flaw::Byte(1_000_000)))
        );
    }
}
