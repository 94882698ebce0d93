//! Programs that are started for backends (`bin-path`), seen from outside: who answers at their addresses, and who lives.

mod ends;
mod keeps;
mod replaces;
mod rights;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use everlit::control::message::ProgramEntry;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::support::{Built, PATIENCE, Server, Setup};

/// How one host of `fastcgi.server` is configured.
#[derive(Clone)]
struct Host {
    address: String,
    program: PathBuf,
    word: &'static str,
    processes: u32,
}

/// A connection to a program.
struct Peer {
    stream: BufReader<Stream>,
    pid: u32,
    word: String,
}

trait Both: std::io::Read + std::io::Write {}
impl<T: std::io::Read + std::io::Write> Both for T {}
type Stream = Box<dyn Both>;

impl Host {
    /// The program that says who it is, at this socket in the setup's directory; it will be at `NAME-0`.
    fn unix(setup: &Setup, name: &str) -> Self {
        let program = Built::Everlit
            .path()
            .with_file_name("examples")
            .join("echo_program");
        assert!(
            program.exists(),
            "cargo build --examples makes {}",
            program.display()
        );
        Self {
            address: format!("\"socket\" => \"{}\"", setup.path(name).display()),
            program,
            word: "first",
            processes: 1,
        }
    }

    fn word(self, word: &'static str) -> Self {
        Self { word, ..self }
    }
}

/// Writes a configuration with these hosts.
fn configure(setup: &Setup, hosts: &[Host]) {
    let mut text = String::from(
        "server.bind = \"127.0.0.1\"\nserver.port = 0\nserver.modules += ( \"mod_fastcgi\" )\nfastcgi.server = (\n",
    );
    for (index, host) in hosts.iter().enumerate() {
        writeln!(
            text,
            "\"/app{index}\" => (( {}, \"bin-path\" => \"{}\", \"max-procs\" => {}, \"check-local\" => \"disable\", \
             \"bin-environment\" => ( \"EVERLIT_TEST\" => \"{}\" ) )),",
            host.address,
            host.program.display(),
            host.processes,
            host.word,
        )
        .unwrap();
    }
    text.push(')');
    setup.configure(&text);
}

/// A server with one program at `p-0`.
fn start(built: Built) -> Server {
    let setup = Setup::new(built);
    configure(&setup, &[Host::unix(&setup, "p")]);
    Server::start_as_configured(setup)
}

impl Peer {
    /// Whoever is at this socket in the setup's directory.
    fn at(setup: &Setup, name: &str) -> Self {
        let stream = UnixStream::connect(setup.path(name)).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        Self::greet(Box::new(stream))
    }

    /// Whoever is at this port.
    fn at_port(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        Self::greet(Box::new(stream))
    }

    fn greet(stream: Stream) -> Self {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).expect("it greets");
        let (pid, word) = line.trim_end().split_once(' ').expect("two words");
        Self {
            stream,
            pid: pid.parse().expect("a number"),
            word: word.to_owned(),
        }
    }

    fn ping(&mut self) {
        self.stream
            .get_mut()
            .write_all(b"ping\n")
            .expect("it reads");
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("it answers");
        assert_eq!(line, "pong\n");
    }

    /// Ends the process, which is over when this returns.
    fn crash(mut self) {
        let process = Process::of(self.pid);
        self.stream
            .get_mut()
            .write_all(b"crash\n")
            .expect("it reads");
        process.wait();
    }
}

/// A process that is no child of ours.
struct Process(OwnedFd);

impl Process {
    fn of(pid: u32) -> Self {
        let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
        Self(pidfd_open(pid, PidfdFlags::empty()).expect("it lives"))
    }

    fn wait(&self) {
        assert!(self.has_ended_within(PATIENCE), "it still lives");
    }

    fn has_ended(&self) -> bool {
        self.has_ended_within(Duration::ZERO)
    }

    fn has_ended_within(&self, time: Duration) -> bool {
        let patience = Timespec::try_from(time).expect("at most a minute");
        let mut watched = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut watched, Some(&patience)).expect("a pidfd") > 0
    }
}

/// What the server says of its only program.
fn entry(server: &Server) -> ProgramEntry {
    let mut programs = server.status().programs;
    assert_eq!(programs.len(), 1, "{programs:?}");
    programs.remove(0)
}
