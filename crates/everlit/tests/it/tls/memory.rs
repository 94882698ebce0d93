//! After a session has moved, its keys are nowhere in the old process, and nobody else may look for them there.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use everlit::control::message::GenerationEntry;
use portable_tls::rustls::pki_types::ServerName;
use portable_tls::rustls::{ClientConnection, ConnectionTrafficSecrets, KeyLog};
use rustix::process::Signal;

use crate::support::http::Client;
use crate::support::tls::{Offer, get, usable};
use crate::support::{Built, PATIENCE, Server, Setup, halt, send};

/// The secrets of one client's sessions, by the names that NSS gave them.
#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<Needle>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().push(Needle::new(label, secret));
    }
}

/// What nobody should find.
#[derive(Clone, Debug)]
struct Needle {
    name: String,
    bytes: Vec<u8>,
}

impl Needle {
    fn new(name: &str, bytes: &[u8]) -> Needle {
        Needle {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        }
    }

    /// Whether a session that has been made still needs it.
    fn is_of_traffic(&self) -> bool {
        self.name.contains("TRAFFIC_SECRET_0") || self.name.ends_with("key")
    }
}

/// The keys of both directions. The client ends by it.
fn keys(client: &mut Client) -> [Needle; 2] {
    let name = ServerName::try_from("localhost").unwrap();
    let fresh = ClientConnection::new(Offer::all().config.into(), name).unwrap();
    let tls = client.tls(|tls| std::mem::replace(tls, fresh));
    let secrets = tls.dangerous_extract_secrets().unwrap();
    [("client's key", secrets.tx), ("server's key", secrets.rx)].map(|(name, (_, secrets))| {
        match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, .. }
            | ConnectionTrafficSecrets::Aes256Gcm { key, .. }
            | ConnectionTrafficSecrets::Chacha20Poly1305 { key, .. } => {
                Needle::new(name, key.as_ref())
            }
            _ => panic!("{name} of an unknown cipher"),
        }
    })
}

/// Names of the needles of which at least 16 bytes, from a multiple of 16 on, are in what a process can write to: allocators
/// write over the beginning of what is freed.
fn found(pid: u32, needles: &[Needle]) -> Vec<&str> {
    let memory = File::open(format!("/proc/{pid}/mem"))
        .unwrap_or_else(|error| panic!("process {pid} has ended: {error}"));
    let maps = File::open(format!("/proc/{pid}/maps")).unwrap();
    let mut found = Vec::new();
    let mut looked = 0;
    for line in BufReader::new(maps).lines() {
        let line = line.unwrap();
        let mut words = line.split(' ');
        let (range, mode) = (words.next().unwrap(), words.next().unwrap());
        if !mode.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let from = u64::from_str_radix(from, 16).unwrap();
        let to = u64::from_str_radix(to, 16).unwrap();
        let mut bytes = vec![0; (to - from) as usize];
        let mut read = 0;
        while read < bytes.len() {
            match memory.read_at(&mut bytes[read..], from + read as u64) {
                Ok(more) if more > 0 => read += more,
                _ => break,
            }
        }
        looked += read;
        for needle in needles {
            let mut parts = needle.bytes.chunks_exact(16);
            if parts.any(|part| memchr::memmem::find(&bytes[..read], part).is_some()) {
                found.push(needle.name.as_str());
            }
        }
    }
    assert_ne!(looked, 0, "process {pid} has ended");
    found.sort_unstable();
    found.dedup();
    found
}

/// A client in the middle of its handshake: it keeps the process that it talks to.
struct Keeper {
    _socket: TcpStream,
}

impl Keeper {
    fn new(server: &Server) -> Keeper {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = ClientConnection::new(Offer::all().config.into(), name).unwrap();
        let mut socket = TcpStream::connect(server.address()).unwrap();
        tls.write_tls(&mut socket).unwrap();
        // It has answered.
        socket.peek(&mut [0; 1]).unwrap();
        Keeper { _socket: socket }
    }
}

#[test]
fn nothing_is_left_of_a_session_that_has_moved() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: looking into memory needs root");
        return;
    }
    let setup = Setup::new(Built::Everlit).secure();
    std::fs::write(setup.path("www").join("big"), vec![b'x'; 24 << 20]).unwrap();
    let server = Server::start(setup);
    for suite in usable() {
        let secrets = Arc::new(Secrets::default());
        let mut offer = Offer::only(suite);
        offer.config.key_log = secrets.clone();
        offer.config.enable_secret_extraction = true;
        let mut client = offer.connect(server.address());
        assert_eq!(get(&mut client, "/a.txt").body, b"first");
        // Busy: a session of TLS 1.3 that rests has no keys, only what they are made of.
        client.send(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.head().unwrap();
        let keys = keys(&mut client);
        let mut needles = secrets.0.lock().unwrap().clone();
        needles.extend(keys);
        // The first has made the keys, the second has received them.
        for busy in [true, false] {
            let (_, old) = server.generation();
            let keeper = Keeper::new(&server);
            let before = found(old, &needles);
            assert!(!before.is_empty(), "{suite:?}");
            for needle in needles.iter().filter(|it| busy && it.is_of_traffic()) {
                assert!(before.contains(&&*needle.name), "{suite:?}: {before:?}");
            }
            std::thread::scope(|scope| {
                let reload = scope.spawn(|| server.reload().unwrap());
                let new = taker(&server, old);
                // It hears that the new one has it a moment later, at the latest before it says again how it is. It stays for
                // the client in its handshake, and is stopped while it is looked at: once it is gone it has no memory.
                let mut last = Vec::new();
                loop {
                    server.status();
                    halt(old);
                    let left = found(old, &needles);
                    if left.is_empty() {
                        break;
                    }
                    if left != last {
                        eprintln!("{suite:?}: still there: {left:?}");
                        last = left;
                    }
                    send(old, Signal::CONT);
                }
                send(old, Signal::CONT);
                assert_ne!(found(new, &needles), [""; 0], "{suite:?}: it has moved");
                drop(keeper);
                assert_eq!(reload.join().unwrap().tally.dropped, 0);
            });
        }
    }
}

/// The process that has taken a connection over from that one.
fn taker(server: &Server, old: u32) -> u32 {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let status = server.status();
        let mut others = status.generations.iter().filter(|it| it.pid != old);
        let has_taken = |it: &&GenerationEntry| {
            let figures = it.figures.as_ref();
            figures.is_some_and(|figures| figures.taken > 0)
        };
        if let Some(new) = others.find(has_taken) {
            return new.pid;
        }
    }
    panic!("nobody has taken it over: {:?}", server.status());
}
