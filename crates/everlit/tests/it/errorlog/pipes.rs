//! `server.errorlog = "|command"`.

use std::fs;
use std::path::Path;
use std::time::Instant;

use everlit::control::message::Reply;
use everlit::control::message::Request;
use rustix::process::Signal;

use super::{miss, said_once, setup};
use crate::backends::backend::{program, with_programs};
use crate::limits::wait;
use crate::support::{Client, PATIENCE, Server, Setup, children, halt, send};

/// A log that `cat` writes, and the number of each `cat`.
fn piped(setup: Setup, log: &str) -> Setup {
    let (log, numbers) = (setup.path(log), setup.path("numbers"));
    setup.setting(&format!(
        "server.errorlog = \"|sh -c 'echo $$ >> {}; exec cat >> {}'\"",
        numbers.display(),
        log.display()
    ))
}

/// Which of the children of a process read a log.
fn readers(parent: u32, numbers: &Path) -> Vec<u32> {
    let text = fs::read_to_string(numbers).unwrap_or_default();
    let known: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let mut children = children(parent);
    children.retain(|child| known.contains(child));
    children
}

/// The one reader among the children of a process.
fn reader(parent: u32, numbers: &Path) -> u32 {
    let begun = Instant::now();
    loop {
        if let [reader] = readers(parent, numbers)[..] {
            return reader;
        }
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}

fn is_zombie(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .is_some_and(|rest| rest.starts_with('Z'))
}

#[test]
fn every_line_gets_there_over_three_reloads() {
    let server = Server::start(piped(setup(), "error.log"));
    let (log, numbers) = (server.setup.path("error.log"), server.setup.path("numbers"));
    let mut client = Client::connect(server.address());
    let own = reader(server.pid(), &numbers);
    for round in 0..3 {
        for number in 0..20 {
            miss(&mut client, &format!("before-{round}-{number}"));
        }
        let report = server.reload().unwrap();
        assert_eq!(report.tally.moved.total(), 1);
        miss(&mut client, &format!("after-{round}"));
        // The supervisor has become another program; what it had started goes on, and nothing else is left of it.
        assert_eq!(reader(server.pid(), &numbers), own);
        assert_eq!(children(server.pid()).len(), 2);
    }
    for round in 0..3 {
        for number in 0..20 {
            said_once(&log, &format!("before-{round}-{number}"));
        }
        said_once(&log, &format!("after-{round}"));
        let restart = format!(
            ": (supervisor) restart: generation {} -> {}",
            round + 1,
            round + 2
        );
        wait::for_line(&log, &restart);
    }
    let said = server.said();
    assert!(!said.contains("file not found"), "{said}");
}

#[test]
fn a_command_that_dies_is_started_again() {
    let server = Server::start(piped(setup(), "error.log"));
    let (log, numbers) = (server.setup.path("error.log"), server.setup.path("numbers"));
    let (_, generation) = server.generation();
    send(reader(generation, &numbers), Signal::KILL);
    wait::for_line(&log, "(generation) \"sh -c 'echo $$ >> ");
    let mut client = Client::connect(server.address());
    miss(&mut client, "later");
    said_once(&log, "later");

    let old = reader(server.pid(), &numbers);
    send(old, Signal::KILL);
    // What it says until then goes to its standard error: a command is not started twice in a second.
    let begun = Instant::now();
    while !fs::read_to_string(&log)
        .unwrap()
        .contains("(supervisor) reopened")
    {
        assert!(begun.elapsed() < PATIENCE);
        let mut connection = server.setup.connect();
        connection.ask(&Request::ReopenLogs).unwrap();
        let reply = connection.next_reply().unwrap();
        assert!(
            matches!(reply, Reply::Reopened { files: 0, .. }),
            "{reply:?}"
        );
    }
    assert_ne!(reader(server.pid(), &numbers), old);
}

#[test]
fn nobody_waits_for_a_command_that_hangs() {
    let setup = piped(setup(), "error.log");
    let (log, numbers) = (setup.path("access.log"), setup.path("numbers"));
    let setup = setup.setting(&format!(
        "server.modules += ( \"mod_accesslog\" )\n\
         accesslog.filename = \"|sh -c 'echo $$ >> {}; exec cat >> {}'\"",
        numbers.display(),
        log.display()
    ));
    let server = Server::start(setup);
    let (_, generation) = server.generation();
    let begun = Instant::now();
    while readers(generation, &numbers).len() < 2 {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    let hanging = readers(generation, &numbers);
    for reader in &hanging {
        halt(*reader);
    }
    // Each miss is told to both, 2 KiB at a time: more than pipes and workers hold.
    let name = "x".repeat(2000);
    let mut clients: Vec<Client> = (0..8).map(|_| Client::connect(server.address())).collect();
    for number in 0..40 {
        for client in &mut clients {
            miss(client, &format!("{number}-{name}"));
        }
    }
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.total(), 8);
    for reader in &hanging {
        send(*reader, Signal::CONT);
    }
    // Not all that was said is there; what is there is whole.
    wait::for_line(&log, "GET /0-x");
    for client in &mut clients {
        miss(client, "afterwards");
    }
    wait::for_line(&log, "GET /afterwards ");
    let text = fs::read_to_string(&log).unwrap();
    for line in text.lines() {
        assert_eq!(line.matches("GET /").count(), 1, "{line}");
        assert!(line.ends_with('"'), "{line}");
    }
}

#[test]
fn another_command_takes_over_at_a_reload() {
    let server = Server::start(piped(setup(), "one.log"));
    let numbers = server.setup.path("numbers");
    let mut client = Client::connect(server.address());
    miss(&mut client, "first");
    let old = reader(server.pid(), &numbers);
    let path = server.setup.path("test.conf");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("one.log", "two.log")).unwrap();
    server.reload().unwrap();
    miss(&mut client, "second");
    said_once(&server.setup.path("one.log"), "first");
    let two = server.setup.path("two.log");
    said_once(&two, "second");
    wait::for_line(&two, "(supervisor) restart: generation 1 -> 2");
    // The old one is not left behind, not even as a zombie: the supervisor looks when it says something.
    let begun = Instant::now();
    while children(server.pid()).contains(&old) {
        assert!(begun.elapsed() < PATIENCE);
        let mut connection = server.setup.connect();
        connection.ask(&Request::ReopenLogs).unwrap();
        connection.next_reply().unwrap();
    }
    assert!(!is_zombie(old));
}

