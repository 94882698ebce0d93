//! `-1`: a process for the client on standard input.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use crate::support::{Built, PATIENCE, Setup};

const TWO: &str =
    "GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n";

fn setup() -> Setup {
    let setup = Setup::new(Built::Everlit);
    setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = 0\nserver.pid-file = \"{}\"",
        setup.path("pid").display()
    ));
    setup
}

fn start(setup: &Setup, stdin: impl Into<Stdio>) -> Child {
    command(setup).stdin(stdin).spawn().unwrap()
}

fn command(setup: &Setup) -> Command {
    setup.command(&["-1", "-f", "test.conf"])
}

/// Reads until so many responses with the body of `/a.txt` are there.
fn responses(stream: &mut impl Read, count: usize) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while text.matches("\r\n\r\nfirst").count() < count {
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "closed after: {text}");
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    assert_eq!(text.matches("HTTP/1.1 200 ").count(), count, "{text}");
    text
}

#[test]
fn all_requests_of_a_connection_are_served_and_then_it_ends() {
    let setup = setup();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut process = start(&setup, OwnedFd::from(theirs));
    ours.write_all(TWO.as_bytes()).unwrap();
    responses(&mut ours, 2);
    // It is kept, as any connection.
    ours.write_all(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n")
        .unwrap();
    responses(&mut ours, 1);
    assert!(!setup.path("run").exists(), "no control socket");
    assert!(!setup.path("pid").exists(), "no pid file");
    drop(ours);
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

#[test]
fn the_process_ends_when_the_server_closes() {
    let setup = setup();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    // As inetd does it: everything is the client.
    let mut process = command(&setup)
        .stdout(OwnedFd::from(accepted.try_clone().unwrap()))
        .stderr(OwnedFd::from(accepted.try_clone().unwrap()))
        .stdin(OwnedFd::from(accepted))
        .spawn()
        .unwrap();
    client
        .write_all(b"GET /a.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 200 ") && text.ends_with("first"),
        "{text}"
    );
    drop(client);
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_client_may_be_at_pipes() {
    let setup = setup();
    let mut process = command(&setup)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    input.write_all(TWO.as_bytes()).unwrap();
    responses(process.stdout.as_mut().unwrap(), 2);
    // A request and its end arrive together.
    input
        .write_all(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n")
        .unwrap();
    drop(input);
    responses(process.stdout.as_mut().unwrap(), 1);
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

#[test]
fn signals_end_it_after_its_request_or_at_once() {
    use rustix::process::{Pid, Signal, kill_process};
    // With an idle connection, an interrupt takes nothing from anybody.
    for (signal, code) in [(Signal::INT, 0), (Signal::TERM, 1)] {
        let setup = setup();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut process = start(&setup, OwnedFd::from(theirs));
        ours.write_all(TWO.as_bytes()).unwrap();
        responses(&mut ours, 2);
        kill_process(Pid::from_child(&process), signal).unwrap();
        assert_eq!(ours.read(&mut [0; 16]).unwrap(), 0);
        assert_eq!(process.wait().unwrap().code(), Some(code));
    }
}

#[test]
fn what_is_no_client_is_refused_with_the_reason() {
    let setup = setup();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let cases = [
        (Stdio::null(), "a terminal or another device"),
        (
            File::open(setup.path("test.conf")).unwrap().into(),
            "a file",
        ),
        (OwnedFd::from(listener).into(), "a listening socket"),
    ];
    for (stdin, what) in cases {
        let output = command(&setup).stdin(stdin).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(255), "{said}");
        assert!(
            said.contains(&format!("which is {what}: expected is a connected stream")),
            "{said}"
        );
    }
    let output = setup.run(&["-1", "-f", "-"]);
    assert_eq!(output.status.code(), Some(255));
    assert!(String::from_utf8(output.stderr).unwrap().contains("-f"));
}

#[test]
fn a_wrong_configuration_ends_it() {
    let setup = setup();
    std::fs::write(setup.path("test.conf"), "server.port = \n").unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let output = command(&setup)
        .stdin(OwnedFd::from(theirs))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(255));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("test.conf"), "{said}");
    drop(ours);
}
