//! Such backends that do not go on.

use super::BOTH;
use crate::backends::backend::{Backend, get, goes_on, response};
use crate::support::Server;
use crate::support::http::{Asked, Client, Failure};

#[test]
fn before_the_answer_or_in_what_is_collected_is_a_gateway_timeout() {
    for wire in BOTH {
        for said in [
            "",
            "Status: 200\r\nConte",
            "Status: 200\r\n\r\nabc",
            "Status: 200\r\nContent-Length: 10\r\n\r\nabc",
        ] {
            let backend = Backend::new();
            let setup = wire.setup(&[backend.address()], "\"read-timeout\" => 1");
            let server = Server::start(setup);
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            wire.request(&mut peer);
            peer.send(said);
            assert_eq!(response(&mut client).status, 504, "{wire:?}: {said:?}");
            assert_eq!(peer.until_closed(), b"");
            goes_on(&mut client);
            let said = server.said();
            let complaint = format!("{}: it does not answer in time", backend.address());
            assert!(said.contains(&complaint), "{said}");
        }
    }
}

#[test]
fn in_the_middle_of_what_is_on_its_way_cuts_it_off() {
    for wire in BOTH {
        for length in ["Content-Length: 10\r\n", ""] {
            let backend = Backend::new();
            let setup = wire.setup(&[backend.address()], "\"read-timeout\" => 1");
            let server = Server::start(setup.setting("server.stream-response-body = 1"));
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            wire.request(&mut peer);
            peer.send(format!("Status: 200\r\n{length}\r\nabc"));
            let outcome = client.response(Asked::ForAnything);
            assert!(matches!(outcome, Err(Failure::Cut(_))), "{outcome:?}");
            assert_eq!(peer.until_closed(), b"");
        }
    }
}

#[test]
fn without_reading_is_a_gateway_timeout() {
    for wire in BOTH {
        for mode in [0, 1, 2] {
            let backend = Backend::new();
            let setup = wire.setup(&[backend.address()], "\"write-timeout\" => 1");
            let setup = setup.setting(&format!("server.stream-request-body = {mode}"));
            let server = Server::start(setup);
            let mut client = Client::connect(server.address());
            // More than both kernels hold.
            let length = 32 << 20;
            let head =
                format!("POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
            client.send(head.as_bytes());
            // The kernel has accepted the connection; nobody reads from it.
            client.send(&vec![b'x'; length]);
            let status = client.response(Asked::ForAnything);
            let status = status.map(|found| found.status);
            assert!(
                matches!(status, Ok(504)),
                "{wire:?}, mode {mode}: {status:?}"
            );
        }
    }
}
