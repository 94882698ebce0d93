//! Idle keep-alive connections: each is opened and answered once before the reload, and once more after it.
//!
//! In: how many. Out: how many got both answers. Must hold: both on the same connection; no byte and no end in between.

use rustix::fd::OwnedFd;

use crate::exchange::{self, Answer, Failure, Persistence};
use crate::scene::{Interest, Scene, Who};
use crate::sockets;

/// Most of them that wait for something at the same time.
const WINDOW: usize = 256;

pub(crate) struct Idlers {
    /// `None`: failed.
    all: Vec<Option<Idler>>,
    wanted: usize,
    /// Next one to be asked again.
    again: usize,
    round: Round,
    waiting: usize,
    answers: [usize; 2],
}

#[derive(Clone, Copy)]
enum Round {
    First,
    Second,
}

struct Idler {
    socket: OwnedFd,
    state: State,
}

enum State {
    Connecting,
    Asked(Answer),
    Idle,
}

impl Idlers {
    pub(crate) fn new(wanted: usize) -> Idlers {
        Idlers {
            all: Vec::with_capacity(wanted),
            wanted,
            again: 0,
            round: Round::First,
            waiting: 0,
            answers: [0; 2],
        }
    }

    /// Asks all of them once more.
    pub(crate) fn ask_again(&mut self) {
        self.round = Round::Second;
    }

    /// Whether each of them has got, or failed to get, the answer of this round.
    pub(crate) fn is_settled(&self) -> bool {
        let begun = match self.round {
            Round::First => self.all.len(),
            Round::Second => self.again,
        };
        begun == self.wanted && self.waiting == 0
    }

    /// Answers got in the first and in the second round.
    pub(crate) fn answers(&self) -> [usize; 2] {
        self.answers
    }

    /// Begins as many exchanges as may run at the same time.
    pub(crate) fn advance(&mut self, scene: &mut Scene) {
        while self.waiting < WINDOW {
            let index = match self.round {
                Round::First if self.all.len() < self.wanted => {
                    let idler = open(scene, self.all.len());
                    self.all.push(None);
                    self.waiting += 1;
                    self.put(scene, self.all.len() - 1, idler);
                    continue;
                }
                Round::Second if self.again < self.all.len() => self.again,
                _ => return,
            };
            self.again += 1;
            if let Some(idler) = self.all[index].take() {
                self.waiting += 1;
                let asked = exchange::send(&idler.socket, exchange::REQUEST);
                let idler = asked.map(|()| Idler {
                    state: State::Asked(Answer::default()),
                    ..idler
                });
                self.put(scene, index, idler);
            }
        }
    }

    pub(crate) fn on_news(&mut self, index: usize, scene: &mut Scene) {
        let Some(idler) = self.all[index].take() else {
            return;
        };
        if let State::Idle = idler.state {
            self.waiting += 1;
        }
        let idler = self.go_on(idler, index, scene);
        self.put(scene, index, idler);
    }

    fn go_on(&mut self, idler: Idler, index: usize, scene: &Scene) -> Result<Idler, Failure> {
        let Idler { socket, state } = idler;
        let state = match state {
            State::Connecting => {
                sockets::connected(&socket).map_err(|error| Failure::kernel("connect", error))?;
                exchange::send(&socket, exchange::REQUEST)?;
                scene.expect(&socket, Who::Idler, index, Interest::Readable)?;
                State::Asked(Answer::default())
            }
            State::Asked(mut answer) => match answer.read(&socket)? {
                None => State::Asked(answer),
                Some(Persistence::Ends) => return Err(Failure::NotKept),
                Some(Persistence::Kept) => {
                    self.answers[self.round as usize] += 1;
                    self.waiting -= 1;
                    State::Idle
                }
            },
            State::Idle => {
                Answer::default().read(&socket)?;
                return Err(Failure::Unasked);
            }
        };
        Ok(Idler { socket, state })
    }

    fn put(&mut self, scene: &mut Scene, index: usize, idler: Result<Idler, Failure>) {
        match idler {
            Ok(idler) => self.all[index] = Some(idler),
            Err(failure) => {
                self.waiting -= 1;
                scene.failed(Who::Idler, failure);
            }
        }
    }
}

impl Drop for Idlers {
    fn drop(&mut self) {
        for idler in self.all.drain(..).flatten() {
            sockets::close_at_once(idler.socket);
        }
    }
}

fn open(scene: &mut Scene, index: usize) -> Result<Idler, Failure> {
    let socket = scene
        .sources
        .connect(scene.address)
        .map_err(|error| Failure::kernel("connect", error))?;
    scene.watch(&socket, Who::Idler, index, Interest::Writable)?;
    Ok(Idler {
        socket,
        state: State::Connecting,
    })
}
