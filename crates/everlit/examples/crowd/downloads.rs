//! Downloads of a large file, each at its own pace, every byte compared with the byte that belongs there.
//!
//! In: the file, the time. Out: how long each had to wait for bytes when it wanted some. Must hold: all bytes, in order,
//! on the connection on which they were asked for.

use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, sockopt};

use crate::exchange::{self, Failure};
use crate::gauge::Gauge;
use crate::scene::{Interest, Scene, Who};
use crate::sockets;

/// Receive buffer of a slow one: it is not to have the whole file in it. Far above the loopback's segment size, below
/// which TCP itself makes pauses.
const SLOW_BUFFER: usize = 256 * 1024;
/// Bytes read in one go.
const GULP: usize = 256 * 1024;

/// How a download reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// 200 KB a second: the kernel's buffers hold more than a second of it.
    Slow,
    /// 200 MB a second, again and again: the buffers hold some 20 ms, then it starves unless the server works.
    Fast,
    /// As fast as bytes come, once to the end.
    Rush,
}

impl Pace {
    /// So many bytes, each so long.
    fn portion(self) -> (usize, Duration) {
        match self {
            Pace::Slow => (8 * 1024, Duration::from_millis(40)),
            Pace::Fast => (1024 * 1024, Duration::from_millis(5)),
            Pace::Rush => (usize::MAX, Duration::ZERO),
        }
    }
}

pub(crate) struct Downloads {
    /// `None`: failed.
    all: Vec<Option<Download>>,
    content: Vec<u8>,
    buffer: Vec<u8>,
    /// Whole files received.
    pub(crate) files: usize,
    /// Bytes compared.
    pub(crate) bytes: u64,
    /// How long each had to wait when it wanted bytes.
    pub(crate) starved: Gauge,
}

struct Download {
    socket: OwnedFd,
    pace: Pace,
    state: State,
}

enum State {
    Connecting,
    /// Waits for the head, of which this is here.
    Head(Vec<u8>),
    Body {
        position: usize,
        appetite: Appetite,
    },
    Done,
}

#[derive(Clone, Copy)]
enum Appetite {
    /// Has had its portion; wants the next one then.
    Sated { until: Instant },
    /// Wants so many bytes, since then.
    Hungry { bytes: usize, since: Instant },
}

impl Downloads {
    /// Begins so many, of which the first `fast` are fast and the others slow.
    pub(crate) fn open(count: usize, fast: usize, content: Vec<u8>, scene: &mut Scene) -> Self {
        let open = |index| {
            let pace = if index < fast { Pace::Fast } else { Pace::Slow };
            let download = open(scene, index, pace);
            download
                .map_err(|failure| scene.failed(Who::Download, failure))
                .ok()
        };
        Downloads {
            all: (0..count).map(open).collect(),
            content,
            buffer: vec![0; GULP],
            files: 0,
            bytes: 0,
            starved: Gauge::default(),
        }
    }

    /// Lets all go on as fast as they can, to the end of their file.
    pub(crate) fn rush(&mut self, scene: &mut Scene) {
        for index in 0..self.all.len() {
            if let Some(download) = &mut self.all[index] {
                download.pace = Pace::Rush;
                if let State::Body { appetite, .. } = &mut download.state {
                    let until = scene.now;
                    *appetite = Appetite::Sated { until };
                }
            }
        }
        self.advance(scene);
    }

    /// Whether each has got at least its head.
    pub(crate) fn are_under_way(&self) -> bool {
        let mut all = self.all.iter().flatten();
        all.all(|download| matches!(download.state, State::Body { .. } | State::Done))
    }

    /// Whether none wants more.
    pub(crate) fn are_done(&self) -> bool {
        let mut all = self.all.iter().flatten();
        all.all(|download| matches!(download.state, State::Done))
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        let all = self.all.iter().flatten();
        all.filter_map(|download| match download.state {
            State::Body {
                appetite: Appetite::Sated { until },
                ..
            } => Some(until),
            _ => None,
        })
        .min()
    }

    /// Serves those that are hungry again.
    pub(crate) fn advance(&mut self, scene: &mut Scene) {
        for index in 0..self.all.len() {
            let Some(download) = &mut self.all[index] else {
                continue;
            };
            let State::Body { appetite, .. } = &mut download.state else {
                continue;
            };
            if let Appetite::Sated { until } = *appetite
                && until <= scene.now
            {
                let bytes = download.pace.portion().0;
                let since = scene.now;
                *appetite = Appetite::Hungry { bytes, since };
                self.go_on(index, scene, Cause::Portion);
            }
        }
    }

    pub(crate) fn on_news(&mut self, index: usize, scene: &mut Scene) {
        self.go_on(index, scene, Cause::News);
    }

