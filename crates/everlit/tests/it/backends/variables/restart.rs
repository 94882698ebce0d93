//! Restarts in the middle of exchanges with such backends: nobody notices, every byte arrives, one line in the log.

use super::{BOTH, GOOD};
use crate::backends::backend::{Backend, access_log, get, goes_on, pattern, response};
use crate::backends::restart::restart;
use crate::backends::tunnels::client_bytes;
use crate::support::Server;
use crate::support::http::Client;

#[test]
fn while_the_backend_thinks() {
    for wire in BOTH {
        for mode in [0, 1, 2] {
            let backend = Backend::new();
            let server = wire.server(&backend, &format!("server.stream-response-body = {mode}"));
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            // Once before it has read anything.
            restart(&server);
            wire.request(&mut peer);
            restart(&server);
            peer.send(GOOD);
            assert_eq!(response(&mut client).body, b"good", "{wire:?}, mode {mode}");
            goes_on(&mut client);
            assert!(!backend.is_wanted());
            assert_eq!(access_log(server).len(), 2);
        }
    }
}

#[test]
fn in_the_middle_of_a_head() {
    for wire in BOTH {
        let backend = Backend::new();
        let server = wire.server(&backend, "server.stream-response-body = 1");
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        wire.request(&mut peer);
        for piece in GOOD.as_bytes().chunks(7) {
            peer.send(piece);
            restart(&server);
        }
        assert_eq!(response(&mut client).body, b"good");
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 2);
    }
}

#[test]
fn while_an_answer_is_relayed() {
    let data = pattern(300_000);
    for wire in BOTH {
        for mode in [0, 1, 2] {
            for fields in ["Content-Length: 300000\r\n", ""] {
                let backend = Backend::new();
                let setting = format!("server.stream-response-body = {mode}");
                let server = wire.server(&backend, &setting);
                let mut client = Client::connect(server.address());
                get(&mut client);
                let mut peer = backend.accept();
                wire.request(&mut peer);
                peer.send(format!("Status: 200\r\n{fields}\r\n"));
                std::thread::scope(|scope| {
                    let client = &mut client;
                    let reader = scope.spawn(|| response(client));
                    for piece in data.chunks(150_000) {
                        peer.send(&piece[..70_000]);
                        restart(&server);
                        peer.send(&piece[70_000..]);
                    }
                    drop(peer);
                    let answer = reader.join().unwrap();
                    assert!(answer.body == data, "{wire:?}, mode {mode}, {fields}");
                });
                goes_on(&mut client);
                assert_eq!(access_log(server).len(), 2);
            }
        }
    }
}

#[test]
fn while_a_request_is_forwarded() {
    let data = pattern(300_000);
    for wire in BOTH {
        for mode in [0, 1, 2] {
            for framing in ["Content-Length: 300000", "Transfer-Encoding: chunked"] {
                let backend = Backend::new();
                let server = wire.server(&backend, &format!("server.stream-request-body = {mode}"));
                let mut client = Client::connect(server.address());
                goes_on(&mut client);
                let head = format!("POST /b HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n");
                client.send(head.as_bytes());
                let is_chunked = framing.starts_with('T');
                let mut early = None;
                for (round, piece) in data.chunks(150_000).enumerate() {
                    if is_chunked {
                        client.send(format!("{:x}\r\n", piece.len()).as_bytes());
                    }
                    // In the middle of a chunk.
                    client.send(&piece[..70_000]);
                    // Only HTTP can begin without a length.
                    if mode > 0 && round == 0 && !is_chunked {
                        early = Some(backend.accept());
                    }
                    restart(&server);
                    client.send(&piece[70_000..]);
                    if is_chunked {
                        client.send(b"\r\n");
                    }
                }
                if is_chunked {
                    client.send(b"0\r\n\r\n");
                }
                let mut peer = early.unwrap_or_else(|| backend.accept());
                let (_, body) = wire.request(&mut peer);
                assert!(body == data, "{wire:?}, mode {mode}, {framing}");
                peer.send(GOOD);
                assert_eq!(response(&mut client).body, b"good");
                assert_eq!(peer.until_closed(), b"");
                goes_on(&mut client);
                assert!(!backend.is_wanted());
                assert_eq!(access_log(server).len(), 3);
            }
        }
    }
}

#[test]
fn a_failure_after_a_restart_is_told_as_usual() {
    for wire in BOTH {
        let backend = Backend::new();
        let server = wire.server(&backend, "");
        let mut client = Client::connect(server.address());
        for said in [
            "",
            "Status: 200\r\n",
            "Status: 200\r\nContent-Length: 9\r\n\r\nabc",
        ] {
            get(&mut client);
            let mut peer = backend.accept();
            wire.request(&mut peer);
            peer.send(said);
            restart(&server);
            drop(peer);
            assert_eq!(response(&mut client).status, 502, "{wire:?}: {said:?}");
        }
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 4);
    }
}

#[test]
fn in_a_tunnel() {
    for wire in BOTH {
        let backend = Backend::new();
        let server = Server::start(wire.setup(&[backend.address()], "\"upgrade\" => \"enable\""));
        let mut client = Client::connect(server.address());
        client
            .send(b"GET /b HTTP/1.1\r\nHost: test\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n");
        let mut peer = backend.accept();
        let (told, _) = wire.request(&mut peer);
        assert_eq!(told.get("HTTP_UPGRADE"), Some("echo"));
        restart(&server);
        peer.send("Status: 101\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nfirst");
        assert_eq!(response(&mut client).status, 101);
        assert_eq!(client_bytes(&mut client, 5), b"first");
        for _ in 0..2 {
            client.send(b"during, there");
            peer.send("during, back");
            restart(&server);
            assert_eq!(peer.body(13), b"during, there");
            assert_eq!(client_bytes(&mut client, 12), b"during, back");
        }
        drop(peer);
        assert_eq!(client.until_close().unwrap(), b"");
        drop(client);
        assert_eq!(access_log(server).len(), 1);
    }
}
