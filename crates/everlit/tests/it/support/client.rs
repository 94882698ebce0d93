//! A client that keeps its connection and hides nothing.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::transport::Wire;
use super::{PATIENCE, tls};

/// One connection.
pub(crate) struct Client {
    stream: Wire,
    /// Received, and not part of what was returned.
    rest: Vec<u8>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("somebody listens")
    }

    /// The same, if somebody listens.
    pub(crate) fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        stream.set_nodelay(true).expect("a TCP socket");
        let stream = match tls::is_everywhere() {
            true => Wire::tls(stream, tls::Offer::all().begin()),
            false => Wire::Plain(stream),
        };
        Ok(Self {
            stream,
            rest: Vec::new(),
        })
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream
            .write_all(text.as_bytes())
            .expect("the server reads");
    }

    /// A whole exchange on this connection; the body.
    pub(crate) fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
        self.response()
    }

    /// The same, if the connection still lives.
    pub(crate) fn try_get(mut self, path: &str) -> Option<String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut buffer = [0; 4096];
        let asked = self.stream.write_all(request.as_bytes());
        let length = asked.and_then(|()| self.stream.read(&mut buffer)).ok()?;
        self.rest.extend_from_slice(&buffer[..length]);
        (length > 0).then(|| self.response())
    }

    /// The body of the next response, which must be a 200 with a `Content-Length`.
    pub(crate) fn response(&mut self) -> String {
        let (head, length) = self.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        String::from_utf8(self.body(length)).expect("test files are text")
    }

    /// The next head, and the length of the body that follows.
    pub(crate) fn head(&mut self) -> (String, usize) {
        let end = loop {
            if let Some(at) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert_ne!(self.receive(), 0, "closed in a head: {:?}", self.rest);
        };
        let head: Vec<u8> = self.rest.drain(..end).collect();
        let head = String::from_utf8(head).expect("heads are text");
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        (head, length)
    }

    /// So many bytes.
    pub(crate) fn body(&mut self, length: usize) -> Vec<u8> {
        while self.rest.len() < length {
            assert_ne!(self.receive(), 0, "closed in a body");
        }
        self.rest.drain(..length).collect()
    }

    /// Waits for the server to close, which must not be a reset; what came before.
    pub(crate) fn until_closed(mut self) -> Vec<u8> {
        while self.receive() > 0 {}
        self.rest
    }

    /// Waits for the server to close or to reset.
    pub(crate) fn until_lost(mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("neither closed nor reset: {error}"),
            }
        }
    }

    fn receive(&mut self) -> usize {
        let mut buffer = [0; 64 * 1024];
        let length = loop {
            match self.stream.read(&mut buffer) {
                Ok(length) => break length,
                // Another test tries out signals.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => panic!("neither bytes nor an end: {error}"),
            }
        };
        self.rest.extend_from_slice(&buffer[..length]);
        length
    }
}
