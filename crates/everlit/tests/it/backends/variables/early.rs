//! Such backends that answer before they have read the request's body.

use super::BOTH;
use crate::backends::backend::{Backend, goes_on, pattern, response};
use crate::support::http::Client;

const POST: &str = "POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: ";
const NO: &str = "Status: 413\r\nContent-Length: 2\r\n\r\nno";

#[test]
fn the_rest_of_a_short_body_is_thrown_away() {
    for wire in BOTH {
        for mode in [1, 2] {
            let backend = Backend::new();
            let server = wire.server(&backend, &format!("server.stream-request-body = {mode}"));
            let mut client = Client::connect(server.address());
            client.send(format!("{POST}10\r\n\r\nabc").as_bytes());
            let mut peer = backend.accept();
            assert_eq!(wire.told(&mut peer).length(), 10);
            assert_eq!(peer.body(3), b"abc");
            peer.send(NO);
            let answer = response(&mut client);
            assert_eq!((answer.status, &answer.body[..]), (413, &b"no"[..]));
            assert_eq!(peer.until_closed(), b"");
            client.send(b"defghij");
            goes_on(&mut client);
        }
    }
}

#[test]
fn an_answer_before_a_body_that_is_never_read() {
    for wire in BOTH {
        for mode in [1, 2] {
            let backend = Backend::new();
            let server = wire.server(&backend, &format!("server.stream-request-body = {mode}"));
            let mut client = Client::connect(server.address());
            client.send(format!("{POST}{}\r\n\r\n", 64 << 20).as_bytes());
            let mut peer = backend.accept();
            wire.told(&mut peer);
            peer.send(NO);
            drop(peer);
            // It is given up somewhere in the middle.
            client.send(&pattern(4 << 20));
            let answer = response(&mut client);
            assert_eq!((answer.status, &answer.body[..]), (413, &b"no"[..]));
            // Too much is left to be thrown away.
            assert_eq!(client.until_close().unwrap(), b"");
        }
    }
}

#[test]
fn both_directions_at_once() {
    for wire in BOTH {
        for mode in [1, 2] {
            let backend = Backend::new();
            let server = wire.server(
                &backend,
                &format!(
                    "server.stream-request-body = {mode}\nserver.stream-response-body = {mode}"
                ),
            );
            let mut client = Client::connect(server.address());
            client.send(format!("{POST}6\r\n\r\nab").as_bytes());
            let mut peer = backend.accept();
            assert_eq!(wire.told(&mut peer).length(), 6);
            assert_eq!(peer.body(2), b"ab");
            peer.send("Status: 200\r\nContent-Length: 6\r\n\r\nAB");
            client.send(b"cd");
            assert_eq!(peer.body(2), b"cd");
            peer.send("CD");
            client.send(b"ef");
            assert_eq!(peer.body(2), b"ef");
            peer.send("EF");
            assert_eq!(response(&mut client).body, b"ABCDEF");
            goes_on(&mut client);
        }
    }
}
