//! Such backends that close before their answer has begun.

use super::{BOTH, Wire};
use crate::backends::backend::{Backend, Peer, get, goes_on, response};
use crate::support::http::Client;

/// Somebody who has done this is not asked again, and the client and the log are told (lighttpd: 500).
fn is_a_bad_gateway(wire: Wire, does: impl FnOnce(Peer)) {
    let backend = Backend::new();
    let server = wire.server(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    does(backend.accept());
    assert_eq!(response(&mut client).status, 502, "{wire:?}");
    goes_on(&mut client);
    assert!(!backend.is_wanted(), "asked twice");
    let said = server.said();
    let why = [
        "closed the connection before its answer was complete",
        // What it has not read when it closes makes the kernel reset the connection.
        "the connection broke",
    ];
    assert!(why.iter().any(|why| said.contains(why)), "{said}");
    assert!(said.contains(&backend.address().to_string()), "{said}");
}

#[test]
fn at_once() {
    for wire in BOTH {
        is_a_bad_gateway(wire, drop);
    }
}

#[test]
fn in_a_head() {
    for wire in BOTH {
        for said in [
            "",
            "S",
            "Status: 200",
            "Status: 200\r\n",
            "Status: 200\r\nConte",
            "Status: 200\r\nContent-Length: 3\r\n\r",
            "HTTP/1.1 200 OK\r\n",
        ] {
            is_a_bad_gateway(wire, |mut peer| {
                wire.request(&mut peer);
                peer.send(said);
            });
        }
    }
}

#[test]
fn without_closing_it_all() {
    for wire in BOTH {
        is_a_bad_gateway(wire, |mut peer| {
            wire.request(&mut peer);
            peer.send("Status: 200\r\n");
            peer.half_close();
            assert_eq!(peer.until_closed(), b"");
        });
    }
}

#[test]
fn in_the_middle_of_the_requests_body() {
    for wire in BOTH {
        for mode in [1, 2] {
            let backend = Backend::new();
            let server = wire.server(&backend, &format!("server.stream-request-body = {mode}"));
            let mut client = Client::connect(server.address());
            client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc");
            let mut peer = backend.accept();
            assert_eq!(wire.told(&mut peer).length(), 9);
            assert_eq!(peer.body(3), b"abc");
            drop(peer);
            client.send(b"defghi");
            assert_eq!(response(&mut client).status, 502, "{wire:?}, mode {mode}");
            goes_on(&mut client);
            assert!(!backend.is_wanted(), "asked twice");
        }
    }
}
