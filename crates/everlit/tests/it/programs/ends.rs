//! The end of programs, with the end of the server.

use rustix::process::Signal;

use super::{Host, Peer, Process, configure, start};
use crate::support::{Built, Server, Setup};

#[test]
fn a_stop_ends_them() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut server = start(Built::Everlit);
        let peer = Peer::at(&server.setup, "p-0");
        let process = Process::of(peer.pid);
        server.signal(signal);
        server.wait();
        assert!(process.has_ended());
        assert!(!server.setup.path("p-0").exists());
    }
}

#[test]
fn one_that_was_retired_ends_too() {
    let mut server = start(Built::Everlit);
    let setup = &server.setup;
    let peer = Peer::at(setup, "p-0");
    let process = Process::of(peer.pid);
    configure(setup, &[Host::unix(setup, "q")]);
    server.reload().unwrap();
    let other = Process::of(Peer::at(&server.setup, "q-0").pid);
    server.signal(Signal::INT);
    server.wait();
    assert!(process.has_ended());
    assert!(other.has_ended());
}

#[test]
fn an_instance_that_takes_over_has_its_own() {
    let setup =
        Setup::new(Built::Everlit).setting("server.feature-flags = ( \"everlit.linger\" => 600 )");
    configure(&setup, &[Host::unix(&setup, "p")]);
    let mut server = Server::start_as_configured(setup);
    let mut held = Peer::at(&server.setup, "p-0");
    let old_program = Process::of(held.pid);
    server.signal(Signal::INT);
    server.wait_for_notice("STOPPING=1");
    assert_eq!(Peer::at(&server.setup, "p-0").pid, held.pid);

    let successor = server.start_successor();
    let mut old = server.replace(successor);
    let new = Peer::at(&server.setup, "p-0");
    assert_ne!(new.pid, held.pid);
    // An exchange that moved may still be with the old one.
    held.ping();
    drop(held);
    assert!(old.wait().unwrap().success());
    assert!(old_program.has_ended());
    assert_eq!(Peer::at(&server.setup, "p-0").pid, new.pid);
}

#[test]
fn one_whose_supervisor_was_killed_is_used_on() {
    let mut server = start(Built::Everlit);
    let mut held = Peer::at(&server.setup, "p-0");
    server.signal(Signal::KILL);
    server.wait();
    let successor = server.start_successor();
    server.replace(successor).wait().unwrap();
    held.ping();
    assert_eq!(Peer::at(&server.setup, "p-0").pid, held.pid);
    let process = Process::of(held.pid);
    // Nobody else will end it.
    crate::support::send(held.pid, Signal::KILL);
    process.wait();
}
