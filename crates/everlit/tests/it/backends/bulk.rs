//! More than anybody wants in memory: huge bodies, and somebody slow at the other end.

use std::path::Path;

use super::backend::{Backend, get, goes_on, pattern, proxy_with, resident, response};
use crate::support::Server;
use crate::support::http::Client;

const LENGTH: usize = 32 << 20;

/// Growth of the server that is no sign of anything, in KiB.
const GROWTH: u64 = 6 << 10;

/// A server that has answered once, so that what it needs at first does not count.
fn warm(backend: &Backend, setting: &str) -> (Server, Client, u32, u64) {
    let server = proxy_with(backend, setting);
    let mut client = Client::connect(server.address());
    goes_on(&mut client);
    let (_, pid) = server.generation();
    let before = resident(pid);
    (server, client, pid, before)
}

fn is_modest(pid: u32, before: u64) {
    let after = resident(pid);
    assert!(after < before + GROWTH, "{before} KiB, then {after} KiB");
}

/// Files that hold what waits.
fn spools(pid: u32, server: &Server) -> usize {
    let directory = server.setup.path("spool");
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    links
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|path: &std::path::PathBuf| path.starts_with::<&Path>(directory.as_ref()))
        .count()
}

fn bodies() -> [(&'static str, Vec<u8>, Vec<u8>); 3] {
    let body = pattern(LENGTH);
    let mut chunked = Vec::new();
    for chunk in body.chunks(100_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    [
        ("Content-Length: 33554432", body.clone(), body.clone()),
        ("Transfer-Encoding: chunked", chunked, body.clone()),
        ("Connection: close", body.clone(), body),
    ]
}

#[test]
fn a_huge_answer_waits_in_a_file() {
    for mode in [0, 1] {
        for (fields, wire, body) in bodies() {
            let backend = Backend::new();
            let setting = format!("server.stream-response-body = {mode}");
            let (server, mut client, pid, before) = warm(&backend, &setting);
            get(&mut client);
            let mut peer = backend.accept();
            peer.head();
            peer.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"));
            // All of it is taken, although the client reads nothing.
            peer.send(&wire);
            drop(peer);
            is_modest(pid, before);
            assert_eq!(spools(pid, &server), 1, "mode {mode}, {fields}");
            assert!(response(&mut client).body == body, "mode {mode}, {fields}");
            is_modest(pid, before);
            goes_on(&mut client);
            assert_eq!(spools(pid, &server), 0, "mode {mode}, {fields}");
        }
    }
}

#[test]
fn a_huge_answer_keeps_to_one_file_however_often_it_moves() {
    let body = pattern(LENGTH);
    for mode in [0, 1] {
        let backend = Backend::new();
        let setting = format!("server.stream-response-body = {mode}");
        let (server, mut client, ..) = warm(&backend, &setting);
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"
        ));
        for piece in body.chunks(LENGTH / 4) {
            // Nearly all of it has been taken when it moves: the rest is what the kernel keeps.
            peer.send(piece);
            assert_eq!(server.reload().unwrap().tally.dropped, 0);
            let (_, pid) = server.generation();
            assert_eq!(spools(pid, &server), 1, "mode {mode}");
        }
        drop(peer);
        assert!(response(&mut client).body == body, "mode {mode}");
        goes_on(&mut client);
    }
}

#[test]
fn a_huge_answer_comes_no_faster_than_it_is_taken() {
    for (fields, wire, body) in bodies() {
        let backend = Backend::new();
        let setting = "server.stream-response-body = 2";
        let (server, mut client, pid, before) = warm(&backend, setting);
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                peer.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"));
                peer.send(&wire);
                // Some of it has been read for certain.
                is_modest(pid, before);
                drop(peer);
            });
            assert!(response(&mut client).body == body, "{fields}");
        });
        is_modest(pid, before);
        assert_eq!(spools(pid, &server), 0);
        goes_on(&mut client);
    }
}

#[test]
fn a_huge_request_waits_in_a_file() {
    for mode in [0, 1] {
        for (fields, wire, body) in &bodies()[..2] {
            let backend = Backend::new();
            let setting = format!("server.stream-request-body = {mode}");
            let (server, mut client, pid, before) = warm(&backend, &setting);
            let head = format!("POST /b HTTP/1.1\r\nHost: test\r\n{fields}\r\n\r\n");
            client.send(head.as_bytes());
            client.send(&wire[..wire.len() - 1]);
            is_modest(pid, before);
            let early = (mode == 1).then(|| backend.accept());
            if mode == 0 {
                assert!(!backend.is_wanted());
            }
            assert!(spools(pid, &server) <= 1);
            client.send(&wire[wire.len() - 1..]);
            let mut peer = early.unwrap_or_else(|| backend.accept());
            assert!(peer.request(LENGTH) == *body, "mode {mode}, {fields}");
            is_modest(pid, before);
            peer.answer("fine");
            assert_eq!(response(&mut client).body, b"fine");
            goes_on(&mut client);
            assert_eq!(spools(pid, &server), 0);
        }
    }
}

#[test]
fn a_huge_request_comes_no_faster_than_it_is_taken() {
    for (fields, wire, body) in &bodies()[..2] {
        let backend = Backend::new();
        let setting = "server.stream-request-body = 2";
        let (server, mut client, pid, before) = warm(&backend, setting);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut peer = backend.accept();
                assert!(peer.request(LENGTH) == *body, "{fields}");
                is_modest(pid, before);
                peer.answer("fine");
            });
            let head = format!("POST /b HTTP/1.1\r\nHost: test\r\n{fields}\r\n\r\n");
            client.send(head.as_bytes());
            client.send(wire);
        });
        assert_eq!(response(&mut client).body, b"fine");
        assert_eq!(spools(pid, &server), 0);
        goes_on(&mut client);
    }
}
