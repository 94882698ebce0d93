//! New connections, 200 a second: each asks once and ends.
//!
//! In: the time. Out: how long each took, from before the connect to after the last byte. Must hold: a new one is begun
//! in time, however slow the others are.

use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use slab::Slab;

use crate::exchange::{self, Answer, Failure};
use crate::gauge::Gauge;
use crate::scene::{Interest, Scene, Who};
use crate::sockets;

/// Time between two.
const EVERY: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(crate) struct Newcomers {
    all: Slab<Newcomer>,
    /// When the next one comes; `None`: nobody does.
    next: Option<Instant>,
    /// How long each took.
    pub(crate) took: Gauge,
}

struct Newcomer {
    socket: OwnedFd,
    state: State,
    since: Instant,
}

enum State {
    Connecting,
    Asked(Answer),
}

impl Newcomers {
    pub(crate) fn start(&mut self, now: Instant) {
        self.next = Some(now);
    }

    pub(crate) fn stop(&mut self) {
        self.next = None;
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.next
    }

    /// Lets those in whose time has come.
    pub(crate) fn advance(&mut self, scene: &mut Scene) {
        while let Some(since) = self.next.filter(|next| *next <= scene.now) {
            self.next = Some(since + EVERY);
            let entry = self.all.vacant_entry();
            match open(scene, entry.key(), since) {
                Ok(newcomer) => drop(entry.insert(newcomer)),
                Err(failure) => scene.failed(Who::Newcomer, failure),
            }
        }
    }

    pub(crate) fn on_news(&mut self, index: usize, scene: &mut Scene) {
        let Some(newcomer) = self.all.get_mut(index) else {
            return;
        };
        match newcomer.go_on(index, scene) {
            Ok(Stage::Under) => {}
            Ok(Stage::Done) => {
                self.took.record(scene.part, scene.since(newcomer.since));
                self.all.remove(index);
            }
            Err(failure) => {
                scene.failed(Who::Newcomer, failure);
                self.all.remove(index);
            }
        }
    }
}

enum Stage {
    Under,
    Done,
}

impl Newcomer {
    fn go_on(&mut self, index: usize, scene: &Scene) -> Result<Stage, Failure> {
        match &mut self.state {
            State::Connecting => {
                sockets::connected(&self.socket)
                    .map_err(|error| Failure::kernel("connect", error))?;
                exchange::send(&self.socket, exchange::LAST_REQUEST)?;
                scene.expect(&self.socket, Who::Newcomer, index, Interest::Readable)?;
                self.state = State::Asked(Answer::default());
                Ok(Stage::Under)
            }
            State::Asked(answer) => match answer.read(&self.socket)? {
                None => Ok(Stage::Under),
                Some(_) => Ok(Stage::Done),
            },
        }
    }
}

fn open(scene: &Scene, index: usize, since: Instant) -> Result<Newcomer, Failure> {
    let socket = sockets::connect_from_anywhere(scene.address)
        .map_err(|error| Failure::kernel("connect", error))?;
    scene.watch(&socket, Who::Newcomer, index, Interest::Writable)?;
    Ok(Newcomer {
        socket,
        state: State::Connecting,
        since,
    })
}
