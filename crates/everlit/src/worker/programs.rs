//! Programs that answer one request each (CGI).
//!
//! In: a program and its environment. Out: pipes to and from it. Must hold: a program for whose answer nobody waits any
//! more is told to end; none is left as a zombie while this process lives.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::upstream::Link;
use crate::gateway::host::Program;
use crate::sys::signal::unblock_in;

/// Programs that were started and have not been waited for.
#[derive(Debug, Default)]
pub struct Programs(Vec<Child>);

impl Programs {
    /// Starts a program in the directory of its file. Others wait meanwhile: for as long as it takes to make a process and
    /// have it execute the file. `environment`: `NAME=value`, each with a NUL at its end.
    /// `errors`: for its standard error; `None`: ours.
    pub fn start(
        &mut self,
        program: &Program,
        environment: &[u8],
        errors: Option<OwnedFd>,
    ) -> Result<Link, Errno> {
        let mut command = match &program.interpreter {
            Some(interpreter) => {
                let mut command = Command::new(interpreter);
                command.arg(&program.script);
                command
            }
            None => Command::new(&program.script),
        };
        let directory = program.script.parent().unwrap_or(Path::new("/"));
        let variables = environment.split(|byte| *byte == 0).filter_map(|variable| {
            let equals = memchr::memchr(b'=', variable)?;
            Some((
                OsStr::from_bytes(&variable[..equals]),
                OsStr::from_bytes(&variable[equals + 1..]),
            ))
        });
        // Otherwise it would not notice that it is told to end.
        unblock_in(&mut command);
        let mut child = command
            .env_clear()
            .envs(variables)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.map_or_else(Stdio::inherit, Stdio::from))
            .spawn()
            .map_err(|error| {
                error
                    .raw_os_error()
                    .map_or(Errno::IO, Errno::from_raw_os_error)
            })?;
        let link = link(&mut child);
        if link.is_err() {
            // Nobody will ever hear of it. It has not been waited for, so this cannot hit another process.
            let _ = child.kill();
        }
        self.0.push(child);
        link
    }

    /// Nobody waits for a program's answer any more. One that has ended, as it should, does not notice.
    pub fn dismiss(&mut self, link: Link) {
        if let Link::Program { process, .. } = link {
            // It may be gone: all the same.
            let _ = pidfd_send_signal(&process, Signal::TERM);
            self.reap();
        }
    }

    /// Waits for those that have ended.
    pub fn reap(&mut self) {
        self.0
            .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }

    /// Whether any is to be waited for.
    pub fn is_waiting(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Its pipes, which never block, and a handle.
fn link(child: &mut Child) -> Result<Link, Errno> {
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Errno::PIPE);
    };
    let (stdin, stdout) = (OwnedFd::from(stdin), OwnedFd::from(stdout));
    rustix::io::ioctl_fionbio(&stdin, true)?;
    rustix::io::ioctl_fionbio(&stdout, true)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let process = pidfd_open(pid.ok_or(Errno::SRCH)?, PidfdFlags::empty())?;
    Ok(Link::Program {
        stdin: Some(stdin),
        stdout,
        process,
    })
}
