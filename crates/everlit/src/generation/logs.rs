//! Opening logs.
//!
//! In: where logs go, as configured. Out: open descriptors, for each worker its own [`Logs`]. Must hold: opened before
//! privileges are dropped; the error log is standard error from then on, so that even a last word gets there.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

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

/// Opens all logs of a site; returns the targets of its access logs.
pub(super) fn open(server: &Server) -> Result<Vec<Target>, LogError> {
    if let Some(path) = &server.error_log {
        redirect_errors(open_file(path)?).map_err(|cause| LogError {
            log: path.display().to_string(),
            cause,
        })?;
    }
    server.access_logs.iter().map(open_access_log).collect()
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

fn open_access_log(log: &AccessLog) -> Result<Target, LogError> {
    match log {
        AccessLog::File(path) => Ok(Target::Stream(Arc::new(open_file(path)?))),
        AccessLog::Pipe(command) => start(command)
            .map(Target::Stream)
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

/// Starts a command that reads lines; it ends when this process and its successor's copies of the pipe are gone.
fn start(command: &str) -> io::Result<Arc<OwnedFd>> {
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::piped())
        .spawn()?;
    let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(Arc::new(OwnedFd::from(pipe)))
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
