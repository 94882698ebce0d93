//! The supervisor becomes the binary on disk, and stays itself.
//!
//! In: everything a supervisor knows. Out: the same, in a new program with the same PID, descriptors and children. Must
//! hold: the new program has said beforehand that it understands; whatever fails, this one goes on. Nobody who waits for
//! an answer notices.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::age;
use super::backoff::Backoff;
use super::binary::{Binary, FileState, environment};
use super::certificates::Watch;
use super::generation::{Exit, Generation};
use super::idle::Idle;
use super::journal::{Journal, JournalState};
use super::listeners::{Listener, Listeners, Origin};
use super::notices::Notices;
use super::operator::Asked;
use super::programs::{Programs, ProgramsState};
use super::report::{Caller, Leaver, Pending};
use super::service::{PidFile, Service};
use super::silence::Silence;
use super::start::Greeting;
use super::takeover::Predecessor;
use super::worker::{Worker, exit_of, wait_for};
use super::{Ground, Supervisor};
use crate::control::client::Connection;
use crate::control::message::{LastRestart, SupervisorRenewal};
use crate::control::server::{ClientId, Kept, Server, Turn};
use crate::control::socket::{ControlSocket, SocketFile};
use crate::plan::{ListenSpec, Plan};
use crate::source::Source;
use crate::sys;
use crate::sys::signal::Signals;
use crate::sys::spawn::{Child, Program, Station, spawn};

/// Version of [`State`]. A program that does not know it stays out.
///
/// 2: `idle_limit`. 3: `programs`, which a program that does not know them would leave without anybody who looks after
/// them.
const VERSION: u32 = 3;
/// The oldest version that is understood.
const OLDEST_VERSION: u32 = 1;
/// How long the new program may take to say that it understands.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// A renewal that is due.
#[derive(Debug)]
pub(super) struct Renewal {
    /// The file that the new generation was started from.
    pub(super) proven: Option<FileState>,
}

/// A supervisor as plain data; descriptors by number.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    version: u32,
    #[serde(with = "age")]
    started: Instant,
    binary: Binary,
    source: Source,
    directory: PathBuf,
    ground: Ground,
    plan: Option<Plan>,
    pid_file: Option<PathBuf>,
    listeners: Vec<ListenerState>,
    workers: Vec<WorkerState>,
    next_number: u64,
    backoff: Backoff,
    #[serde(with = "age::option", default)]
    replace_at: Option<Instant>,
    #[serde(with = "age::option", default)]
    retiring_until: Option<Instant>,
    queued: Option<Vec<Caller>>,
    pending: Vec<Pending>,
    last_restart: Option<LastState>,
    predecessor: Option<PredecessorState>,
    notices: RawFd,
    control: RawFd,
    control_file: SocketFile,
    control_path: PathBuf,
    clients: Vec<ClientState>,
    /// The name of the next client.
    #[serde(default)]
    next_client: u64,
    asked: Vec<u64>,
    /// With `-i`; since version 2. What was seen until now is of the generation before: watching begins anew.
    #[serde(default)]
    idle_limit: Option<Duration>,
    /// Since version 3.
    #[serde(default)]
    programs: ProgramsState,
    /// What a program does not know of goes to a command of its own.
    #[serde(default)]
    journal: JournalState,
}

#[derive(Debug, Serialize, Deserialize)]
struct ListenerState {
    spec: ListenSpec,
    socket: RawFd,
    origin: Origin,
}

#[derive(Debug, Serialize, Deserialize)]
struct WorkerState {
    generation: Generation,
    pid: i32,
    handle: RawFd,
    line: Option<RawFd>,
    #[serde(default)]
    silence: Silence,
}

#[derive(Debug, Serialize, Deserialize)]
struct LastState {
    #[serde(with = "age")]
    at: Instant,
    last: LastRestart,
}

