//! A client that sends what it is told, byte for byte, and shows what it gets.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use portable_tls::rustls::ClientConnection;

use super::PATIENCE;
use super::transport::Wire;

/// A connection to a server.
pub struct Client {
    stream: Wire,
    /// Read and not yet taken.
    buffer: Vec<u8>,
    /// So many bytes of the present response were taken.
    taken: usize,
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connect to the server");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A response as it came, its body without the framing.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// `HTTP/1.1` mostly.
    pub version: String,
    pub status: u16,
    /// What stands behind the status.
    pub reason: String,
    /// In the order received, names as sent.
    pub fields: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Bytes on the wire, framing and all.
    pub length: usize,
}

/// Whether a response has a body depends on what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    ForHead,
    ForAnything,
}

/// Why there is no response.
#[derive(Debug)]
pub enum Failure {
    /// The server closed its direction where a response was to begin.
    Closed,
    /// It closed, or reset, in the middle of one.
    Cut(String),
    /// What came is not a response.
    NotHttp(String),
    /// Nothing came for [`PATIENCE`].
    Silence,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Closed => f.write_str("closed"),
            Failure::Cut(how) => write!(f, "cut off: {how}"),
            Failure::NotHttp(what) => write!(f, "not HTTP: {what}"),
            Failure::Silence => f.write_str("nothing came"),
        }
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        Client::over(Wire::connect(address))
    }

    /// A connection without TLS, whatever others use.
    pub fn plain(address: SocketAddr) -> Client {
        Client::over(Wire::Plain(connect(address)))
    }

    /// A connection over TLS.
    pub fn secure(address: SocketAddr, tls: ClientConnection) -> Client {
        Client::over(Wire::tls(connect(address), tls))
    }

    fn over(stream: Wire) -> Client {
        Client {
            stream,
            buffer: Vec::new(),
            taken: 0,
        }
    }

    /// Looks at, or does something with, what was agreed on.
    pub fn tls<T>(&mut self, look: impl FnOnce(&mut ClientConnection) -> T) -> T {
        self.stream.with_tls(look)
    }

    /// Sends bytes. That the server has closed, or has refused us, is not an error here: reading will show it.
    pub fn send(&mut self, bytes: &[u8]) {
        match self.stream.write_all(bytes) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::InvalidData
                ) => {}
            Err(error) => panic!("send: {error}"),
        }
    }

    /// Says that nothing more will be sent.
    pub fn half_close(&mut self) {
        self.stream.half_close();
    }

    /// Sends one byte of `bytes` after the other, waiting `pause` for an answer after each, until there is one.
    pub fn drip(&mut self, bytes: &[u8], pause: Duration) {
        self.stream.socket().set_read_timeout(Some(pause)).unwrap();
        let begun = Instant::now();
        let mut bytes = bytes.iter().cycle();
        while begun.elapsed() < PATIENCE {
            match self.fill() {
                Err(Failure::Silence) => {
                    let next = *bytes.next().expect("something to drip");
                    self.send(&[next]);
                }
                _ => break,
            }
        }
        self.stream
            .socket()
            .set_read_timeout(Some(PATIENCE))
            .unwrap();
    }

    /// Reads one response.
    pub fn response(&mut self, asked: Asked) -> Result<Response, Failure> {
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            match self.fill() {
                Ok(()) => {}
                Err(Failure::Closed) if self.buffer.is_empty() => return Err(Failure::Closed),
                Err(Failure::Closed) => {
                    let got = show(&self.buffer);
                    return Err(Failure::Cut(format!("in the head: {got}")));
                }
                Err(other) => return Err(other),
            }
        };
        let head = self.remove(head_end);
        let mut response = parse_head(&head[..head_end - 4])?;
        let bodiless = asked == Asked::ForHead || matches!(response.status, 100..=199 | 204 | 304);
        if bodiless {
            // No body at all.
        } else if response.has("Transfer-Encoding", "chunked") {
            response.body = self.chunked()?;
        } else if let Some(length) = response.text("Content-Length") {
            let length = length
                .parse()
                .map_err(|_| Failure::NotHttp(format!("Content-Length: {length}")))?;
            response.body = self.take(length)?;
        } else {
            response.body = self.until_close()?;
        }
        response.length = std::mem::take(&mut self.taken);
        Ok(response)
    }

    /// Another hand on the same connection, to send with.
    pub fn clone_sender(&self) -> Client {
        Client {
            stream: self.stream.try_clone(),
            buffer: Vec::new(),
            taken: 0,
        }
    }

    /// So many bytes, whatever they are.
    pub fn bytes(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        self.take(length)
    }

    /// The head of a response whose body is read otherwise.
    pub fn head(&mut self) -> Result<Response, Failure> {
        self.response(Asked::ForHead)
    }

    /// So much of a body in chunks, which must end with one of them; or all of the rest.
    pub fn chunks(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while body.len() < length {
            match self.chunk()? {
                Some(chunk) => body.extend(chunk),
                None => break,
            }
        }
        Ok(body)
    }

    /// What comes until the server closes its direction.
    pub fn until_close(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            match self.fill() {
                Ok(()) => {}
                Err(Failure::Closed) => return Ok(self.remove(self.buffer.len())),
                Err(other) => return Err(other),
            }
        }
    }

    fn chunked(&mut self) -> Result<Vec<u8>, Failure> {
        self.chunks(usize::MAX)
    }

    /// The next chunk; `None`: that was the last one.
    fn chunk(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let line = self.line()?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16)
            .map_err(|_| Failure::NotHttp(format!("chunk size {line:?}")))?;
        if size == 0 {
            while !self.line()?.is_empty() {}
            return Ok(None);
        }
        let chunk = self.take(size)?;
        if !self.line()?.is_empty() {
            return Err(Failure::NotHttp("no line end after a chunk".to_owned()));
        }
        Ok(Some(chunk))
    }

    fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                let line = self.remove(at + 2);
                return Ok(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            self.fill().map_err(cut)?;
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        while self.buffer.len() < length {
            self.fill().map_err(cut)?;
        }
        Ok(self.remove(length))
    }

    /// Takes so many bytes out of the buffer, which has them.
    fn remove(&mut self, length: usize) -> Vec<u8> {
        self.taken += length;
        self.buffer.drain(..length).collect()
    }

    /// Reads more, at least a byte.
    fn fill(&mut self) -> Result<(), Failure> {
        let mut more = [0; 16 * 1024];
        loop {
            return match self.stream.read(&mut more) {
                Ok(0) => Err(Failure::Closed),
                Ok(n) => {
                    self.buffer.extend_from_slice(&more[..n]);
                    Ok(())
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(Failure::Silence),
                    _ => Err(Failure::Cut(error.to_string())),
                },
            };
        }
    }
}

