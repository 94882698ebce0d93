//! Keep-alive connections that ask every 10 ms, and measure how long the server keeps them waiting.
//!
//! In: the time. Out: for each answer the time since the question was due, so that a late question counts too. Must hold:
//! one connection each, for ever.

use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;

use crate::exchange::{self, Answer, Failure, Persistence};
use crate::gauge::Gauge;
use crate::scene::{Interest, Scene, Who};
use crate::sockets;

/// Time between two questions of one connection.
const EVERY: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(crate) struct Probes {
    /// `None`: failed.
    all: Vec<Option<Probe>>,
    work: Work,
    /// How long each answer took.
    pub(crate) took: Gauge,
    /// How late we were ourselves.
    pub(crate) own: Gauge,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Work {
    #[default]
    Ask,
    Rest,
}

struct Probe {
    socket: OwnedFd,
    /// When the next question is due.
    next: Instant,
    state: State,
}

enum State {
    Connecting,
    Resting,
    Asked { due: Instant, answer: Answer },
}

impl Probes {
    /// Connects so many.
    pub(crate) fn open(count: usize, scene: &mut Scene) -> Probes {
        let mut probes = Probes::default();
        for index in 0..count {
            // Spread over the interval.
            let next = scene.now + EVERY * index as u32 / count as u32;
            let probe = open(scene, index, next);
            let probe = probe.map_err(|failure| scene.failed(Who::Probe, failure));
            probes.all.push(probe.ok());
        }
        probes
    }

    /// Asks nothing more.
    pub(crate) fn stop(&mut self) {
        self.work = Work::Rest;
    }

    /// Whether all are connected, and none waits for an answer.
    pub(crate) fn is_settled(&self) -> bool {
        let mut all = self.all.iter().flatten();
        all.all(|probe| matches!(probe.state, State::Resting))
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        let all = self.all.iter().flatten();
        let resting = all.filter(|probe| matches!(probe.state, State::Resting));
        let due = resting.map(|probe| probe.next).min();
        due.filter(|_| self.work == Work::Ask)
    }

    /// Asks what is due.
    pub(crate) fn advance(&mut self, scene: &mut Scene) {
        if self.work == Work::Rest {
            return;
        }
        for slot in &mut self.all {
            let Some(probe) = slot else { continue };
            if !matches!(probe.state, State::Resting) || probe.next > scene.now {
                continue;
            }
            let due = probe.next;
            self.own.record(scene.part, scene.since(due));
            let answer = Answer::default();
            probe.state = State::Asked { due, answer };
            if let Err(failure) = exchange::send(&probe.socket, exchange::REQUEST) {
                scene.failed(Who::Probe, failure);
                *slot = None;
            }
        }
    }

    pub(crate) fn on_news(&mut self, index: usize, scene: &mut Scene) {
        let Some(probe) = &mut self.all[index] else {
            return;
        };
        match probe.go_on(index, scene) {
            Ok(None) => {}
            Ok(Some(due)) => {
                self.took.record(scene.part, scene.since(due));
                // Questions that would have been due meanwhile are left out.
                while probe.next <= scene.now {
                    probe.next += EVERY;
                }
            }
            Err(failure) => {
                scene.failed(Who::Probe, failure);
                self.all[index] = None;
            }
        }
    }
}

impl Probe {
    /// When it is answered: the moment at which the question was due.
    fn go_on(&mut self, index: usize, scene: &Scene) -> Result<Option<Instant>, Failure> {
        match &mut self.state {
            State::Connecting => {
                sockets::connected(&self.socket)
                    .map_err(|error| Failure::kernel("connect", error))?;
                scene.expect(&self.socket, Who::Probe, index, Interest::Readable)?;
                self.state = State::Resting;
                self.next = self.next.max(scene.now);
                Ok(None)
            }
            State::Resting => {
                Answer::default().read(&self.socket)?;
                Err(Failure::Unasked)
            }
            State::Asked { due, answer } => match answer.read(&self.socket)? {
                None => Ok(None),
                Some(Persistence::Ends) => Err(Failure::NotKept),
                Some(Persistence::Kept) => {
                    let due = *due;
                    self.state = State::Resting;
                    Ok(Some(due))
                }
            },
        }
    }
}

fn open(scene: &mut Scene, index: usize, next: Instant) -> Result<Probe, Failure> {
    let socket = scene
        .sources
        .connect(scene.address)
        .map_err(|error| Failure::kernel("connect", error))?;
    scene.watch(&socket, Who::Probe, index, Interest::Writable)?;
    let state = State::Connecting;
    Ok(Probe {
        socket,
        next,
        state,
    })
}
