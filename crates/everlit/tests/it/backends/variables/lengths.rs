//! Such backends that lie about the length of their answers.

use super::BOTH;
use crate::backends::backend::{Backend, access_log, get, goes_on, response};
use crate::support::http::{Asked, Client, Failure};

#[test]
fn too_short_and_collected_is_a_bad_gateway() {
    for wire in BOTH {
        let backend = Backend::new();
        let server = wire.server(&backend, "server.stream-response-body = 0");
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        wire.request(&mut peer);
        peer.send("Status: 200\r\nContent-Length: 10\r\n\r\nabc");
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
    for wire in BOTH {
        for mode in [1, 2] {
            let backend = Backend::new();
            let server = wire.server(&backend, &format!("server.stream-response-body = {mode}"));
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            wire.request(&mut peer);
            peer.send("Status: 200\r\nContent-Length: 10\r\n\r\nabc");
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
    for wire in BOTH {
        for mode in [0, 1, 2] {
            for (length, body) in [(3, &b"abc"[..]), (0, b"")] {
                let backend = Backend::new();
                let setting = format!("server.stream-response-body = {mode}");
                let server = wire.server(&backend, &setting);
                let mut client = Client::connect(server.address());
                // The second one must not get what was too much of the first.
                for _ in 0..2 {
                    get(&mut client);
                    let mut peer = backend.accept();
                    wire.request(&mut peer);
                    peer.send(format!(
                        "Status: 200\r\nContent-Length: {length}\r\n\r\nabcHTTP/1.1 200 OK\r\n\r\n"
                    ));
                    assert_eq!(response(&mut client).body, body, "{wire:?}, mode {mode}");
                    assert_eq!(peer.until_closed(), b"");
                }
                goes_on(&mut client);
            }
        }
    }
}

#[test]
fn without_a_length_it_is_what_comes() {
    for wire in BOTH {
        for mode in [0, 1, 2] {
            for head in [
                "Status: 200\r\n\r\n",
                "Status: 200\n\n",
                "X: y\r\n\r\n",
                "\n",
            ] {
                let backend = Backend::new();
                let setting = format!("server.stream-response-body = {mode}");
                let server = wire.server(&backend, &setting);
                let mut client = Client::connect(server.address());
                get(&mut client);
                let mut peer = backend.accept();
                wire.request(&mut peer);
                for byte in format!("{head}all of it").as_bytes() {
                    peer.send([*byte]);
                }
                drop(peer);
                let answer = response(&mut client);
                assert_eq!((answer.status, &answer.body[..]), (200, &b"all of it"[..]));
                goes_on(&mut client);
            }
        }
    }
}
