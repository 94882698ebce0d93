//! Backends that break their own framing in the middle of an answer.

use super::backend::{Backend, get, goes_on, proxy_with, response};
use crate::support::http::{Asked, Client, Failure};

const BROKEN: [&str; 4] = [
    "3\r\nabc\r\nzz\r\nmore",
    "3\r\nabcX",
    "ffffffffffffffffff\r\n",
    "3\r\nabc\r\n-1\r\n",
];

#[test]
fn a_broken_chunk_in_what_is_collected_is_a_bad_gateway() {
    for body in BROKEN {
        let backend = Backend::new();
        let server = proxy_with(&backend, "server.stream-response-body = 0");
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        ));
        assert_eq!(response(&mut client).status, 502, "{body:?}");
        assert_eq!(peer.until_closed(), b"");
        goes_on(&mut client);
        let said = server.said();
        assert!(said.contains("what it says is no answer: "), "{said}");
    }
}

#[test]
fn a_broken_chunk_in_what_is_on_its_way_cuts_it_off() {
    for body in BROKEN {
        let backend = Backend::new();
        let server = proxy_with(&backend, "server.stream-response-body = 1");
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        ));
        let outcome = client.response(Asked::ForAnything);
        assert!(
            matches!(outcome, Err(Failure::Cut(_))),
            "{body:?}: {outcome:?}"
        );
        assert_eq!(peer.until_closed(), b"");
    }
}
