//! Commands in documents (`ssi.exec`) from outside: nobody else waits for them, whatever becomes of the server.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Command;
use std::time::Instant;

use everlit::control::message::Farewell;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;
use rustix::time::Timespec;

use crate::support::http::{Asked, Client, Response};
use crate::support::{Built, PATIENCE, Server, Setup};

/// A page whose command says that it has begun, and ends when it is told to.
const PAGE: &str = "<<!--#exec cmd=\"echo a; echo begun >begun; read x <go; echo $x\"-->><!--#include virtual=\"/a.txt\"-->";

struct Stage {
    server: Server,
    /// Both FIFOs are open for both, so that nobody waits for somebody to open them.
    begun: File,
    go: File,
}

impl Stage {
    fn new() -> Stage {
        let setup = Setup::new(Built::Everlit)
            .setting("server.max-worker = 1")
            .setting("server.modules += ( \"mod_ssi\" )\nssi.extension = ( \".shtml\" )")
            .setting("static-file.exclude-extensions = ( \".shtml\" )");
        setup.file("page.shtml", PAGE);
        setup.file("quick.shtml", "<!--#exec cmd=\"echo quick\"-->");
        setup.file("many.shtml", "<!--#exec cmd=\"head -c 1 go\"-->");
        let [begun, go] = ["begun", "go"].map(|name| {
            let path = setup.path(name);
            let made = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
            File::options().read(true).write(true).open(path).unwrap()
        });
        let server = Server::start(setup);
        Stage { server, begun, go }
    }

    /// Waits until a command has begun.
    fn begun(&mut self) {
        let timeout = Timespec {
            tv_sec: PATIENCE.as_secs() as i64,
            tv_nsec: 0,
        };
        let mut watched = [PollFd::new(&self.begun, PollFlags::IN)];
        assert_eq!(
            poll(&mut watched, Some(&timeout)),
            Ok(1),
            "it has not begun"
        );
        let mut text = [0; 6];
        self.begun.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"begun\n");
    }

    /// Has commands go on, as many as there are lines.
    fn go_on(&mut self, lines: &str) {
        self.go.write_all(lines.as_bytes()).unwrap();
    }
}

fn ask(server: &Server, line: &str) -> Client {
    let mut client = Client::connect(server.address());
    client.send(format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
    client
}

fn answer(client: &mut Client) -> Response {
    let answer = client.response(Asked::ForAnything).unwrap();
    assert_eq!(answer.status, 200);
    answer
}

const MADE: &[u8] = b"<a\nwent\n>first";

#[test]
fn nobody_else_waits_for_a_command() {
    let mut stage = Stage::new();
    let mut client = ask(&stage.server, "GET /page.shtml");
    stage.begun();
    for _ in 0..3 {
        let mut other = ask(&stage.server, "GET /a.txt");
        assert_eq!(answer(&mut other).body, b"first");
        let mut other = ask(&stage.server, "GET /quick.shtml");
        assert_eq!(answer(&mut other).body, b"quick\n");
    }
    stage.go_on("went\n");
    let answer = answer(&mut client);
    assert_eq!(answer.body, MADE);
    assert_eq!(answer.text("Content-Type").unwrap(), "text/html");
    assert_eq!(answer.text("Content-Length").unwrap(), "14");
}

#[test]
fn a_restart_in_the_middle_of_a_command_is_not_noticed() {
    let mut stage = Stage::new();
    let mut client = ask(&stage.server, "GET /page.shtml");
    stage.begun();
    // One whose body is not complete yet: its command will be run by the successor.
    let mut other = Client::connect(stage.server.address());
    other.send(b"POST /quick.shtml HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345");
    let report = std::thread::scope(|scope| {
        let reload = scope.spawn(|| stage.server.reload().unwrap());
        // The successor serves, although the command has not ended.
        let begun = Instant::now();
        while stage.server.status().generations.len() != 2 {
            assert!(begun.elapsed() < PATIENCE);
        }
        let mut new = ask(&stage.server, "GET /quick.shtml");
        assert_eq!(answer(&mut new).body, b"quick\n");
        stage.go.write_all(b"went\n").unwrap();
        reload.join().unwrap()
    });
    assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
    assert_eq!(report.farewell, Farewell::Left);
    other.send(b"67890");
    assert_eq!(answer(&mut other).body, b"quick\n");
    assert_eq!(answer(&mut client).body, MADE);
}

#[test]
fn a_client_that_goes_away_does_not_matter() {
    let mut stage = Stage::new();
    let client = ask(&stage.server, "GET /page.shtml");
    stage.begun();
    drop(client);
    let mut client = ask(&stage.server, "GET /page.shtml");
    stage.begun();
    stage.go_on("went\nwent\n");
    assert_eq!(answer(&mut client).body, MADE);
    let mut client = ask(&stage.server, "HEAD /quick.shtml");
    let head = client.head().unwrap();
    assert_eq!(head.text("Content-Length").unwrap(), "6");
}

#[test]
fn who_is_stopped_at_once_does_not_wait_for_commands() {
    let mut stage = Stage::new();
    let _client = ask(&stage.server, "GET /page.shtml");
    stage.begun();
    stage.server.signal(Signal::TERM);
    stage.server.wait();
    // Then the command ends, too.
    stage.go_on("went\n");
}

#[test]
fn more_commands_than_there_are_threads() {
    let mut stage = Stage::new();
    let mut clients: Vec<_> = (0..40)
        .map(|_| ask(&stage.server, "GET /many.shtml"))
        .collect();
    stage.go_on(&"x".repeat(40));
    for client in &mut clients {
        assert_eq!(answer(client).body, b"x");
    }
}
