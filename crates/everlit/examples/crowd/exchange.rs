//! One small request and its answer.
//!
//! In: what the socket has. Out: the answer, checked. Must hold: an answer is whole, right and alone, or it is a failure.

use std::fmt;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::server::SMALL;

/// Asks for the small file and keeps the connection.
pub(crate) const REQUEST: &[u8] = b"GET /small.txt HTTP/1.1\r\nHost: crowd\r\n\r\n";
/// Asks for the small file and ends the connection.
pub(crate) const LAST_REQUEST: &[u8] =
    b"GET /small.txt HTTP/1.1\r\nHost: crowd\r\nConnection: close\r\n\r\n";
/// Asks for the large file.
pub(crate) const LARGE_REQUEST: &[u8] = b"GET /large.bin HTTP/1.1\r\nHost: crowd\r\n\r\n";

/// What a client saw that it should not have seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// The connection was refused, reset, or the like.
    Kernel(&'static str, String),
    /// The connection ended without, or in the middle of, an answer.
    Closed,
    /// Something that is no answer.
    NotHttp,
    /// Something that is no WebSocket.
    NotWebSocket(&'static str),
    /// Another status than the one that was expected.
    Status(u16),
    /// Another body than the file has.
    WrongBytes,
    /// More than one answer.
    TooMuch,
    /// The server ends the connection though it was asked to keep it.
    NotKept,
    /// Bytes without a question.
    Unasked,
    /// Not finished when it had to be.
    Unfinished(&'static str),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Kernel(doing, cause) => write!(f, "{doing}: {cause}"),
            Failure::Closed => f.write_str("closed without a whole answer"),
            Failure::NotHttp => f.write_str("an answer that is not HTTP"),
            Failure::NotWebSocket(why) => write!(f, "no WebSocket: {why}"),
            Failure::Status(status) => write!(f, "status {status}"),
            Failure::WrongBytes => f.write_str("wrong bytes"),
            Failure::TooMuch => f.write_str("more than the answer"),
            Failure::NotKept => f.write_str("the answer ends the connection"),
            Failure::Unasked => f.write_str("bytes without a question"),
            Failure::Unfinished(what) => write!(f, "not in time: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    pub(crate) fn kernel(doing: &'static str, cause: impl ToString) -> Failure {
        Failure::Kernel(doing, cause.to_string())
    }
}

/// The head of an answer.
pub(crate) struct Head {
    /// Bytes that it takes.
    pub(crate) bytes: usize,
    /// Bytes of the body.
    pub(crate) length: usize,
    pub(crate) persistence: Persistence,
}

/// What an answer says about its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    Kept,
    Ends,
}

/// Reads the head of an answer with 200; `None`: it is not whole yet.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let used = match response.parse(bytes) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Failure::NotHttp),
    };
    if response.code != Some(200) {
        return Err(Failure::Status(response.code.unwrap_or(0)));
    }
    let field = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name));
        found.and_then(|field| std::str::from_utf8(field.value).ok())
    };
    let length = field("content-length").and_then(|value| value.parse().ok());
    let ends = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Head {
        bytes: used,
        length: length.ok_or(Failure::NotHttp)?,
        persistence: if ends {
            Persistence::Ends
        } else {
            Persistence::Kept
        },
    }))
}

/// Sends a request. It is far smaller than a socket's buffer, so it is taken whole.
pub(crate) fn send(socket: &OwnedFd, request: &[u8]) -> Result<(), Failure> {
    match rustix::net::send(socket, request, SendFlags::NOSIGNAL) {
        Ok(sent) if sent == request.len() => Ok(()),
        Ok(_) => Err(Failure::kernel("send", "taken only in part")),
        Err(errno) => Err(Failure::kernel("send", errno)),
    }
}

/// An answer on its way.
#[derive(Default)]
pub(crate) struct Answer {
    got: Vec<u8>,
}

impl Answer {
    /// Reads what there is; whether it is whole now, and then what becomes of the connection.
    pub(crate) fn read(&mut self, socket: &OwnedFd) -> Result<Option<Persistence>, Failure> {
        let mut bytes = [0; 2048];
        match rustix::net::recv(socket, &mut bytes, RecvFlags::empty()) {
            Ok((0, _)) => return Err(Failure::Closed),
            Ok((count, _)) => self.got.extend_from_slice(&bytes[..count]),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            Err(errno) => return Err(Failure::kernel("receive", errno)),
        }
        let Some(head) = head(&self.got)? else {
            return Ok(None);
        };
        let body = &self.got[head.bytes..];
        match body.len() {
            short if short < head.length => return Ok(None),
            long if long > head.length => return Err(Failure::TooMuch),
            _ => {}
        }
        if body != SMALL {
            return Err(Failure::WrongBytes);
        }
        // The memory is given back: there may be a million of us.
        self.got = Vec::new();
        Ok(Some(head.persistence))
    }
}
