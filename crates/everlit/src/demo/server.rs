//! The server of a demo: this program, as a child.
//!
//! In: a site, and wishes to restart. Out: what became of them, as the control socket says it and as the kernel shows it.
//! Must hold: only what we started is ever signalled, and all of it is gone when [`Server`] is.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, getppid, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal,
};
use rustix::time::Timespec;

use super::site::Site;
use super::stage::{Interrupted, Stage};
use crate::control::address::RUNTIME_VARIABLE;
use crate::control::client::{ClientError, Connection};
use crate::control::message::{Progress, Refusal, Reply, Report, Request, Status, Stop, Until};

/// How long a first start may take.
const START_MAX: Duration = Duration::from_secs(30);
/// How long a restart may take, and the old process may stay.
const RESTART_MAX: Duration = Duration::from_secs(30);
/// How long an answer about the status may take.
const STATUS_MAX: Duration = Duration::from_secs(5);
/// How long each way of stopping may take.
const STOP_MAX: Duration = Duration::from_secs(3);
/// Second argument of [`become_server`].
pub(super) const SERVER_ARGUMENT: &str = "--be-the-server";

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    handle: OwnedFd,
    control: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    generation: Generation,
}

/// The process that serves.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) pid: u32,
    /// Readable when it is gone.
    handle: OwnedFd,
}

/// What became of a wish to restart.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is a new process.
    Renewed {
        /// The old one.
        old: Generation,
        /// From the wish until the kernel said that it is gone; `None` if it never was.
        old_gone: Option<Duration>,
        /// What the server says of it.
        report: Box<Report>,
    },
    /// It was refused; the same process serves on.
    Refused(Refusal),
}

/// What went wrong with the server.
#[derive(Debug)]
pub(super) enum ServerError {
    /// The kernel refused something.
    Kernel {
        /// What.
        operation: &'static str,
        /// What it says.
        cause: io::Error,
    },
    /// It ended.
    Died {
        /// How, in words.
        how: String,
        /// The end of what it said.
        said: String,
    },
    /// It was not ready in time.
    NotReady,
    /// A restart was not over in time.
    Late {
        /// What the server said last of it.
        progress: Option<Progress>,
    },
    /// Its control socket cannot be talked to.
    Control(ClientError),
    /// It says something that makes no sense to us.
    Unexpected(&'static str),
    /// Somebody wants us to stop, or the clients cannot go on.
    Stage(Interrupted),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel { operation, .. } => write!(f, "run the server: {operation}"),
            Self::Died { how, said } if said.is_empty() => {
                write!(f, "the server has ended ({how})")
            }
            Self::Died { how, said } => {
                write!(f, "the server has ended ({how}); it said last:\n{said}")
            }
            Self::NotReady => write!(
                f,
                "the server was not ready after {} s",
                START_MAX.as_secs()
            ),
            Self::Late { progress } => write!(
                f,
                "the restart was not over after {} s; the server said last of it: {progress:?}",
                RESTART_MAX.as_secs()
            ),
            Self::Control(_) => f.write_str("control the server"),
            Self::Unexpected(what) => write!(f, "the server's answer: {what}"),
            Self::Stage(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Kernel { cause, .. } => Some(cause),
            Self::Control(cause) => Some(cause),
            Self::Stage(cause) => cause.source(),
            Self::Died { .. } | Self::NotReady | Self::Late { .. } | Self::Unexpected(_) => None,
        }
    }
}

impl From<Interrupted> for ServerError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Stage(interrupted)
    }
}

impl From<ClientError> for ServerError {
    fn from(error: ClientError) -> Self {
        Self::Control(error)
    }
}

fn kernel<E: Into<io::Error>>(operation: &'static str) -> impl FnOnce(E) -> ServerError {
    move |cause| ServerError::Kernel {
        operation,
        cause: cause.into(),
    }
}

