//! One program that is kept running.
//!
//! In: its spec, its socket, and how its process ends. Out: processes, one at a time, and when the next is due. Must hold:
//! the socket outlives the process, so that connections wait for the next one; a program that keeps dying is started ever
//! less often.
//!
//! It runs as lighttpd's would: as the server's user, under its root directory, in the directory where its file is, with
//! the socket as descriptor 0 and nothing else of ours open, with its variables and `PHP_FCGI_CHILDREN=1` unless that is
//! set. Standard output goes where ours goes, standard error to `server.breakagelog` or `server.errorlog` if that is a file: the descriptor is
//! opened when the program starts, so a log that is rotated stays open in it until it is started again.
//!
//! Unlike lighttpd's it has a process group of its own. In the foreground on a terminal, Ctrl-C would otherwise end it
//! before the server has finished what it is needed for. It has no session of its own: nothing is gained by that.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::socket::{Socket, SocketState};
use crate::plan::{ListenAddress, ProgramSpec};
use crate::supervisor::age;
use crate::supervisor::backoff::Backoff;
use crate::supervisor::binary::environment;
use crate::supervisor::generation::Exit;
use crate::supervisor::journal::open_log;
use crate::supervisor::worker::{Output, exit_of};
use crate::sys::privilege::Identity;
use crate::sys::spawn::{self, Child, Station, spawn};

/// A program that ends by itself without complaint after this time has done its share (`PHP_FCGI_MAX_REQUESTS`): that is
/// no crash.
const SHARE: Duration = Duration::from_secs(1);

/// A program.
#[derive(Debug)]
pub(super) struct Program {
    /// To tell one from the other; never used again.
    pub(super) id: u64,
    pub(super) spec: ProgramSpec,
    pub(super) socket: Socket,
    process: Process,
    backoff: Backoff,
    /// Started again, so often.
    pub(super) restarts: u32,
}

/// ```text
/// None --start--> Running --ended--> Due --start--> Running
/// ```
#[derive(Debug)]
enum Process {
    /// Not started yet.
    None,
    Running {
        child: Child,
        since: Instant,
    },
    /// It ended, and is to be started again then.
    Due(Instant),
}

/// Where programs are started.
#[derive(Debug, Clone, Copy)]
pub(in crate::supervisor) struct Surroundings<'a> {
    /// Where relative paths start.
    pub(in crate::supervisor) directory: &'a Path,
    pub(in crate::supervisor) output: Output,
    /// `server.breakagelog`, or `server.errorlog`, when it is a file.
    pub(in crate::supervisor) error_log: Option<&'a Path>,
}

/// A process that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) exit: Exit,
    /// How long until the next one.
    pub(super) wait: Duration,
}

impl Program {
    /// Not started yet.
    pub(super) fn new(id: u64, spec: ProgramSpec, socket: Socket) -> Self {
        Self {
            id,
            spec,
            socket,
            process: Process::None,
            backoff: Backoff::default(),
            restarts: 0,
        }
    }

    /// Starts a process.
    pub(super) fn start(&mut self, around: Surroundings<'_>, now: Instant) -> io::Result<()> {
        let child = launch(&self.spec, self.socket.as_fd(), around)?;
        if matches!(self.process, Process::Due(_)) {
            self.restarts += 1;
        }
        self.process = Process::Running { child, since: now };
        Ok(())
    }

    /// Whether there is a file that can be run; whether the server's user may run it shows when it is started.
    pub(super) fn can_be_started(&self, around: Surroundings<'_>) -> io::Result<()> {
        let identity = self.spec.identity()?;
        let file = identity.outside(&file(&self.spec, &identity, around));
        let metadata = file.metadata()?;
        match metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
            true => Ok(()),
            false => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    /// Starts it again, if that is due; if it cannot be started, that is tried again later.
    pub(super) fn start_if_due(
        &mut self,
        around: Surroundings<'_>,
        now: Instant,
    ) -> Option<io::Result<()>> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        let started = self.start(around, now);
        if started.is_err() {
            self.process = Process::Due(now + self.backoff.crashed(Duration::ZERO));
        }
        Some(started)
    }

