//! The error log: files, commands, the system log; for everybody, and for some requests.

mod compared;
mod conditions;
mod pipes;
mod system_log;

use std::fs;
use std::path::Path;

use crate::limits::wait;
use crate::support::{Built, Client, Setup};

/// A server that tells of each request for what is not there.
fn setup() -> Setup {
    Setup::new(Built::Everlit).setting("debug.log-file-not-found = \"enable\"")
}

/// Asks a host for something; the head of the answer.
fn ask(client: &mut Client, host: &str, name: &str) -> String {
    client.send(&format!("GET /{name} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let (head, length) = client.head();
    client.body(length);
    head
}

/// Asks for something that is not there.
fn miss(client: &mut Client, name: &str) {
    let head = ask(client, "test", name);
    assert!(head.contains("404"), "{head}");
}

/// Waits until it is said that a request was for something that is not there. It is said once.
fn said_once(log: &Path, name: &str) {
    let text = format!("file not found: /{name} ");
    let line = wait::for_line(log, &text);
    assert!(line.contains(": (debug) "), "{line}");
    let all = fs::read_to_string(log).unwrap();
    assert_eq!(all.matches(&text).count(), 1, "{all}");
}
