//! What busy clients over TLS do around a reload: downloads, uploads, tunnels, requests that take long.
//!
//! In: a line each, and the moment at which all may end. Out: whether every byte was right to the end. Must hold: none ends
//! before that moment.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::exchange::LARGE_REQUEST;
use crate::lines::{Line, expect, read_head};
use crate::websocket::{self, Kind, Side};

/// Bytes of an upload.
const UPLOAD: usize = 20_000_000;
/// Between two steps of a client while the others are not ready.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes of a step.
const STEP: usize = 16 * 1024;
/// What a request is answered with at last.
const ANSWER: &[u8] = b"done\n";

/// Kinds of errands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    Download,
    Upload,
    Tunnel,
    /// A request whose backend takes until everything else is over.
    Slow,
}

pub(crate) const ALL: [Errand; 4] = [
    Errand::Download,
    Errand::Upload,
    Errand::Tunnel,
    Errand::Slow,
];

/// What all errands share.
pub(crate) struct Common {
    /// The file, and in its beginning the body of uploads.
    pub(crate) content: Vec<u8>,
    /// Errands that have begun.
    pub(crate) begun: AtomicUsize,
    /// The reload is over: they may end.
    pub(crate) is_over: AtomicBool,
}

impl Common {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Acquire)
    }

    fn has_begun(&self) {
        self.begun.fetch_add(1, Ordering::AcqRel);
    }
}

impl Errand {
    /// Runs it to its end.
    pub(crate) fn run(self, line: &mut Line, number: usize, common: &Common) -> io::Result<()> {
        match self {
            Errand::Download => download(line, common),
            Errand::Upload => upload(line, common),
            Errand::Tunnel => tunnel(line, number, common),
            Errand::Slow => {
                line.write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
                common.has_begun();
                expect(line, ANSWER)
            }
        }
    }
}

fn download(line: &mut Line, common: &Common) -> io::Result<()> {
    line.write_all(LARGE_REQUEST)?;
    let (_, body) = read_head(line)?;
    common.has_begun();
    let mut at = body.len();
    let mut is_right = common.content.starts_with(&body);
    let mut some = vec![0; STEP];
    while at < common.content.len() {
        let count = line.read(&mut some)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        is_right &= common.content.get(at..at + count) == Some(&some[..count]);
        at += count;
        if common.goes_on() {
            std::thread::sleep(PAUSE);
        }
    }
    match is_right {
        true => Ok(()),
        false => Err(io::Error::other("wrong bytes")),
    }
}

fn upload(line: &mut Line, common: &Common) -> io::Result<()> {
    let head =
        format!("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {UPLOAD}\r\n\r\n");
    line.write_all(head.as_bytes())?;
    for (number, piece) in common.content[..UPLOAD].chunks(STEP).enumerate() {
        line.write_all(piece)?;
        if number == 0 {
            common.has_begun();
        }
        if common.goes_on() {
            std::thread::sleep(PAUSE);
        }
    }
    line.flush()?;
    expect(line, ANSWER)
}

fn tunnel(line: &mut Line, number: usize, common: &Common) -> io::Result<()> {
    line.write_all(websocket::request(number).as_bytes())?;
    let (head, mut input) = read_head(line)?;
    if !head.starts_with("HTTP/1.1 101 ") {
        return Err(io::Error::other(format!("answered {head:?}")));
    }
    common.has_begun();
    let mut some = [0; 4096];
    for count in 0u64.. {
        let is_last = !common.goes_on();
        let message = [number as u64, count].map(u64::to_be_bytes).concat();
        let mut frame = Vec::new();
        websocket::write(
            Side::Client,
            Kind::Binary,
            &message,
            [1, 2, 3, 4],
            &mut frame,
        );
        line.write_all(&frame)?;
        let answer = loop {
            if let Some(frame) = websocket::read(Side::Server, &input).map_err(io::Error::other)? {
                input.drain(..frame.bytes);
                break frame;
            }
            match line.read(&mut some)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => input.extend_from_slice(&some[..count]),
            }
        };
        if answer.payload != message {
            return Err(io::Error::other("another message"));
        }
        if is_last {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Starts the backend of uploads and slow requests; returns its port. Its threads end with the program.
pub(crate) fn start_backend(common: Arc<Common>) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let common = common.clone();
            std::thread::spawn(move || {
                // Its client sees what goes wrong.
                let _ = answer(socket, &common);
            });
        }
    });
    Ok(port)
}

fn answer(mut socket: TcpStream, common: &Common) -> io::Result<()> {
    let (head, mut body) = read_head(&mut socket)?;
    if head.starts_with("POST ") {
        let had = body.len();
        body.resize(UPLOAD, 0);
        socket.read_exact(&mut body[had..])?;
        if body != common.content[..UPLOAD] {
            return socket.write_all(b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n");
        }
    } else {
        while common.goes_on() {
            std::thread::sleep(PAUSE);
        }
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        ANSWER.len()
    );
    socket.write_all(head.as_bytes())?;
    socket.write_all(ANSWER)
}
