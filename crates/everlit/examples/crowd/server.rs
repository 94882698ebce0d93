//! The server under test: a real one, as its own processes.
//!
//! In: its binary and a directory. Out: a port to connect to, and a control socket. Must hold: it is ready when
//! [`Server::start`] returns, because it said so; it is gone when [`Server`] is.

use std::error::Error;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use everlit::config::RESERVED_DESCRIPTORS;
use everlit::control::client::Connection;
use everlit::control::message::{Reply, Request, Status};
use rustix::process::{Pid, Signal, kill_process};

use crate::options::Place;
use crate::process;

/// How long anything but a measurement may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Answer to a small request.
pub(crate) const SMALL: &[u8] = b"still here\n";

pub(crate) struct Server {
    child: Child,
    dir: PathBuf,
    ownership: Ownership,
    control: PathBuf,
    pub(crate) address: SocketAddrV4,
}

/// What it serves.
pub(crate) struct Site<'a> {
    /// Descriptors that it needs.
    pub(crate) descriptors: usize,
    /// Most that a process may have.
    pub(crate) limit: u64,
    /// Content of the large file; empty: there is none.
    pub(crate) large: &'a [u8],
    /// What else its configuration says.
    pub(crate) directives: &'a str,
}

/// Whose the directory is.
enum Ownership {
    /// Ours: it goes when we go.
    Ours,
    /// The caller's.
    Callers,
}

impl Server {
    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn start(place: &Place, site: &Site<'_>) -> Result<Server, Box<dyn Error>> {
        let (dir, ownership) = match &place.dir {
            Some(dir) => (dir.clone(), Ownership::Callers),
            None => {
                let name = format!("everlit-crowd-{}", std::process::id());
                (std::env::temp_dir().join(name), Ownership::Ours)
            }
        };
        let (root, run) = (dir.join("www"), dir.join("run"));
        fs::create_dir_all(&root)?;
        fs::create_dir_all(&run)?;
        fs::set_permissions(&run, fs::Permissions::from_mode(0o700))?;
        fs::write(root.join("small.txt"), SMALL)?;
        if !site.large.is_empty() {
            fs::write(root.join("large.bin"), site.large)?;
        }
        let conf = dir.join("crowd.conf");
        fs::write(&conf, configuration(&dir, place.port, site))?;

        let notify = dir.join("notify");
        let _ = fs::remove_file(&notify);
        let notices = UnixDatagram::bind(&notify)?;
        notices.set_read_timeout(Some(PATIENCE))?;
        let mut child = Command::new(binary(place)?)
            .arg("-D")
            .arg("-f")
            .arg(&conf)
            .env("EVERLIT_RUNTIME_DIR", &run)
            .env("NOTIFY_SOCKET", &notify)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|cause| format!("start the server: {cause}"))?;
        let ready = wait_until_ready(&notices)
            .and_then(|()| find_control(&run))
            .map_err(|error| -> Box<dyn Error> {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                format!("the server did not become ready: {error}").into()
            });
        let mut server = Server {
            child,
            dir,
            ownership,
            control: ready?,
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, place.port),
        };
        server.address = server.bound_to()?;
        Ok(server)
    }

    /// Where it is talked to.
    pub(crate) fn control_path(&self) -> &Path {
        &self.control
    }

    /// Process of its supervisor.
    pub(crate) fn supervisor(&self) -> u32 {
        self.child.id()
    }

    /// Process of its only generation.
    pub(crate) fn generation(&self) -> Result<u32, String> {
        match process::children(self.supervisor())[..] {
            [generation] => Ok(generation),
            ref other => Err(format!(
                "one generation was expected, and there are {other:?}"
            )),
        }
    }

    /// How it is.
    pub(crate) fn status(&self) -> Result<Status, Box<dyn Error>> {
        let mut connection = Connection::open(&self.control)?.ok_or("the server is gone")?;
        connection.set_patience(Some(PATIENCE))?;
        connection.ask(&Request::Status)?;
        match connection.next_reply()? {
            Reply::Status(status) => Ok(*status),
            reply => Err(format!("asked for its status, the server says {reply:?}").into()),
        }
    }

    /// Its log.
    pub(crate) fn error_log(&self) -> io::Result<String> {
        fs::read_to_string(self.dir.join("error.log"))
    }

    fn bound_to(&self) -> Result<SocketAddrV4, Box<dyn Error>> {
        let status = self.status()?;
        let listener = status.listeners.first().ok_or("it listens nowhere")?;
        Ok(listener.address.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Hard: nobody is to wait for connections that end with us.
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
        if let Ownership::Ours = self.ownership {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn configuration(dir: &Path, port: u16, site: &Site<'_>) -> String {
    let dir = dir.display();
    let (descriptors, limit) = (site.descriptors as u64, site.limit);
    let more = site.directives;
    // Twice the descriptors that are needed, where the system allows it. max-connections is at most 65535, as in
    // lighttpd; beyond that their number is left to the descriptors.
    let fds = (2 * descriptors).min(limit);
    let most = fds - u64::from(RESERVED_DESCRIPTORS);
    let connections = u16::try_from(descriptors.min(most)).unwrap_or(0);
    format!(
        "server.document-root = \"{dir}/www\"\n\
         server.bind = \"127.0.0.1\"\n\
         server.port = {port}\n\
         server.errorlog = \"{dir}/error.log\"\n\
         server.pid-file = \"{dir}/pid\"\n\
         server.listen-backlog = 4096\n\
         server.max-connections = {connections}\n\
         server.max-fds = {fds}\n\
         server.max-keep-alive-idle = 7200\n\
         server.max-keep-alive-requests = 65535\n\
         server.max-read-idle = 7200\n\
         server.max-write-idle = 7200\n\
         {more}"
    )
}

fn binary(place: &Place) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(path) = &place.everlit {
        return Ok(path.clone());
    }
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(Path::parent);
    let path = target
        .ok_or("where is everlit? name it with --everlit")?
        .join("everlit");
    match path.exists() {
        true => Ok(path),
        false => Err(format!(
            "{} does not exist: build it, or use --everlit",
            path.display()
        )
        .into()),
    }
}

fn wait_until_ready(notices: &UnixDatagram) -> Result<(), Box<dyn Error>> {
    let mut datagram = [0; 4096];
    loop {
        let length = notices.recv(&mut datagram)?;
        let text = String::from_utf8_lossy(&datagram[..length]);
        if text.lines().any(|line| line == "READY=1") {
            return Ok(());
        }
    }
}

fn find_control(run: &Path) -> Result<PathBuf, Box<dyn Error>> {
    for entry in fs::read_dir(run)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "sock")
        {
            return Ok(path);
        }
    }
    Err(format!("no control socket in {}", run.display()).into())
}
