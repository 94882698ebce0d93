//! Half-sent request heads: the first half before the reload, the second after it.
//!
//! In: how many. Out: how many were answered. Must hold: on the same connection, cut at each place of the head.

use rustix::fd::OwnedFd;

use crate::exchange::{self, Answer, Failure, REQUEST};
use crate::scene::{Interest, Scene, Who};
use crate::sockets;

#[derive(Default)]
pub(crate) struct Halves {
    /// `None`: failed.
    all: Vec<Option<Half>>,
    waiting: usize,
    pub(crate) answered: usize,
}

struct Half {
    socket: OwnedFd,
    state: State,
}

enum State {
    Connecting,
    Half,
    Asked(Answer),
    Answered,
}

impl Halves {
    /// Connects so many.
    pub(crate) fn open(count: usize, scene: &mut Scene) -> Halves {
        let mut halves = Halves::default();
        for index in 0..count {
            halves.waiting += 1;
            let half = connect(index, scene);
            halves.all.push(None);
            halves.put(scene, index, half);
        }
        halves
    }

    /// Sends the second halves.
    pub(crate) fn complete(&mut self, scene: &mut Scene) {
        for index in 0..self.all.len() {
            if let Some(Half { socket, .. }) = self.all[index].take() {
                self.waiting += 1;
                let state = State::Asked(Answer::default());
                let sent = exchange::send(&socket, &REQUEST[cut(index)..]);
                self.put(scene, index, sent.map(|()| Half { socket, state }));
            }
        }
    }

    /// Whether nothing is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.waiting == 0
    }

    pub(crate) fn on_news(&mut self, index: usize, scene: &mut Scene) {
        let Some(half) = self.all[index].take() else {
            return;
        };
        if let State::Half | State::Answered = half.state {
            self.waiting += 1;
        }
        let half = self.go_on(half, index, scene);
        self.put(scene, index, half);
    }

    fn go_on(&mut self, half: Half, index: usize, scene: &Scene) -> Result<Half, Failure> {
        let Half { socket, state } = half;
        let state = match state {
            State::Connecting => {
                sockets::connected(&socket).map_err(|error| Failure::kernel("connect", error))?;
                exchange::send(&socket, &REQUEST[..cut(index)])?;
                scene.expect(&socket, Who::HalfHead, index, Interest::Readable)?;
                self.waiting -= 1;
                State::Half
            }
            State::Asked(mut answer) => match answer.read(&socket)? {
                None => State::Asked(answer),
                Some(_) => {
                    self.waiting -= 1;
                    self.answered += 1;
                    State::Answered
                }
            },
            State::Half | State::Answered => {
                Answer::default().read(&socket)?;
                return Err(Failure::Unasked);
            }
        };
        Ok(Half { socket, state })
    }

    fn put(&mut self, scene: &mut Scene, index: usize, half: Result<Half, Failure>) {
        match half {
            Ok(half) => self.all[index] = Some(half),
            Err(failure) => {
                self.waiting -= 1;
                scene.failed(Who::HalfHead, failure);
            }
        }
    }
}

fn connect(index: usize, scene: &mut Scene) -> Result<Half, Failure> {
    let socket = scene
        .sources
        .connect(scene.address)
        .map_err(|error| Failure::kernel("connect", error))?;
    scene.watch(&socket, Who::HalfHead, index, Interest::Writable)?;
    let state = State::Connecting;
    Ok(Half { socket, state })
}

/// Where this one's head is cut: never before the first byte, never behind the last.
fn cut(index: usize) -> usize {
    1 + index % (REQUEST.len() - 1)
}
