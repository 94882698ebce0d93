//! From one build to another: the file on disk changes, and with the next reload nothing old is left running.
//!
//! The other build is a copy of this one in which the version is replaced by another of the same length, at the one mark
//! that `everlit::version` puts before it. So it is another file with other contents and another version, and everything
//! else is the same: what differs between real releases (other images, other states) is for the golden tests.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use everlit::control::message::{Farewell, SupervisorRenewal};
use everlit::version::{MARK, version};

use super::set_mode;
use crate::support::{Built, Client, Server, Setup};

/// This version with another last digit.
fn next_version() -> String {
    let mut next = version().to_owned();
    let last = next.pop().expect("a version has digits");
    next.push(if last == '7' { '8' } else { '7' });
    next
}

/// The program, with another version.
fn next_build(program: &Path) -> Vec<u8> {
    let mut bytes = fs::read(program).unwrap();
    let (from, to) = (format!("{MARK}{}", version()), next_version());
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, text)| *text == from.as_bytes())
        .map(|(at, _)| at + MARK.len())
        .collect();
    assert!(!places.is_empty(), "the version is marked");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// Puts a file where the program is, as packages do.
fn install(setup: &Setup, content: &[u8], mode: u32) {
    let fresh = setup.path("everlit.next");
    write_program(setup, &fresh, content);
    set_mode(&fresh, mode);
    fs::rename(&fresh, setup.path("everlit")).unwrap();
}

/// Writes a file that is to be run. Another process does it: as long as this one has it open, its children do too.
fn write_program(setup: &Setup, path: &Path, content: &[u8]) {
    let draft = setup.path("draft");
    fs::write(&draft, content).unwrap();
    let copied = Command::new("cp").args([&draft, path]).status().unwrap();
    assert!(copied.success());
}

/// Which file a process runs.
fn program_of(pid: u32) -> (u64, u64) {
    let file = fs::metadata(format!("/proc/{pid}/exe")).unwrap();
    (file.dev(), file.ino())
}

fn setup() -> Setup {
    Setup::new(Built::Everlit)
}

#[test]
fn an_upgrade_replaces_every_process_and_cuts_nobody() {
    let setup = setup();
    // More than the kernel buffers between the two.
    let content = "0123456789abcdef".repeat(1024 * 1024);
    setup.file("big.txt", &content);
    let next = next_build(&setup.path("everlit"));
    let server = Server::start(setup);
    let (address, pid) = (server.address(), server.pid());
    let mut kept: Vec<Client> = (0..20).map(|_| Client::connect(address)).collect();
    for client in &mut kept {
        client.get("/a.txt");
    }
    let mut half = Client::connect(address);
    half.send("GET /a.txt HTTP/1.1\r\nHo");
    let mut download = Client::connect(address);
    download.send("GET /big.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    let (_, length) = download.head();
    assert_eq!(length, content.len());

    let old = program_of(pid);
    install(&server.setup, &next, 0o755);
    let said = server.setup.run(&["-v"]).stdout;
    assert_eq!(
        String::from_utf8(said).unwrap(),
        format!("everlit/{}\n", next_version())
    );
    let status = server.status();
    assert_eq!(status.version, version());
    assert_eq!(status.generations[0].version, version());

    let report = server.reload().unwrap();
    assert_eq!(report.from_version.as_deref(), Some(version()));
    assert_eq!(report.to_version, next_version());
    assert_eq!(report.farewell, Farewell::Left);
    assert_eq!(report.supervisor, SupervisorRenewal::Renewed);
    assert_eq!(report.tally.moved.total(), 22, "{report:?}");
    assert_eq!((report.tally.drained, report.tally.dropped), (0, 0));

    let file = fs::metadata(server.setup.path("everlit")).unwrap();
    let new = (file.dev(), file.ino());
    assert_ne!(old, new);
    let status = server.status();
    assert_eq!((server.pid(), status.supervisor_pid), (pid, Some(pid)));
    assert_eq!(program_of(pid), new);
    assert_eq!(status.version, next_version());
    assert_eq!(status.generations.len(), 1);
    for generation in status.generations {
        assert_eq!(program_of(generation.pid), new);
        assert_eq!(generation.version, next_version());
    }

    assert!(download.body(length) == content.as_bytes());
    half.send("st: test\r\n\r\n");
    assert_eq!(half.response(), "first");
    kept.extend([download, half]);
    for client in &mut kept {
        assert_eq!(client.get("/a.txt"), "first");
    }
    assert_eq!(Client::connect(address).get("/a.txt"), "first");

    // And back.
    server.setup.install(Built::Everlit);
    let report = server.reload().unwrap();
    assert_eq!(report.to_version, version());
    assert_eq!(report.tally.moved.total(), 22, "{report:?}");
    assert_eq!(server.status().version, version());
}

#[test]
fn a_binary_that_does_not_work_is_refused_before_anything_is_touched() {
    let server = Server::start(setup());
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    let good = fs::read(server.setup.path("everlit")).unwrap();
    let before = (program_of(server.pid()), server.generation());
    let cases: [(&str, &[u8], u32, &str); 6] = [
        ("not executable", &good, 0o644, "ermission denied"),
        ("not a program", b"everlit", 0o755, "start "),
        ("fails", b"#!/bin/sh\nexit 1\n", 0o755, "exit code 1"),
        (
            "says why it fails",
            b"#!/bin/sh\necho libfoo is missing >&2\nexit 127\n",
            0o755,
            "libfoo is missing",
        ),
        (
            "does nothing",
            b"#!/bin/sh\n",
            0o755,
            "its plan cannot be read",
        ),
        ("truncated", &good[..good.len() / 3], 0o755, ""),
    ];
    for (name, content, mode, reason) in cases {
        install(&server.setup, content, mode);
        let error = server.reload().expect_err(name);
        assert!(error.contains(reason), "{name}: {error}");
        assert!(error.contains("generation 1 serves on"), "{name}: {error}");
        assert_eq!(client.get("/a.txt"), "first");
        assert_eq!(
            (program_of(server.pid()), server.generation()),
            before,
            "{name}"
        );
    }
    fs::remove_file(server.setup.path("everlit")).unwrap();
    let error = server.reload().unwrap_err();
    assert!(error.contains("o such file"), "{error}");
    assert_eq!(client.get("/a.txt"), "first");

    install(
        &server.setup,
        &next_build(Built::Everlit.path().as_path()),
        0o755,
    );
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.total(), 1);
    assert_eq!(server.status().version, next_version());
    assert_eq!(client.get("/a.txt"), "first");
}

#[test]
fn a_binary_that_serves_but_cannot_supervise_leaves_the_supervisor_as_it_is() {
    let server = Server::start(setup());
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    let (pid, before) = (server.pid(), program_of(server.pid()));
    let real = server.setup.path("everlit.real");
    let next = next_build(&server.setup.path("everlit"));
    write_program(&server.setup, &real, &next);
    set_mode(&real, 0o755);
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = resume-check ] && exit 255\nexec {} \"$@\"\n",
        real.display()
    );
    install(&server.setup, script.as_bytes(), 0o755);
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.total(), 1);
    assert!(
        matches!(&report.supervisor, SupervisorRenewal::Kept(reason) if reason.contains("does not understand")),
        "{report:?}"
    );
    assert_eq!((server.pid(), program_of(pid)), (pid, before));
    let status = server.status();
    assert_eq!(status.version, version());
    assert_eq!(status.generations[0].version, next_version());
    assert_eq!(client.get("/a.txt"), "first");
}
