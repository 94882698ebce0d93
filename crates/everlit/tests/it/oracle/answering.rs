//! Backends that both servers ask: each says its name, and what it was told.
//!
//! In: connections of servers. Out: an answer to each request; what was asked, in order. Must hold: an answer depends on
//! nothing but the request; whoever is waited for, is waited for at most [`PATIENCE`].

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use crate::support::PATIENCE;

/// How a backend is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Http,
    Scgi,
    Uwsgi,
}

/// A backend of its own address, 127.0.0.1 and so on: lighttpd's hashes go by that, and not by the port.
pub struct Answering {
    pub address: SocketAddr,
    notes: Arc<Notes>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What several backends were asked.
#[derive(Default)]
pub struct Notes {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Names of those who were asked, in order.
    asked: Vec<u8>,
    /// Whether those who hold their answers back may go on.
    released: bool,
}

impl Notes {
    /// Who was asked, when so many were.
    pub fn asked(&self, count: usize) -> Vec<u8> {
        let state = self.state.lock().unwrap();
        let wait = self
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.asked.len() < count);
        let (state, timeout) = wait.unwrap();
        assert!(!timeout.timed_out(), "only {:?}", state.asked);
        state.asked.clone()
    }

    /// Whoever holds an answer back gives it.
    pub fn release(&self) {
        self.state.lock().unwrap().released = true;
        self.changed.notify_all();
    }

    fn note(&self, name: u8) {
        self.state.lock().unwrap().asked.push(name);
        self.changed.notify_all();
    }

    fn wait_for_release(&self) {
        let state = self.state.lock().unwrap();
        let wait = |state: &mut State| !state.released;
        drop(self.changed.wait_timeout_while(state, PATIENCE, wait));
    }
}

impl Answering {
    /// The backend of this name, which is the end of its address.
    pub fn new(wire: Wire, name: u8, notes: &Arc<Notes>) -> Answering {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, name), 0)).unwrap();
        Answering::on(listener, wire, name, notes)
    }

    /// The same, on a socket that listens already.
    pub fn on(listener: TcpListener, wire: Wire, name: u8, notes: &Arc<Notes>) -> Answering {
        let address = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, its_notes) = (is_over.clone(), notes.clone());
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let notes = its_notes.clone();
                std::thread::spawn(move || serve(stream, wire, name, &notes));
            }
        });
        Answering {
            address,
            notes: notes.clone(),
            is_over,
            thread: Some(thread),
        }
    }

    /// A block of `*.server`.
    pub fn block(&self, options: &str) -> String {
        let (host, port) = (self.address.ip(), self.address.port());
        format!("(\"host\" => \"{host}\", \"port\" => {port}, {options})")
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.notes.release();
        self.is_over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An address where nobody listens, and nobody else can.
pub struct Down {
    socket: OwnedFd,
    pub address: SocketAddr,
}

impl Down {
    pub fn new(ip: Ipv4Addr) -> Down {
        use rustix::net::{AddressFamily, SocketFlags, SocketType};
        let (family, flags) = (AddressFamily::INET, SocketFlags::CLOEXEC);
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None).unwrap();
        rustix::net::bind(&socket, &SocketAddrV4::new(ip, 0)).unwrap();
        let address = rustix::net::getsockname(&socket).unwrap();
        let address = address.try_into().unwrap();
        Down { socket, address }
    }

    /// A block of `*.server`.
    pub fn block(&self, options: &str) -> String {
        let (host, port) = (self.address.ip(), self.address.port());
        format!("(\"host\" => \"{host}\", \"port\" => {port}, {options})")
    }

    /// Somebody listens after all.
    pub fn comes_up(self, wire: Wire, notes: &Arc<Notes>) -> Answering {
        rustix::net::listen(&self.socket, 64).unwrap();
        Answering::on(self.socket.into(), wire, 1, notes)
    }
}

/// What stands in a request besides its body.
struct Told {
    /// Of which it is known how long it is.
    lines: Vec<String>,
    body: usize,
    is_chunked: bool,
    is_held: bool,
    answer: Answer,
}

/// In whose language the answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Http,
    Cgi,
    /// Whoever does not ask is the other end of a tunnel.
    Echo,
}

