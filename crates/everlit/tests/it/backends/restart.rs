//! Restarts in the middle of exchanges with HTTP backends: nobody notices, every byte arrives, one line in the log.

use everlit::control::message::Farewell;

use super::backend::{Backend, access_log, get, goes_on, pattern, proxy_with, response};
use crate::support::Server;
use crate::support::http::Client;

/// Restarts; everything has moved, and the old generation is gone.
pub(crate) fn restart(server: &Server) {
    let report = server.reload().unwrap();
    assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
    assert_eq!(report.farewell, Farewell::Left);
    assert!(report.tally.moved.total() > 0);
    assert_eq!(server.status().generations.len(), 1);
}

#[test]
fn while_the_backend_thinks() {
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        restart(&server);
        restart(&server);
        peer.answer("thought");
        assert_eq!(response(&mut client).body, b"thought");
        goes_on(&mut client);
        assert!(!backend.is_wanted());
        assert_eq!(access_log(server).len(), 2);
    }
}

#[test]
fn in_the_middle_of_a_head() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "server.stream-response-body = 1");
    let mut client = Client::connect(server.address());
    let answer =
        "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    for piece in answer.as_bytes().chunks(9) {
        peer.send(piece);
        restart(&server);
    }
    assert_eq!(response(&mut client).status, 103);
    assert_eq!(response(&mut client).body, b"body");
    goes_on(&mut client);
    assert_eq!(access_log(server).len(), 2);
}

#[test]
fn while_a_request_is_forwarded() {
    let data = pattern(300_000);
    for mode in [0, 1, 2] {
        for chunked in ["Content-Length: 300000", "Transfer-Encoding: chunked"] {
            let backend = Backend::new();
            let server = proxy_with(&backend, &format!("server.stream-request-body = {mode}"));
            let mut client = Client::connect(server.address());
            goes_on(&mut client);
            let head = format!("POST /b HTTP/1.1\r\nHost: test\r\n{chunked}\r\n\r\n");
            client.send(head.as_bytes());
            let is_chunked = chunked.starts_with('T');
            let mut early = None;
            for (round, piece) in data.chunks(100_000).enumerate() {
                if is_chunked {
                    client.send(format!("{:x}\r\n", piece.len()).as_bytes());
                }
                // In the middle of a chunk.
                client.send(&piece[..piece.len() / 2]);
                if mode > 0 && round == 0 {
                    early = Some(backend.accept());
                }
                restart(&server);
                client.send(&piece[piece.len() / 2..]);
                if is_chunked {
                    client.send(b"\r\n");
                }
            }
            if is_chunked {
                client.send(b"0\r\n\r\n");
            }
            let mut peer = early.unwrap_or_else(|| backend.accept());
            let body = peer.request(data.len());
            assert!(body == data, "mode {mode}, {chunked}");
            peer.answer("fine");
            assert_eq!(response(&mut client).body, b"fine");
            goes_on(&mut client);
            assert!(!backend.is_wanted());
            assert_eq!(access_log(server).len(), 3);
        }
    }
}

#[test]
fn while_an_answer_is_relayed() {
    let data = pattern(300_000);
    for mode in [0, 1, 2] {
        for fields in [
            "Content-Length: 300000",
            "Transfer-Encoding: chunked",
            "Connection: close",
        ] {
            let backend = Backend::new();
            let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            peer.head();
            peer.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"));
            let is_chunked = fields.starts_with('T');
            std::thread::scope(|scope| {
                let client = &mut client;
                let reader = scope.spawn(|| response(client));
                for piece in data.chunks(100_000) {
                    if is_chunked {
                        peer.send(format!("{:x}\r\n", piece.len()));
                    }
                    peer.send(&piece[..piece.len() / 2]);
                    restart(&server);
                    peer.send(&piece[piece.len() / 2..]);
                    if is_chunked {
                        peer.send("\r\n");
                    }
                }
                if is_chunked {
                    peer.send("0\r\n\r\n");
                }
                drop(peer);
                let answer = reader.join().unwrap();
                assert!(answer.body == data, "mode {mode}, {fields}");
            });
            goes_on(&mut client);
            assert_eq!(access_log(server).len(), 2);
        }
    }
}

#[test]
fn while_the_client_is_slow_and_much_waits_for_it() {
    let data = pattern(16 << 20);
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                peer.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    data.len()
                ));
                peer.send(&data);
            });
            if mode != 2 {
                sender.join().unwrap();
            }
            restart(&server);
            restart(&server);
            assert!(response(&mut client).body == data, "mode {mode}");
        });
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 2);
    }
}

#[test]
fn while_the_backend_is_slow_and_much_waits_for_it() {
    let data = pattern(16 << 20);
    for mode in [1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-request-body = {mode}"));
        let mut client = Client::connect(server.address());
        let head = format!(
            "POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n",
            data.len()
        );
        client.send(head.as_bytes());
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                client.send(&data);
                response(&mut client)
            });
            let mut peer = backend.accept();
            restart(&server);
            restart(&server);
            peer.head();
            assert!(peer.body(data.len()) == data, "mode {mode}");
            restart(&server);
            peer.answer("fine");
            assert_eq!(sender.join().unwrap().body, b"fine");
        });
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 2);
    }
}

#[test]
fn a_failure_after_a_restart_is_told_as_usual() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    restart(&server);
    drop(peer);
    assert_eq!(response(&mut client).status, 502);
    goes_on(&mut client);
    assert_eq!(access_log(server).len(), 2);
}

#[test]
fn a_connection_that_was_used_may_still_be_closed() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut first = backend.accept();
    first.head();
    first.answer("one");
    assert_eq!(response(&mut client).body, b"one");
    get(&mut client);
    first.head();
    restart(&server);
    drop(first);
    let mut second = backend.accept();
    second.head();
    second.answer("two");
    assert_eq!(response(&mut client).body, b"two");
}

#[test]
fn pipelined_requests_travel_too() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "");
    let mut client = Client::connect(server.address());
    for _ in 0..3 {
        get(&mut client);
    }
    for n in ["one", "two", "three"] {
        let mut peer = backend.accept();
        peer.head();
        restart(&server);
        peer.answer(n);
        assert_eq!(response(&mut client).body, n.as_bytes());
        // Another generation has the connection, or will give it up: what waits does not move.
        restart(&server);
    }
    goes_on(&mut client);
    assert_eq!(access_log(server).len(), 4);
}
