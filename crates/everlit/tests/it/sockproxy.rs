//! mod_sockproxy: whatever a client sends goes to a server as it is, and back, also across restarts.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use crate::support::documents::Documents;
use crate::support::servers::{self, Configuration, lighttpd_is_there};
use crate::support::transport::Wire;
use crate::support::{Built, PATIENCE, Server, Setup};

fn listener() -> (TcpListener, u16) {
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = backend.local_addr().unwrap().port();
    (backend, port)
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn accepted(backend: &TcpListener) -> TcpStream {
    patient(backend.accept().unwrap().0)
}

fn expect(stream: &mut impl Read, text: &[u8]) {
    let mut found = vec![0; text.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(found, text);
}

fn server(ports: &[u16], more: &str) -> Server {
    let host = |port: &u16| format!("( \"host\" => \"127.0.0.1\", \"port\" => {port} )");
    let hosts: Vec<String> = ports.iter().map(host).collect();
    let setup = Setup::new(Built::Everlit)
        .setting("server.modules += ( \"mod_sockproxy\", \"mod_extforward\" )")
        .setting(&format!(
            "sockproxy.server = ( \"\" => ( {} ) )",
            hosts.join(", ")
        ))
        .setting(more);
    Server::start(setup)
}

#[test]
fn bytes_go_both_ways_and_move() {
    let (backend, port) = listener();
    let server = server(&[port], "");
    // The server may speak first.
    let mut client = Wire::connect(server.address());
    let mut other = accepted(&backend);
    other.write_all(b"220 hello\r\n").unwrap();
    expect(&mut client, b"220 hello\r\n");
    client.write_all(b"\0not HTTP\r\n\r\n").unwrap();
    expect(&mut other, b"\0not HTTP\r\n\r\n");
    for round in 0..2 {
        let report = server.reload().unwrap();
        assert_eq!(report.tally.moved.tunnel, 1, "{round}");
        client.write_all(b"more").unwrap();
        expect(&mut other, b"more");
        other.write_all(b"of it").unwrap();
        expect(&mut client, b"of it");
    }
    // Also when it speaks before it is spoken to, to somebody who comes later.
    let mut late = Wire::connect(server.address());
    let mut greeter = accepted(&backend);
    greeter.write_all(b"220 hello\r\n").unwrap();
    server.reload().unwrap();
    expect(&mut late, b"220 hello\r\n");
    // Each direction ends by itself.
    client.half_close();
    let mut rest = Vec::new();
    other.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
    server.reload().unwrap();
    other.write_all(b"last words").unwrap();
    drop(other);
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"last words");
}

#[test]
fn a_slow_reader_slows_the_server_down_and_moves() {
    let (backend, port) = listener();
    let server = server(&[port], "");
    let mut client = Wire::connect(server.address());
    let mut other = accepted(&backend);
    let length = 32 << 20;
    let writer = std::thread::spawn(move || {
        let block: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        for _ in 0..length >> 20 {
            other.write_all(&block).unwrap();
        }
    });
    let mut first = vec![0; 1 << 20];
    client.read_exact(&mut first).unwrap();
    assert!(!writer.is_finished());
    server.reload().unwrap();
    let mut rest = first;
    client.read_to_end(&mut rest).unwrap();
    writer.join().unwrap();
    assert_eq!(rest.len(), length);
    assert!(rest.iter().zip((0..=255).cycle()).all(|(a, b)| *a == b));
}

#[test]
fn another_server_is_asked_and_none_is_an_end() {
    let (backend, port) = listener();
    let (gone, free) = listener();
    drop(gone);
    let both = server(&[free, port], "sockproxy.balance = \"round-robin\"");
    for _ in 0..2 {
        let mut client = Wire::connect(both.address());
        client.write_all(b"to whom it may concern").unwrap();
        expect(&mut accepted(&backend), b"to whom it may concern");
    }
    let none = server(&[free], "");
    let mut rest = Vec::new();
    // Not even an error page: nobody speaks HTTP here.
    let _ = Wire::connect(none.address()).read_to_end(&mut rest);
    assert!(rest.is_empty(), "{}", rest.escape_ascii());
}

#[test]
fn an_introduction_is_taken_off() {
    let (backend, port) = listener();
    let more = "extforward.hap-PROXY = \"enable\"\nextforward.forwarder = ( \"all\" => \"trust\" )";
    let server = server(&[port], more);
    let mut client = Wire::connect(server.address());
    // It comes before everything, also before TLS.
    let mut introduction = client.socket().try_clone().unwrap();
    introduction
        .write_all(b"PROXY TCP4 203.0.113.9 192.0.2.1 50")
        .unwrap();
    let mut other = accepted(&backend);
    server.reload().unwrap();
    introduction.write_all(b"00 80\r\n").unwrap();
    client.write_all(b"plain").unwrap();
    expect(&mut other, b"plain");
}

#[test]
fn lighttpd_does_the_same() {
    if !lighttpd_is_there() {
        return;
    }
    let (backend, port) = listener();
    let documents = Documents::new();
    let root = documents.root();
    let text = format!(
        "server.modules = ( \"mod_sockproxy\" )\n\
         sockproxy.server = ( \"\" => ( ( \"host\" => \"127.0.0.1\", \"port\" => {port} ) ) )\n"
    );
    let configuration = Configuration {
        text: &text,
        root: &root,
    };
    for server in [
        servers::Server::lighttpd(&configuration),
        servers::Server::everlit(&configuration),
    ] {
        let mut client = patient(TcpStream::connect(server.address).unwrap());
        client.write_all(b"\x16\x03\x01GET /\0").unwrap();
        let mut other = accepted(&backend);
        expect(&mut other, b"\x16\x03\x01GET /\0");
        other.write_all(b"HTTP/9 nonsense\r\n\xff").unwrap();
        drop(other);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"HTTP/9 nonsense\r\n\xff");
    }
}
