//! Clients of tunnels: each sends numbered messages, and wants every one of them back.
//!
//! In: the time. Out: how often a message came back, and how, and how long it took. Must hold: messages are sent when they
//! are due, whether the last one is back or not; what a tunnel that ends owes is lost.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, sockopt};

use crate::exchange::{self, Failure};
use crate::latency::Latencies;
use crate::scene::{Interest, Scene, Who};
use crate::websocket::{self, Kind, Side};
use crate::{pattern, sockets};

/// Handshakes at a time.
const WINDOW: usize = 256;
/// One message in so many is a long one, of [`LONG`] bytes.
const LONG_SHARE: u64 = 100;
const LONG: usize = 20_000;
/// Other messages have fewer bytes than this.
const SHORT: u64 = 300;
/// One talker in so many sends its first message without waiting for the handshake's answer: RFC 6455 has it wait, but what
/// is in between has to pass on whatever comes.
const HASTY_SHARE: usize = 8;
/// For whatever is unread by the server; a message is always taken whole.
const SEND_BUFFER: usize = 256 * 1024;

pub(crate) struct Talkers {
    /// `None`: dropped.
    all: Vec<Option<Talker>>,
    wanted: usize,
    /// In the handshake.
    shaking: usize,
    talk: Talk,
    buffer: Vec<u8>,
    pub(crate) tally: Tally,
    /// From sending to having back.
    pub(crate) latencies: Latencies,
    /// How late we were ourselves with sending.
    pub(crate) own: Latencies,
}

enum Talk {
    Silent,
    /// Message number `turn` of all is due at `start + turn * interval`.
    Talking {
        start: Instant,
        interval: Duration,
        turn: u64,
    },
}

/// What became of messages and tunnels.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) opened: u64,
    pub(crate) dropped: u64,
    pub(crate) sent: u64,
    pub(crate) returned: u64,
    pub(crate) out_of_order: u64,
    /// Again, or never sent.
    pub(crate) duplicated: u64,
    pub(crate) altered: u64,
    /// Not back when their tunnel ended.
    lost_with_tunnel: u64,
}

struct Talker {
    socket: OwnedFd,
    state: State,
    /// Number of the next message.
    next: u64,
    /// Messages on their way, in the order of sending.
    away: VecDeque<(u64, Instant)>,
    input: Vec<u8>,
}

enum State {
    Connecting,
    Shaking,
    Open,
}

impl Talkers {
    pub(crate) fn new(wanted: usize) -> Talkers {
        Talkers {
            all: Vec::new(),
            wanted,
            shaking: 0,
            talk: Talk::Silent,
            buffer: vec![0; 64 * 1024],
            tally: Tally::default(),
            latencies: Latencies::default(),
            own: Latencies::default(),
        }
    }

    /// Whether every handshake is over.
    pub(crate) fn are_open(&self) -> bool {
        self.all.len() == self.wanted && self.shaking == 0
    }

    /// Every talker sends so many messages a second from now on, at moments spread evenly.
    pub(crate) fn talk(&mut self, rate: f64) {
        self.talk = Talk::Talking {
            start: Instant::now(),
            interval: Duration::from_secs_f64(1.0 / (rate * self.wanted.max(1) as f64)),
            turn: 0,
        };
    }

    pub(crate) fn fall_silent(&mut self) {
        self.talk = Talk::Silent;
    }

    /// Messages that are not back yet.
    pub(crate) fn away(&self) -> u64 {
        let all = self.all.iter().flatten();
        all.map(|talker| talker.away.len() as u64).sum()
    }

    /// Messages that will never be back, if now is the end.
    pub(crate) fn lost(&self) -> u64 {
        self.tally.lost_with_tunnel + self.away()
    }

    /// Tunnels that are still there.
    pub(crate) fn alive(&self) -> usize {
        self.all.iter().flatten().count()
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        match &self.talk {
            Talk::Silent => None,
            Talk::Talking {
                start,
                interval,
                turn,
            } => Some(moment(*start, *interval, *turn)),
        }
    }

    /// Opens what may be opened, and sends what is due.
    pub(crate) fn advance(&mut self, scene: &mut Scene) {
        while self.all.len() < self.wanted && self.shaking < WINDOW {
            let talker = open(scene, self.all.len());
            self.shaking += usize::from(talker.is_ok());
            let talker = talker.map_err(|failure| scene.failed(Who::Tunnel, failure));
            self.all.push(talker.ok());
        }
        loop {
            let Talk::Talking {
                start,
                interval,
                turn,
            } = &mut self.talk
            else {
                return;
            };
            let due = moment(*start, *interval, *turn);
            let now = Instant::now();
            if due > now {
                return;
            }
            let index = (*turn % self.wanted as u64) as usize;
            *turn += 1;
            let Some(talker) = &mut self.all[index] else {
                continue;
            };
            self.own.record(due, now - due);
            self.tally.sent += 1;
            if let Err(failure) = talker.send(index) {
                scene.failed(Who::Tunnel, failure);
                self.drop_tunnel(index);
            }
        }
    }

    pub(crate) fn on_news(&mut self, index: usize, scene: &mut Scene) {
        let Some(talker) = &mut self.all[index] else {
            return;
        };
        let was_open = matches!(talker.state, State::Open);
        let outcome = talker.go_on(
            index,
            scene,
            &mut self.buffer,
            &mut self.tally,
            &mut self.latencies,
        );
        match outcome {
            Ok(()) => {
                if !was_open && matches!(talker.state, State::Open) {
                    self.shaking -= 1;
                    self.tally.opened += 1;
                }
            }
            Err(failure) => {
                scene.failed(Who::Tunnel, failure);
                self.shaking -= usize::from(!was_open);
                self.drop_tunnel(index);
            }
        }
    }

