//! Backends that answer before they have read the request's body.

use super::backend::{Backend, goes_on, pattern, proxy_with, response};
use crate::support::http::Client;

const POST: &str = "POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: ";

#[test]
fn the_rest_of_a_short_body_is_thrown_away() {
    for mode in [1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-request-body = {mode}"));
        let mut client = Client::connect(server.address());
        client.send(format!("{POST}10\r\n\r\nabc").as_bytes());
        let mut peer = backend.accept();
        assert!(peer.head().contains("Content-Length: 10\r\n"));
        assert_eq!(peer.body(3), b"abc");
        peer.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
        let answer = response(&mut client);
        assert_eq!((answer.status, &answer.body[..]), (413, &b"no"[..]));
        // Its request was not complete, so the connection is of no use.
        assert_eq!(peer.until_closed(), b"");
        client.send(b"defghij");
        goes_on(&mut client);
    }
}

#[test]
fn an_answer_before_a_body_that_is_never_read() {
    for mode in [1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-request-body = {mode}"));
        let mut client = Client::connect(server.address());
        client.send(format!("{POST}{}\r\n\r\n", 64 << 20).as_bytes());
        let mut peer = backend.accept();
        peer.head();
        peer.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
        drop(peer);
        // It is given up somewhere in the middle.
        client.send(&pattern(4 << 20));
        let answer = response(&mut client);
        assert_eq!((answer.status, &answer.body[..]), (413, &b"no"[..]));
        // Too much is left to be thrown away.
        assert_eq!(client.until_close().unwrap(), b"");
    }
}

#[test]
fn both_directions_at_once() {
    for mode in [1, 2] {
        let backend = Backend::new();
        let server = proxy_with(
            &backend,
            &format!("server.stream-request-body = {mode}\nserver.stream-response-body = {mode}"),
        );
        let mut client = Client::connect(server.address());
        client.send(format!("{POST}6\r\n\r\nab").as_bytes());
        let mut peer = backend.accept();
        peer.head();
        assert_eq!(peer.body(2), b"ab");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nAB");
        client.send(b"cd");
        assert_eq!(peer.body(2), b"cd");
        peer.send("CD");
        client.send(b"ef");
        assert_eq!(peer.body(2), b"ef");
        peer.send("EF");
        let answer = response(&mut client);
        assert_eq!(&answer.body[..], b"ABCDEF");
        goes_on(&mut client);
    }
}

#[test]
fn a_body_with_errors_after_the_answer_has_begun_ends_the_connection() {
    let backend = Backend::new();
    let server = proxy_with(
        &backend,
        "server.stream-request-body = 1\nserver.stream-response-body = 1",
    );
    let mut client = Client::connect(server.address());
    client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    let mut peer = backend.accept();
    assert!(peer.head().contains("Transfer-Encoding: chunked\r\n"));
    assert_eq!(peer.until(b"ab\r\n"), b"2\r\nab\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nAB");
    // The head has arrived, so the answer has begun.
    client.send(b"zz\r\n");
    // Without the end of the body the request is not complete.
    assert_eq!(peer.until_closed(), b"");
    let got = client.until_close().unwrap();
    let got = String::from_utf8(got).unwrap();
    assert!(
        got.starts_with("HTTP/1.1 200 OK\r\n") && got.ends_with("\r\n\r\nAB")
            || got.starts_with("HTTP/1.1 400 "),
        "{got}"
    );
}

#[test]
fn nobody_follows_a_body_that_there_is_no_room_for() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "server.stream-request-body = 1");
    std::fs::remove_dir(server.setup.path("spool")).unwrap();
    let mut client = Client::connect(server.address());
    client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut peer = backend.accept();
    peer.head();
    // More than two sockets hold, and a backend that does not read.
    let mut sender = client.clone_sender();
    let sending = std::thread::spawn(move || {
        let chunk = pattern(64 << 10);
        for _ in 0..512 {
            sender.send(format!("{:x}\r\n", chunk.len()).as_bytes());
            sender.send(&chunk);
            sender.send(b"\r\n");
        }
    });
    let answer = response(&mut client);
    assert_eq!(answer.status, 502);
    assert!(answer.ends_connection(), "{answer:?}");
    sending.join().unwrap();
    // It is given up at once, in the middle.
    peer.until_closed();
}
