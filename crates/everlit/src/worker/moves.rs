//! A connection over TLS that changes its worker after everything that happens to it: each read of an upload, each write of a
//! download, each step of its backend. Workers are real and new each time, and share nothing but what travels.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portable_tls::rustls::crypto::aws_lc_rs;
use portable_tls::rustls::pki_types::{CertificateDer, ServerName};
use portable_tls::rustls::{self, CipherSuite, ClientConfig, ClientConnection, RootCertStore};
use rcgen::{CertificateParams, KeyPair};
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::time::Timespec;

use super::bench::{Bench, Counters};
use super::conn::{Conn, Stay};
use super::endpoint::Endpoint;
use super::inbox::{self, Inbox, Outlet};
use super::logs::{Logs, Target};
use super::road::Road;
use super::{Order, Report, Worker};
use crate::clock::Now;
use crate::config::Site;
use crate::freeze::{examine, thaw};
use crate::http1::state::Phase;
use crate::net::Peer;
use crate::source::Source;
use crate::tls::context::Materials;

/// Bytes of an upload.
const UPLOAD: usize = 20_000_000;
/// Bytes of a download.
const DOWNLOAD: usize = 50_000_000;
/// What either end's kernel holds: less than the server reads or seals at once, so that it stops after each read or write.
const SOCKET_BUFFER: usize = 32 * 1024;
/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all generations have in common: files and configuration.
struct Place {
    directory: tempfile::TempDir,
    site: Arc<Site>,
    materials: Materials,
    certificate: CertificateDer<'static>,
}

/// One worker and its ends for the lead thread.
struct Generation {
    worker: Worker,
    counters: Arc<Counters>,
    orders: Outlet<Order>,
    reports: Inbox<Report>,
}

/// How often a connection has moved, and in which phase.
#[derive(Debug, Default)]
struct Moves {
    body: u64,
    sending: u64,
    other: u64,
}

impl Place {
    fn new(key: &KeyPair, download: &[u8], backend: u16, stream: u8) -> Place {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(key).unwrap();
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        std::fs::write(path("cert.pem"), pem).unwrap();
        std::fs::write(path("download"), download).unwrap();
        let root = directory.path().display();
        let source = Source::Text {
            name: "moves".to_owned(),
            text: format!(
                "server.document-root = \"{root}\"\n\
                 server.modules = ( \"mod_proxy\", \"mod_openssl\" )\n\
                 server.stream-request-body = {stream}\n\
                 proxy.server = ( \"/upload\" => (( \"host\" => \"127.0.0.1\", \"port\" => {backend} )) )\n\
                 ssl.engine = \"enable\"\nssl.pemfile = \"{root}/cert.pem\"\n"
            ),
            directory: directory.path().to_owned(),
        };
        let (site, _) = crate::config::load(&source).unwrap();
        let materials = crate::tls::load(&site).unwrap();
        Place {
            site: Arc::new(site),
            materials,
            certificate: certificate.der().clone(),
            directory,
        }
    }

    fn generation(&self) -> Generation {
        let null = std::fs::File::create("/dev/null").unwrap();
        let logs = Logs::new(vec![Target::stream(Arc::new(null.into()))]);
        let counters = Arc::new(Counters::default());
        let mut bench = Bench::new(self.site.clone(), logs, counters.clone());
        bench.tls.contexts.renew(self.materials.clone());
        let endpoint = Endpoint {
            name: "127.0.0.1:443".to_owned(),
            port: 443,
            socket: None,
        };
        let (orders, inbox) = inbox::channel().unwrap();
        let (outlet, reports) = inbox::channel().unwrap();
        let mut worker = Worker::new(bench, vec![Arc::new(endpoint)], inbox, outlet, 10).unwrap();
        // More than the socket holds: a read takes all there is, and is the last one in its turn.
        worker.buffer = vec![0; 8 * SOCKET_BUFFER].into();
        Generation {
            worker,
            counters,
            orders,
            reports,
        }
    }
}

