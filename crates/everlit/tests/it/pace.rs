//! `connection.kbytes-per-second` and `server.kbytes-per-second`: no faster than that, also across restarts. A slow machine is
//! slower still, and passes.

use std::time::{Duration, Instant};

use crate::backends::backend::pattern;
use crate::support::http::{Asked, Client};
use crate::support::{Built, Server, Setup};

/// KiB a second.
const RATE: usize = 128;
const LENGTH: usize = 2 * RATE * 1024;
/// All of it takes two seconds; in the first tick, and in the last, a whole tick's part may leave at once.
const AT_LEAST: Duration = Duration::from_millis(1500);

fn server(settings: &str) -> (Server, Vec<u8>) {
    let document = pattern(LENGTH);
    let setup = Setup::new(Built::Everlit).setting(settings);
    std::fs::write(setup.path("www").join("half"), &document[..LENGTH / 2]).unwrap();
    std::fs::write(setup.path("www").join("whole"), &document).unwrap();
    (Server::start(setup), document)
}

fn ask(client: &mut Client, path: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
}

#[test]
fn each_connection_has_its_own() {
    let (server, document) = server(&format!("connection.kbytes-per-second = {RATE}"));
    let begun = Instant::now();
    let mut clients = [(); 2].map(|()| Client::connect(server.address()));
    clients.iter_mut().for_each(|client| ask(client, "/whole"));
    for client in &mut clients {
        let response = client.response(Asked::ForAnything).unwrap();
        assert!(response.body == document);
        assert!(begun.elapsed() >= AT_LEAST, "{:?}", begun.elapsed());
        // What is short is there at once.
        ask(client, "/a.txt");
        assert_eq!(client.response(Asked::ForAnything).unwrap().body, b"first");
    }
}

#[test]
fn what_is_shared_is_shared_by_all_also_after_a_restart() {
    let (server, document) = server(&format!(
        "server.max-worker = 2\n$HTTP[\"url\"] == \"/half\" {{ server.kbytes-per-second = {RATE} }}"
    ));
    let begun = Instant::now();
    let mut clients = [(); 2].map(|()| Client::connect(server.address()));
    clients.iter_mut().for_each(|client| ask(client, "/half"));
    clients.iter_mut().for_each(|client| drop(client.head()));
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.response, 2);
    for client in &mut clients {
        assert!(client.bytes(LENGTH / 2).unwrap() == document[..LENGTH / 2]);
    }
    assert!(begun.elapsed() >= AT_LEAST, "{:?}", begun.elapsed());
    // Others are not held back.
    ask(&mut clients[0], "/whole");
    let response = clients[0].response(Asked::ForAnything).unwrap();
    assert!(response.body == document);
}

#[test]
fn many_short_answers_are_no_faster_than_a_long_one() {
    let (server, document) = server(&format!("connection.kbytes-per-second = {RATE}"));
    let part = LENGTH / 32;
    std::fs::write(server.setup.path("www").join("part"), &document[..part]).unwrap();
    let begun = Instant::now();
    let mut client = Client::connect(server.address());
    for _ in 0..32 {
        ask(&mut client, "/part");
        let response = client.response(Asked::ForAnything).unwrap();
        assert!(response.body == document[..part]);
    }
    assert!(begun.elapsed() >= AT_LEAST, "{:?}", begun.elapsed());
}
