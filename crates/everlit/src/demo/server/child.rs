//! Starting the server: this program once more, as a child.
//!
//! In: a site. Out: a running child, or its end. Must hold: the child ends when the demo does, however that ends; Ctrl-C is
//! for the demo alone.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Signal, getppid, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal,
};

use super::error::{ServerError, kernel};
use super::processes::{is_over, offspring, wait_for};
use crate::control::address::RUNTIME_VARIABLE;
use crate::demo::site::Site;

/// Second argument of [`become_server`].
pub(in crate::demo) const SERVER_ARGUMENT: &str = "--be-the-server";

/// How long it may take to stop.
const STOP_MAX: Duration = Duration::from_secs(5);

/// The process that we started, waited for by nobody else. Dropped, it is ended, and its children with it.
#[derive(Debug)]
pub(super) struct Started {
    child: Child,
    handle: OwnedFd,
    log: PathBuf,
}

impl Started {
    /// Its number; nobody else can have it.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error if it has ended.
    pub(super) fn alive(&mut self) -> Result<(), ServerError> {
        if !is_over(self.handle.as_fd()) {
            return Ok(());
        }
        let how = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        Err(ServerError::Died {
            how,
            said: lines[lines.len().saturating_sub(5)..].join("\n"),
        })
    }

    /// Ends it, unless it has ended already.
    pub(super) fn end(&mut self) {
        // A process that is gone cannot be told, and need not be.
        let _ = pidfd_send_signal(&self.handle, Signal::TERM);
        if !wait_for(self.handle.as_fd(), STOP_MAX) {
            // What it started outlives it, unless it is told otherwise; who that is, is known only while it lives.
            let offspring = offspring(self.child.id());
            let _ = pidfd_send_signal(&self.handle, Signal::KILL);
            for process in offspring {
                let _ = pidfd_send_signal(process, Signal::KILL);
            }
        }
        // It is there to be waited for, or was waited for already.
        let _ = self.child.wait();
    }
}

impl AsFd for Started {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts `everlit demo --be-the-server`, which becomes `everlit -D -f demo.conf`.
pub(super) fn spawn(site: &Site) -> Result<Started, ServerError> {
    let binary = std::env::current_exe().map_err(kernel("find the program"))?;
    let log = fs::File::create(site.log()).map_err(kernel("create a log file"))?;
    let errors = log.try_clone().map_err(kernel("duplicate a descriptor"))?;
    let child = Command::new(&binary)
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
        .map_err(kernel("start the program"))?;
    // Not waited for, so the number is its own.
    let handle = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
    Ok(Started {
        handle: handle.map_err(kernel("pidfd_open"))?,
        child,
        log: site.log(),
    })
}

/// What [`spawn`] starts: becomes the server, which ends when the demo does, however that ends.
pub(in crate::demo) fn become_server(
    arguments: &mut lexopt::Parser,
) -> Result<ExitCode, lexopt::Error> {
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
pub(super) fn is_ready(notices: &UnixDatagram) -> Result<bool, ServerError> {
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
