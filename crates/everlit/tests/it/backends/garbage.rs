//! Backends whose answer is none.

use super::backend::{Backend, get, goes_on, proxy, response};
use crate::support::http::Client;

fn is_refused(answer: &[u8], why: &str) {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    peer.try_send(answer);
    let found = response(&mut client);
    assert_eq!(found.status, 502, "{}", answer[..20].escape_ascii());
    goes_on(&mut client);
    drop(peer);
    let said = server.said();
    assert!(said.contains(&backend.address().to_string()), "{said}");
    assert!(said.contains(why), "{said}");
}

#[test]
fn another_protocol() {
    is_refused(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "not a status line");
}

#[test]
fn bytes_without_meaning() {
    is_refused(&[0xff; 4096], "not a status line");
}

#[test]
fn a_status_that_is_none() {
    is_refused(b"HTTP/1.1 banana\r\n\r\nand more\r\n\r\n", "status");
}

#[test]
fn a_field_without_a_colon() {
    is_refused(
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "header field without colon",
    );
}

#[test]
fn a_field_with_a_control_character() {
    is_refused(
        b"HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 0\r\n\r\n",
        "control character",
    );
}

#[test]
fn a_head_that_is_too_large() {
    let mut answer = b"HTTP/1.1 200 OK\r\nX-A: ".to_vec();
    answer.resize(200_000, b'a');
    is_refused(&answer, "head too long");
}

#[test]
fn more_fields_than_anybody_needs() {
    let answer = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(5000));
    is_refused(answer.as_bytes(), "too many header fields");
}

#[test]
fn a_protocol_that_nobody_asked_for() {
    is_refused(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "nobody asked",
    );
}
