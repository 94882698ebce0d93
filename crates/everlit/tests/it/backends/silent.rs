//! Backends that close without an answer.

use super::backend::{Backend, get, goes_on, proxy, response};
use crate::support::http::Client;

#[test]
fn a_fresh_connection_that_is_closed_is_a_bad_gateway() {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    drop(peer);
    assert_eq!(response(&mut client).status, 502);
    goes_on(&mut client);
    assert!(!backend.is_wanted(), "asked twice");
    let said = server.said();
    assert!(
        said.contains("closed the connection before its answer was complete"),
        "{said}"
    );
    assert!(said.contains(&backend.address().to_string()), "{said}");
}

#[test]
fn a_connection_that_is_used_again_may_have_been_closed() {
    for method in ["GET", "OPTIONS"] {
        let backend = Backend::new();
        let server = proxy(&backend, "");
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut first = backend.accept();
        first.head();
        first.answer("one");
        assert_eq!(response(&mut client).body, b"one");

        client.send(format!("{method} /b HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
        // The same connection, tired now.
        assert!(first.head().starts_with(method));
        drop(first);
        let mut second = backend.accept();
        assert!(second.head().starts_with(method));
        second.answer("two");
        assert_eq!(response(&mut client).body, b"two");
        assert!(!server.said().contains("closed the connection"));
    }
}

#[test]
fn a_connection_closed_while_it_waits_is_not_used() {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut client = Client::connect(server.address());
    for _ in 0..3 {
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        peer.answer("x");
        peer.half_close();
        assert_eq!(response(&mut client).body, b"x");
        // The server has noticed.
        assert_eq!(peer.until_closed(), b"");
    }
}

#[test]
fn a_post_is_never_sent_on_a_connection_that_was_used() {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut first = backend.accept();
    first.head();
    first.answer("one");
    assert_eq!(response(&mut client).body, b"one");

    client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi");
    let mut second = backend.accept();
    assert!(second.head().starts_with("POST /b "));
    assert_eq!(second.body(2), b"hi");
    drop(second);
    // Nobody knows what it has done: not again.
    assert_eq!(response(&mut client).status, 502);

    // The first one still waits.
    get(&mut client);
    first.head();
    first.answer("three");
    assert_eq!(response(&mut client).body, b"three");
    assert!(!backend.is_wanted());
}

#[test]
fn half_a_head_is_no_answer() {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nConte");
    drop(peer);
    assert_eq!(response(&mut client).status, 502);
    goes_on(&mut client);
}

#[test]
fn an_unread_body_does_not_keep_the_error_from_the_client() {
    let backend = Backend::new();
    let server = super::backend::proxy_with(&backend, "server.stream-request-body = 2");
    let mut client = Client::connect(server.address());
    client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc");
    let mut peer = backend.accept();
    peer.head();
    drop(peer);
    client.send(b"defghi");
    assert_eq!(response(&mut client).status, 502);
    goes_on(&mut client);
}
