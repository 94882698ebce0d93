//! Heads before the head, and clients that wait for one.

use super::backend::{Backend, get, goes_on, proxy, proxy_with, response};
use crate::support::http::Client;

#[test]
fn early_hints_are_passed_on_and_continue_is_not() {
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        let hints = response(&mut client);
        assert_eq!(hints.status, 103);
        assert_eq!(hints.text("Link").as_deref(), Some("</a>"));
        peer.send(
            "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        );
        assert_eq!(response(&mut client).status, 102);
        let last = response(&mut client);
        assert_eq!((last.status, &last.body[..]), (200, &b"body"[..]));
        assert_eq!(last.text("Link"), None);
        goes_on(&mut client);
    }
}

#[test]
fn old_clients_get_no_interim_answers() {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut client = Client::connect(server.address());
    client.send(b"GET /b HTTP/1.0\r\n\r\n");
    let mut peer = backend.accept();
    peer.head();
    peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    peer.answer("body");
    assert_eq!(response(&mut client).status, 200);
}

#[test]
fn whoever_waits_before_sending_a_body_is_told_to_go_on() {
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-request-body = {mode}"));
        let mut client = Client::connect(server.address());
        client.send(
            b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        );
        assert_eq!(response(&mut client).status, 100);
        client.send(b"hi");
        let mut peer = backend.accept();
        assert!(!peer.head().contains("Expect"));
        assert_eq!(peer.body(2), b"hi");
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        peer.answer("body");
        // Only once.
        assert_eq!(response(&mut client).status, 200);
        goes_on(&mut client);
    }
}
