//! `server.breakagelog`: what programs say to standard error.

use std::time::Instant;

use rustix::process::Signal;

use super::backend::{program, response, with_programs};
use crate::support::http::Client;
use crate::support::{PATIENCE, Server};

fn wait_for(server: &Server, name: &str, text: &str) {
    let begun = Instant::now();
    loop {
        let found = std::fs::read_to_string(server.setup.path(name)).unwrap_or_default();
        if found.contains(text) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{name}: {found}");
        std::thread::yield_now();
    }
}

#[test]
fn programs_write_to_it_also_when_it_is_new() {
    let setup = with_programs();
    program(
        &setup,
        "fails.cgi",
        "echo \"this went wrong: $QUERY_STRING\" >&2\necho Status: 204\necho\n",
    );
    let (all, some) = (setup.path("all.log"), setup.path("some.log"));
    let server = Server::start(setup.setting(&format!(
        "server.breakagelog = \"{}\"\n$HTTP[\"host\"] == \"some\" {{ server.breakagelog = \"{}\" }}",
        all.display(),
        some.display()
    )));
    let mut client = Client::connect(server.address());
    let mut ask = |host: &str, query: &str| {
        let request = format!("GET /fails.cgi?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        client.send(request.as_bytes());
        assert_eq!(response(&mut client).status, 204);
    };
    ask("test", "one");
    wait_for(&server, "all.log", "this went wrong: one\n");
    ask("some", "two");
    wait_for(&server, "some.log", "this went wrong: two\n");
    // As logrotate does it.
    std::fs::rename(&all, server.setup.path("old.log")).unwrap();
    server.signal(Signal::HUP);
    let begun = Instant::now();
    while !all.exists() {
        assert!(begun.elapsed() < PATIENCE);
    }
    // The new file may not have come to the worker yet.
    while std::fs::metadata(&all).unwrap().len() == 0 {
        assert!(begun.elapsed() < PATIENCE);
        ask("test", "three");
    }
    server.reload().unwrap();
    ask("test", "four");
    wait_for(&server, "all.log", "this went wrong: four\n");
    assert!(!server.said().contains("this went wrong"));
}
