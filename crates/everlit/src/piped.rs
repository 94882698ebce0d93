//! Commands that read logs (`"|command"`).
//!
//! In: a command. Out: a [`Logger`] that runs it, and the pipe to it. Must hold: a command ends when the last copy of its
//! pipe is gone, and not before it has read everything; one that ends by itself is started again, but not in a hurry; one
//! that hangs holds up nobody: what its pipe does not take is lost.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use serde::{Deserialize, Serialize};

/// How long a command must have run to be started again at once.
const REST: Duration = Duration::from_secs(1);

/// A command that reads lines.
#[derive(Debug)]
pub(crate) struct Logger {
    command: String,
    pipe: Arc<OwnedFd>,
    /// A pidfd.
    process: OwnedFd,
    started: Instant,
    /// Its standard error; `None`: ours. One that reads our standard error has to have another.
    complaints: Option<OwnedFd>,
}

/// A logger as plain data; descriptors by number.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoggerState {
    command: String,
    pipe: RawFd,
    process: RawFd,
}

impl Logger {
    /// Starts a command. Its standard error is `complaints`, or ours.
    pub(crate) fn start(command: &str, complaints: Option<OwnedFd>) -> io::Result<Self> {
        // It inherits our blocked signals: an interrupt for the whole group must not end it before the last lines come.
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(format!("exec {command}"))
            .stdin(Stdio::piped());
        if let Some(complaints) = &complaints {
            shell
                .stdout(complaints.try_clone()?)
                .stderr(complaints.try_clone()?);
        }
        let mut child = shell.spawn()?;
        let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // Nobody waits for a command that hangs.
        ioctl_fionbio(&pipe, true)?;
        let number = Pid::from_child(&child);
        Ok(Self {
            command: command.to_owned(),
            pipe: Arc::new(OwnedFd::from(pipe)),
            // Not yet waited for, so the number cannot be another process's.
            process: pidfd_open(number, PidfdFlags::empty())?,
            started: Instant::now(),
            complaints,
        })
    }

    /// The command.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// The way to it.
    pub(crate) fn pipe(&self) -> &Arc<OwnedFd> {
        &self.pipe
    }

    /// If it has ended, it is started again, a second after its last start at the earliest. `None`: nothing was done;
    /// otherwise whether it could be started: then there is a new pipe.
    pub(crate) fn revive(&mut self) -> Option<io::Result<()>> {
        if self.started.elapsed() < REST || !has_ended(&self.process) {
            return None;
        }
        let complaints = self.complaints.as_ref().map(OwnedFd::try_clone);
        let again = complaints
            .transpose()
            .and_then(|complaints| Self::start(&self.command, complaints));
        Some(match again {
            Ok(logger) => {
                *self = logger;
                Ok(())
            }
            Err(error) => {
                self.started = Instant::now();
                Err(error)
            }
        })
    }

    /// It may end: what is left is its pidfd.
    pub(crate) fn let_go(self) -> OwnedFd {
        self.process
    }

    /// As plain data, for a program that takes this one's place.
    pub(crate) fn state(&self) -> LoggerState {
        LoggerState {
            command: self.command.clone(),
            pipe: self.pipe.as_raw_fd(),
            process: self.process.as_raw_fd(),
        }
    }

    /// Every descriptor that the state names.
    pub(crate) fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.pipe.as_fd(), self.process.as_fd()]
    }

    /// The same command goes on.
    pub(crate) fn resume<E>(
        state: LoggerState,
        complaints: Option<OwnedFd>,
        adopt: impl Fn(RawFd) -> Result<OwnedFd, E>,
    ) -> Result<Self, E> {
        Ok(Self {
            command: state.command,
            pipe: Arc::new(adopt(state.pipe)?),
            process: adopt(state.process)?,
            started: Instant::now(),
            complaints,
        })
    }
}

/// Whether the process of a pidfd has ended. A child is reaped by this.
pub(crate) fn has_ended(process: &OwnedFd) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    !matches!(waitid(WaitId::PidFd(process.as_fd()), options), Ok(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_for(logger: &Logger) {
        let process = WaitId::PidFd(logger.process.as_fd());
        waitid(process, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    }

    #[test]
    fn a_command_that_ends_is_started_again() {
        let mut logger = Logger::start("true", None).unwrap();
        wait_for(&logger);
        assert!(logger.revive().is_none());
        logger.started -= REST;
        logger.revive().unwrap().unwrap();
        wait_for(&logger);
    }

    #[test]
    fn a_command_reads_to_the_end_and_goes_on_as_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let logger = Logger::start(&format!("cat > {}", path.display()), None).unwrap();
        crate::logfile::write_all(logger.pipe(), b"one\n").unwrap();
        let state = logger.state();
        let copies = logger
            .descriptors()
            .map(|fd| (fd.as_raw_fd(), fd.try_clone_to_owned().unwrap()));
        drop(logger);
        let adopt = |number| {
            let copy = copies.iter().find(|(known, _)| *known == number);
            copy.unwrap().1.try_clone()
        };
        let mut logger = Logger::resume(state, None, adopt).unwrap();
        drop(copies);
        logger.started -= REST;
        assert!(logger.revive().is_none());
        crate::logfile::write_all(logger.pipe(), b"two\n").unwrap();
        let process = logger.process.try_clone().unwrap();
        drop(logger);
        waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
