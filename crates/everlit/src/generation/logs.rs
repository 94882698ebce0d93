//! Opening logs.
//!
//! In: where logs go, as configured. Out: open descriptors, for each worker its own [`Logs`]. Must hold: opened before
//! privileges are dropped; the error log is standard error from then on, so that even a last word gets there.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use crate::config::{LogPlace, Server};
use crate::errorlog;
use crate::logfile;
use crate::piped::Logger;
use crate::syslog::Syslog;
use crate::worker::logs::Target;

/// A log that cannot be opened.
#[derive(Debug)]
pub(super) struct LogError {
    /// The log, as configured.
    pub(super) log: String,
    /// What the kernel says.
    pub(super) cause: io::Error,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "open log {}: {}", self.log, self.cause)
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Opened logs.
#[derive(Debug)]
pub(super) struct Opened {
    /// Of access logs.
    pub(super) targets: Vec<Target>,
    /// The commands behind some of them.
    pub(super) readers: Vec<Reader>,
}

/// A command that reads one of the logs.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) of: LogOf,
    pub(super) logger: Logger,
}

/// A log of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogOf {
    /// Everything that is said.
    Server,
    /// What is wrong with some requests; position among [`Server::error_logs`].
    Some(usize),
    /// Position among [`Server::access_logs`].
    Access(usize),
}

/// Opens all logs of a site.
pub(super) fn open(server: &Server) -> Result<Opened, LogError> {
    let mut readers = Vec::new();
    let mut missing = None;
    // First of all, so that what goes wrong with the others is said there.
    match &server.error_log {
        None => {}
        Some(place @ LogPlace::Syslog(priority)) => {
            let log = system_log(*priority, &mut missing).map_err(failure(place))?;
            errorlog::use_system_log(log);
        }
        Some(place @ (LogPlace::File(_) | LogPlace::Pipe(_))) => {
            let stream = stream(place, LogOf::Server, &mut readers)?;
            redirect_errors(&*stream).map_err(failure(place))?;
        }
    }
    for (index, log) in server.error_logs.iter().enumerate() {
        log.redirect(stream(log.place(), LogOf::Some(index), &mut readers)?);
    }
    let mut targets = Vec::new();
    for (index, place) in server.access_logs.iter().enumerate() {
        targets.push(match place {
            LogPlace::Syslog(priority) => {
                let log = system_log(*priority, &mut missing).map_err(failure(place))?;
                Target::Syslog(Arc::new(log))
            }
            place => Target::stream(stream(place, LogOf::Access(index), &mut readers)?),
        });
    }
    if let Some(errno) = missing {
        let text = format_args!("nobody takes lines for the system log yet (/dev/log: {errno})");
        errorlog::say("generation", text);
    }
    Ok(Opened { targets, readers })
}

/// Makes a file or a pipe the error log.
pub(super) fn redirect_errors(stream: impl AsFd) -> io::Result<()> {
    Ok(rustix::stdio::dup2_stderr(stream)?)
}

fn stream(
    place: &LogPlace,
    of: LogOf,
    readers: &mut Vec<Reader>,
) -> Result<Arc<OwnedFd>, LogError> {
    let opened = match place {
        LogPlace::File(path) => logfile::open(path).map(Arc::new),
        LogPlace::Pipe(command) => start(command, of).map(|logger| {
            let pipe = logger.pipe().clone();
            readers.push(Reader { of, logger });
            pipe
        }),
        LogPlace::Syslog(_) => Err(io::ErrorKind::Unsupported.into()),
    };
    opened.map_err(failure(place))
}

/// What reads our standard error goes on writing to the one that we were started with.
fn start(command: &str, of: LogOf) -> io::Result<Logger> {
    let complaints = match of {
        LogOf::Server => Some(rustix::stdio::stderr().try_clone_to_owned()?),
        LogOf::Some(_) | LogOf::Access(_) => None,
    };
    Logger::start(command, complaints)
}

/// lighttpd starts without one, too.
fn system_log(priority: u16, missing: &mut Option<Errno>) -> io::Result<Syslog> {
    let log = Syslog::new(priority)?;
    if let Err(errno) = log.connect() {
        *missing = Some(errno);
    }
    Ok(log)
}

fn failure(place: &LogPlace) -> impl FnOnce(io::Error) -> LogError {
    |cause| LogError {
        log: place.to_string(),
        cause,
    }
}