#[derive(Debug, Serialize, Deserialize)]
struct PredecessorState {
    path: PathBuf,
    connection: RawFd,
    input: Vec<u8>,
    leaver: Leaver,
    pid: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct ClientState {
    id: u64,
    socket: RawFd,
    input: Vec<u8>,
    output: Vec<u8>,
    answering: bool,
}

/// A [`State`] to be written: what is large or cannot be copied is borrowed.
#[derive(Debug, Serialize)]
struct StateRef<'a> {
    version: u32,
    started: Age,
    binary: &'a Binary,
    source: &'a Source,
    directory: &'a Path,
    ground: Ground,
    plan: &'a Option<Plan>,
    pid_file: Option<&'a Path>,
    listeners: Vec<ListenerState>,
    workers: Vec<WorkerRef<'a>>,
    next_number: u64,
    backoff: Backoff,
    #[serde(with = "age::option")]
    replace_at: Option<Instant>,
    #[serde(with = "age::option")]
    retiring_until: Option<Instant>,
    queued: &'a Option<Vec<Caller>>,
    pending: &'a [Pending],
    last_restart: Option<LastState>,
    predecessor: Option<PredecessorState>,
    notices: RawFd,
    control: RawFd,
    control_file: Option<&'a SocketFile>,
    control_path: &'a Path,
    clients: Vec<ClientState>,
    next_client: u64,
    asked: Vec<u64>,
    idle_limit: Option<Duration>,
    programs: ProgramsState,
    journal: JournalState,
}

#[derive(Debug, Serialize)]
struct WorkerRef<'a> {
    generation: &'a Generation,
    pid: i32,
    handle: RawFd,
    line: Option<RawFd>,
    silence: Silence,
}

/// A moment that is written as its age.
#[derive(Debug, Serialize)]
struct Age(#[serde(with = "age")] Instant);

/// Only the version of a [`State`].
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

/// Why a program cannot go on from a state.
#[derive(Debug)]
pub(crate) enum ResumeError {
    /// Not readable at all.
    Io(io::Error),
    /// Of another version.
    Version(u32),
    /// Not understood.
    Json(serde_json::Error),
    /// Names a descriptor or a process that cannot be.
    Impossible(&'static str),
}

impl std::fmt::Display for ResumeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(_) => f.write_str("read the state of a supervisor"),
            Self::Version(version) => write!(
                f,
                "the state of a supervisor has version {version}, here {OLDEST_VERSION} to {VERSION} are known"
            ),
            Self::Json(_) => f.write_str("understand the state of a supervisor"),
            Self::Impossible(what) => write!(f, "the state of a supervisor names no {what}"),
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(cause) => Some(cause),
            Self::Json(cause) => Some(cause),
            Self::Version(_) | Self::Impossible(_) => None,
        }
    }
}

impl From<io::Error> for ResumeError {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

fn decode(text: &[u8]) -> Result<State, ResumeError> {
    let VersionOnly { version } = serde_json::from_slice(text).map_err(ResumeError::Json)?;
    if !(OLDEST_VERSION..=VERSION).contains(&version) {
        return Err(ResumeError::Version(version));
    }
    serde_json::from_slice(text).map_err(ResumeError::Json)
}

/// The role `resume-check`: 0 if the state on standard input is understood here.
pub(crate) fn check() -> ExitCode {
    let understood = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .and_then(sys::memory_file::read)
        .map_err(ResumeError::Io)
        .and_then(|text| decode(&text));
    match understood {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("everlit: {}", crate::causes::with_causes(&error));
            ExitCode::from(255)
        }
    }
}

/// The role `resume`: goes on where the program before stopped.
pub(crate) fn run(state: RawFd) -> ExitCode {
    match Supervisor::resume(state) {
        Ok(supervisor) => supervisor.run(),
        Err(error) => {
            // It was checked a moment ago. The generation serves on alone; a new start adopts it.
            eprintln!("everlit: {}", crate::causes::with_causes(&error));
            ExitCode::from(255)
        }
    }
}

impl Supervisor {
    /// Becomes what is on disk, if that is due and possible now.
    pub(super) fn renew(&mut self) {
        if self.renewal.is_none() || self.restart.is_some() {
            return;
        }
        let Some(Renewal { proven }) = self.renewal.take() else {
            return;
        };
        let reason = self.become_what_is_on_disk(proven);
        for pending in &mut self.pending {
            pending
                .renewal
                .get_or_insert_with(|| SupervisorRenewal::Kept(reason.clone()));
        }
    }