impl Generation {
    /// Deals with what there is: one event of the client's socket, one of the backend's.
    fn turn(&mut self) {
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; 4];
        let soon = Timespec {
            tv_sec: 0,
            tv_nsec: 1_000_000,
        };
        let count = epoll::wait(&self.worker.epoll, &mut events[..], Some(&soon)).unwrap_or(0);
        self.worker.bench.now = Now::read();
        for event in &events[..count] {
            self.worker.on_event(*event);
        }
    }

    /// Gives its connection to the next generation, unless it is in the middle of a handshake.
    fn hand_over(mut self, place: &Place, moves: &mut Moves) -> Generation {
        self.order(Order::Leave(Arc::new(Road::default())));
        self.worker.leave_some();
        let mut thawed = Vec::new();
        while let Some(report) = self.reports.next() {
            let Report::Frozen(frozen) = report else {
                continue;
            };
            match frozen.phase {
                Phase::Body => moves.body += 1,
                Phase::Sending => moves.sending += 1,
                _ => moves.other += 1,
            }
            let parcel = frozen.parcel;
            // The socket, that of the backend, a file: no more of them, however often it moves.
            assert!(parcel.fds.len() <= 3, "{} descriptors", parcel.fds.len());
            let image = examine(&parcel.payload, parcel.fds.len()).unwrap();
            thawed.push(thaw(image, parcel.fds).unwrap());
        }
        if thawed.is_empty() {
            self.order(Order::Serve);
            self.worker.serve_ready();
            return self;
        }
        assert!(self.worker.table.is_empty());
        let mut next = place.generation();
        let arriving = &next.counters.arriving;
        arriving.store(thawed.len() as u64, std::sync::atomic::Ordering::Release);
        next.order(Order::Adopt(thawed, Stay::Movable));
        next
    }

    fn order(&mut self, order: Order) {
        self.orders.send(order).unwrap();
        self.worker.take_orders();
    }
}

/// The other end, in the same thread.
struct Client {
    socket: UnixStream,
    tls: ClientConnection,
    /// Plaintext that is still to be sent.
    plain: Vec<u8>,
    taken: usize,
    /// Records that are still to be sent.
    records: Vec<u8>,
    sent: usize,
    got: Vec<u8>,
    is_closed: bool,
    /// For lengths of pieces.
    seed: u32,
}

impl Client {
    fn new(socket: UnixStream, place: &Place, suite: CipherSuite) -> Client {
        socket.set_nonblocking(true).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(place.certificate.clone()).unwrap();
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|have| have.suite() == suite);
        let version = match provider.cipher_suites[0].tls13() {
            Some(_) => &rustls::version::TLS13,
            None => &rustls::version::TLS12,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        Client {
            socket,
            tls: ClientConnection::new(Arc::new(config), name).unwrap(),
            plain: Vec::new(),
            taken: 0,
            records: Vec::new(),
            sent: 0,
            got: Vec::new(),
            is_closed: false,
            seed: 1,
        }
    }

    /// Receives what is there, and sends one piece.
    fn pump(&mut self) {
        self.receive();
        if self.is_closed {
            return;
        }
        if self.sent == self.records.len() {
            self.records.clear();
            self.sent = 0;
            if !self.tls.is_handshaking() && self.taken < self.plain.len() {
                let end = self.plain.len().min(self.taken + 16 * 1024);
                let some = &self.plain[self.taken..end];
                self.taken += self.tls.writer().write(some).unwrap();
            }
            while self.tls.wants_write() {
                self.tls.write_tls(&mut self.records).unwrap();
            }
        }
        self.seed = self
            .seed
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let rest = &self.records[self.sent..];
        let piece = &rest[..rest.len().min(1 + (self.seed >> 16) as usize % 20_000)];
        match self.socket.write(piece) {
            Ok(count) => self.sent += count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }

    fn receive(&mut self) {
        let mut records = [0; 64 * 1024];
        loop {
            let count = match self.socket.read(&mut records) {
                Ok(0) => {
                    self.is_closed = true;
                    return;
                }
                Ok(count) => count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return;
                }
            };
            let mut rest = &records[..count];
            while !rest.is_empty() {
                self.tls.read_tls(&mut rest).unwrap();
                self.tls.process_new_packets().unwrap();
                let mut some = [0; 16 * 1024];
                while let Ok(length @ 1..) = self.tls.reader().read(&mut some) {
                    self.got.extend(&some[..length]);
                }
            }
        }
    }
}

