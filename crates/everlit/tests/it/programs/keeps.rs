//! Programs that go on.

use everlit::control::message::{ProgramState, SupervisorRenewal};

use super::{Host, Peer, Process, configure, entry, start};
use crate::support::{Built, Client, send};
use rustix::process::Signal;

#[test]
fn a_reload_does_not_touch_what_it_does_not_change() {
    let server = start(Built::Everlit);
    let mut peer = Peer::at(&server.setup, "p-0");
    assert_eq!(peer.word, "first");
    server.setup.file("a.txt", "second");
    let report = server.reload().unwrap();
    // The supervisor is another program by now, and still looks after it.
    assert_eq!(report.supervisor, SupervisorRenewal::Renewed);
    peer.ping();
    let other = Peer::at(&server.setup, "p-0");
    assert_eq!(other.pid, peer.pid);

    let entry = entry(&server);
    assert_eq!(entry.pid, Some(peer.pid));
    assert_eq!(entry.state, ProgramState::Running);
    assert_eq!(entry.restarts, 0);
    assert_eq!(
        entry.address,
        server.setup.path("p-0").display().to_string()
    );
    assert!(entry.command.ends_with("echo_program"));

    let output = server.setup.run(&["status", "-f", "test.conf"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(&format!(
            "echo_program at {}: process {}",
            entry.address, peer.pid
        )),
        "{text}"
    );
    let output = server.setup.run(&["status", "--json", "-f", "test.conf"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\"programs\""), "{text}");
}

#[test]
fn one_that_ends_is_started_again_and_nobody_is_refused() {
    let server = start(Built::Everlit);
    // Twice in the same supervisor, and once more after it was renewed.
    let first = Peer::at(&server.setup, "p-0");
    let first_pid = first.pid;
    first.crash();
    let second = Peer::at(&server.setup, "p-0");
    let second_pid = second.pid;
    assert_ne!(first_pid, second_pid);
    second.crash();
    // The first crash is answered at once, this one after a moment: connections wait.
    let third_pid = Peer::at(&server.setup, "p-0").pid;
    assert_ne!(second_pid, third_pid);
    let said = entry(&server);
    assert_eq!((said.pid, said.restarts), (Some(third_pid), 2));
    assert!(server.said().contains("ended (exit code 3); started again"));
    assert!(server.said().contains("started again in 0.1 s"));

    server.reload().unwrap();
    let third = Peer::at(&server.setup, "p-0");
    assert_eq!(third.pid, third_pid);
    third.crash();
    assert_ne!(Peer::at(&server.setup, "p-0").pid, third_pid);
    assert_eq!(entry(&server).restarts, 3);
}

#[test]
fn it_is_still_there_after_its_generation_crashed() {
    let server = start(Built::Everlit);
    let mut peer = Peer::at(&server.setup, "p-0");
    let (number, generation) = server.generation();
    let process = Process::of(generation);
    send(generation, Signal::KILL);
    process.wait();
    // Whoever connects now waits for the replacement.
    Client::connect(server.address()).get("/a.txt");
    assert_eq!(server.generation().0, number + 1);
    peer.ping();
    assert_eq!(Peer::at(&server.setup, "p-0").pid, peer.pid);
}

#[test]
fn each_process_has_its_own_socket() {
    let server = start(Built::Everlit);
    let host = Host {
        processes: 3,
        ..Host::unix(&server.setup, "q")
    };
    configure(&server.setup, &[Host::unix(&server.setup, "p"), host]);
    server.reload().unwrap();
    let pids = ["q-0", "q-1", "q-2"].map(|name| Peer::at(&server.setup, name).pid);
    assert!(pids[0] != pids[1] && pids[1] != pids[2] && pids[0] != pids[2]);
    assert_eq!(server.status().programs.len(), 4);
}
