//! Everlit and Debian's lighttpd, started alike: in the foreground, on a socket that is open already.
//!
//! In: a configuration. Out: a [`Server`] that takes connections at once. Must hold: whatever becomes of the test, the
//! processes that were started here end, and no others.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

use super::PATIENCE;

/// Where Debian puts it.
pub const LIGHTTPD: &str = "/usr/sbin/lighttpd";

/// A running server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    /// Its configuration, logs and sockets. Removed at last.
    directory: TempDir,
}

/// How a configuration is written: in it, `@ROOT@` is the document root, `@DIR@` a directory for logs, `@PORT@` the port.
pub struct Configuration<'c> {
    pub text: &'c str,
    pub root: &'c Path,
}

impl Configuration<'_> {
    fn write(&self, directory: &Path, port: u16) -> PathBuf {
        let common = format!(
            "server.bind = \"127.0.0.1\"\nserver.port = {port}\n\
             server.document-root = \"@ROOT@\"\nserver.errorlog = \"@DIR@/error.log\"\n"
        );
        let text = [&common, self.text]
            .concat()
            .replace("@ROOT@", self.root.to_str().expect("a path in UTF-8"))
            .replace("@DIR@", directory.to_str().expect("a path in UTF-8"))
            .replace("@PORT@", &port.to_string());
        let path = directory.join("server.conf");
        fs::write(&path, text).unwrap();
        path
    }
}

impl Server {
    /// Starts Everlit on a socket that is open already, as systemd would.
    pub fn everlit(configuration: &Configuration<'_>) -> Server {
        let directory = directory();
        let command = everlit(directory.path());
        // One thread, so that log lines stand in the order of the requests.
        let text = ["server.max-worker = 1\n", configuration.text].concat();
        let configuration = Configuration {
            text: &text,
            ..*configuration
        };
        on_a_socket(&command, &configuration, directory)
    }

    /// Starts Debian's lighttpd on a socket that is open already, so that nobody has to wait for it.
    pub fn lighttpd(configuration: &Configuration<'_>) -> Server {
        let directory = directory();
        let command = Command::new(LIGHTTPD);
        on_a_socket(&command, configuration, directory)
    }

    /// Ends it and returns what it has written into this file of its directory. Log lines are all there then.
    pub fn finish(mut self, file: &str) -> (ExitStatus, Vec<u8>) {
        let status = end(&mut self.child);
        let text = fs::read(self.directory.path().join(file)).unwrap_or_default();
        (status, text)
    }

    /// What it has to say for itself: error log and standard error.
    pub fn complaints(&self) -> String {
        complaints(self.directory.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("everlit-it-")
        .tempdir()
        .unwrap()
}

fn log(directory: &Path, name: &str) -> File {
    File::create(directory.join(name)).unwrap()
}

fn complaints(directory: &Path) -> String {
    ["stdout", "stderr", "error.log"]
        .map(|name| fs::read_to_string(directory.join(name)).unwrap_or_default())
        .concat()
}

fn everlit(directory: &Path) -> Command {
    let runtime = directory.join("run");
    match fs::create_dir(&runtime) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => panic!("{error}"),
        _ => {}
    }
    fs::set_permissions(
        &runtime,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_everlit"));
    command.env("EVERLIT_RUNTIME_DIR", runtime);
    command
}

/// Starts a server in the foreground with the socket as descriptor 3. Only the process itself knows its number before it
/// becomes the server: that is why there is a shell.
fn on_a_socket(command: &Command, configuration: &Configuration<'_>, directory: TempDir) -> Server {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let text = format!(
        "server.systemd-socket-activation = \"enable\"\n{}",
        configuration.text
    );
    let config = Configuration {
        text: &text,
        ..*configuration
    }
    .write(directory.path(), address.port());
    let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\" 3<&0 0</dev/null";
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", script, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .args(["-D", "-f"])
        .arg(config)
        // Whatever runs the tests may have set it; here it is always the same, so that it is known who hands it on.
        .env("LD_LIBRARY_PATH", "/nonexistent")
        .stdin(OwnedFd::from(socket))
        .stdout(log(directory.path(), "stdout"))
        .stderr(log(directory.path(), "stderr"));
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    Server {
        address,
        child: shell.spawn().expect("start a server"),
        directory,
    }
}

fn pidfd(child: &Child) -> OwnedFd {
    pidfd_open(pid(child), PidfdFlags::empty()).expect("a child that nobody has waited for")
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Ends a server: SIGTERM, and what it takes if that is not enough.
pub fn end(child: &mut Child) -> ExitStatus {
    if let Ok(Some(status)) = child.try_wait() {
        return status;
    }
    let pidfd = pidfd(child);
    let _ = kill_process(pid(child), Signal::TERM);
    let timeout = Timespec::try_from(PATIENCE).expect("a minute");
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    if poll(&mut fds, Some(&timeout)) == Ok(0) {
        let _ = child.kill();
    }
    child.wait().expect("a child can be waited for")
}

/// Whether lighttpd is there. If not, that is said; under CI it is an error.
pub fn lighttpd_is_there() -> bool {
    let there = Path::new(LIGHTTPD).exists();
    assert!(
        there || std::env::var_os("CI").is_none(),
        "{LIGHTTPD} is missing"
    );
    if !there {
        println!("skipped: {LIGHTTPD} is missing");
    }
    there
}

/// The first line of `lighttpd -v`.
pub fn lighttpd_version() -> String {
    let mut version = String::new();
    let mut child = Command::new(LIGHTTPD)
        .arg("-v")
        .stdout(Stdio::piped())
        .spawn()
        .expect("ask lighttpd for its version");
    let mut stdout = child.stdout.take().expect("it was piped");
    stdout.read_to_string(&mut version).unwrap();
    child.wait().unwrap();
    version.lines().next().unwrap_or_default().to_owned()
}
