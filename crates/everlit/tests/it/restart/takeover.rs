//! One instance takes over from another: the way of 2005, and adoption of what a dead supervisor left.

use std::os::fd::AsFd;
use std::path::PathBuf;

use everlit::control::client::Connection;
use everlit::control::message::{Activity, Reply, Request};
use rustix::process::Signal;

use crate::support::{Built, Client, Server, Setup, send};

fn lingering() -> Setup {
    Setup::new(Built::Everlit).setting("server.feature-flags = ( \"everlit.linger\" => 600 )")
}

#[test]
fn int_and_start_loses_nothing() {
    let setup = lingering();
    let pid_file = setup.path("pid");
    let setup = setup.setting(&format!("server.pid-file = \"{}\"", pid_file.display()));
    let mut server = Server::start(setup);
    let address = server.address();
    let mut client = Client::connect(address);
    client.get("/a.txt");
    let (number, _) = server.generation();
    assert_eq!(
        std::fs::read_to_string(&pid_file).unwrap().trim(),
        server.pid().to_string()
    );

    server.signal(Signal::INT);
    server.wait_for_notice("STOPPING=1");
    assert!(!pid_file.exists());
    assert_eq!(server.status().activity, Activity::Lingering);
    assert_eq!(Client::connect(address).get("/a.txt"), "first");

    let successor = server.start_successor();
    let mut old = server.replace(successor);
    assert!(old.wait().unwrap().success());
    assert_eq!(server.generation().0, number + 1);
    assert_eq!(server.address(), address);
    assert_eq!(client.get("/a.txt"), "first");
    assert_eq!(
        std::fs::read_to_string(&pid_file).unwrap().trim(),
        server.pid().to_string()
    );
}

#[test]
fn an_instance_beside_one_that_serves_is_refused() {
    let server = Server::start(Setup::new(Built::Everlit));
    let output = server.setup.run(&["-D", "-f", "test.conf"]);
    assert_eq!(output.status.code(), Some(255));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(&format!("process {}", server.pid())),
        "{said}"
    );
    assert!(said.contains("everlit reload"), "{said}");
    assert_eq!(Client::connect(server.address()).get("/a.txt"), "first");
}

#[test]
fn a_successor_that_fails_leaves_the_lingering_one_as_it_was() {
    let server = Server::start(lingering());
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    server.signal(Signal::INT);
    server.wait_for_notice("STOPPING=1");
    std::fs::write(server.setup.path("test.conf"), "server.port = \n").unwrap();
    let output = server.setup.run(&["-D", "-f", "test.conf"]);
    assert_eq!(output.status.code(), Some(255));
    assert_eq!(client.get("/a.txt"), "first");
    assert_eq!(server.status().activity, Activity::Lingering);
}

/// A lingering instance with a Unix socket, and somebody who has just taken its listening sockets.
fn taken() -> (Server, PathBuf, Connection) {
    let setup = lingering();
    let path = setup.path("www.sock");
    setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = 0\n$SERVER[\"socket\"] == \"{}\" {{ }}",
        path.display()
    ));
    let server = Server::start_as_configured(setup);
    server.signal(Signal::INT);
    server.wait_for_notice("STOPPING=1");
    let mut taker = server.setup.connect();
    taker.ask(&Request::Takeover).unwrap();
    assert!(matches!(taker.next_reply(), Ok(Reply::Takeover(_))));
    (server, path, taker)
}

#[test]
fn a_stop_while_a_successor_starts_leaves_it_the_sockets() {
    let (mut server, path, mut taker) = taken();
    let caller = server.setup.connect();
    let how = everlit::control::message::Stop::Graceful;
    caller.ask(&Request::Stop { how }).unwrap();
    // It hears that nothing more comes, and goes on alone.
    assert!(matches!(taker.next_reply(), Ok(Reply::Left { .. })));
    assert!(server.wait().success());
    assert!(path.exists());
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
}