    /// When it is to be started again.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.process {
            Process::Due(due) => Some(due),
            Process::None | Process::Running { .. } => None,
        }
    }

    /// Looks whether its process has ended. A child is reaped by this.
    pub(super) fn look(&mut self, now: Instant) -> Option<Ended> {
        let Process::Running { child, since } = &self.process else {
            return None;
        };
        let exit = exit_of(child.handle.as_fd())?;
        let served = now.saturating_duration_since(*since);
        let served = match exit {
            Exit::Code(0) if served >= SHARE => Duration::MAX,
            _ => served,
        };
        let wait = self.backoff.crashed(served);
        self.process = Process::Due(now + wait);
        Some(Ended { exit, wait })
    }

    /// Readable when its process has ended.
    pub(super) fn handle(&self) -> Option<BorrowedFd<'_>> {
        match &self.process {
            Process::Running { child, .. } => Some(child.handle.as_fd()),
            Process::None | Process::Due(_) => None,
        }
    }

    /// Its process, and since when.
    pub(super) fn running(&self) -> Option<(Pid, Instant)> {
        match &self.process {
            Process::Running { child, since } => Some((child.pid, *since)),
            Process::None | Process::Due(_) => None,
        }
    }

    /// Whether somebody is connected to it, or waits to be.
    pub(super) fn has_peers(&self) -> bool {
        self.running()
            .is_some_and(|(pid, _)| self.socket.has_peers(pid.as_raw_nonzero().get()))
    }

    /// Asks it to end, as configured: it alone, as lighttpd does, because only it knows what its children are doing.
    pub(super) fn ask_to_end(&self) {
        if let Process::Running { child, .. } = &self.process {
            let signal = Signal::from_named_raw(self.spec.kill_signal).unwrap_or(Signal::TERM);
            // Ended already is as good.
            let _ = pidfd_send_signal(&child.handle, signal);
        }
    }

    /// Ends it and whatever it has started.
    pub(super) fn kill(&self) {
        if let Process::Running { child, .. } = &self.process {
            // Not yet waited for, so the number cannot be another group's.
            let _ = kill_process_group(child.pid, Signal::KILL);
        }
    }

    /// File and arguments.
    pub(super) fn command(&self) -> String {
        self.spec.arguments.join(" ")
    }
}

impl ProgramSpec {
    /// As whom it runs.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        Identity::of(
            self.user.as_deref(),
            self.group.as_deref(),
            self.chroot.as_deref(),
        )
    }

    /// Where it listens, in words.
    pub(super) fn place(&self) -> String {
        match &self.address {
            ListenAddress::Tcp(address) => address.to_string(),
            ListenAddress::Unix(path) => path.display().to_string(),
        }
    }

    fn variables(&self) -> Vec<(OsString, OsString)> {
        const CHILDREN: &str = "PHP_FCGI_CHILDREN";
        let copied = &self.copied_environment;
        let mut variables = environment([]);
        variables.retain(|(name, _)| {
            (copied.is_empty() || copied.iter().any(|copied| name == copied.as_str()))
                && !self.environment.iter().any(|(set, _)| name == set.as_str())
        });
        variables.extend(
            self.environment
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        if !variables.iter().any(|(name, _)| name == CHILDREN) {
            variables.push((CHILDREN.into(), "1".into()));
        }
        variables
    }
}

fn launch(
    spec: &ProgramSpec,
    socket: BorrowedFd<'_>,
    around: Surroundings<'_>,
) -> io::Result<Child> {
    let identity = spec.identity()?;
    let file = file(spec, &identity, around);
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let output = match around.output {
        Output::Ours => None,
        Output::Nowhere => Some(null.as_fd()),
    };
    // Without its log it is better than not at all.
    let log = around.error_log.and_then(|path| open_log(path).ok());
    let arguments: Vec<OsString> = spec.arguments.iter().map(OsString::from).collect();
    spawn(&spawn::Program {
        path: &file,
        directory: file.parent().unwrap_or(Path::new("/")),
        arguments: &arguments,
        environment: &spec.variables(),
        streams: [
            Some(socket),
            output,
            log.as_ref().map(File::as_fd).or(output),
        ],
        descriptors: &[],
        station: Station::Apart(&identity),
    })
}

