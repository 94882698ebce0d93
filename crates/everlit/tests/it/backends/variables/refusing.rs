//! Such backends that refuse connections.

use super::{BOTH, GOOD};
use crate::backends::backend::{Backend, Refusing, get, goes_on, response};
use crate::support::Server;
use crate::support::http::Client;

#[test]
fn the_next_host_is_asked() {
    for wire in BOTH {
        for mode in [0, 1, 2] {
            let (refusing, good) = (Refusing::new(), Backend::new());
            let hosts = [refusing.address(), good.address()];
            let setup = wire.setup(&hosts, "\"disable-time\" => 600");
            let setup = setup.setting(&format!("server.stream-request-body = {mode}"));
            let server = Server::start(setup);
            let mut client = Client::connect(server.address());
            for _ in 0..2 {
                client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\nabc");
                client.send(b"def");
                let mut peer = good.accept();
                let (_, body) = wire.request(&mut peer);
                assert_eq!(body, b"abcdef");
                peer.send(GOOD);
                assert_eq!(response(&mut client).body, b"good");
            }
            let said = server.said();
            // Once: then it is left alone.
            let complaint = format!("{}: cannot be reached", refusing.address());
            assert_eq!(said.matches(&complaint).count(), 1, "{said}");
        }
    }
}

#[test]
fn nobody_is_left() {
    for wire in BOTH {
        let refusing = Refusing::new();
        let server = Server::start(wire.setup(&[refusing.address()], ""));
        let mut client = Client::connect(server.address());
        for _ in 0..2 {
            get(&mut client);
            assert_eq!(response(&mut client).status, 503);
        }
        goes_on(&mut client);
        assert!(server.said().contains("cannot be reached"));
    }
}