    fn drop_tunnel(&mut self, index: usize) {
        if let Some(talker) = self.all[index].take() {
            self.tally.dropped += 1;
            self.tally.lost_with_tunnel += talker.away.len() as u64;
        }
    }
}

impl Drop for Talkers {
    fn drop(&mut self) {
        for talker in self.all.drain(..).flatten() {
            sockets::close_at_once(talker.socket);
        }
    }
}

impl Talker {
    fn send(&mut self, index: usize) -> Result<(), Failure> {
        let number = self.next;
        self.next += 1;
        let mut frame = Vec::new();
        let mask = (pattern::mix(number) as u32).to_ne_bytes();
        websocket::write(
            Side::Client,
            Kind::Binary,
            &message(index, number),
            mask,
            &mut frame,
        );
        self.away.push_back((number, Instant::now()));
        exchange::send(&self.socket, &frame)
    }

    fn go_on(
        &mut self,
        index: usize,
        scene: &Scene,
        buffer: &mut [u8],
        tally: &mut Tally,
        latencies: &mut Latencies,
    ) -> Result<(), Failure> {
        if let State::Connecting = self.state {
            sockets::connected(&self.socket).map_err(|error| Failure::kernel("connect", error))?;
            sockopt::set_socket_send_buffer_size(&self.socket, SEND_BUFFER)
                .map_err(|errno| Failure::kernel("make the send buffer larger", errno))?;
            exchange::send(&self.socket, websocket::request(index).as_bytes())?;
            if index.is_multiple_of(HASTY_SHARE) {
                tally.sent += 1;
                self.send(index)?;
            }
            self.state = State::Shaking;
            return scene.expect(&self.socket, Who::Tunnel, index, Interest::Readable);
        }
        match rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((0, _)) => return Err(Failure::Closed),
            Ok((count, _)) => self.input.extend_from_slice(&buffer[..count]),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(errno) => return Err(Failure::kernel("receive", errno)),
        }
        let now = Instant::now();
        let mut at = 0;
        if let State::Shaking = self.state {
            match handshake(index, &self.input)? {
                None => return Ok(()),
                Some(bytes) => at = bytes,
            }
            self.state = State::Open;
        }
        while let Some(frame) =
            websocket::read(Side::Server, &self.input[at..]).map_err(Failure::NotWebSocket)?
        {
            at += frame.bytes;
            if frame.kind != Kind::Binary {
                return Err(Failure::Unasked);
            }
            self.take_back(index, &frame.payload, now, tally, latencies);
        }
        self.input.drain(..at);
        if self.input.is_empty() {
            // The memory is given back: there are thousands of us.
            self.input = Vec::new();
        }
        Ok(())
    }

    fn take_back(
        &mut self,
        index: usize,
        payload: &[u8],
        now: Instant,
        tally: &mut Tally,
        latencies: &mut Latencies,
    ) {
        let number = payload
            .get(4..12)
            .and_then(|field| field.try_into().ok())
            .map(u64::from_be_bytes);
        let position = self.away.iter().position(|(away, _)| Some(*away) == number);
        let (Some(number), Some(position)) = (number, position) else {
            tally.duplicated += 1;
            return;
        };
        if position > 0 {
            tally.out_of_order += 1;
        }
        if payload != message(index, number) {
            tally.altered += 1;
        }
        if let Some((_, sent)) = self.away.remove(position) {
            tally.returned += 1;
            latencies.record(sent, now.saturating_duration_since(sent));
        }
    }
}

fn moment(start: Instant, interval: Duration, turn: u64) -> Instant {
    start + Duration::from_nanos((interval.as_nanos() as u64).saturating_mul(turn))
}

/// The message of that number: who, which, and bytes that no other message has.
fn message(index: usize, number: u64) -> Vec<u8> {
    let seed = pattern::mix((index as u64) << 32 | number);
    let length = match seed % LONG_SHARE {
        0 => LONG,
        _ => (seed >> 32) as usize % SHORT as usize,
    };
    let mut message = (index as u32).to_be_bytes().to_vec();
    message.extend(number.to_be_bytes());
    let words = (0..length.div_ceil(8) as u64)
        .flat_map(|word| pattern::mix(seed.wrapping_add(word)).to_ne_bytes());
    message.extend(words.take(length));
    message
}

/// Length of the answer to the handshake, if it is whole.
fn handshake(index: usize, input: &[u8]) -> Result<Option<usize>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let used = match response.parse(input) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Failure::NotHttp),
    };
    if response.code != Some(101) {
        return Err(Failure::Status(response.code.unwrap_or(0)));
    }
    let accept = response
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("sec-websocket-accept"));
    let wanted = websocket::accept(&websocket::key(index));
    match accept {
        Some(field) if field.value == wanted.as_bytes() => Ok(Some(used)),
        _ => Err(Failure::NotWebSocket("Sec-WebSocket-Accept is wrong")),
    }
}

fn open(scene: &mut Scene, index: usize) -> Result<Talker, Failure> {
    let socket = scene
        .sources
        .connect(scene.address)
        .map_err(|error| Failure::kernel("connect", error))?;
    scene.watch(&socket, Who::Tunnel, index, Interest::Writable)?;
    Ok(Talker {
        socket,
        state: State::Connecting,
        next: 0,
        away: VecDeque::new(),
        input: Vec::new(),
    })
}
