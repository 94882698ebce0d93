//! Programs that make way for others, or do not.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;

use everlit::control::message::ProgramState;

use super::{Host, Peer, Process, configure, entry, start};
use crate::support::{Built, Client, Server, Setup};

#[test]
fn a_changed_one_is_replaced_and_ends_after_its_last_connection() {
    let server = start(Built::Everlit);
    let setup = &server.setup;
    configure(setup, &[Host::unix(setup, "p"), Host::unix(setup, "q")]);
    server.reload().unwrap();
    let mut held = Peer::at(setup, "p-0");
    let old = Process::of(held.pid);
    let unused = Process::of(Peer::at(setup, "q-0").pid);

    let changed = [
        Host::unix(setup, "p").word("second"),
        Host::unix(setup, "q").word("second"),
    ];
    configure(setup, &changed);
    server.reload().unwrap();
    let new = Peer::at(setup, "p-0");
    assert_ne!(new.pid, held.pid);
    assert_eq!(new.word, "second");
    assert_eq!(Peer::at(setup, "q-0").word, "second");
    // That was decided when this one had a connection.
    unused.wait();
    held.ping();
    let retiring = |server: &Server| {
        let programs = server.status().programs;
        let entry = programs
            .into_iter()
            .find(|entry| entry.pid == Some(held.pid));
        entry.map(|entry| entry.state)
    };
    assert_eq!(retiring(&server), Some(ProgramState::Retiring));
    // It is remembered over another restart.
    server.reload().unwrap();
    assert_eq!(retiring(&server), Some(ProgramState::Retiring));
    held.ping();
    drop(held);
    old.wait();
    assert_eq!(Peer::at(setup, "p-0").pid, new.pid);
}

#[test]
fn one_that_is_not_configured_any_more_ends_and_so_does_its_socket() {
    let server = start(Built::Everlit);
    let setup = &server.setup;
    let process = Process::of(Peer::at(setup, "p-0").pid);
    configure(setup, &[Host::unix(setup, "q")]);
    server.reload().unwrap();
    process.wait();
    assert!(!setup.path("p-0").exists());
    assert_eq!(Peer::at(setup, "q-0").word, "first");
}

/// The same program at a port that the kernel gave to nobody else a moment ago.
fn at_port(setup: &Setup) -> (Host, u16) {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let host = Host {
        address: format!("\"host\" => \"127.0.0.1\", \"port\" => {port}"),
        ..Host::unix(setup, "p")
    };
    (host, port)
}

#[test]
fn on_a_tcp_port_it_is_the_same() {
    let setup = Setup::new(Built::Everlit);
    let (host, port) = at_port(&setup);
    let other = Host::unix(&setup, "q");
    configure(&setup, &[host.clone(), other.clone()]);
    let server = Server::start_as_configured(setup);
    let setup = &server.setup;
    let mut held = Peer::at_port(port);
    let old = Process::of(held.pid);
    let unused = Process::of(Peer::at(setup, "q-0").pid);
    configure(setup, &[host.word("second"), other.word("second")]);
    server.reload().unwrap();
    // Each new connection, not only some of them.
    let new = Peer::at_port(port);
    for _ in 0..20 {
        assert_eq!(Peer::at_port(port).pid, new.pid);
    }
    assert_eq!(new.word, "second");
    unused.wait();
    held.ping();
    drop(held);
    old.wait();
    assert_eq!(Peer::at_port(port).pid, new.pid);
}

#[test]
fn one_that_is_not_there_fails_the_restart() {
    let server = start(Built::Everlit);
    let setup = &server.setup;
    let before = Peer::at(setup, "p-0");
    let generation = server.generation();
    let missing = Host {
        program: setup.path("missing"),
        ..Host::unix(setup, "p")
    };
    configure(setup, &[Host::unix(setup, "fresh"), missing]);
    let error = server.reload().unwrap_err();
    assert!(
        error.contains("missing") && error.contains("serves on"),
        "{error}"
    );
    assert_eq!(server.generation(), generation);
    assert_eq!(Peer::at(setup, "p-0").pid, before.pid);
    // Nor is it there at a start.
    let other = Setup::new(Built::Everlit);
    let missing = Host {
        program: other.path("missing"),
        ..Host::unix(&other, "p")
    };
    configure(&other, &[missing]);
    let output = other.run(&["-D", "-f", "test.conf"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("missing"), "{said}");
}

#[test]
fn a_restart_that_fails_later_leaves_the_old_one_in_place() {
    for fault in ["exit-before-ready", "closes-handover"] {
        let server = start(Built::Faulty);
        let setup = &server.setup;
        // The handover cannot be over before it fails.
        let mut client = Client::connect(server.address());
        client.get("/a.txt");
        let mut held = Peer::at(setup, "p-0");
        setup.fault(Some(fault));
        configure(setup, &[Host::unix(setup, "p").word("second")]);
        server.reload().unwrap_err();
        client.get("/a.txt");
        held.ping();
        let after = Peer::at(setup, "p-0");
        assert_eq!((after.pid, after.word.as_str()), (held.pid, "first"));
        setup.fault(None);
        server.reload().unwrap();
        assert_eq!(Peer::at(setup, "p-0").word, "second");
    }
}

#[test]
fn nor_does_it_move_from_a_tcp_port() {
    let setup = Setup::new(Built::Faulty);
    let (host, port) = at_port(&setup);
    configure(&setup, std::slice::from_ref(&host));
    let server = Server::start_as_configured(setup);
    let setup = &server.setup;
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    let mut held = Peer::at_port(port);
    setup.fault(Some("closes-handover"));
    configure(setup, &[host.clone().word("second")]);
    server.reload().unwrap_err();
    held.ping();
    for _ in 0..20 {
        assert_eq!(Peer::at_port(port).pid, held.pid);
    }
    setup.fault(None);
    // Twice, while the first one is still needed.
    server.reload().unwrap();
    let mut second = Peer::at_port(port);
    assert_eq!(second.word, "second");
    configure(setup, &[host.word("third")]);
    server.reload().unwrap();
    for _ in 0..20 {
        assert_eq!(Peer::at_port(port).word, "third");
    }
    held.ping();
    second.ping();
}

#[test]
fn one_that_dies_at_once_fails_the_restart() {
    // Its generation would never be ready, so there is nothing else that could happen first.
    let server = start(Built::Faulty);
    let setup = &server.setup;
    let before = Peer::at(setup, "p-0");
    setup.fault(Some("never-ready"));
    let dies = Host {
        program: "/bin/false".into(),
        ..Host::unix(setup, "p")
    };
    configure(setup, &[dies]);
    let error = server.reload().unwrap_err();
    assert!(error.contains("/bin/false at "), "{error}");
    assert!(error.contains("ended (exit code 1)"), "{error}");
    assert_eq!(Peer::at(setup, "p-0").pid, before.pid);
}

#[test]
fn a_stranger_at_the_address_stays_there() {
    let setup = Setup::new(Built::Everlit);
    let stranger = UnixListener::bind(setup.path("p-0")).unwrap();
    configure(&setup, &[Host::unix(&setup, "p")]);
    let server = Server::start_as_configured(setup);
    let said = entry(&server);
    assert_eq!((said.state, said.pid), (ProgramState::Foreign, None));
    assert!(server.said().contains("somebody listens there already"));
    // When it is gone, the next restart notices.
    drop(stranger);
    server.reload().unwrap();
    assert_eq!(entry(&server).state, ProgramState::Running);
    Peer::at(&server.setup, "p-0").ping();
}
