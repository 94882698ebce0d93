//! A whole house at one restart: idle clients, downloads, uploads, slow heads and tunnels, each in the middle of something.

use std::net::SocketAddr;

use super::backend::{Backend, Peer, goes_on, pattern, response, setup};
use crate::support::http::Client;
use crate::support::tls::Offer;
use crate::support::{Server, Setup};

const IDLE: usize = 200;
const DOWNLOADS: usize = 4;
const UPLOADS: usize = 4;
const SLOW: usize = 5;
const TUNNELS: usize = 20;
/// More than the kernel keeps for a client that does not read.
const LENGTH: usize = 16 << 20;

fn nobody_notices(backend: &Backend, setup: Setup, connect: impl Fn(SocketAddr) -> Client) {
    let document = pattern(LENGTH);
    std::fs::write(setup.path("www").join("large"), &document).unwrap();
    let server = Server::start(setup);
    let connect = || connect(server.address());

    let mut idle: Vec<Client> = (0..IDLE).map(|_| connect()).collect();
    idle.iter_mut().for_each(goes_on);
    let mut downloads: Vec<Client> = (0..DOWNLOADS).map(|_| connect()).collect();
    for client in &mut downloads {
        client.send(b"GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
        client.head().unwrap();
    }
    let (first, second) = document[..1 << 20].split_at(300_000);
    let begin_upload = |_| {
        let mut client = connect();
        let length = first.len() + second.len();
        let head = format!("POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
        client.send(head.as_bytes());
        client.send(first);
        client
    };
    let mut uploads: Vec<Client> = (0..UPLOADS).map(begin_upload).collect();
    let mut slow: Vec<Client> = (0..SLOW).map(|_| connect()).collect();
    for client in &mut slow {
        client.send(b"GET /a.txt HT");
    }
    let open = |_| -> (Client, Peer) {
        let mut client = connect();
        client.send(b"GET /b HTTP/1.1\r\nHost: test\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
        let mut peer = backend.accept();
        peer.head();
        peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
        assert_eq!(response(&mut client).status, 101);
        (client, peer)
    };
    let mut tunnels: Vec<(Client, Peer)> = (0..TUNNELS).map(open).collect();

    let report = server.reload().unwrap();
    assert_eq!((report.tally.drained, report.tally.dropped), (0, 0));
    let all = IDLE + DOWNLOADS + UPLOADS + SLOW + TUNNELS;
    assert_eq!(report.tally.moved.total(), all as u64);
    println!(
        "{all} moved, the old process gone after {:?} ms",
        report.gone_ms
    );

    idle.iter_mut().for_each(goes_on);
    for (client, peer) in &mut tunnels {
        client.send(b"there");
        assert_eq!(peer.body(5), b"there");
        peer.send("and back");
        assert_eq!(client.bytes(8).unwrap(), b"and back");
    }
    for client in &mut slow {
        client.send(b"TP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(response(client).body, b"first");
    }
    for client in &mut downloads {
        assert!(client.bytes(LENGTH).unwrap() == document);
        goes_on(client);
    }
    uploads.iter_mut().for_each(|client| client.send(second));
    for _ in 0..UPLOADS {
        let mut peer = backend.accept();
        assert!(peer.request(first.len() + second.len()) == document[..1 << 20]);
        peer.answer("stored");
    }
    for client in &mut uploads {
        assert_eq!(response(client).body, b"stored");
        goes_on(client);
    }
}

fn upgrading(backend: &Backend) -> Setup {
    setup("proxy", &[backend.address()], "").setting("proxy.header = ( \"upgrade\" => \"enable\" )")
}

#[test]
fn at_one_restart() {
    let backend = Backend::new();
    nobody_notices(&backend, upgrading(&backend), Client::connect);
}

#[test]
fn at_one_restart_over_tls() {
    let backend = Backend::new();
    let offer = Offer::all();
    nobody_notices(&backend, upgrading(&backend).secure(), |address| {
        offer.connect(address)
    });
}
