//! `-i`: an instance that nobody needs stops by itself, and no other does.
//!
//! All are started on a socket that has a client already: a slow machine does not make them idle.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use everlit::control::message::{Activity, SupervisorRenewal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use crate::support::{Built, Client, PATIENCE, Server, Setup, send};

/// What `-i 1` says when it strikes.
const SAID: &str = "no activity for 1 s (-i)";

/// A listening socket that outlives the server, as if systemd kept it.
struct Kept {
    socket: TcpListener,
    address: SocketAddr,
}

impl Kept {
    fn new() -> Kept {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        Kept { socket, address }
    }

    fn configure(&self, setup: &Setup) {
        setup.configure(&format!(
            "server.systemd-socket-activation = \"enable\"\nserver.bind = \"127.0.0.1\"\nserver.port = {}\n\
             server.errorlog = \"{}\"",
            self.address.port(),
            setup.path("error.log").display(),
        ));
    }

    /// Starts the program with the socket as descriptor 3; only the process itself knows its number before that.
    fn start(&self, setup: &Setup, flags: &[&str]) -> Child {
        let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\" 3<&0 0</dev/null";
        let command = setup.command(flags);
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", script, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(setup.path(""))
            .stdin(OwnedFd::from(self.socket.try_clone().unwrap()))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.spawn().unwrap()
    }
}

fn log(setup: &Setup) -> String {
    std::fs::read_to_string(setup.path("error.log")).unwrap_or_default()
}

fn wait(process: &OwnedFd) -> bool {
    let patience = Timespec::try_from(PATIENCE).unwrap();
    poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&patience)) == Ok(1)
}

#[test]
fn a_server_stops_when_its_last_client_has_gone_and_not_before() {
    // Time passes for whoever waits for this.
    let setup = Setup::new(Built::Faulty).setting("server.max-keep-alive-idle := 3");
    let kept = Kept::new();
    kept.configure(&setup);
    let mut open = Client::connect(kept.address);
    open.send("GET /a.txt HTTP/1.1\r\n");
    let process = kept.start(&setup, &["-D", "-i", "1", "-f", "test.conf"]);
    let mut server = Server::adopt(setup, process);
    let mut other = Client::connect(kept.address);
    assert_eq!(other.get("/a.txt"), "first");
    assert_eq!(other.until_closed(), b"");
    // At least three seconds without any request, but with an open connection.
    assert_eq!(server.status().activity, Activity::Serving);

    // It goes on watching after a reload and an exec.
    server.setup.install(Built::Everlit);
    let report = server.reload().unwrap();
    assert_eq!(report.supervisor, SupervisorRenewal::Renewed);
    open.send("Host: test\r\n\r\n");
    assert_eq!(open.response(), "first");
    assert!(!log(&server.setup).contains(SAID));
    drop(open);
    assert_eq!(server.wait().code(), Some(0), "{}", log(&server.setup));
    assert!(log(&server.setup).contains(SAID));

    // Whoever keeps the socket can start another one with it: clients still get through.
    let patience = std::time::Duration::from_secs(20);
    std::net::TcpStream::connect_timeout(&kept.address, patience).expect("nothing filters SYNs");
}

#[test]
fn in_the_background_too() {
    let setup = Setup::new(Built::Everlit);
    let kept = Kept::new();
    kept.configure(&setup);
    let mut open = Client::connect(kept.address);
    let mut front = kept.start(&setup, &["-i", "1", "-f", "test.conf"]);
    assert!(front.wait().unwrap().success(), "{}", log(&setup));
    let pid = setup.status().supervisor_pid.unwrap();
    let process = pidfd_open(
        Pid::from_raw(pid.cast_signed()).unwrap(),
        PidfdFlags::empty(),
    )
    .unwrap();
    assert_eq!(open.get("/a.txt"), "first");
    drop(open);
    if !wait(&process) {
        send(pid, Signal::TERM);
        panic!("it goes on: {}", log(&setup));
    }
    assert!(log(&setup).contains(SAID));
    assert_eq!(setup.run(&["status"]).status.code(), Some(3));
}
