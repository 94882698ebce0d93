//! Backends that both servers ask: each says its name, and what it was told.
//!
//! In: connections of servers. Out: an answer to each request; what was asked, in order. Must hold: an answer depends on
//! nothing but the request; whoever is waited for, is waited for at most [`PATIENCE`].

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use super::answers;
use super::told::{Language, Told, Wire, take};
use crate::support::PATIENCE;

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
        format!("({}, {options})", self.place())
    }

    /// What a block says of where it is.
    pub fn place(&self) -> String {
        let (host, port) = (self.address.ip(), self.address.port());
        format!("\"host\" => \"{host}\", \"port\" => {port}")
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
    // Nobody may want it any more.
    let _ = stream.write_all(&answer(name, &told, &input));
    // What was not read would reset the connection, were it closed before the other end.
    let _ = stream.shutdown(Shutdown::Write);
    while more(&mut stream, &mut input) {}
}

/// The answer that was asked for by name; otherwise what was told.
fn answer(name: u8, told: &Told, input: &[u8]) -> Vec<u8> {
    if let Some(named) = &told.named {
        return match told.language {
            Language::Http => answers::of_server(named).to_vec(),
            Language::FastCgi => answers::of_program(named).records(&told.root),
            Language::Ajp => panic!("it has only one answer"),
            Language::Cgi | Language::Echo => answers::of_program(named).output(&told.root),
        };
    }
    let lines = told.lines.join("\n");
    let body = format!("backend {name}\n{lines}\n\n{}", input.escape_ascii());
    let head = match told.language {
        Language::Http => "HTTP/1.1 200 OK\r\nConnection: close\r\n",
        Language::Cgi | Language::FastCgi => "Status: 200\r\n",
        Language::Ajp => return packets(name, &body),
        Language::Echo => return body.into(),
    };
    let length = body.len();
    let text = format!(
        "{head}X-Backend: {name}\r\nContent-Type: text/x-told\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    match told.language {
        Language::FastCgi => answers::records(text.as_bytes(), "", answers::End::Ended(0)),
        _ => text.into(),
    }
}

/// The same in AJP: a head, a chunk, the end.
fn packets(name: u8, body: &str) -> Vec<u8> {
    let packet = |content: &[u8]| {
        let length = (content.len() as u16).to_be_bytes();
        [b"AB", &length[..], content].concat()
    };
    let string = |text: &str| {
        let length = (text.len() as u16).to_be_bytes();
        [&length[..], text.as_bytes(), b"\0"].concat()
    };
    let mut head = vec![4, 0, 200];
    head.extend(string("OK"));
    head.extend([0, 3, 0xa0, 1]);
    head.extend(string("text/x-told"));
    head.extend([0xa0, 3]);
    head.extend(string(&body.len().to_string()));
    head.extend(string("X-Backend"));
    head.extend(string(&name.to_string()));
    let chunk = [&[3][..], &string(body)].concat();
    [packet(&head), packet(&chunk), packet(&[5, 1])].concat()
}

fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 16 * 1024];
    let length = stream.read(&mut buffer).unwrap_or(0);
    input.extend_from_slice(&buffer[..length]);
    length > 0
}
