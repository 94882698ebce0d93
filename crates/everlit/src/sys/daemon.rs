//! Going to the background.
//!
//! In: a process with one thread. Out: two of them, the one in the background with a line on which it tells the other how
//! starting went. Must hold: the one in front exits with that outcome, whatever happens to the other.
#![allow(unsafe_code, reason = "fork")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::pipe::{PipeFlags, pipe_with};

/// Which of the two processes this is.
#[derive(Debug)]
pub(crate) enum Side {
    /// The one in front; it waited, and this is the exit code to end with.
    Front(u8),
    /// The one in the background.
    Background(Outcome),
}

/// Tells the process in front how starting went; silence (a death) counts as failure.
#[derive(Debug)]
pub(crate) struct Outcome(File);

impl Outcome {
    /// Sends the exit code, and lets go of the terminal.
    pub(crate) fn tell(mut self, code: u8) -> io::Result<()> {
        let null = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        // Nobody left to tell is no failure of ours.
        let _ = self.0.write_all(&[code]);
        Ok(())
    }
}

/// Forks twice; the grandchild has a session of its own and lives in `/`. Its standard error stays until the outcome is
/// told, so that it can say why it does not start.
pub(crate) fn to_background() -> io::Result<Side> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    if fork()? {
        drop(writer);
        let mut code = [255];
        // No byte: it died without a word, and 255 says so.
        let _ = File::from(reader).read(&mut code)?;
        return Ok(Side::Front(code[0]));
    }
    drop(reader);
    rustix::process::setsid()?;
    if fork()? {
        // SAFETY: ends this process without running destructors that belong to the other one.
        unsafe { libc::_exit(0) };
    }
    rustix::process::chdir("/")?;
    Ok(Side::Background(Outcome(writer.into())))
}

/// `true` in the parent.
fn fork() -> io::Result<bool> {
    // SAFETY: called before any thread is started (a supervisor has one thread), so the child is a complete process.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(false),
        _ => Ok(true),
    }
}