/// Takes one upload after the other, compares each, and says so.
fn compare_uploads(backend: TcpListener, upload: Arc<[u8]>) {
    while let Ok((socket, _)) = backend.accept() {
        // One connection after the other.
        answer_upload(socket, &upload);
    }
}

fn answer_upload(mut socket: TcpStream, upload: &[u8]) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if socket.read(&mut byte).unwrap() == 0 {
            return;
        }
        head.extend(byte);
    }
    let mut body = vec![0; upload.len()];
    socket.read_exact(&mut body).unwrap();
    let verdict = match body == upload {
        true => "the same",
        false => "another",
    };
    let length = verdict.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{verdict}"
    );
    socket.write_all(answer.as_bytes()).unwrap();
}

/// Uploads and downloads over one connection, which moves after each step.
fn exchange(place: &Place, suite: CipherSuite, upload: &[u8], download: &[u8]) -> Moves {
    let (ours, theirs) = UnixStream::pair().unwrap();
    for socket in [&ours, &theirs] {
        set_socket_send_buffer_size(socket, SOCKET_BUFFER / 2).unwrap();
    }
    ours.set_nonblocking(true).unwrap();
    let mut client = Client::new(theirs, place, suite);
    let length = upload.len();
    let head =
        format!("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    client.plain = [head.as_bytes(), upload].concat();
    let mut present = place.generation();
    present
        .worker
        .welcome(Conn::new(ours.into(), Peer::Unix, 0));
    let mut moves = Moves::default();
    let until = Instant::now() + PATIENCE;
    let mut is_uploaded = false;
    while !client.is_closed {
        assert!(Instant::now() < until, "{suite:?} hangs after {moves:?}");
        client.pump();
        present.turn();
        present = present.hand_over(place, &mut moves);
        if !is_uploaded && client.got.ends_with(b"\r\n\r\nthe same") {
            is_uploaded = true;
            client.got.clear();
            client.plain =
                b"GET /download HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_vec();
            client.taken = 0;
        }
    }
    assert!(is_uploaded, "{}", client.got.escape_ascii());
    assert!(client.got.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let body = client.got.len() - download.len();
    assert!(client.got[..body].ends_with(b"\r\n\r\n"));
    assert!(client.got[body..] == *download);
    moves
}

fn pattern(length: usize) -> Vec<u8> {
    let words = (0..length as u64 / 8 + 1).map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut bytes: Vec<u8> = words.flat_map(u64::to_be_bytes).collect();
    bytes.truncate(length);
    bytes
}

/// `stream`: `server.stream-request-body`
fn every_suite(key: &KeyPair, stream: u8, suites: &[CipherSuite]) {
    let (upload, download): (Arc<[u8]>, _) = (pattern(UPLOAD).into(), pattern(DOWNLOAD));
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = backend.local_addr().unwrap().port();
    let expected = upload.clone();
    // It ends with this process.
    std::thread::spawn(|| compare_uploads(backend, expected));
    let place = Place::new(key, &download, port, stream);
    for suite in suites {
        let begun = Instant::now();
        let moves = exchange(&place, *suite, &upload, &download);
        println!(
            "{suite:?}: {moves:?}, {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        // No read and no write is longer than what the kernel holds.
        assert!(
            moves.body as usize > UPLOAD / (2 * SOCKET_BUFFER),
            "{moves:?}"
        );
        assert!(
            moves.sending as usize > DOWNLOAD / (2 * SOCKET_BUFFER),
            "{moves:?}"
        );
    }
    drop(place.directory);
}

#[test]
fn after_every_read_and_write_tls13() {
    every_suite(
        &KeyPair::generate().unwrap(),
        1,
        &[
            CipherSuite::TLS13_AES_128_GCM_SHA256,
            CipherSuite::TLS13_AES_256_GCM_SHA384,
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
    );
}

#[test]
fn after_every_read_and_write_tls12_ecdsa() {
    every_suite(
        &KeyPair::generate().unwrap(),
        1,
        &[
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
    );
}

#[test]
fn after_every_read_and_write_tls12_rsa() {
    every_suite(
        &KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap(),
        1,
        &[
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
    );
}

#[test]
fn after_every_read_of_an_upload_that_is_collected_in_a_file() {
    every_suite(
        &KeyPair::generate().unwrap(),
        0,
        &[CipherSuite::TLS13_AES_128_GCM_SHA256],
    );
}
