//! From nothing to a supervisor whose first generation is on its way.
//!
//! In: what the process was started with. Out: a [`Supervisor`] that runs. Must hold: whoever serves this configuration
//! already is found before anything is bound.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::backoff::Backoff;
use super::binary::{Binary, FileState};
use super::certificates::Watch;
use super::idle::Idle;
use super::journal::Journal;
use super::listeners::Listeners;
use super::notices::Notices;
use super::programs::Programs;
use super::restarting::{Addresses, Cause};
use super::service::Service;
use super::takeover::{Found, TakeoverError, approach};
use super::{Ground, Supervisor};
use crate::control::address::{DirectoryError, RuntimeDirectory};
use crate::control::server::Server;
use crate::control::socket::ControlSocket;
use crate::inherit::Inherited;
use crate::source::Source;
use crate::sys::daemon::Outcome;
use crate::sys::signal::Signals;

/// What a supervisor is started with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) binary: Binary,
    pub(crate) source: Source,
    /// Where the command was given.
    pub(crate) directory: PathBuf,
    pub(crate) ground: Ground,
    /// Stop by itself after so long without activity (`-i`).
    pub(crate) idle_limit: Option<Duration>,
    /// Whoever waits for how starting goes.
    pub(crate) outcome: Option<Outcome>,
    /// From systemd, perhaps.
    pub(crate) inherited: Inherited,
    pub(crate) greeting: Greeting,
}

/// What to say on standard output once the first generation serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// The log has it.
    Nothing,
    /// Where to look, for a person.
    Addresses,
}

/// Why a supervisor cannot even try.
#[derive(Debug)]
pub(crate) enum StartError {
    /// There is no place for a control socket.
    Directory(DirectoryError),
    /// The control socket cannot be made.
    Control {
        /// Its file.
        path: PathBuf,
        /// What the kernel says.
        cause: io::Error,
    },
    /// Somebody else serves this configuration.
    Takeover(TakeoverError),
    /// The kernel refuses something that it never refuses.
    Kernel {
        /// What.
        operation: &'static str,
        /// What it says.
        cause: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(error) => error.fmt(f),
            Self::Takeover(error) => error.fmt(f),
            Self::Control { path, .. } => write!(f, "control socket {}", path.display()),
            Self::Kernel { operation, .. } => f.write_str(operation),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Directory(error) => error.source(),
            Self::Takeover(error) => error.source(),
            Self::Control { cause, .. } | Self::Kernel { cause, .. } => Some(cause),
        }
    }
}

/// Supervises until the end; returns the exit code.
pub(crate) fn run(start: Start) -> ExitCode {
    let Start {
        binary,
        source,
        directory,
        ground,
        idle_limit,
        outcome,
        inherited,
        greeting,
    } = start;
    match Supervisor::start(binary, source, directory, ground, inherited) {
        Ok((mut supervisor, addresses)) => {
            supervisor.outcome = outcome;
            supervisor.greeting = greeting;
            supervisor.idle = idle_limit.map(|limit| Idle::new(limit, supervisor.now));
            supervisor.begin(Cause::Start, Vec::new(), addresses);
            supervisor.run()
        }
        Err(error) => {
            eprintln!("everlit: {}", crate::causes::with_causes(&error));
            if let Some(outcome) = outcome {
                // We end with the same code anyway.
                let _ = outcome.tell(255);
            }
            ExitCode::from(255)
        }
    }
}

impl Supervisor {
    fn start(
        binary: Binary,
        source: Source,
        directory: PathBuf,
        ground: Ground,
        inherited: Inherited,
    ) -> Result<(Self, Addresses), StartError> {
        let kernel = |operation| move |cause| StartError::Kernel { operation, cause };
        let now = super::now();
        let signals = Signals::block().map_err(kernel("receive signals"))?;
        let notices = Notices::open().map_err(kernel("open a socket for readiness notices"))?;
        let control_path = RuntimeDirectory::open()
            .map_err(StartError::Directory)?
            .socket(&source);
        let found = approach(&control_path).map_err(StartError::Takeover)?;
        let control =
            ControlSocket::prepare(&control_path).map_err(|cause| StartError::Control {
                path: control_path.clone(),
                cause,
            })?;
        let mut listeners = Listeners::activated(inherited.listeners);
        let mut journal = Journal::default();
        let (predecessor, addresses) = match found {
            Found::Nobody => (None, Addresses::Free),
            Found::Closing => (None, Addresses::Closing),
            Found::Predecessor(predecessor, theirs) => {
                journal.say(format_args!(
                    "taking over from process {}, generation {}",
                    predecessor.pid, predecessor.leaver.number
                ));
                listeners.join(theirs);
                (Some(predecessor), Addresses::Free)
            }
        };
        let next_number = predecessor
            .as_ref()
            .map_or(1, |predecessor| predecessor.leaver.number + 1);
        let supervisor = Self {
            now,
            started: now,
            binary,
            running_from: FileState::of_this_process().ok(),
            source,
            directory,
            ground,
            plan: None,
            certificates: Watch::default(),
            listeners,
            retiring_until: None,
            pid_file: None,
            journal,
            workers: Vec::new(),
            next_number,
            backoff: Backoff::default(),
            replace_at: None,
            programs: Programs::default(),
            restart: None,
            queued: None,
            pending: Vec::new(),
            last_restart: None,
            renewal: None,
            ending: None,
            idle: None,
            predecessor,
            taker: None,
            signals,
            notices,
            control: Server::new(control),
            control_path,
            service: Service::new(std::env::var_os("NOTIFY_SOCKET")),
            asked: Vec::new(),
            outcome: None,
            greeting: Greeting::Nothing,
            exit: None,
        };
        Ok((supervisor, addresses))
    }
}
