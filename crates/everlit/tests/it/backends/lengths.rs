//! Backends that lie about the length of their answers.

use super::backend::{Backend, access_log, get, goes_on, proxy_with, response};
use crate::support::http::{Asked, Client, Failure};

fn mode(mode: u8) -> String {
    format!("server.stream-response-body = {mode}")
}

#[test]
fn too_short_and_collected_is_a_bad_gateway() {
    for body in [
        "Content-Length: 10\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &mode(0));
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        peer.send(format!("HTTP/1.1 200 OK\r\n{body}"));
        drop(peer);
        assert_eq!(response(&mut client).status, 502);
        goes_on(&mut client);
        assert_eq!(
            access_log(server),
            ["GET /b HTTP/1.1 502 +", "GET /a.txt HTTP/1.1 200 +"]
        );
    }
}

#[test]
fn too_short_and_on_its_way_is_cut_off() {
    for streaming in [1, 2] {
        for body in [
            "Content-Length: 10\r\n\r\nabc",
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ] {
            let backend = Backend::new();
            let server = proxy_with(&backend, &mode(streaming));
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            peer.head();
            peer.send(format!("HTTP/1.1 200 OK\r\n{body}"));
            drop(peer);
            let outcome = client.response(Asked::ForAnything);
            assert!(matches!(outcome, Err(Failure::Cut(_))), "{outcome:?}");
            let lines = access_log(server);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].starts_with("GET /b HTTP/1.1 200 "), "{lines:?}");
        }
    }
}

#[test]
fn too_long_is_cut_to_what_was_announced() {
    for streaming in [0, 1, 2] {
        for body in [
            "Content-Length: 3\r\n\r\nabcdef",
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\ndef",
        ] {
            let backend = Backend::new();
            let server = proxy_with(&backend, &mode(streaming));
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            peer.head();
            peer.send(format!("HTTP/1.1 200 OK\r\n{body}"));
            assert_eq!(response(&mut client).body, b"abc");
            goes_on(&mut client);
            get(&mut client);
            // Not the same connection.
            let mut other = backend.accept();
            other.head();
            other.answer("good");
            assert_eq!(response(&mut client).body, b"good");
            assert_eq!(peer.until_closed(), b"");
        }
    }
}

#[test]
fn what_comes_after_an_answer_ends_the_connection() {
    let backend = Backend::new();
    let server = proxy_with(&backend, &mode(0));
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    peer.answer("abc");
    assert_eq!(response(&mut client).body, b"abc");
    // Nobody asked for this: an answer that the next client would get.
    peer.answer("poison");
    assert_eq!(peer.until_closed(), b"");
    get(&mut client);
    let mut other = backend.accept();
    other.head();
    other.answer("good");
    assert_eq!(response(&mut client).body, b"good");
}

#[test]
fn lengths_that_contradict_each_other_are_no_answer() {
    for fields in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: -3",
        "Content-Length: 99999999999999999999999999",
        "Transfer-Encoding: gzip, strange",
    ] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &mode(0));
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        peer.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nabc"));
        assert_eq!(response(&mut client).status, 502, "{fields}");
        assert_eq!(peer.until_closed(), b"");
    }
}