fn cut(failure: Failure) -> Failure {
    match failure {
        Failure::Closed => Failure::Cut("in the body".to_owned()),
        other => other,
    }
}

fn parse_head(head: &[u8]) -> Result<Response, Failure> {
    let not_http = || Failure::NotHttp(show(head));
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let status_line = lines.next().ok_or_else(not_http)?;
    let status_line = std::str::from_utf8(status_line).map_err(|_| not_http())?;
    let mut parts = status_line.splitn(3, ' ');
    let (version, status, reason) = (parts.next(), parts.next(), parts.next());
    let mut response = Response {
        version: version.unwrap_or_default().to_owned(),
        status: status
            .and_then(|status| status.parse().ok())
            .ok_or_else(not_http)?,
        reason: reason.unwrap_or_default().to_owned(),
        fields: Vec::new(),
        body: Vec::new(),
        length: 0,
    };
    if !response.version.starts_with("HTTP/1.") {
        return Err(not_http());
    }
    for line in lines {
        let colon = find(line, b":").ok_or_else(not_http)?;
        let name = std::str::from_utf8(&line[..colon]).map_err(|_| not_http())?;
        let value = line[colon + 1..].trim_ascii().to_vec();
        response.fields.push((name.to_owned(), value));
    }
    Ok(response)
}

impl Response {
    /// All values of a field, in order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| &value[..])
    }

    /// The first value of a field, as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.values(name)
            .next()
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Whether a list field has this element.
    pub fn has(&self, name: &str, element: &str) -> bool {
        self.values(name).any(|value| {
            value
                .split(|byte| *byte == b',')
                .any(|found| found.trim_ascii().eq_ignore_ascii_case(element.as_bytes()))
        })
    }

    /// Whether the server means to close the connection after this response.
    pub fn ends_connection(&self) -> bool {
        self.has("Connection", "close")
            || (self.version == "HTTP/1.0" && !self.has("Connection", "keep-alive"))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {}", self.version, self.status, self.reason)?;
        for (name, value) in &self.fields {
            writeln!(f, "{name}: {}", show(value))?;
        }
        let (shown, rest) = self.body.split_at(self.body.len().min(600));
        writeln!(f, "\n{}", String::from_utf8_lossy(shown))?;
        if !rest.is_empty() {
            writeln!(f, "... and {} more bytes", rest.len())?;
        }
        Ok(())
    }
}

/// Bytes for a human: as text, with escapes where they are needed, and not too much of it.
pub fn show(bytes: &[u8]) -> String {
    let shown = bytes[..bytes.len().min(400)].escape_ascii().to_string();
    match bytes.len() {
        0..=400 => shown,
        more => format!("{shown}... ({more} bytes)"),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
