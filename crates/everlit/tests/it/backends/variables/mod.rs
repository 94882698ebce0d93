//! Backends that are told of a request in variables, SCGI and uwsgi: the same misbehaviours as of those that speak HTTP.
//!
//! In: what a server sends to such a backend. Out: it taken apart, with nothing forgiven. Must hold: each test is made
//! with either protocol.

mod closed;
mod early;
mod garbage;
mod lengths;
mod refusing;
mod requests;
mod restart;
mod stalls;

use std::net::SocketAddr;

use super::backend::{Backend, Peer, setup};
use crate::support::{Server, Setup};

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Scgi,
    Uwsgi,
}

const BOTH: [Wire; 2] = [Wire::Scgi, Wire::Uwsgi];

impl Wire {
    /// A configuration whose `/b` is answered by these. `options`: of each host, as in lighttpd.conf.
    fn setup(self, hosts: &[SocketAddr], options: &str) -> Setup {
        let setup = setup("scgi", hosts, options);
        match self {
            Wire::Scgi => setup,
            Wire::Uwsgi => setup.setting("scgi.protocol = \"uwsgi\""),
        }
    }

    /// One backend, and a line more.
    fn server(self, backend: &Backend, setting: &str) -> Server {
        Server::start(self.setup(&[backend.address()], "").setting(setting))
    }

    /// The next request, but for its body.
    fn told(self, peer: &mut Peer) -> Variables {
        let variables = match self {
            Wire::Scgi => netstring(peer),
            Wire::Uwsgi => packet(peer),
        };
        let mut names: Vec<_> = variables.iter().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| !name.is_empty()));
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "told twice: {names:?}");
        // Both want to know it at once, and SCGI as the first thing.
        assert_eq!(variables[0].0, "CONTENT_LENGTH");
        let variables = Variables(variables);
        let version = (self == Wire::Scgi).then_some("1");
        assert_eq!(variables.get("SCGI"), version);
        variables
    }

    /// The next request with its body.
    fn request(self, peer: &mut Peer) -> (Variables, Vec<u8>) {
        let variables = self.told(peer);
        let body = peer.body(variables.length());
        (variables, body)
    }
}

/// A whole answer.
const GOOD: &str = "Status: 200\r\nContent-Length: 4\r\n\r\ngood";

/// What a backend was told, in order.
struct Variables(Vec<(String, String)>);

impl Variables {
    fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(own, _)| own == name);
        found.next().map(|(_, value)| &**value)
    }

    /// How long the body is.
    fn length(&self) -> usize {
        self.get("CONTENT_LENGTH").unwrap().parse().unwrap()
    }
}

/// A netstring of texts that end in NUL, two and two.
fn netstring(peer: &mut Peer) -> Vec<(String, String)> {
    let head = String::from_utf8(peer.until(b":")).unwrap();
    let length: usize = head.trim_end_matches(':').parse().unwrap();
    assert_eq!(head, format!("{length}:"), "more than digits");
    let block = String::from_utf8(peer.body(length)).unwrap();
    assert_eq!(peer.body(1), b",");
    let texts = block.strip_suffix('\0').expect("an end of the last text");
    let texts: Vec<_> = texts.split('\0').map(str::to_owned).collect();
    let (pairs, rest) = texts.as_chunks::<2>();
    assert!(rest.is_empty(), "a name without a value: {rest:?}");
    let pairs = pairs.iter().cloned();
    pairs.map(|[name, value]| (name, value)).collect()
}

/// A packet: modifier, size, modifier; then texts with their lengths, two and two.
fn packet(peer: &mut Peer) -> Vec<(String, String)> {
    let head = peer.body(4);
    assert_eq!((head[0], head[3]), (0, 0), "modifiers");
    let block = peer.body(u16::from_le_bytes([head[1], head[2]]).into());
    let mut rest = &block[..];
    let mut text = || {
        let (length, behind) = rest.split_first_chunk()?;
        let (text, behind) = behind.split_at(u16::from_le_bytes(*length).into());
        rest = behind;
        Some(String::from_utf8(text.to_vec()).unwrap())
    };
    let mut pairs = Vec::new();
    while let Some(name) = text() {
        pairs.push((name, text().expect("a value for each name")));
    }
    assert!(rest.is_empty(), "half a length: {rest:?}");
    pairs
}
