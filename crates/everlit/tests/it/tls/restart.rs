//! Restarts while clients speak TLS: each keeps its connection, whatever the version and the cipher.

use std::io::{Read, Write};
use std::net::TcpStream;

use portable_tls::rustls::ClientConnection;
use portable_tls::rustls::pki_types::ServerName;

use crate::backends::backend::pattern;
use crate::backends::restart::restart;
use crate::support::http::Asked;
use crate::support::tls::{Offer, get, usable};
use crate::support::{Built, Server, Setup};

fn server() -> Server {
    Server::start(Setup::new(Built::Everlit).secure())
}

#[test]
fn every_cipher_goes_on() {
    let server = server();
    for suite in usable() {
        let mut client = Offer::only(suite).connect(server.address());
        for _ in 0..3 {
            assert_eq!(get(&mut client, "/a.txt").body, b"first");
            restart(&server);
        }
        assert_eq!(get(&mut client, "/a.txt").body, b"first");
        let agreed = client.tls(|tls| tls.negotiated_cipher_suite().map(|agreed| agreed.suite()));
        assert_eq!(agreed, Some(suite));
    }
}

#[test]
fn keys_are_updated_before_and_after() {
    let server = server();
    let mut client = Offer::all().connect(server.address());
    for _ in 0..3 {
        assert_eq!(get(&mut client, "/a.txt").body, b"first");
        client.tls(|tls| tls.refresh_traffic_keys().unwrap());
        restart(&server);
        client.tls(|tls| tls.refresh_traffic_keys().unwrap());
    }
    assert_eq!(get(&mut client, "/a.txt").body, b"first");
}

#[test]
fn a_request_in_pieces() {
    let server = server();
    let mut client = Offer::all().connect(server.address());
    for piece in b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n".chunks(8) {
        client.send(piece);
        restart(&server);
    }
    assert_eq!(client.response(Asked::ForAnything).unwrap().body, b"first");
}

#[test]
fn a_download_of_which_nothing_is_read() {
    let setup = Setup::new(Built::Everlit).secure();
    let data = pattern(24 << 20);
    std::fs::write(setup.path("www").join("big"), &data).unwrap();
    let server = Server::start(setup);
    let mut clients: Vec<_> = usable()
        .map(|suite| Offer::only(suite).connect(server.address()))
        .collect();
    for client in &mut clients {
        client.send(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.head().unwrap();
    }
    for round in 1..6 {
        restart(&server);
        for client in &mut clients {
            let part = data.len() / 5;
            let got = client.bytes(part).unwrap();
            assert!(got == data[(round - 1) * part..round * part]);
        }
    }
}

#[test]
fn a_client_that_has_said_hello_in_part() {
    let server = server();
    let offer = Offer::all();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(offer.config.into(), name).unwrap();
    let mut hello = Vec::new();
    tls.write_tls(&mut hello).unwrap();
    let mut socket = TcpStream::connect(server.address()).unwrap();
    for piece in hello.chunks(hello.len() / 4 + 1) {
        // It may be in the kernel's queue yet, and then it does not have to move.
        let report = server.reload().unwrap();
        assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
        socket.write_all(piece).unwrap();
    }
    let mut answer = [0; 5];
    socket.read_exact(&mut answer).unwrap();
    // A handshake record.
    assert_eq!(answer[0], 22);
}

#[test]
fn in_the_middle_of_a_handshake_the_old_process_finishes_it() {
    let server = server();
    let offer = Offer::all();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(offer.config.into(), name).unwrap();
    let mut socket = TcpStream::connect(server.address()).unwrap();
    tls.write_tls(&mut socket).unwrap();
    // It has answered.
    let mut first = [0; 1];
    socket.peek(&mut first).unwrap();
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| server.reload().unwrap());
        // The new one serves already; the old one waits for us.
        while server.status().generations.len() != 2 {
            std::thread::yield_now();
        }
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).unwrap();
        }
        let report = reload.join().unwrap();
        assert_eq!((report.tally.dropped, report.tally.moved.total()), (0, 1));
    });
    tls.writer()
        .write_all(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut stream = portable_tls::rustls::Stream::new(&mut tls, &mut socket);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("first"), "{text}");
}

#[test]
fn a_client_that_sends_nothing_more_gets_its_answer() {
    let server = server();
    let mut client = Offer::all().connect(server.address());
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.half_close();
    assert_eq!(client.response(Asked::ForAnything).unwrap().body, b"first");
    assert_eq!(client.until_close().unwrap(), b"");
}
