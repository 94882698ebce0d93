//! mod_wstunnel: a WebSocket on one side, plain bytes on the other, also across restarts.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

use rustix::process::Signal;

use crate::support::documents::Documents;
use crate::support::servers::{self, Configuration, lighttpd_is_there};
use crate::support::transport::Wire;
use crate::support::{Built, PATIENCE, Server, Setup};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const ACCEPT: &str = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

struct Backend {
    listener: TcpListener,
    port: u16,
}

impl Backend {
    fn new() -> Backend {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        Backend { listener, port }
    }

    fn accept(&self) -> TcpStream {
        patient(self.listener.accept().unwrap().0)
    }

    fn setting(&self) -> String {
        let port = self.port;
        format!(
            "wstunnel.server = ( \"/ws\" => (( \"host\" => \"127.0.0.1\", \"port\" => {port} )))"
        )
    }

    fn server(&self, more: &str) -> Server {
        let setup = Setup::new(Built::Everlit);
        let log = setup.path("access.log");
        let setup = setup
            .setting(
                "server.modules += ( \"mod_wstunnel\", \"mod_accesslog\" )\nserver.max-worker = 1",
            )
            .setting(&format!(
                "accesslog.filename = \"{}\"\naccesslog.format = \"%r %s %b\"",
                log.display()
            ))
            .setting(&self.setting())
            .setting(more);
        Server::start(setup)
    }
}

