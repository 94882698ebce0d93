//! Restarts in the middle of tunnels: both directions go on, in order.

use super::backend::{Backend, access_log, pattern};
use super::restart::restart;
use super::tunnels::{How, client_bytes, open, server};

#[test]
fn bytes_before_during_and_after() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        for round in 0..4 {
            let text = format!("before {round}");
            client.send(text.as_bytes());
            peer.send(&text);
            assert_eq!(peer.body(text.len()), text.as_bytes());
            assert_eq!(client_bytes(&mut client, text.len()), text.as_bytes());
            // On their way while it restarts.
            client.send(b"during, there");
            peer.send("during, back");
            restart(&server);
            client.send(b"after, there");
            peer.send("after, back");
            assert_eq!(peer.body(25), b"during, thereafter, there");
            assert_eq!(client_bytes(&mut client, 23), b"during, backafter, back");
        }
        drop(peer);
        assert_eq!(client.until_close().unwrap(), b"");
        drop(client);
        assert_eq!(access_log(server).len(), 1);
    }
}

#[test]
fn much_both_ways() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        let data = pattern(8 << 20);
        let (mut sender, mut peer_sender) = (client.clone_sender(), peer.clone_sender());
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(&data));
            scope.spawn(|| peer_sender.send(&data));
            // Nobody reads: something waits for certain.
            restart(&server);
            restart(&server);
            scope.spawn(|| assert!(peer.body(data.len()) == data));
            scope.spawn(|| assert!(client_bytes(&mut client, data.len()) == data));
            restart(&server);
        });
        drop((peer, peer_sender));
        assert_eq!(client.until_close().unwrap(), b"");
        drop((client, sender));
        assert_eq!(access_log(server).len(), 1);
    }
}

#[test]
fn the_client_has_closed_its_direction() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        client.send(b"all");
        client.half_close();
        restart(&server);
        assert_eq!(peer.ended(), b"all");
        peer.send("answer ");
        restart(&server);
        peer.send("end");
        drop(peer);
        assert_eq!(client.until_close().unwrap(), b"answer end");
        assert_eq!(access_log(server).len(), 1);
    }
}

#[test]
fn the_backend_has_closed_its_direction() {
    for how in [How::Upgrade, How::Connect] {
        let backend = Backend::new();
        let server = server(&backend);
        let (mut client, mut peer) = open(&server, &backend, how);
        peer.send("all");
        peer.half_close();
        restart(&server);
        assert_eq!(client.until_close().unwrap(), b"all");
        client.send(b"answer ");
        restart(&server);
        client.send(b"end");
        client.half_close();
        assert_eq!(peer.ended(), b"answer end");
        assert_eq!(access_log(server).len(), 1);
    }
}