    /// Returns only if it is not done, and says why.
    fn become_what_is_on_disk(&self, proven: Option<FileState>) -> String {
        if self.ending.is_some() {
            return "it is stopping".to_owned();
        }
        if proven.is_none() || self.binary.state().ok() != proven {
            return "the binary was replaced once more meanwhile; reload again".to_owned();
        }
        let text = match serde_json::to_vec(&self.state()) {
            Ok(text) => text,
            Err(error) => return format!("its state cannot be written: {error}"),
        };
        let state = match sys::memory_file::write("everlit-state", &text) {
            Ok(state) => state,
            Err(error) => return format!("its state cannot be written: {error}"),
        };
        drop(text);
        if let Err(reason) = self.ask_new_binary(state.as_fd()) {
            return reason;
        }
        let mut keep = self.descriptors();
        keep.push(state.as_fd());
        let number = state.as_raw_fd().to_string();
        let mut arguments = self.binary.arguments("resume", &self.source);
        arguments.insert(2, number.into());
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        let error = sys::exec::replace(self.binary.path(), &arguments, &keep);
        format!("run {}: {error}", self.binary.path().display())
    }

    /// Lets the new binary read the state, to see whether it can.
    fn ask_new_binary(&self, state: BorrowedFd<'_>) -> Result<(), String> {
        let failed = |error: io::Error| format!("the new binary cannot be asked: {error}");
        let null = File::options()
            .write(true)
            .open("/dev/null")
            .map_err(failed)?;
        let Child { handle, .. } = spawn(&Program {
            path: self.binary.path(),
            directory: &self.directory,
            arguments: &[
                self.binary.path().as_os_str().to_owned(),
                "resume-check".into(),
            ],
            environment: &environment([]),
            streams: [Some(state), Some(null.as_fd()), Some(null.as_fd())],
            descriptors: &[],
            station: Station::Ours,
        })
        .map_err(failed)?;
        let mut watched = [PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN)];
        // Whatever comes of it, the exit code says the rest.
        let _ = poll(&mut watched, Some(&super::timespec(CHECK_LIMIT)));
        match exit_of(handle.as_fd()) {
            Some(Exit::Code(0)) => Ok(()),
            Some(exit) => Err(format!(
                "the new binary does not understand its state ({exit})"
            )),
            None => {
                // It cannot fail on a child that was not waited for.
                let _ = pidfd_send_signal(&handle, Signal::KILL);
                wait_for(handle.as_fd());
                Err("the new binary takes too long to read its state".to_owned())
            }
        }
    }

    fn state(&self) -> StateRef<'_> {
        StateRef {
            version: VERSION,
            started: Age(self.started),
            binary: &self.binary,
            source: &self.source,
            directory: &self.directory,
            ground: self.ground,
            plan: &self.plan,
            pid_file: self.pid_file.as_ref().map(PidFile::path),
            listeners: self
                .listeners
                .iter()
                .map(|listener| ListenerState {
                    spec: listener.spec.clone(),
                    socket: listener.socket.as_raw_fd(),
                    origin: listener.origin,
                })
                .collect(),
            workers: self
                .workers
                .iter()
                .map(|worker| WorkerRef {
                    generation: &worker.generation,
                    pid: worker.pid.as_raw_nonzero().get(),
                    handle: worker.handle().as_raw_fd(),
                    line: worker.line().map(|line| line.as_raw_fd()),
                    silence: worker.silence,
                })
                .collect(),
            next_number: self.next_number,
            backoff: self.backoff,
            replace_at: self.replace_at,
            retiring_until: self.retiring_until,
            queued: &self.queued,
            pending: &self.pending,
            last_restart: self.last_restart.as_ref().map(|(at, last)| LastState {
                at: *at,
                last: last.clone(),
            }),
            predecessor: self
                .predecessor
                .as_ref()
                .map(|predecessor| PredecessorState {
                    path: predecessor.connection.path().to_owned(),
                    connection: predecessor.connection.as_fd().as_raw_fd(),
                    input: predecessor.connection.rest().to_owned(),
                    leaver: predecessor.leaver.clone(),
                    pid: predecessor.pid,
                }),
            notices: self.notices.as_fd().as_raw_fd(),
            control: self.control.listener().as_raw_fd(),
            control_file: self.control.file(),
            control_path: &self.control_path,
            clients: self
                .control
                .kept()
                .map(|client| ClientState {
                    id: client.id.0,
                    socket: client.socket.as_raw_fd(),
                    input: client.input,
                    output: client.output,
                    answering: client.turn == Turn::Ours,
                })
                .collect(),
            next_client: self.control.next_client().0,
            asked: self.asked.iter().map(|asked| asked.client.0).collect(),
            idle_limit: self.idle.as_ref().map(Idle::limit),
            programs: self.programs.state(),
            journal: self.journal.state(),
        }
    }

    /// Every descriptor that the state names.
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let mut all = vec![self.notices.as_fd(), self.control.listener()];
        all.extend(
            self.listeners
                .iter()
                .map(|listener| listener.socket.as_fd()),
        );
        all.extend(self.workers.iter().map(Worker::handle));
        all.extend(self.programs.descriptors());
        all.extend(self.journal.descriptors());
        all.extend(self.workers.iter().filter_map(Worker::line));
        all.extend(self.control.kept().map(|client| client.socket));
        all.extend(
            self.predecessor
                .iter()
                .map(|predecessor| predecessor.connection.as_fd()),
        );
        all
    }

    fn resume(state: RawFd) -> Result<Self, ResumeError> {
        // First of all: from now on signals can be read again. They were blocked over the exec.
        let signals = Signals::block()?;
        let text = sys::memory_file::read(adopt(state)?)?;
        let state = decode(&text)?;
        drop(text);
        let now = super::now();
        let listeners = state
            .listeners
            .into_iter()
            .map(|listener| {
                Ok(Listener {
                    spec: listener.spec,
                    socket: adopt(listener.socket)?,
                    origin: listener.origin,
                })
            })
            .collect::<Result<_, ResumeError>>()?;
        let workers = state
            .workers
            .into_iter()
            .map(|worker| {
                let pid = Pid::from_raw(worker.pid).ok_or(ResumeError::Impossible("process"))?;
                let line = worker.line.map(adopt).transpose()?;
                Ok(Worker::resume(
                    worker.generation,
                    pid,
                    adopt(worker.handle)?,
                    line,
                    worker.silence,
                ))
            })
            .collect::<Result<_, ResumeError>>()?;
        let clients = state
            .clients
            .into_iter()
            .map(|client| {
                Ok(Kept {
                    id: ClientId(client.id),
                    socket: adopt(client.socket)?,
                    input: client.input,
                    output: client.output,
                    turn: match client.answering {
                        true => Turn::Ours,
                        false => Turn::Theirs,
                    },
                })
            })
            .collect::<Result<_, ResumeError>>()?;
        let predecessor = state
            .predecessor
            .map(|predecessor| {
                Ok::<_, ResumeError>(Predecessor {
                    connection: Connection::resume(
                        &predecessor.path,
                        adopt(predecessor.connection)?,
                        predecessor.input,
                    ),
                    leaver: predecessor.leaver,
                    pid: predecessor.pid,
                })
            })
            .transpose()?;
        let control = ControlSocket::resume(adopt(state.control)?, state.control_file);
        let mut journal = Journal::resume(state.journal, adopt)?;
        journal.redirect(state.plan.as_ref().and_then(|plan| plan.error_log.as_ref()));
        let mut pending = state.pending;
        for pending in &mut pending {
            pending.renewal.get_or_insert(SupervisorRenewal::Renewed);
        }
        let mut supervisor = Self {
            now,
            started: state.started,
            binary: state.binary,
            running_from: FileState::of_this_process().ok(),
            source: state.source,
            directory: state.directory,
            ground: state.ground,
            certificates: match &state.plan {
                Some(plan) => Watch::begin(plan, now),
                None => Watch::default(),
            },
            plan: state.plan,
            listeners: Listeners::resume(listeners),
            retiring_until: state.retiring_until,
            pid_file: state.pid_file.map(PidFile::resume),
            journal,
            workers,
            next_number: state.next_number,
            backoff: state.backoff,
            replace_at: state.replace_at,
            programs: Programs::resume(state.programs, now, adopt)?,
            restart: None,
            queued: state.queued,
            pending,
            last_restart: state.last_restart.map(|last| (last.at, last.last)),
            renewal: None,
            ending: None,
            idle: state.idle_limit.map(|limit| Idle::new(limit, now)),
            predecessor,
            taker: None,
            signals,
            notices: Notices::resume(adopt(state.notices)?),
            control: Server::resume(control, clients, ClientId(state.next_client), now),
            control_path: state.control_path,
            service: Service::new(std::env::var_os("NOTIFY_SOCKET")),
            asked: Vec::<Asked>::new(),
            outcome: None,
            greeting: Greeting::Nothing,
            exit: None,
        };
        for client in state.asked {
            supervisor.ask_generations(ClientId(client));
        }
        Ok(supervisor)
    }
}

fn adopt(number: RawFd) -> Result<OwnedFd, ResumeError> {
    sys::descriptor::adopt(number).map_err(|_| ResumeError::Impossible("open descriptor"))
}