/// A connection with a server whose configuration says nothing of TLS.
fn plain(address: SocketAddr) -> Wire {
    Wire::Plain(patient(TcpStream::connect(address).unwrap()))
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// What a server answers to a request for a WebSocket with these header fields: the head, in small letters but for values.
fn ask(mut client: Wire, request: &str, fields: &str) -> (Wire, String) {
    let text = format!("{request} HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
    client.write_all(text.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let lines = head
        .split_inclusive("\r\n")
        .map(|line| match line.split_once(':') {
            Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
            None => line.to_owned(),
        });
    (client, lines.collect())
}

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n";

fn fields(more: &str) -> String {
    [UPGRADE, VERSION, KEY, more].concat()
}

fn status(address: SocketAddr, request: &str, fields: &str) -> String {
    let (_, head) = ask(Wire::connect(address), request, fields);
    head.split(' ').nth(1).unwrap().to_owned()
}

/// An open tunnel.
fn open(address: SocketAddr, backend: &Backend, more: &str) -> (Wire, TcpStream) {
    open_over(Wire::connect(address), backend, more)
}

fn open_over(client: Wire, backend: &Backend, more: &str) -> (Wire, TcpStream) {
    let (client, head) = ask(client, "GET /ws", &fields(more));
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains(ACCEPT), "{head}");
    assert!(head.contains("upgrade: websocket\r\n"), "{head}");
    (client, backend.accept())
}

/// A client's frame, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut out = vec![first];
    match u8::try_from(length) {
        Ok(short @ 0..=125) => out.push(0x80 | short),
        _ => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    out
}

/// The next frame of the server.
fn next(client: &mut Wire) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    client.read_exact(&mut head).unwrap();
    let mut extra = [0; 8];
    let length = match head[1] {
        126 => {
            client.read_exact(&mut extra[6..]).unwrap();
            u64::from_be_bytes(extra)
        }
        127 => {
            client.read_exact(&mut extra).unwrap();
            u64::from_be_bytes(extra)
        }
        short => u64::from(short),
    };
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    client.read_exact(&mut payload).unwrap();
    (head[0], payload)
}

fn expect(stream: &mut impl Read, text: &[u8]) {
    let mut found = vec![0; text.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(found, text);
}

fn rest(stream: &mut impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    rest
}

fn access_log(mut server: Server) -> String {
    server.signal(Signal::TERM);
    server.wait();
    std::fs::read_to_string(server.setup.path("access.log")).unwrap()
}

#[test]
fn data_go_both_ways_and_it_is_logged_once() {
    let backend = Backend::new();
    let server = backend.server("");
    let (mut client, mut other) = open(server.address(), &backend, "");
    client.write_all(&frame(TEXT, b"hello")).unwrap();
    expect(&mut other, b"hello");
    // In two frames, with a ping between.
    let pieces = [frame(0x02, b"a"), frame(PING, b"there?"), frame(0x80, b"b")];
    client.write_all(&pieces.concat()).unwrap();
    expect(&mut other, b"ab");
    assert_eq!(next(&mut client), (PONG, b"there?".to_vec()));
    other.write_all("caf\u{e9}".as_bytes()).unwrap();
    assert_eq!(next(&mut client), (TEXT, "caf\u{e9}".into()));
    // A close is answered, and the backend sees the end after everything else.
    let last = [frame(TEXT, b"last"), frame(CLOSE, b"\x03\xe8bye")];
    client.write_all(&last.concat()).unwrap();
    assert_eq!(rest(&mut other), b"last");
    assert_eq!(next(&mut client), (CLOSE, b"\x03\xe8".to_vec()));
    assert!(rest(&mut client).is_empty());
    assert_eq!(access_log(server), "GET /ws HTTP/1.1 101 5\n");
}

#[test]
fn the_end_of_the_backend_is_told() {
    let backend = Backend::new();
    let server = backend.server("wstunnel.frame-type = \"binary\"");
    let (mut client, mut other) = open(server.address(), &backend, "");
    other.write_all(b"\xff\0all").unwrap();
    drop(other);
    assert_eq!(next(&mut client), (BINARY, b"\xff\0all".to_vec()));
    assert_eq!(next(&mut client), (CLOSE, b"\x03\xe8".to_vec()));
    client.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    assert!(rest(&mut client).is_empty());
    assert_eq!(access_log(server).lines().count(), 1);
}

#[test]
fn a_rule_that_is_broken_ends_the_tunnel() {
    let backend = Backend::new();
    let server = backend.server("");
    for bad in [&b"\x81\x02hi"[..], &frame(0x83, b"hi"), &frame(0xc1, b"hi")] {
        let (mut client, mut other) = open(server.address(), &backend, "");
        client
            .write_all(&[&frame(TEXT, b"good"), bad].concat())
            .unwrap();
        assert_eq!(next(&mut client), (CLOSE, b"\x03\xea".to_vec()));
        assert!(rest(&mut client).is_empty());
        assert_eq!(rest(&mut other), b"good");
    }
}

#[test]
fn it_moves_wherever_it_is() {
    let backend = Backend::new();
    let server = backend.server("");
    let (mut client, mut other) = open(server.address(), &backend, "");
    let message = frame(TEXT, &b"0123456789".repeat(20));
    let mut sent = Vec::new();
    // In the middle of a head, of a mask and of the payload.
    let mut rest_of_it = &message[..];
    for (round, length) in [1, 2, 3, 5, 50].into_iter().enumerate() {
        let (piece, after) = rest_of_it.split_at(length);
        client.write_all(piece).unwrap();
        // It has read what came before, once this is here.
        other.write_all("\u{20ac}".as_bytes()).unwrap();
        assert_eq!(next(&mut client), (TEXT, "\u{20ac}".into()));
        let report = server.reload().unwrap();
        assert_eq!(report.tally.moved.tunnel, 1, "{round}");
        rest_of_it = after;
        sent.push(length);
    }
    client.write_all(rest_of_it).unwrap();
    expect(&mut other, &b"0123456789".repeat(20));
    // In the middle of a character. No text frame ends inside it.
    other.write_all(b"x\xe2\x82").unwrap();
    assert_eq!(next(&mut client), (TEXT, b"x".to_vec()));
    server.reload().unwrap();
    other.write_all(b"\xac").unwrap();
    assert_eq!(next(&mut client), (TEXT, "\u{20ac}".into()));
    // In the middle of a message of several frames, and of a ping.
    let ping = frame(PING, b"there?");
    let begin = [&frame(0x01, b"begin")[..], &ping[..9]].concat();
    client.write_all(&begin).unwrap();
    expect(&mut other, b"begin");
    server.reload().unwrap();
    client.write_all(&ping[9..]).unwrap();
    assert_eq!(next(&mut client), (PONG, b"there?".to_vec()));
    client.write_all(&frame(0x80, b"end")).unwrap();
    expect(&mut other, b"end");
    // Its client was told, and has not answered.
    other.shutdown(Shutdown::Write).unwrap();
    assert_eq!(next(&mut client), (CLOSE, b"\x03\xe8".to_vec()));
    server.reload().unwrap();
    client.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
    assert!(rest(&mut other).is_empty());
    assert!(rest(&mut client).is_empty());
    assert_eq!(access_log(server).lines().count(), 1);
}

#[test]
fn much_goes_both_ways_while_it_moves() {
    let backend = Backend::new();
    let server = backend.server("wstunnel.frame-type = \"binary\"");
    let (mut client, other) = open(server.address(), &backend, "");
    let block: Vec<u8> = (0..=255).cycle().take(50_000).collect();
    let count = 100;
    let both = (client.try_clone(), other.try_clone().unwrap());
    std::thread::scope(|scope| {
        let block = &block;
        scope.spawn(move || {
            for _ in 0..count {
                client.write_all(&frame(BINARY, block)).unwrap();
            }
        });
        scope.spawn(move || {
            for _ in 0..count {
                (&other).write_all(block).unwrap();
            }
        });
        // Nobody reads: something waits for certain.
        server.reload().unwrap();
        let (mut client, mut other) = both;
        scope.spawn(move || {
            for _ in 0..count {
                expect(&mut other, block);
            }
        });
        let mut found = Vec::new();
        while found.len() < count * block.len() {
            let (first, payload) = next(&mut client);
            assert_eq!(first, BINARY);
            found.extend(payload);
        }
        assert!(found == block.repeat(count));
        server.reload().unwrap();
    });
}

#[test]
fn a_silent_client_is_pinged_also_after_a_restart() {
    let backend = Backend::new();
    let server = backend.server("wstunnel.ping-interval = 1");
    let (mut client, mut other) = open(server.address(), &backend, "");
    for _ in 0..2 {
        assert_eq!(next(&mut client), (PING, b"ping".to_vec()));
        client.write_all(&frame(PONG, b"ping")).unwrap();
        server.reload().unwrap();
    }
    assert_eq!(next(&mut client), (PING, b"ping".to_vec()));
    // The backend knows nothing of it.
    client.write_all(&frame(TEXT, b"a")).unwrap();
    expect(&mut other, b"a");
}

#[test]
fn no_pong_is_lost_however_late_it_is_taken() {
    let backend = Backend::new();
    let server = backend.server("");
    let (mut client, mut other) = open(server.address(), &backend, "");
    // Far more than the kernel keeps on both ways.
    let block = frame(PING, &[b'p'; 125]).repeat(1000);
    let count = 250_000;
    let mut sender = client.try_clone();
    let writer = std::thread::spawn(move || {
        for _ in 0..count / 1000 {
            sender.write_all(&block).unwrap();
        }
    });
    assert_eq!(next(&mut client).0, PONG);
    server.reload().unwrap();
    let pong = [&[PONG, 125][..], &[b'p'; 125]].concat();
    let mut pongs = vec![0; pong.len() * (count - 1)];
    client.read_exact(&mut pongs).unwrap();
    assert!(pongs.chunks(pong.len()).all(|found| found == pong));
    writer.join().unwrap();
    // It goes on as if nothing had been.
    client.write_all(&frame(TEXT, b"a")).unwrap();
    expect(&mut other, b"a");
}

#[test]
fn a_stop_is_told() {
    let backend = Backend::new();
    let mut server = backend.server("");
    let (mut client, _other) = open(server.address(), &backend, "");
    server.signal(Signal::INT);
    assert_eq!(next(&mut client), (CLOSE, b"\x03\xe9".to_vec()));
    assert!(rest(&mut client).is_empty());
    server.wait();
}

#[test]
fn no_backend_is_an_error_page() {
    let gone = Backend::new();
    let setting = gone.setting();
    drop(gone);
    let backend = Backend::new();
    let setup = Setup::new(Built::Everlit)
        .setting("server.modules += ( \"mod_wstunnel\" )")
        .setting(&setting);
    let server = Server::start(setup);
    assert_eq!(status(server.address(), "GET /ws", &fields("")), "503");
    drop(backend);
}

/// Request, header fields, Everlit's status, and lighttpd's where it is another.
const HANDSHAKES: &[(&str, &str, &str, Option<&str>)] = &[
    ("GET /ws", "", "101", None),
    (
        "GET /ws",
        "Sec-WebSocket-Protocol: chat, binary\r\n",
        "101",
        None,
    ),
    (
        "GET /ws",
        "Sec-WebSocket-Protocol: base64, binary\r\n",
        "101",
        None,
    ),
    ("GET /ws", "Sec-WebSocket-Protocol: chat\r\n", "101", None),
    ("GET /wx", "", "404", None),
    ("POST /ws", "Content-Length: 0\r\n", "404", None),
    ("GET /ws", "Content-Length: 2\r\n\r\nab", "400", None),
    ("GET /ws/closed", "", "400", None),
    (
        "GET /ws/closed",
        "Origin: http://www.example.org\r\n",
        "101",
        None,
    ),
    // It counts a dot before the name, and no slash: whoever writes "example.org" means this one first.
    (
        "GET /ws/closed",
        "Origin: https://example.org\r\n",
        "101",
        Some("403"),
    ),
    (
        "GET /ws/closed",
        "Origin: http://badexample.org\r\n",
        "403",
        None,
    ),
    (
        "GET /ws/closed",
        "Origin: http://example.org.evil.net\r\n",
        "403",
        None,
    ),
];

#[test]
fn handshakes_are_judged_as_lighttpd_does() {
    let backend = Backend::new();
    let documents = Documents::new();
    let root = documents.root();
    let text = format!(
        "server.modules = ( \"mod_wstunnel\" )\n{}\n\
         $HTTP[\"url\"] =~ \"closed\" {{ wstunnel.origins = ( \"example.org\" ) }}\n",
        backend.setting()
    );
    let configuration = Configuration {
        text: &text,
        root: &root,
    };
    let subprotocol = |head: &str| {
        let mut lines = head.lines();
        lines
            .find(|line| line.starts_with("sec-websocket-protocol:"))
            .map(str::to_owned)
    };
    let ours = servers::Server::everlit(&configuration);
    let theirs = lighttpd_is_there().then(|| servers::Server::lighttpd(&configuration));
    for (request, more, status, other) in HANDSHAKES {
        let (_, head) = ask(plain(ours.address), request, &fields(more));
        assert_eq!(&head[9..12], *status, "{request} {more}");
        if let Some(theirs) = &theirs {
            let (_, their_head) = ask(plain(theirs.address), request, &fields(more));
            assert_eq!(
                &their_head[9..12],
                other.unwrap_or(status),
                "{request} {more}"
            );
            assert_eq!(subprotocol(&head), subprotocol(&their_head), "{more}");
        }
    }
    for (fields, status) in [
        ([UPGRADE, VERSION].concat(), "400"),
        (
            [UPGRADE, VERSION, "Sec-WebSocket-Key: abc\r\n"].concat(),
            "400",
        ),
        (
            [UPGRADE, KEY, "Sec-WebSocket-Version: 7\r\n"].concat(),
            "426",
        ),
        ([UPGRADE, KEY].concat(), "426"),
        ([VERSION, KEY].concat(), "404"),
        (["Upgrade: websocket\r\n", VERSION, KEY].concat(), "404"),
    ] {
        let (_, head) = ask(plain(ours.address), "GET /ws", &fields);
        assert_eq!(&head[9..12], status, "{fields}");
        let names_ours = head.contains("sec-websocket-version: 13\r\n");
        assert_eq!(names_ours, status == "426", "{head}");
    }
}

#[test]
fn frames_are_those_of_lighttpd() {
    let backend = Backend::new();
    let documents = Documents::new();
    let root = documents.root();
    let text = format!(
        "server.modules = ( \"mod_wstunnel\" )\n{}\n",
        backend.setting()
    );
    let configuration = Configuration {
        text: &text,
        root: &root,
    };
    let mut all = vec![servers::Server::everlit(&configuration)];
    if lighttpd_is_there() {
        all.push(servers::Server::lighttpd(&configuration));
    }
    for server in all {
        for (more, kind) in [("", TEXT), ("Sec-WebSocket-Protocol: binary\r\n", BINARY)] {
            let (mut client, mut other) = open_over(plain(server.address), &backend, more);
            client.write_all(&frame(TEXT, b"hello")).unwrap();
            expect(&mut other, b"hello");
            other.write_all(&[b'a'; 300]).unwrap();
            let mut found = Vec::new();
            while found.len() < 300 {
                let (first, payload) = next(&mut client);
                assert_eq!(first, kind);
                found.extend(payload);
            }
            client.write_all(&frame(PING, b"hi")).unwrap();
            assert_eq!(next(&mut client), (PONG, b"hi".to_vec()));
            client.write_all(&frame(CLOSE, b"\x03\xe8")).unwrap();
            // lighttpd writes the status in digits.
            assert_eq!(next(&mut client).0, CLOSE);
            assert!(rest(&mut client).is_empty());
            assert!(rest(&mut other).is_empty());
        }
    }
}