    fn go_on(&mut self, index: usize, scene: &mut Scene, cause: Cause) {
        let Some(mut download) = self.all[index].take() else {
            return;
        };
        match self.read(&mut download, index, scene, cause) {
            Ok(()) => self.all[index] = Some(download),
            Err(failure) => scene.failed(Who::Download, failure),
        }
    }

    fn read(
        &mut self,
        download: &mut Download,
        index: usize,
        scene: &Scene,
        cause: Cause,
    ) -> Result<(), Failure> {
        let Download {
            socket,
            pace,
            state,
        } = download;
        let expect = |interest| scene.expect(&*socket, Who::Download, index, interest);
        match state {
            State::Connecting => {
                sockets::connected(socket).map_err(|error| Failure::kernel("connect", error))?;
                exchange::send(socket, exchange::LARGE_REQUEST)?;
                expect(Interest::Readable)?;
                *state = State::Head(Vec::new());
            }
            State::Head(head) => {
                let Some(count) = receive(socket, &mut self.buffer[..4096])? else {
                    return Ok(());
                };
                head.extend_from_slice(&self.buffer[..count]);
                let Some(parsed) = exchange::head(head)? else {
                    return Ok(());
                };
                if parsed.length != self.content.len() {
                    return Err(Failure::WrongBytes);
                }
                let body = &head[parsed.bytes..];
                if self.content.get(..body.len()) != Some(body) {
                    return Err(Failure::WrongBytes);
                }
                self.bytes += body.len() as u64;
                expect(Interest::Nothing)?;
                *state = State::Body {
                    position: body.len(),
                    appetite: Appetite::Sated { until: scene.now },
                };
            }
            State::Body { position, appetite } => {
                let Appetite::Hungry { mut bytes, since } = *appetite else {
                    // Nothing was asked of the kernel, so this is the end or an error.
                    return receive(socket, &mut self.buffer[..1]).map(drop);
                };
                loop {
                    let wanted = bytes.min(GULP);
                    let Some(count) = receive(socket, &mut self.buffer[..wanted])? else {
                        if let Cause::Portion = cause {
                            expect(Interest::Readable)?;
                        }
                        *appetite = Appetite::Hungry { bytes, since };
                        return Ok(());
                    };
                    if let Cause::News = cause
                        && *pace != Pace::Rush
                    {
                        self.starved.record(scene.part, scene.since(since));
                    }
                    let end = *position + count;
                    if self.content.get(*position..end) != Some(&self.buffer[..count]) {
                        return Err(Failure::WrongBytes);
                    }
                    self.bytes += count as u64;
                    *position = end;
                    if end == self.content.len() {
                        self.files += 1;
                        if *pace == Pace::Rush {
                            expect(Interest::Nothing)?;
                            *state = State::Done;
                        } else {
                            exchange::send(socket, exchange::LARGE_REQUEST)?;
                            expect(Interest::Readable)?;
                            *state = State::Head(Vec::new());
                        }
                        return Ok(());
                    }
                    bytes = bytes.saturating_sub(count);
                    if bytes == 0 {
                        if let Cause::News = cause {
                            expect(Interest::Nothing)?;
                        }
                        let until = scene.now + pace.portion().1;
                        *appetite = Appetite::Sated { until };
                        return Ok(());
                    }
                    if let Cause::News = cause {
                        // Others have their turn; the kernel tells of the rest again.
                        let since = scene.now;
                        *appetite = Appetite::Hungry { bytes, since };
                        return Ok(());
                    }
                }
            }
            State::Done => return receive(socket, &mut self.buffer[..1]).map(drop),
        }
        Ok(())
    }
}

/// Why a download reads.
#[derive(Clone, Copy)]
enum Cause {
    /// It is hungry again.
    Portion,
    /// It was hungry, and the kernel has news.
    News,
}

/// Bytes received; `None`: there are none now.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Result<Option<usize>, Failure> {
    match rustix::net::recv(socket, buffer, RecvFlags::empty()) {
        Ok((0, _)) => Err(Failure::Closed),
        Ok((count, _)) => Ok(Some(count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(Failure::kernel("receive", errno)),
    }
}

fn open(scene: &mut Scene, index: usize, pace: Pace) -> Result<Download, Failure> {
    let socket = scene
        .sources
        .connect(scene.address)
        .map_err(|error| Failure::kernel("connect", error))?;
    if pace == Pace::Slow {
        sockopt::set_socket_recv_buffer_size(&socket, SLOW_BUFFER)
            .map_err(|errno| Failure::kernel("set the receive buffer", errno))?;
    }
    scene.watch(&socket, Who::Download, index, Interest::Writable)?;
    Ok(Download {
        socket,
        pace,
        state: State::Connecting,
    })
}