fn serve(mut stream: TcpStream, wire: Wire, name: u8, notes: &Notes) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut input = Vec::new();
    let told = loop {
        if let Some(told) = take(&mut input, wire) {
            break told;
        }
        if !more(&mut stream, &mut input) {
            return;
        }
    };
    let is_whole = |input: &[u8]| match told.is_chunked {
        true => input.ends_with(b"0\r\n\r\n"),
        false => input.len() >= told.body,
    };
    while !is_whole(&input) {
        if !more(&mut stream, &mut input) {
            return;
        }
    }
    notes.note(name);
    if told.is_held {
        notes.wait_for_release();
    }
    let lines = told.lines.join("\n");
    let body = format!("backend {name}\n{lines}\n\n{}", input.escape_ascii());
    let head = match told.answer {
        Answer::Http => "HTTP/1.1 200 OK\r\nConnection: close\r\n",
        Answer::Cgi => "Status: 200\r\n",
        Answer::Echo => {
            let _ = stream.write_all(body.as_bytes());
            return;
        }
    };
    let length = body.len();
    let text = format!(
        "{head}X-Backend: {name}\r\nContent-Type: text/x-told\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    // Nobody may want it any more.
    let _ = stream.write_all(text.as_bytes());
}

fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 16 * 1024];
    let length = stream.read(&mut buffer).unwrap_or(0);
    input.extend_from_slice(&buffer[..length]);
    length > 0
}

/// Takes a request off what was received, but for its body; nothing, if it is not complete.
fn take(input: &mut Vec<u8>, wire: Wire) -> Option<Told> {
    match wire {
        Wire::Http if input.starts_with(b"tunnel") => Some(Told {
            lines: Vec::new(),
            body: 0,
            is_chunked: false,
            is_held: false,
            answer: Answer::Echo,
        }),
        Wire::Http => {
            let end = input.windows(4).position(|four| four == b"\r\n\r\n")?;
            let head = String::from_utf8_lossy(&input[..end]).into_owned();
            input.drain(..end + 4);
            let mut lines: Vec<_> = head.split("\r\n").map(str::to_owned).collect();
            let is_held = lines[0].contains("hold");
            lines[1..].sort_by_key(|line| line.to_ascii_lowercase());
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1);
            let body = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            // Connections are each server's own matter.
            lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
            Some(Told {
                lines,
                body,
                is_chunked: lower.contains("transfer-encoding: chunked"),
                is_held,
                answer: Answer::Http,
            })
        }
        Wire::Scgi => {
            let colon = input.iter().position(|byte| *byte == b':')?;
            let length: usize = std::str::from_utf8(&input[..colon]).ok()?.parse().ok()?;
            let block = input.get(colon + 1..colon + 1 + length)?;
            let texts: Vec<_> = block.split(|byte| *byte == 0).collect();
            let pairs = texts.chunks_exact(2).map(|pair| (pair[0], pair[1]));
            let told = variables(pairs);
            input.drain(..input.len().min(colon + 2 + length));
            Some(told)
        }
        Wire::Uwsgi => {
            let length = u16::from_le_bytes([*input.get(1)?, *input.get(2)?]);
            let mut rest = input.get(4..4 + usize::from(length))?;
            let mut pairs = Vec::new();
            let mut text = || {
                let (length, behind) = rest.split_first_chunk()?;
                let (text, behind) = behind.split_at(u16::from_le_bytes(*length).into());
                rest = behind;
                Some(text)
            };
            while let (Some(name), Some(value)) = (text(), text()) {
                pairs.push((name, value));
            }
            let told = variables(pairs.into_iter());
            input.drain(..4 + usize::from(length));
            Some(told)
        }
    }
}

fn variables<'i>(pairs: impl Iterator<Item = (&'i [u8], &'i [u8])>) -> Told {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let mut body = 0;
    let mut is_held = false;
    let mut lines: Vec<_> = pairs
        .map(|(name, value)| {
            let (name, value) = (text(name), text(value));
            match &*name {
                // They differ from run to run.
                "REMOTE_PORT" | "SERVER_PORT" => return format!("{name}=PORT"),
                "CONTENT_LENGTH" => body = value.parse().unwrap(),
                "REQUEST_URI" => is_held = value.contains("hold"),
                _ => {}
            }
            format!("{name}={value}")
        })
        .collect();
    lines.sort();
    Told {
        lines,
        body,
        is_chunked: false,
        is_held,
        answer: Answer::Cgi,
    }
}
