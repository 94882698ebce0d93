//! Requests to PHP at a steady rate, each on a connection of its own.
//!
//! In: the time. Out: for each request its answer, or what came in its place. Must hold: requests are sent when they are
//! due, however many are on their way; the same number is always the same request.

use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::exchange::{self, Failure};
use crate::scene::{Interest, Scene, Who};
use crate::{pattern, sockets};

/// An answer takes less than this long, and any time below it.
const LONGEST_MS: u64 = 5000;
/// A body that is posted has fewer bytes than this.
const BODY_MAX: u64 = 8000;

pub(crate) struct Visits {
    /// All there ever were, by their number.
    all: Vec<Visit>,
    start: Instant,
    interval: Duration,
    /// How many there are to be.
    wanted: usize,
    buffer: Vec<u8>,
}

pub(crate) enum Visit {
    Connecting(OwnedFd),
    Asked {
        socket: OwnedFd,
        got: Vec<u8>,
        /// Since when.
        sent: Instant,
    },
    /// Rightly answered, after so long, counted from when PHP should have had it done.
    Answered(Duration),
    Failed(Failure),
}

impl Visits {
    /// From now on, so many a second, for so long.
    pub(crate) fn new(rate: f64, time: Duration) -> Visits {
        Visits {
            all: Vec::new(),
            start: Instant::now(),
            interval: Duration::from_secs_f64(1.0 / rate),
            wanted: (rate * time.as_secs_f64()) as usize,
            buffer: vec![0; 64 * 1024],
        }
    }

    /// All that were begun, by their number.
    pub(crate) fn all(&self) -> &[Visit] {
        &self.all
    }

    /// Whether all have come to their end.
    pub(crate) fn are_over(&self) -> bool {
        self.all.len() == self.wanted && self.under_way() == 0
    }

    /// How many are on their way.
    pub(crate) fn under_way(&self) -> usize {
        let is_under_way =
            |visit: &&Visit| matches!(visit, Visit::Connecting(_) | Visit::Asked { .. });
        self.all.iter().filter(is_under_way).count()
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        (self.all.len() < self.wanted).then(|| self.start + self.interval * self.all.len() as u32)
    }

    /// Begins what is due.
    pub(crate) fn advance(&mut self, scene: &mut Scene) {
        while self.due().is_some_and(|due| due <= Instant::now()) {
            let number = self.all.len();
            let visit = match open(scene, number) {
                Ok(socket) => Visit::Connecting(socket),
                Err(failure) => Visit::Failed(failure),
            };
            self.all.push(visit);
        }
    }

    pub(crate) fn on_news(&mut self, number: usize, scene: &mut Scene) {
        let place = Visit::Failed(Failure::Unfinished("a request"));
        let visit = std::mem::replace(&mut self.all[number], place);
        self.all[number] = match go_on(visit, number, scene, &mut self.buffer) {
            Ok(visit) => visit,
            Err(failure) => Visit::Failed(failure),
        };
    }
}

fn go_on(visit: Visit, number: usize, scene: &Scene, buffer: &mut [u8]) -> Result<Visit, Failure> {
    match visit {
        Visit::Connecting(socket) => {
            sockets::connected(&socket).map_err(|error| Failure::kernel("connect", error))?;
            exchange::send(&socket, request(number).as_bytes())?;
            scene.expect(&socket, Who::Visit, number, Interest::Readable)?;
            Ok(Visit::Asked {
                socket,
                got: Vec::new(),
                sent: Instant::now(),
            })
        }
        Visit::Asked {
            socket,
            mut got,
            sent,
        } => {
            match rustix::net::recv(&socket, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Err(Failure::Closed),
                Ok((count, _)) => got.extend_from_slice(&buffer[..count]),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Err(Failure::kernel("receive", errno)),
            }
            let Some(head) = exchange::head(&got)? else {
                return Ok(Visit::Asked { socket, got, sent });
            };
            let body = &got[head.bytes..];
            match body.len() {
                short if short < head.length => Ok(Visit::Asked { socket, got, sent }),
                long if long > head.length => Err(Failure::TooMuch),
                _ if body != answer(number).as_bytes() => Err(Failure::WrongBytes),
                _ => {
                    let ideal = Duration::from_millis(time_ms(number));
                    Ok(Visit::Answered(sent.elapsed().saturating_sub(ideal)))
                }
            }
        }
        over => Ok(over),
    }
}

/// Whether it may be sent only once.
pub(crate) fn is_post(number: usize) -> bool {
    number % 2 == 1
}

fn request(number: usize) -> String {
    let (query, body) = (query(number), body(number));
    let length = body.len();
    match is_post(number) {
        true => format!(
            "POST /answer.php?{query} HTTP/1.1\r\nHost: crowd\r\nContent-Type: text/plain\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ),
        false => format!("GET /answer.php?{query} HTTP/1.1\r\nHost: crowd\r\n\r\n"),
    }
}

/// The body of the right answer.
fn answer(number: usize) -> String {
    let method = match is_post(number) {
        true => "POST",
        false => "GET",
    };
    format!("{method} {} {}", query(number), body(number))
}

fn query(number: usize) -> String {
    format!("n={number}&ms={}", time_ms(number))
}

/// How long PHP is to take.
fn time_ms(number: usize) -> u64 {
    pattern::mix(number as u64) % LONGEST_MS
}

fn body(number: usize) -> String {
    if !is_post(number) {
        return String::new();
    }
    let seed = pattern::mix(!(number as u64));
    let words = (0..seed % BODY_MAX / 16 + 1).map(|word| pattern::mix(seed.wrapping_add(word)));
    words.map(|word| format!("{word:016x}")).collect()
}

fn open(scene: &mut Scene, number: usize) -> Result<OwnedFd, Failure> {
    let socket = scene
        .sources
        .connect(scene.address)
        .map_err(|error| Failure::kernel("connect", error))?;
    scene.watch(&socket, Who::Visit, number, Interest::Writable)?;
    Ok(socket)
}
