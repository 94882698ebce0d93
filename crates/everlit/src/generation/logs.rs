//! Opening logs.
//!
//! In: where logs go, as configured. Out: open descriptors, for each worker its own [`Logs`]. Must hold: opened before
//! privileges are dropped; the error log is standard error from then on, so that even a last word gets there.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::config::{AccessLog, Server};
use crate::logfile;
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

/// Opens all logs of a site; returns the targets of its access logs, and the commands behind some of them.
pub(super) fn open(server: &Server) -> Result<(Vec<Target>, Vec<Logger>), LogError> {
    if let Some(path) = &server.error_log {
        redirect_errors(open_file(path)?).map_err(|cause| LogError {
            log: path.display().to_string(),
            cause,
        })?;
    }
    let mut loggers = Vec::new();
    let logs = server.access_logs.iter().enumerate();
    let targets: Result<_, _> = logs
        .map(|(index, log)| open_access_log(index, log, &mut loggers))
        .collect();
    Ok((targets?, loggers))
}

/// Makes a file the error log.
pub(super) fn redirect_errors(file: OwnedFd) -> io::Result<()> {
    // Words to standard error must not fail because a reader is slow.
    rustix::io::ioctl_fionbio(&file, false)?;
    Ok(rustix::stdio::dup2_stderr(&file)?)
}

/// Opens a log file for appending.
pub(super) fn open_file(path: &Path) -> Result<OwnedFd, LogError> {
    logfile::open(path).map_err(|cause| LogError {
        log: path.display().to_string(),
        cause,
    })
}

fn open_access_log(
    index: usize,
    log: &AccessLog,
    loggers: &mut Vec<Logger>,
) -> Result<Target, LogError> {
    match log {
        AccessLog::File(path) => Ok(Target::Stream(Arc::new(open_file(path)?))),
        AccessLog::Pipe(command) => Logger::start(index, command)
            .map(|(logger, pipe)| {
                loggers.push(logger);
                Target::Stream(pipe)
            })
            .map_err(|cause| LogError {
                log: log.to_string(),
                cause,
            }),
        AccessLog::Syslog(priority) => connect_syslog()
            .map(|socket| {
                // RFC 3164: priority, then a tag.
                Target::Syslog(
                    Arc::new(socket),
                    format!("<{priority}>everlit[{}]: ", std::process::id()),
                )
            })
            .map_err(|cause| LogError {
                log: log.to_string(),
                cause,
            }),
    }
}

/// How long a command that reads lines must have run to be started again at once.
const LOGGER_REST: Duration = Duration::from_secs(1);

/// A command that reads lines; it ends when this process's copies of the pipe are gone.
#[derive(Debug)]
pub(super) struct Logger {
    /// Position of its log.
    pub(super) index: usize,
    command: String,
    child: Child,
    started: Instant,
}

impl Logger {
    fn start(index: usize, command: &str) -> io::Result<(Self, Arc<OwnedFd>)> {
        let (child, pipe) = start(command)?;
        let logger = Self {
            index,
            command: command.to_owned(),
            child,
            started: Instant::now(),
        };
        Ok((logger, pipe))
    }

    /// If it has ended, it is started again, a second after its last start at the earliest; the new pipe.
    pub(super) fn revive(&mut self) -> Option<Arc<OwnedFd>> {
        if !matches!(self.child.try_wait(), Ok(Some(_))) || self.started.elapsed() < LOGGER_REST {
            return None;
        }
        match Self::start(self.index, &self.command) {
            Ok((logger, pipe)) => {
                eprintln!(
                    "everlit: \"{}\" had ended and was started again",
                    self.command
                );
                *self = logger;
                Some(pipe)
            }
            Err(error) => {
                eprintln!("everlit: start \"{}\" again: {error}", self.command);
                self.started = Instant::now();
                None
            }
        }
    }
}

fn start(command: &str) -> io::Result<(Child, Arc<OwnedFd>)> {
    // It inherits our blocked signals: an interrupt for the whole group must not end it before the last lines come.
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::piped())
        .spawn()?;
    let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((child, Arc::new(OwnedFd::from(pipe))))
}

fn connect_syslog() -> io::Result<OwnedFd> {
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    rustix::net::connect(&socket, &SocketAddrUnix::new("/dev/log")?)?;
    Ok(socket)
}

/// Which access log is this file?
pub(super) fn index_of(logs: &[AccessLog], path: &str) -> Option<usize> {
    let path = PathBuf::from(path);
    logs.iter()
        .position(|log| matches!(log, AccessLog::File(file) if *file == path))
}

/// A target for a file that was opened for us.
pub(super) fn target(file: OwnedFd) -> Target {
    debug_assert!(
        rustix::fs::fcntl_getfl(file.as_fd()).is_ok(),
        "an open file"
    );
    Target::Stream(Arc::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_ends_is_started_again() {
        let (mut logger, _pipe) = Logger::start(0, "true").unwrap();
        logger.child.wait().unwrap();
        assert!(logger.revive().is_none());
        logger.started -= LOGGER_REST;
        assert!(logger.revive().is_some());
        logger.child.wait().unwrap();
    }
}
