//! Such backends whose answer is none.

use super::BOTH;
use crate::backends::backend::{Backend, get, goes_on, response};
use crate::support::http::Client;

fn is_refused(answer: &[u8], why: &str) {
    for wire in BOTH {
        let backend = Backend::new();
        let server = wire.server(&backend, "");
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        wire.request(&mut peer);
        // It stays open: what it says is enough.
        peer.try_send(answer);
        let found = response(&mut client);
        let shown = answer[..answer.len().min(20)].escape_ascii();
        assert_eq!(found.status, 502, "{wire:?}: {shown}");
        peer.until_closed();
        goes_on(&mut client);
        let said = server.said();
        let complaint = format!("{}: what it says is no answer: {why}", backend.address());
        assert!(said.contains(&complaint), "{complaint}: {said}");
    }
}

#[test]
fn another_protocol() {
    is_refused(
        b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n",
        "header field without colon",
    );
    is_refused(
        b"\x15\x03\x03\0\x02\x02\n\0\0\0",
        "header field without colon",
    );
    is_refused(
        b"220 mail.example ESMTP: ready\r\n",
        "invalid character in field name",
    );
}

#[test]
fn bytes_without_meaning() {
    is_refused(&[0xff; 70_000], "head too long");
    is_refused(b"\0\0\0\0\n", "header field without colon");
}

#[test]
fn a_status_that_is_none() {
    for status in [
        "Status: banana",
        "Status: 99",
        "Status: 2000",
        "Status:",
        "HTTP/1.1 x",
    ] {
        is_refused(
            format!("{status}\r\n\r\nand more").as_bytes(),
            "invalid status",
        );
    }
    is_refused(b"HTTP/4.1 200 OK\r\n\r\n", "not a status line");
}

#[test]
fn fields_that_are_none() {
    for (field, why) in [
        ("no colon here", "header field without colon"),
        (": value", "invalid character in field name"),
        ("A b: c", "invalid character in field name"),
        ("A: b\rc", "control character in field value"),
        ("A: b\0c", "control character in field value"),
        (" folded: b", "folded header field"),
    ] {
        is_refused(format!("Status: 200\r\n{field}\r\n\r\nabc").as_bytes(), why);
    }
}

#[test]
fn a_head_that_never_ends() {
    let mut line = b"Status: 200\r\nX-A: ".to_vec();
    line.resize(200_000, b'a');
    is_refused(&line, "head too long");
    let lines = format!("Status: 200\r\n{}", "A: b\r\n".repeat(5000));
    is_refused(lines.as_bytes(), "too many header fields");
    let interim = "Status: 100\r\n".repeat(10_000);
    is_refused(interim.as_bytes(), "too many header fields");
}

#[test]
fn lengths_that_contradict_each_other() {
    for (fields, why) in [
        (
            "Content-Length: 3\r\nContent-Length: 4",
            "more than one Content-Length",
        ),
        ("Content-Length: -3", "invalid Content-Length"),
        ("Content-Length: 3 4", "invalid Content-Length"),
        (
            "Content-Length: 99999999999999999999999999",
            "invalid Content-Length",
        ),
        (
            "Transfer-Encoding: gzip, strange",
            "unknown transfer coding",
        ),
    ] {
        is_refused(
            format!("Status: 200\r\n{fields}\r\n\r\nabc").as_bytes(),
            why,
        );
    }
}

#[test]
fn a_protocol_that_nobody_asked_for() {
    is_refused(
        b"Status: 101\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "it switches protocols although nobody asked",
    );
}
