//! A server in a directory of its own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use everlit::control::client::Connection;
use everlit::control::message::{Reply, Report, Request, Status, Until};
use rustix::process::{Pid, Signal, kill_process};

use std::time::Instant;

use super::{PATIENCE, tls};

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Built {
    /// everlit itself.
    Everlit,
    /// The same, with generations that misbehave when told to.
    Faulty,
}

/// A directory with a configuration, a document root, and a program; not started.
#[derive(Debug)]
pub(crate) struct Setup {
    directory: tempfile::TempDir,
    settings: String,
    variables: Vec<(&'static str, String)>,
    user: Option<u32>,
    wrapper: Vec<String>,
}

/// A server that runs in the foreground; killed with all its generations when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) setup: Setup,
    process: Child,
    /// What it says to its service manager.
    notices: UnixDatagram,
}

impl Built {
    pub(crate) fn path(self) -> PathBuf {
        let everlit = PathBuf::from(env!("CARGO_BIN_EXE_everlit"));
        match self {
            Self::Everlit => everlit,
            Self::Faulty => everlit.with_file_name("examples").join("faulty_successor"),
        }
    }
}

impl Setup {
    pub(crate) fn new(built: Built) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        let setup = Self {
            directory,
            settings: String::new(),
            variables: Vec::new(),
            user: None,
            wrapper: Vec::new(),
        };
        fs::create_dir(setup.path("www")).expect("just made");
        setup.install(built);
        setup.file("a.txt", "first");
        setup
    }

    /// Adds a line to the configuration.
    pub(crate) fn setting(mut self, line: &str) -> Self {
        self.settings.push_str(line);
        self.settings.push('\n');
        self
    }

    /// Sets an environment variable of the server.
    pub(crate) fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Has everything run by this user, who owns the directory.
    pub(crate) fn run_by(mut self, user: u32) -> Self {
        std::os::unix::fs::chown(self.directory.path(), Some(user), None).expect("we are root");
        self.user = Some(user);
        self
    }

    /// Has everything run by way of a command that becomes it.
    pub(crate) fn within(mut self, wrapper: Vec<String>) -> Self {
        self.wrapper = wrapper;
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts a file into the document root.
    pub(crate) fn file(&self, name: &str, content: &str) {
        fs::write(self.path("www").join(name), content).expect("our directory");
    }

    /// Puts a program where everlit is: a new file under the old name, as packages do. A link, because a copy that is
    /// being written while another test forks is "busy" when it is run.
    pub(crate) fn install(&self, built: Built) {
        let path = built.path();
        assert!(
            path.exists(),
            "cargo build --examples makes {}",
            path.display()
        );
        std::os::unix::fs::symlink(path, self.path("everlit.new")).expect("our directory");
        fs::rename(self.path("everlit.new"), self.path("everlit")).expect("our directory");
    }

    /// Says how generations of the faulty program misbehave from now on.
    pub(crate) fn fault(&self, fault: Option<&str>) {
        match fault {
            Some(fault) => fs::write(self.path("fault"), fault).expect("our directory"),
            None => drop(fs::remove_file(self.path("fault"))),
        }
    }

    /// Has its listeners speak TLS.
    pub(crate) fn secure(self) -> Self {
        let lines = tls::lines(self.directory.path());
        match self.settings.contains("ssl.engine") {
            true => self,
            false => self.setting(&lines),
        }
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, listen: &str) {
        let secure = match tls::is_everywhere() && !self.settings.contains("ssl.engine") {
            true => tls::lines(self.directory.path()),
            false => String::new(),
        };
        let text = format!(
            "server.document-root = \"{}\"\nserver.modules = ( \"mod_staticfile\" )\n\
             server.max-keep-alive-idle = 600\n{secure}{listen}\n{}",
            self.path("www").display(),
            self.settings
        );
        fs::write(self.path("test.conf"), text).expect("our directory");
    }

    /// A command of this program, in this directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => Command::new(self.path("everlit")),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(self.path("everlit"));
                command
            }
        };
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .env("EVERLIT_RUNTIME_DIR", self.path("run"))
            .env("EVERLIT_FAULT", self.path("fault"))
            .env_remove("NOTIFY_SOCKET")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(user) = self.user {
            command.uid(user);
        }
        command
    }

    /// Runs a command of this program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("the program starts")
    }

    /// The control socket.
    pub(crate) fn connect(&self) -> Connection {
        let path = fs::read_dir(self.path("run"))
            .expect("made by the server")
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "sock")
            })
            .expect("published before readiness");
        let connection = Connection::open(&path)
            .expect("ours")
            .expect("somebody listens");
        connection.set_patience(Some(PATIENCE)).expect("not zero");
        connection
    }

    pub(crate) fn status(&self) -> Status {
        let mut connection = self.connect();
        connection.ask(&Request::Status).expect("it reads");
        match connection.next_reply().expect("it answers") {
            Reply::Status(status) => *status,
            other => panic!("status was asked, not {other:?}"),
        }
    }
}