impl Server {
    /// Starts it, and waits until it serves.
    pub(super) fn start(site: &Site, stage: &mut Stage) -> Result<Self, ServerError> {
        let notices = UnixDatagram::bind(site.notify()).map_err(kernel("bind a socket"))?;
        notices
            .set_nonblocking(true)
            .map_err(kernel("prepare a socket"))?;
        let child = Unready(Some(spawn(site)?));
        let handle = child.handle()?;
        let until = Instant::now() + START_MAX;
        while !is_ready(&notices)? {
            if is_over(handle.as_fd()) {
                return Err(child.death(site));
            }
            if Instant::now() >= until {
                return Err(ServerError::NotReady);
            }
            stage.wait(&[notices.as_fd(), handle.as_fd()], until)?;
        }
        let control = control_socket(site)?;
        let status = status(&control)?;
        let address = status
            .listeners
            .first()
            .and_then(|listener| listener.address.parse().ok())
            .ok_or(ServerError::Unexpected("no address that it listens on"))?;
        let generation = serving(&status)?;
        Ok(Self {
            child: child.ready(),
            handle,
            control,
            log: site.log(),
            address,
            generation,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that we started, and that stays.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process that serves.
    pub(super) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Readable when the process that we started is gone.
    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// An error if the process that we started is gone. Nobody else can have its number: we have not waited for it.
    pub(super) fn alive(&mut self) -> Result<(), ServerError> {
        match is_over(self.handle.as_fd()) {
            false => Ok(()),
            true => Err(death(&mut self.child, &self.log)),
        }
    }

    /// The process that the server says to be its own.
    pub(super) fn claimed_pid(&self) -> Result<Option<u32>, ServerError> {
        Ok(status(&self.control)?.supervisor_pid)
    }

    /// Wishes for a restart, and waits until it is over and the old process gone. `asked` is called right before the wish is
    /// sent, with the moment from which on everything is timed.
    pub(super) fn restart(
        &mut self,
        stage: &mut Stage,
        asked: impl FnOnce(&mut Stage, Instant) -> Result<(), Interrupted>,
    ) -> Result<Outcome, ServerError> {
        let mut control = connect(&self.control)?;
        let begun = Instant::now();
        asked(stage, begun)?;
        control.ask(&Request::Reload { until: Until::Gone })?;
        let until = begun + RESTART_MAX;
        let mut gone = None;
        let mut answer = None;
        let mut progress = None;
        loop {
            if gone.is_none() && is_over(self.generation.handle.as_fd()) {
                gone = Some(begun.elapsed());
            }
            while answer.is_none()
                && let Some(reply) = control.try_next_reply()?
            {
                match reply {
                    Reply::Progress(now) => progress = Some(now),
                    Reply::Error(refusal) => return Ok(Outcome::Refused(refusal)),
                    Reply::Reloaded(report) => answer = Some(report),
                    _ => return Err(ServerError::Unexpected("not about the restart")),
                }
            }
            self.alive()?;
            let late = Instant::now() >= until;
            match answer.take() {
                Some(report) if gone.is_some() || late => {
                    let new = serving(&status(&self.control)?)?;
                    return Ok(Outcome::Renewed {
                        old: std::mem::replace(&mut self.generation, new),
                        old_gone: gone,
                        report,
                    });
                }
                None if late => {
                    return Err(ServerError::Late { progress });
                }
                unfinished => answer = unfinished,
            }
            let mut watched = vec![self.handle.as_fd()];
            if gone.is_none() {
                watched.push(self.generation.handle.as_fd());
            }
            if answer.is_none() {
                watched.push(control.as_fd());
            }
            stage.wait(&watched, until)?;
        }
    }

    /// Stops it: by asking, or else by signal.
    fn stop(&mut self) {
        if ask_to_stop(&self.control).is_err() {
            // A process that is gone cannot be told, and need not be.
            let _ = pidfd_send_signal(&self.handle, Signal::TERM);
        }
        if !wait_for(self.handle.as_fd(), STOP_MAX) {
            // What it started outlives it, unless it is told otherwise; who that is, is known only while it lives.
            let offspring = offspring(self.child.id());
            let _ = pidfd_send_signal(&self.handle, Signal::KILL);
            for process in offspring {
                let _ = pidfd_send_signal(process, Signal::KILL);
            }
        }
        // Ended by itself and without asking, it may have left the process that serves.
        if !is_over(self.generation.handle.as_fd())
            && !wait_for(self.generation.handle.as_fd(), STOP_MAX)
        {
            let _ = pidfd_send_signal(&self.generation.handle, Signal::KILL);
        }
        // Killed or ended, it is there to be waited for.
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A child that is not ready. Dropped, it is killed.
#[derive(Debug)]
struct Unready(Option<Child>);

impl Unready {
    fn handle(&self) -> Result<OwnedFd, ServerError> {
        let child = self.0.as_ref().expect("it is taken only by value");
        // Not waited for, so the number is its own.
        pidfd_open(Pid::from_child(child), PidfdFlags::empty()).map_err(kernel("pidfd_open"))
    }

    fn ready(mut self) -> Child {
        self.0.take().expect("it is taken only here, by value")
    }

    fn death(mut self, site: &Site) -> ServerError {
        let child = self.0.as_mut().expect("it is taken only by value");
        death(child, &site.log())
    }
}

impl Drop for Unready {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // Not ready, it has no generation that serves. It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts `everlit demo --be-the-server`, which becomes `everlit -D -f demo.conf`.
fn spawn(site: &Site) -> Result<Child, ServerError> {
    let binary = std::env::current_exe().map_err(kernel("find the program"))?;
    let log = fs::File::create(site.log()).map_err(kernel("create a log file"))?;
    let errors = log.try_clone().map_err(kernel("duplicate a descriptor"))?;
    Command::new(&binary)
        .args(["demo", SERVER_ARGUMENT])
        .arg(std::process::id().to_string())
        .arg(site.config())
        .env(RUNTIME_VARIABLE, site.runtime())
        .env("NOTIFY_SOCKET", site.notify())
        .env_remove("LISTEN_FDS")
        .env_remove("LISTEN_PID")
        .env_remove("LISTEN_FDNAMES")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // Ctrl-C is for us; we stop it.
        .process_group(0)
        .spawn()
        .map_err(kernel("start the program"))
}

/// What [`spawn`] starts: becomes the server, which ends when the demo does, however that ends.
pub(super) fn become_server(arguments: &mut lexopt::Parser) -> Result<ExitCode, lexopt::Error> {
    use lexopt::ValueExt;
    let parent: i32 = arguments.value()?.parse()?;
    let config = arguments.value()?;
    let error = match set_parent_process_death_signal(Some(Signal::TERM)) {
        // The parent may have ended before that.
        Ok(()) if getppid().map(Pid::as_raw_pid) != Some(parent) => {
            return Ok(ExitCode::FAILURE);
        }
        Ok(()) => match std::env::current_exe() {
            Ok(binary) => Command::new(&binary)
                .arg0(&binary)
                .args(["-D", "-f"])
                .arg(config)
                .exec(),
            Err(error) => error,
        },
        Err(errno) => errno.into(),
    };
    eprintln!("everlit demo: become the server: {error}");
    Ok(ExitCode::FAILURE)
}

/// Whether the server has said that it is.
fn is_ready(notices: &UnixDatagram) -> Result<bool, ServerError> {
    let mut buffer = [0; 4096];
    loop {
        match notices.recv(&mut buffer) {
            Ok(length) => {
                let mut lines = buffer[..length].split(|byte| *byte == b'\n');
                if lines.any(|line| line == b"READY=1") {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(kernel("read a socket")(error)),
        }
    }
}

/// The one control socket in our own directory.
fn control_socket(site: &Site) -> Result<PathBuf, ServerError> {
    let entries = fs::read_dir(site.runtime()).map_err(kernel("read a directory"))?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "sock")
        })
        .ok_or(ServerError::Unexpected("it has no control socket"))
}

fn connect(control: &Path) -> Result<Connection, ServerError> {
    Connection::open(control)?.ok_or(ServerError::Unexpected(
        "nobody listens at its control socket",
    ))
}

fn status(control: &Path) -> Result<Status, ServerError> {
    let mut connection = connect(control)?;
    connection.set_patience(Some(STATUS_MAX))?;
    connection.ask(&Request::Status)?;
    match connection.next_reply()? {
        Reply::Status(status) => Ok(*status),
        _ => Err(ServerError::Unexpected("no status")),
    }
}

fn ask_to_stop(control: &Path) -> Result<(), ServerError> {
    let connection = connect(control)?;
    connection.ask(&Request::Stop { how: Stop::Now })?;
    Ok(())
}

/// Handles of a process's children.
fn offspring(pid: u32) -> Vec<OwnedFd> {
    let children = |pid| super::kernel::children_of(pid).unwrap_or_default();
    let handles: Vec<(u32, OwnedFd)> = children(pid)
        .into_iter()
        .filter_map(|child| {
            Some((
                child,
                pidfd_open(process(child)?, PidfdFlags::empty()).ok()?,
            ))
        })
        .collect();
    // A number may have found another process meanwhile; one that is still a child is the same.
    let still = children(pid);
    handles
        .into_iter()
        .filter(|(child, _)| still.contains(child))
        .map(|(_, handle)| handle)
        .collect()
}

fn process(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

fn serving(status: &Status) -> Result<Generation, ServerError> {
    let entry = status
        .generations
        .first()
        .ok_or(ServerError::Unexpected("no process that serves"))?;
    let pid = process(entry.pid).ok_or(ServerError::Unexpected("not a process number"))?;
    let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(kernel("pidfd_open"))?;
    Ok(Generation {
        number: entry.number,
        pid: entry.pid,
        handle,
    })
}

fn is_over(handle: BorrowedFd<'_>) -> bool {
    wait_for(handle, Duration::ZERO)
}

/// Waits until this process is gone; false if it is not by then.
fn wait_for(handle: BorrowedFd<'_>, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut watched = [PollFd::from_borrowed_fd(handle, PollFlags::IN)];
        match poll(&mut watched, Some(&timeout)) {
            Ok(count) => return count > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

fn death(child: &mut Child, log: &Path) -> ServerError {
    let how = match child.wait() {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    ServerError::Died {
        how,
        said: lines[lines.len().saturating_sub(5)..].join("\n"),
    }
}
