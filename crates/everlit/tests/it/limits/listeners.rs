//! Listeners that go, and listeners that are in each other's way.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::process::Signal;

use super::unused_port;
use crate::support::{Built, Client, PATIENCE, Server, Setup, halt, send};

/// The listener that stays in all of these configurations.
const STAYS: &str = "server.bind = \"127.0.0.1\"\nserver.port = 0\n";

fn with_socket(address: &str, settings: &str) -> String {
    format!("{STAYS}$SERVER[\"socket\"] == \"{address}\" {{ {settings} }}")
}

/// Where it listens for this name.
fn address_of(server: &Server, name: &str) -> SocketAddr {
    let listeners = server.status().listeners;
    let entry = listeners.iter().find(|entry| entry.name == name);
    entry.expect("configured").address.parse().unwrap()
}

/// What became of a client that tried.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Served,
    Refused,
}

/// A new client: it is served or refused. Everything else is a failure.
fn visit(address: SocketAddr) -> Fate {
    match Client::try_connect(address) {
        Ok(mut client) => {
            assert_eq!(client.get("/a.txt"), "first");
            Fate::Served
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Fate::Refused,
        Err(error) => panic!("neither served nor refused: {error}"),
    }
}

/// The same at a Unix socket, whose file may be gone.
fn visit_unix(path: &Path) -> Fate {
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionRefused | ErrorKind::NotFound
            ) =>
        {
            return Fate::Refused;
        }
        Err(error) => panic!("neither served nor refused: {error}"),
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"GET /a.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\r\n\r\nfirst"), "{answer}");
    Fate::Served
}

/// Reloads while others visit without a break; how often they were served.
fn under_visits(server: &Server, visit: impl Fn() -> Fate + Sync) -> usize {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let visitors: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut served = 0;
                    while !over.load(Ordering::Relaxed) {
                        match visit() {
                            Fate::Served => served += 1,
                            Fate::Refused => break,
                        }
                    }
                    served
                })
            })
            .collect();
        let report = server.reload();
        over.store(true, Ordering::Relaxed);
        let served = visitors.into_iter().map(|v| v.join().unwrap()).sum();
        assert_eq!(report.unwrap().tally.dropped, 0);
        served
    })
}

