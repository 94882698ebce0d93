//! Sockets that a service manager keeps open outlive the instance that serves them.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::support::{Built, Client, PATIENCE, Setup, send};

/// An instance that was started with a socket; killed when dropped.
struct Activated(Child);

impl Activated {
    /// Only the process itself knows its number before it becomes the server: that is why there is a shell.
    fn start(setup: &Setup, socket: &TcpListener) -> Self {
        let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\" 3<&0 0</dev/null";
        let command = setup.command(&["-D", "-f", "test.conf"]);
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", script, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(command.get_current_dir().unwrap())
            .stdin(OwnedFd::from(socket.try_clone().unwrap()))
            .stdout(Stdio::null());
        let path = setup.path("notify");
        // A name of an earlier one.
        let _ = std::fs::remove_file(&path);
        let notices = UnixDatagram::bind(&path).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        let started = Self(shell.env("NOTIFY_SOCKET", path).spawn().unwrap());
        let mut buffer = [0; 4096];
        loop {
            let length = notices.recv(&mut buffer).unwrap();
            if String::from_utf8_lossy(&buffer[..length]).contains("READY=1") {
                return started;
            }
        }
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        // Its generation ends with it: it is the only one, and it is told.
        if let Ok(None) = self.0.try_wait() {
            send(self.0.id(), Signal::TERM);
            let _ = self.0.wait();
        }
    }
}

#[test]
fn who_comes_while_nobody_serves_waits_for_the_next_instance() {
    let setup = Setup::new(Built::Everlit).setting(
        "server.systemd-socket-activation = \"enable\"\nserver.feature-flags = ( \"everlit.linger\" => 0 )",
    );
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = {}",
        address.port()
    ));
    let mut first = Activated::start(&setup, &socket);
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    send(first.0.id(), Signal::INT);
    assert!(first.0.wait().unwrap().success());

    // Nobody turns it away: the service manager has the socket.
    let waiting = std::net::TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    let _second = Activated::start(&setup, &socket);
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    drop(waiting);
}