#[test]
fn a_start_in_the_background_does_not_wait_for_the_command() {
    let setup = piped(setup(), "error.log");
    setup.configure("server.bind = \"127.0.0.1\"\nserver.port = 0");
    // It returns only when nobody holds its output any more.
    let output = setup.run(&["-f", "test.conf"]);
    assert!(output.status.success(), "{output:?}");
    let output = setup.run(&["stop", "-f", "test.conf"]);
    assert!(output.status.success(), "{output:?}");
    let log = setup.path("error.log");
    wait::for_line(&log, "(supervisor) server started");
    wait::for_line(&log, "(supervisor) server stopped");
}

#[test]
fn programs_for_requests_say_what_is_wrong_with_them_there() {
    let setup = piped(with_programs(), "error.log");
    program(
        &setup,
        "fails.cgi",
        "echo \"this went wrong: $QUERY_STRING\" >&2\necho Status: 204\necho\n",
    );
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    for query in ["one", "two"] {
        client.send(&format!(
            "GET /fails.cgi?{query} HTTP/1.1\r\nHost: a\r\n\r\n"
        ));
        assert!(client.head().0.contains("204"));
        let log = server.setup.path("error.log");
        wait::for_line(&log, &format!("this went wrong: {query}"));
        server.reload().unwrap();
    }
}