impl Server {
    /// With one listener, on a port that the kernel chooses.
    pub(crate) fn start(setup: Setup) -> Self {
        setup.configure("server.bind = \"127.0.0.1\"\nserver.port = 0");
        Self::start_as_configured(setup)
    }

    /// With the configuration as it was written; ready when this returns.
    pub(crate) fn start_as_configured(setup: Setup) -> Self {
        let (notices, process) = Self::launch(&setup);
        let server = Self {
            setup,
            process,
            notices,
        };
        server.wait_for_notice("READY=1");
        server
    }

    /// A process that was started otherwise, in the foreground.
    pub(crate) fn adopt(setup: Setup, process: Child) -> Self {
        let notices = UnixDatagram::unbound().expect("a socket");
        Self {
            setup,
            process,
            notices,
        }
    }

    /// Another instance of the same configuration, in the same directory.
    pub(crate) fn start_successor(&self) -> (UnixDatagram, Child) {
        Self::launch(&self.setup)
    }

    /// The successor is the server now; the old process, which has ended or will.
    pub(crate) fn replace(&mut self, (notices, process): (UnixDatagram, Child)) -> Child {
        self.notices = notices;
        self.wait_for_notice("READY=1");
        std::mem::replace(&mut self.process, process)
    }

    fn launch(setup: &Setup) -> (UnixDatagram, Child) {
        let path = setup.path("notify");
        // A name of an earlier one.
        let _ = fs::remove_file(&path);
        let notices = UnixDatagram::bind(&path).expect("a short path");
        std::os::unix::fs::chown(&path, setup.user, None).expect("nobody else's");
        notices.set_read_timeout(Some(PATIENCE)).expect("not zero");
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(setup.path("stderr"))
            .expect("our directory");
        let process = setup
            .command(&["-D", "-f", "test.conf"])
            .env("NOTIFY_SOCKET", path)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        (notices, process)
    }

    /// Waits until it tells its service manager this.
    pub(crate) fn wait_for_notice(&self, wanted: &str) {
        let mut buffer = [0; 4096];
        loop {
            let length = match self.notices.recv(&mut buffer) {
                Ok(length) => length,
                // Another test tries out signals.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("waiting for {wanted}: {error}; it said:\n{}", self.said()),
            };
            let text = String::from_utf8_lossy(&buffer[..length]);
            if text.lines().any(|line| line == wanted) {
                return;
            }
        }
    }

    /// What it has written to standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.setup.path("stderr")).unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn status(&self) -> Status {
        self.setup.status()
    }

    /// Where its first listener is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.status().listeners[0]
            .address
            .parse()
            .expect("a TCP address")
    }

    /// Where its listeners are, those for TCP.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let listeners = self.status().listeners;
        let addresses = listeners.iter();
        addresses
            .filter_map(|listener| listener.address.parse().ok())
            .collect()
    }

    /// Number and process of the generation that serves. One that has answered may not have told its supervisor yet.
    pub(crate) fn generation(&self) -> (u64, u32) {
        let until = Instant::now() + PATIENCE;
        loop {
            let generations = self.status().generations;
            if let Some(entry) = generations.iter().find(|entry| entry.state == "serving") {
                return (entry.number, entry.pid);
            }
            assert!(Instant::now() < until, "somebody serves: {generations:?}");
            std::thread::yield_now();
        }
    }

    /// Asks for a restart and waits for its outcome.
    pub(crate) fn reload(&self) -> Result<Report, String> {
        let mut connection = self.setup.connect();
        connection
            .ask(&Request::Reload { until: Until::Gone })
            .expect("it reads");
        loop {
            match connection.next_reply().expect("it answers") {
                Reply::Progress(_) => {}
                Reply::Reloaded(report) => return Ok(*report),
                Reply::Error(refusal) => return Err(refusal.message),
                other => panic!("a reload was asked, not {other:?}"),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().expect("our child")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Generations outlive a killed supervisor, so they are asked for first. Whoever is gone already is gone.
        let generations = match self.process.try_wait() {
            Ok(None) => children(self.pid()),
            _ => Vec::new(),
        };
        let _ = self.process.kill();
        let _ = self.process.wait();
        for pid in generations {
            send(pid, Signal::KILL);
        }
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.said());
        }
    }
}

/// Stops a process, and waits until each of its threads stands still: the kernel tells them one by one.
pub(crate) fn halt(pid: u32) {
    send(pid, Signal::STOP);
    let is_running = |task: &fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The name, in brackets, may have anything in it.
        !stat
            .rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('T'))
    };
    let begun = Instant::now();
    while fs::read_dir(format!("/proc/{pid}/task"))
        .expect("it lives")
        .flatten()
        .any(|task| is_running(&task))
    {
        assert!(begun.elapsed() < PATIENCE, "process {pid} does not stop");
        std::thread::yield_now();
    }
}

/// Sends a signal to a process that we started, or that a process did which we started.
pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
    // It may have ended.
    let _ = kill_process(pid, signal);
}

pub(crate) fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    fs::read_to_string(Path::new(&path))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}
