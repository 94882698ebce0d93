//! Tunnels: after a change of protocol, and CONNECT.

use super::backend::{
    Backend, Peer, access_log, pattern, program, proxy_with, response, with_programs,
};
use crate::support::Server;
use crate::support::http::Client;

pub(super) const SETTING: &str =
    "proxy.header = ( \"upgrade\" => \"enable\", \"connect\" => \"enable\" )";

/// What opens a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Upgrade,
    Connect,
}

/// A tunnel that is open.
pub(super) fn open(server: &Server, backend: &Backend, how: How) -> (Client, Peer) {
    let mut client = Client::connect(server.address());
    match how {
        How::Upgrade => {
            client.send(
                b"GET /b HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            );
            let mut peer = backend.accept();
            let head = peer.head();
            assert!(head.contains("Upgrade: websocket\r\n"), "{head}");
            peer.send(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            );
            let answer = response(&mut client);
            assert_eq!(answer.status, 101);
            assert!(answer.has("Connection", "upgrade"), "{answer:?}");
            assert_eq!(answer.text("Upgrade").as_deref(), Some("websocket"));
            (client, peer)
        }
        How::Connect => {
            client.send(b"CONNECT test:4443 HTTP/1.1\r\nHost: test:4443\r\n\r\n");
            let peer = backend.accept();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.extend(client_bytes(&mut client, 1));
            }
            assert!(head.starts_with(b"HTTP/1.1 200 "), "{head:?}");
            (client, peer)
        }
    }
}

/// A server whose tunnels lead to this backend.
pub(super) fn server(backend: &Backend) -> Server {
    let catch_all = format!(
        "proxy.server = ( \"\" => (( \"host\" => \"127.0.0.1\", \"port\" => {} )))",
        backend.address().port()
    );
    // For CONNECT, whose target is no path.
    proxy_with(
        backend,
        &format!("{SETTING}\n$HTTP[\"host\"] =~ \"4443$\" {{ {catch_all} }}"),
    )
}

pub(super) fn client_bytes(client: &mut Client, length: usize) -> Vec<u8> {
    client.bytes(length).expect("bytes of a tunnel")
}

#[test]
fn bytes_go_both_ways() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        for round in 0..20 {
            let text = format!("there {round}");
            client.send(text.as_bytes());
            assert_eq!(peer.body(text.len()), text.as_bytes());
            let text = format!("back {round}");
            peer.send(&text);
            assert_eq!(client_bytes(&mut client, text.len()), text.as_bytes());
        }
        drop(peer);
        assert_eq!(client.until_close().unwrap(), b"");
        drop(client);
        assert_eq!(access_log(server).len(), 1);
    }
}

#[test]
fn bytes_right_behind_the_heads_are_the_first_of_the_tunnel() {
    let backend = Backend::new();
    let server = server(&backend);
    let mut client = Client::connect(server.address());
    client.send(
        b"GET /b HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    );
    let mut peer = backend.accept();
    peer.head();
    // A client that is in a hurry.
    client.send(b"first");
    peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nsecond");
    assert_eq!(response(&mut client).status, 101);
    assert_eq!(client_bytes(&mut client, 6), b"second");
    assert_eq!(peer.body(5), b"first");
}

#[test]
fn a_backend_that_does_not_switch_answers_as_usual() {
    let backend = Backend::new();
    let server = server(&backend);
    let mut client = Client::connect(server.address());
    client.send(
        b"GET /b HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    );
    let mut peer = backend.accept();
    peer.head();
    peer.answer("no");
    assert_eq!(response(&mut client).body, b"no");
    super::backend::goes_on(&mut client);
}

#[test]
fn much_goes_both_ways_at_once() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        let data = pattern(8 << 20);
        let mut sender = client.clone_sender();
        let mut peer_sender = peer.clone_sender();
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(&data));
            scope.spawn(|| peer_sender.send(&data));
            scope.spawn(|| assert!(peer.body(data.len()) == data));
            assert!(client_bytes(&mut client, data.len()) == data);
        });
    }
}

#[test]
fn the_client_closes_its_direction_first() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        let data = pattern(1 << 20);
        client.send(&data[..1000]);
        client.half_close();
        assert!(peer.ended() == data[..1000]);
        // The other direction is still open.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                peer.send(&data);
                drop(peer);
            });
            assert!(client.until_close().unwrap() == data);
        });
        assert_eq!(access_log(server).len(), 1);
    }
}

#[test]
fn the_backend_closes_its_direction_first() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        let data = pattern(1 << 20);
        peer.send(&data[..1000]);
        peer.half_close();
        assert!(client.until_close().unwrap() == data[..1000]);
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(peer.ended() == data));
            client.send(&data);
            client.half_close();
        });
        assert_eq!(access_log(server).len(), 1);
    }
}

#[test]
fn a_direction_that_stands_still_does_not_stop_the_other() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        let data = pattern(8 << 20);
        let mut peer_sender = peer.clone_sender();
        std::thread::scope(|scope| {
            // Neither side reads before it has sent everything; only one of them begins to read.
            scope.spawn(|| peer_sender.send(&data));
            scope.spawn(|| assert!(peer.body(data.len()) == data));
            client.send(&data);
            super::restart::restart(&server);
            assert!(client_bytes(&mut client, data.len()) == data);
        });
    }
}

#[test]
fn a_program_may_be_the_other_end() {
    let setup = with_programs().setting("cgi.upgrade = \"enable\"");
    program(
        &setup,
        "t.cgi",
        "printf 'Status: 101\\r\\nUpgrade: echo\\r\\n\\r\\n'\nexec cat\n",
    );
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    client
        .send(b"GET /t.cgi HTTP/1.1\r\nHost: test\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n");
    assert_eq!(response(&mut client).status, 101);
    for text in [b"one", b"two"] {
        client.send(text);
        assert_eq!(client_bytes(&mut client, 3), text);
    }
    client.half_close();
    assert_eq!(client.until_close().unwrap(), b"");
}
