//! A command in a document (`exec`), run by the shell.
//!
//! In: its text, and how long it may take and how much it may say. Out: what it has said, and how it ended. Must hold: it has
//! the server's environment and working directory, nothing to read, and nothing of the request; what outlasts it in the
//! background is left alone; what outlasts its time is killed, with all that it has started.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use rustix::time::Timespec;

use crate::inherit::forget_in;
use crate::sys::signal::unblock_in;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with whatever exit code.
    Exited,
    /// By a signal that we have not sent.
    Killed,
    /// It took too long.
    TimeUp,
    /// It said too much.
    TooMuch,
    /// It could not be started, or not be watched.
    Failed,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            End::Exited => "a command has ended",
            End::Killed => "a command was killed",
            End::TimeUp => "there is no time left for a command",
            End::TooMuch => "there is no room left for what a command says",
            End::Failed => "a command could not be run",
        })
    }
}

/// Whether there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Later.
    Coming,
    /// Nothing.
    Nothing,
    /// Too much.
    TooMuch,
}

/// Runs it, until `deadline` at the latest; appends at most `room` bytes of what it says to `out`.
pub(super) fn run(text: &[u8], deadline: Instant, room: usize, out: &mut Vec<u8>) -> End {
    if deadline <= Instant::now() {
        return End::TimeUp;
    }
    match start(text) {
        Ok((mut child, output)) => {
            let end = follow(&mut child, output, deadline, room, out);
            let end = end.unwrap_or(End::Failed);
            if !matches!(end, End::Exited | End::Killed) {
                end_group(&mut child);
            }
            end
        }
        Err(_) => End::Failed,
    }
}

fn start(text: &[u8]) -> io::Result<(Child, ChildStdout)> {
    let mut command = Command::new("/bin/sh");
    unblock_in(&mut command);
    forget_in(&mut command);
    let mut child = command
        .arg("-c")
        .arg(OsStr::from_bytes(text))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((child, output))
}

/// Until its end, not until that of its output, which others may hold open.
fn follow(
    child: &mut Child,
    mut output: ChildStdout,
    deadline: Instant,
    room: usize,
    out: &mut Vec<u8>,
) -> io::Result<End> {
    rustix::io::ioctl_fionbio(&output, true)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let handle = pidfd_open(pid.ok_or(Errno::SRCH)?, PidfdFlags::empty())?;
    let most = out.len() + room;
    let mut rest = Rest::Coming;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut watched = vec![PollFd::new(&handle, PollFlags::IN)];
        if rest == Rest::Coming {
            watched.push(PollFd::new(&output, PollFlags::IN));
        }
        // Interrupted or not, something has happened or not.
        let _ = poll(&mut watched, Some(&timeout));
        // In this order: what it says before its end is there then.
        let ended = child.try_wait()?;
        if rest == Rest::Coming {
            rest = read(&mut output, out, most)?;
        }
        if rest == Rest::TooMuch {
            return Ok(End::TooMuch);
        }
        match ended {
            Some(status) if status.code().is_some() => return Ok(End::Exited),
            Some(_) => return Ok(End::Killed),
            None if left.is_zero() => return Ok(End::TimeUp),
            None => {}
        }
    }
}

/// Reads what is there.
fn read(output: &mut ChildStdout, out: &mut Vec<u8>, most: usize) -> io::Result<Rest> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match output.read(&mut buffer) {
            Ok(0) => return Ok(Rest::Nothing),
            Ok(length) => {
                let fits = length.min(most - out.len());
                out.extend_from_slice(&buffer[..fits]);
                if fits < length {
                    return Ok(Rest::TooMuch);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Rest::Coming),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn end_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may be gone: all the same. If it was waited for already nothing is killed in its name.
        if matches!(child.try_wait(), Ok(None)) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    let _ = child.wait();
}