#[test]
fn who_came_by_a_removed_listener_is_served_and_who_comes_later_is_refused() {
    let setup = Setup::new(Built::Everlit);
    let name = "127.0.0.2:0";
    // The kernel keeps a handshake half done until the client has said something, or a second has passed.
    setup.configure(&with_socket(name, "server.defer-accept = \"enable\""));
    let server = Server::start_as_configured(setup);
    let going = address_of(&server, name);
    let mut kept = Client::connect(going);
    assert_eq!(kept.get("/a.txt"), "first");
    let mut half = Client::connect(going);
    half.send("GET /a.txt HTTP/1.1\r\n");

    server.setup.configure(STAYS);
    let (_, predecessor) = server.generation();
    // So that nobody accepts, and clients wait in the queue, or in the middle of their handshake.
    halt(predecessor);
    let mut queued = Client::connect(going);
    queued.send("GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut shaking = Client::connect(going);
    let mut silent = Client::connect(going);
    let report = std::thread::scope(|scope| {
        let report = scope.spawn(|| server.reload().unwrap());
        // The successor serves those that wait although it is not to listen there.
        assert_eq!(queued.response(), "first");
        send(predecessor, Signal::CONT);
        report.join().unwrap()
    });
    assert_eq!(report.tally.dropped, 0);
    assert_eq!(shaking.get("/a.txt"), "first");

    // From the close on they are refused, until then they may be served: nobody waits in vain, and nobody is cut.
    while visit(going) == Fate::Served {}
    assert_eq!(server.status().listeners.len(), 1);

    // Nor is somebody cut who says nothing until the listener is closed: that is when the address is free.
    let closed = Instant::now() + PATIENCE;
    while let Err(error) = TcpListener::bind(going) {
        assert!(Instant::now() < closed, "{error}");
        std::thread::yield_now();
    }
    assert_eq!(silent.get("/a.txt"), "first");
    half.send("Host: test\r\n\r\n");
    assert_eq!(half.response(), "first");
    server.setup.file("a.txt", "other");
    server.setup.configure(&format!(
        "{STAYS}$HTTP[\"url\"] == \"/a.txt\" {{ server.max-keep-alive-requests = 2000 }}"
    ));
    server.reload().unwrap();
    for mut client in [kept, half, queued, shaking, silent] {
        assert_eq!(client.get("/a.txt"), "other");
    }
}

#[test]
fn a_listener_that_went_can_come_back_at_once() {
    let setup = Setup::new(Built::Everlit);
    let port = unused_port::any();
    let with = with_socket(&format!("127.0.0.2:{port}"), "");
    setup.configure(&with);
    let server = Server::start_as_configured(setup);
    let address = SocketAddr::from(([127, 0, 0, 2], port));
    for _ in 0..2 {
        server.setup.configure(STAYS);
        server.reload().unwrap();
        while visit(address) == Fate::Served {}
        server.setup.configure(&with);
        server.reload().unwrap();
        assert_eq!(visit(address), Fate::Served);
    }
}

#[test]
fn nobody_is_cut_while_a_listener_goes() {
    let setup = Setup::new(Built::Everlit);
    let name = "127.0.0.2:0";
    setup.configure(&with_socket(name, ""));
    let server = Server::start_as_configured(setup);
    let going = address_of(&server, name);
    server.setup.configure(STAYS);
    under_visits(&server, || visit(going));
    while visit(going) == Fate::Served {}
}

#[test]
fn nobody_is_cut_while_a_unix_socket_goes() {
    let setup = Setup::new(Built::Everlit);
    let path = setup.path("www.sock");
    setup.configure(&with_socket(&path.display().to_string(), ""));
    let server = Server::start_as_configured(setup);
    let mut kept = UnixStream::connect(&path).unwrap();
    kept.write_all(b"GET /a.txt HTTP/1.1\r\n").unwrap();
    server.setup.configure(STAYS);
    under_visits(&server, || visit_unix(&path));
    assert!(!path.exists());
    assert_eq!(visit_unix(&path), Fate::Refused);
    kept.write_all(b"Host: test\r\nConnection: close\r\n\r\n")
        .unwrap();
    kept.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\r\n\r\nfirst"), "{answer}");
}

/// A server at one address, to be moved to another of the same port.
struct Narrowing {
    server: Server,
    /// The address that both mean.
    common: SocketAddr,
    all: String,
    one: String,
}

impl Narrowing {
    fn new(setup: Setup) -> Self {
        let port = unused_port::any();
        let configuration =
            |bind: &str| format!("server.bind = \"{bind}\"\nserver.port = {port}\n");
        let (all, one) = (configuration("0.0.0.0"), configuration("127.0.0.1"));
        setup.configure(&all);
        Self {
            server: Server::start_as_configured(setup),
            common: ([127, 0, 0, 1], port).into(),
            all,
            one,
        }
    }
}

#[test]
fn all_addresses_become_one_and_one_becomes_all() {
    let Narrowing {
        server,
        common,
        all,
        one,
    } = Narrowing::new(Setup::new(Built::Everlit));
    let mut client = Client::connect(common);
    client.get("/a.txt");
    let elsewhere: SocketAddr = ([127, 0, 0, 2], common.port()).into();
    for _ in 0..2 {
        assert_eq!(visit(elsewhere), Fate::Served);
        server.setup.configure(&one);
        assert_ne!(under_visits(&server, || visit(common)), 0);
        assert_eq!(visit(common), Fate::Served);
        while visit(elsewhere) == Fate::Served {}

        server.setup.configure(&all);
        assert_ne!(under_visits(&server, || visit(common)), 0);
        assert_eq!(visit(common), Fate::Served);
        assert_eq!(client.get("/a.txt"), "first");
    }
}

#[test]
fn a_failed_change_of_the_address_cuts_nobody() {
    let setup = Setup::new(Built::Faulty)
        .setting("server.feature-flags = ( \"everlit.ready-timeout\" => 1 )");
    let Narrowing {
        server,
        common,
        one,
        ..
    } = Narrowing::new(setup);
    server.setup.configure(&one);
    server.setup.fault(Some("never-ready"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let visitor = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                assert_eq!(visit(common), Fate::Served);
            }
        });
        let error = server.reload().unwrap_err();
        assert!(error.contains("not ready after 1 s"), "{error}");
        // And as it was before, so that a second attempt meets the same.
        assert!(server.reload().is_err());
        over.store(true, Ordering::Relaxed);
        visitor.join().unwrap();
    });
    assert_eq!(server.generation().0, 1);
    server.setup.fault(None);
    server.reload().unwrap();
    assert_eq!(visit(common), Fate::Served);
    // Nobody else can come in between.
    assert!(std::net::TcpListener::bind(common).is_err());
}

#[test]
fn the_same_address_by_another_name_is_the_same_socket() {
    let setup = Setup::new(Built::Everlit);
    let port = unused_port::any();
    setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = {port}"
    ));
    let server = Server::start_as_configured(setup);
    let before = inode_of(server.pid());
    server.setup.configure(&format!(
        "server.bind = \"localhost\"\nserver.port = {port}"
    ));
    server.reload().unwrap();
    assert_eq!(
        server.status().listeners[0].name,
        format!("localhost:{port}")
    );
    assert_eq!(inode_of(server.pid()), before);

    let name = server.setup.path("www.sock");
    let by_path = format!("{STAYS}$SERVER[\"socket\"] == \"{}\" {{ }}", name.display());
    server.setup.configure(&by_path);
    server.reload().unwrap();
    server
        .setup
        .configure(&by_path.replace("www.sock", "./www.sock"));
    server.reload().unwrap();
    assert_eq!(visit_unix(&name), Fate::Served);
}

/// The inodes of the TCP sockets on which a process listens. (Links in `/proc` name them.)
fn inode_of(pid: u32) -> Vec<String> {
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let listening: Vec<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.get(3) == Some(&"0A"))
        .map(|fields| format!("socket:[{}]", fields[9]))
        .collect();
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .map(|link| link.display().to_string())
        .filter(|link| listening.contains(link))
        .collect()
}