/// The file to run, as it is called under its root directory.
fn file(spec: &ProgramSpec, identity: &Identity, around: Surroundings<'_>) -> PathBuf {
    let file = Path::new(spec.arguments.first().map_or("", String::as_str));
    match identity.outside(Path::new("/")) == Path::new("/") {
        true => around.directory.join(file),
        false => Path::new("/").join(file),
    }
}

/// A program as plain data.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProgramState {
    pub(super) id: u64,
    spec: ProgramSpec,
    pub(super) socket: SocketState,
    pub(super) process: ProcessState,
    backoff: Backoff,
    restarts: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ProcessState {
    None,
    Running {
        pid: i32,
        handle: i32,
        #[serde(with = "age")]
        since: Instant,
    },
    Due(#[serde(with = "age")] Instant),
}

impl Program {
    pub(super) fn state(&self) -> ProgramState {
        ProgramState {
            id: self.id,
            spec: self.spec.clone(),
            socket: SocketState {
                listener: self.socket.as_fd().as_raw_fd(),
                place: self.socket.place().clone(),
            },
            process: match &self.process {
                Process::None => ProcessState::None,
                Process::Due(due) => ProcessState::Due(*due),
                Process::Running { child, since } => ProcessState::Running {
                    pid: child.pid.as_raw_nonzero().get(),
                    handle: child.handle.as_raw_fd(),
                    since: *since,
                },
            },
            backoff: self.backoff,
            restarts: self.restarts,
        }
    }

    /// Put together again after an exec; `None`: there is no such process.
    pub(super) fn resume<E>(
        state: ProgramState,
        adopt: impl Fn(i32) -> Result<OwnedFd, E>,
    ) -> Result<Option<Self>, E> {
        let process = match state.process {
            ProcessState::None => Process::None,
            ProcessState::Due(due) => Process::Due(due),
            ProcessState::Running { pid, handle, since } => {
                let handle = adopt(handle)?;
                let Some(pid) = Pid::from_raw(pid) else {
                    return Ok(None);
                };
                Process::Running {
                    child: Child { pid, handle },
                    since,
                }
            }
        };
        Ok(Some(Self {
            id: state.id,
            spec: state.spec,
            socket: Socket::resume(adopt(state.socket.listener)?, state.socket.place),
            process,
            backoff: state.backoff,
            restarts: state.restarts,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(copied: &[&str], set: &[(&str, &str)]) -> ProgramSpec {
        ProgramSpec {
            arguments: vec!["/bin/true".to_owned()],
            address: ListenAddress::Unix("/run/x.sock".into()),
            backlog: 1024,
            environment: set
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            copied_environment: copied.iter().map(|name| (*name).to_owned()).collect(),
            kill_signal: 15,
            user: None,
            group: None,
            chroot: None,
        }
    }

    #[test]
    fn variables_are_copied_set_and_completed() {
        let text = |spec: &ProgramSpec| -> Vec<String> {
            let join = |(name, value): &(OsString, OsString)| {
                format!("{}={}", name.display(), value.display())
            };
            spec.variables().iter().map(join).collect()
        };
        let path = format!("PATH={}", std::env::var("PATH").unwrap());
        assert_eq!(
            text(&spec(&["PATH", "NOT_THERE"], &[("A", "1")])),
            [path.as_str(), "A=1", "PHP_FCGI_CHILDREN=1"]
        );
        assert_eq!(
            text(&spec(
                &["PATH"],
                &[("PATH", "/x"), ("PHP_FCGI_CHILDREN", "4")]
            )),
            ["PATH=/x", "PHP_FCGI_CHILDREN=4"]
        );
        assert!(text(&spec(&[], &[])).contains(&path));
    }
}
