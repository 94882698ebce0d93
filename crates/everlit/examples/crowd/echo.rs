//! A backend that says everything again: the other end of all tunnels.
//!
//! In: connections, on a thread of its own. Out: each WebSocket message again, whole. Must hold: no message is looked at,
//! altered or kept; what the server is too slow for waits here.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::websocket::{self, Kind, Side};

/// The listener's number in the event queue.
const LISTENER: u64 = u64::MAX;
/// Most bytes of a head.
const HEAD_MAX: usize = 8192;

/// The backend; its thread ends with the program.
pub(crate) struct Echo {
    pub(crate) port: u16,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count {
    messages: AtomicU64,
    ended: AtomicU64,
}

struct Line {
    stream: TcpStream,
    state: State,
    input: Vec<u8>,
    output: Vec<u8>,
}

enum State {
    Head,
    Open,
}

impl Echo {
    /// Starts it.
    pub(crate) fn start() -> Result<Echo, Box<dyn Error>> {
        let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        // As many may wait as the system lets: they all come at once.
        rustix::net::listen(&listener, 65_535)?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let count = Arc::new(Count::default());
        let counting = count.clone();
        std::thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || {
                if let Err(error) = serve(&listener, &counting) {
                    eprintln!("crowd: the echo backend has ended: {error}");
                    std::process::exit(2);
                }
            })?;
        Ok(Echo { port, count })
    }

    /// Messages that have come here.
    pub(crate) fn messages(&self) -> u64 {
        self.count.messages.load(Ordering::Relaxed)
    }

    /// Connections that have ended, in whatever way.
    pub(crate) fn ended(&self) -> u64 {
        self.count.ended.load(Ordering::Relaxed)
    }
}

fn serve(listener: &TcpListener, count: &Count) -> io::Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(
        &epoll,
        listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    let mut lines: Vec<Option<Line>> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut events = [Event {
        flags: EventFlags::empty(),
        data: EventData::new_u64(0),
    }; 256];
    loop {
        let ready = match epoll::wait(&epoll, &mut events[..], None) {
            Ok(ready) => ready,
            Err(Errno::INTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        for event in &events[..ready] {
            let index = event.data.u64();
            if index == LISTENER {
                accept(listener, &epoll, &mut lines)?;
            } else if let Some(slot) = lines.get_mut(index as usize)
                && let Some(line) = slot
                && line.go_on(&mut buffer, count).is_err()
            {
                count.ended.fetch_add(1, Ordering::Relaxed);
                *slot = None;
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    epoll: &OwnedFd,
    lines: &mut Vec<Option<Line>>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(
            epoll,
            &stream,
            EventData::new_u64(lines.len() as u64),
            flags,
        )?;
        lines.push(Some(Line {
            stream,
            state: State::Head,
            input: Vec::new(),
            output: Vec::new(),
        }));
    }
}

impl Line {
    /// Reads and says again what there is. An error: it is over.
    fn go_on(&mut self, buffer: &mut [u8], count: &Count) -> io::Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    self.input.extend_from_slice(&buffer[..length]);
                    self.answer(count)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.flush()
    }

    fn answer(&mut self, count: &Count) -> io::Result<()> {
        if let State::Head = self.state {
            let Some(end) = self.input.windows(4).position(|four| four == b"\r\n\r\n") else {
                return match self.input.len() {
                    0..HEAD_MAX => Ok(()),
                    _ => Err(ErrorKind::InvalidData.into()),
                };
            };
            let head: Vec<u8> = self.input.drain(..end + 4).collect();
            self.output
                .extend(websocket::response(&key_in(&head)?).as_bytes());
            self.state = State::Open;
        }
        let mut at = 0;
        while let Some(frame) = websocket::read(Side::Client, &self.input[at..])
            .map_err(|why| io::Error::new(ErrorKind::InvalidData, why))?
        {
            at += frame.bytes;
            if frame.kind == Kind::Binary {
                count.messages.fetch_add(1, Ordering::Relaxed);
            }
            websocket::write(
                Side::Server,
                frame.kind,
                &frame.payload,
                [0; 4],
                &mut self.output,
            );
        }
        self.input.drain(..at);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut at = 0;
        while at < self.output.len() {
            match self.stream.write(&self.output[at..]) {
                Ok(length) => at += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.drain(..at);
        Ok(())
    }
}

fn key_in(head: &[u8]) -> io::Result<String> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(head);
    let upgrades = |name: &str, value: &str| {
        request.headers.iter().any(|field| {
            let text = String::from_utf8_lossy(field.value).to_ascii_lowercase();
            field.name.eq_ignore_ascii_case(name) && text.contains(value)
        })
    };
    let is_handshake = parsed.is_ok_and(|status| status.is_complete())
        && upgrades("connection", "upgrade")
        && upgrades("upgrade", "websocket");
    let key = request
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("sec-websocket-key"));
    match key {
        Some(field) if is_handshake => Ok(String::from_utf8_lossy(field.value).into_owned()),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "no handshake")),
    }
}