#[test]
fn an_impatient_stop_while_a_successor_starts_leaves_it_the_sockets() {
    let (mut server, path, _taker) = taken();
    server.signal(Signal::INT);
    assert!(server.wait().success());
    assert!(path.exists());
}

#[test]
fn a_generation_killed_while_it_hands_over_leaves_the_successor_its_sockets() {
    let (mut server, path, taker) = taken();
    let generation = server.generation().1;
    let (_successor, predecessor) = std::os::unix::net::UnixStream::pair().unwrap();
    let leave = Request::Leave {
        drain_limit_ms: None,
    };
    taker.ask_with(&leave, &[predecessor.as_fd()]).unwrap();
    while server.status().generations[0].state != "leaving" {}
    send(generation, Signal::KILL);
    server.wait();
    assert!(path.exists());
}

#[test]
fn without_a_successor_the_linger_ends() {
    let setup =
        Setup::new(Built::Everlit).setting("server.feature-flags = ( \"everlit.linger\" => 0 )");
    let mut server = Server::start(setup);
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    server.signal(Signal::INT);
    assert!(server.wait().success());
    // Closed, not reset.
    assert!(client.until_closed().is_empty());
}

#[test]
fn an_instance_that_drains_does_not_keep_the_address() {
    let length = 64 << 20;
    let setup =
        Setup::new(Built::Everlit).setting("server.feature-flags = ( \"everlit.linger\" => 0 )");
    let file = std::fs::File::create(setup.path("www").join("big")).unwrap();
    file.set_len(length as u64).unwrap();
    let mut server = Server::start(setup);
    let address = server.address();
    let mut download = Client::connect(address);
    download.send("GET /big HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(download.head().1, length);

    server.signal(Signal::INT);
    server.wait_for_notice("STOPPING=1");
    server.setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = {}",
        address.port()
    ));
    let successor = server.start_successor();
    let mut old = server.replace(successor);
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    assert!(old.try_wait().unwrap().is_none());
    download.body(length);
    assert!(download.until_closed().is_empty());
    assert!(old.wait().unwrap().success());
}

#[test]
fn a_generation_whose_supervisor_is_dead_serves_and_is_adopted() {
    let mut server = Server::start(Setup::new(Built::Everlit));
    let address = server.address();
    let mut client = Client::connect(address);
    client.get("/a.txt");
    let (number, pid) = server.generation();
    server.signal(Signal::KILL);
    server.wait();
    assert_eq!(client.get("/a.txt"), "first");
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    assert_eq!(server.status().activity, Activity::Orphaned);

    let successor = server.start_successor();
    let mut old = server.replace(successor);
    assert!(!old.wait().unwrap().success());
    let status = server.status();
    assert_eq!(status.activity, Activity::Serving);
    assert_eq!(server.generation().0, number + 1);
    assert_ne!(server.generation().1, pid);
    assert_eq!(server.address(), address);
    assert_eq!(client.get("/a.txt"), "first");
}

#[test]
fn a_second_int_is_immediate() {
    let mut server = Server::start(lingering());
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    client.get("/a.txt");
    server.signal(Signal::INT);
    server.wait_for_notice("STOPPING=1");
    server.signal(Signal::INT);
    assert_eq!(server.wait().code(), Some(1));
    client.until_lost();
}

#[test]
fn term_ends_at_once_and_says_whether_it_cut() {
    let mut server = Server::start(Setup::new(Built::Everlit));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));

    let mut server = Server::start(Setup::new(Built::Everlit));
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    // A connection is counted after its first answer, so certainly before its second.
    client.get("/a.txt");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(1));
    client.until_lost();
}

#[test]
fn killed_generations_do_not_outlive_the_test() {
    let server = Server::start(Setup::new(Built::Everlit));
    let (_, pid) = server.generation();
    send(pid, Signal::KILL);
    server.wait_for_notice("READY=1");
}
