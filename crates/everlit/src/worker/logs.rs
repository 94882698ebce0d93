//! Access logs of one worker thread: lines are gathered and written together.
//!
//! In: finished lines. Out: bytes in files, pipes, or syslog. Must hold: whole lines, each once; nothing stays here
//! longer than a second, or when the thread ends.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::logfile::write_all;
use crate::logline::{Ending, LogId, PendingLine};
use crate::syslog::Syslog;

/// Lines are written when so many bytes have come together, or a second has passed.
const GATHER_BYTES: usize = 16 * 1024;

/// All access logs, by [`crate::logline::LogId`].
#[derive(Debug, Default)]
pub struct Logs {
    sinks: Vec<Sink>,
}

/// Where lines go.
#[derive(Clone, Debug)]
pub enum Target {
    /// A file, opened for appending, or a pipe.
    Stream(Arc<OwnedFd>),
    /// The system log.
    Syslog(Arc<Syslog>),
    /// It could not be opened again; lines are lost until it can.
    Nowhere,
}

#[derive(Debug)]
struct Sink {
    target: Target,
    gathered: Vec<u8>,
}

impl Logs {
    /// Logs that go to these targets.
    pub fn new(targets: Vec<Target>) -> Logs {
        Logs {
            sinks: targets
                .into_iter()
                .map(|target| Sink {
                    target,
                    gathered: Vec::new(),
                })
                .collect(),
        }
    }

    /// Adds a line.
    pub fn write(&mut self, line: &PendingLine, ending: &Ending) {
        if let Some(sink) = self.sinks.get_mut(usize::from(line.log.0)) {
            line.finish(ending, &mut sink.gathered);
            if sink.gathered.len() >= GATHER_BYTES {
                sink.flush();
            }
        }
    }

    /// Another hand on where a log goes, for a program that writes there itself. None on the system log.
    pub fn descriptor(&self, log: LogId) -> Option<OwnedFd> {
        match &self.sinks.get(usize::from(log.0))?.target {
            Target::Stream(fd) => rustix::io::fcntl_dupfd_cloexec(fd, 0).ok(),
            Target::Syslog(_) | Target::Nowhere => None,
        }
    }

    /// Whether lines wait to be written.
    pub fn is_pending(&self) -> bool {
        self.sinks.iter().any(|sink| !sink.gathered.is_empty())
    }

    /// Writes everything.
    pub fn flush(&mut self) {
        for sink in &mut self.sinks {
            sink.flush();
        }
    }

    /// Sends what comes from now on to a newly opened file.
    pub fn replace(&mut self, index: usize, target: Target) {
        if let Some(sink) = self.sinks.get_mut(index) {
            sink.flush();
            sink.target = target;
        }
    }
}

impl Sink {
    fn flush(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        // A log that cannot be written must not stop the server: the lines are lost.
        let _ = match &self.target {
            Target::Stream(fd) => write_all(fd.as_fd(), &self.gathered),
            Target::Syslog(log) => {
                let lines = self.gathered.split(|byte| *byte == b'\n');
                for line in lines.filter(|line| !line.is_empty()) {
                    let _ = log.send(line);
                }
                Ok(())
            }
            Target::Nowhere => Ok(()),
        };
        self.gathered.clear();
        if self.gathered.capacity() > 4 * GATHER_BYTES {
            self.gathered = Vec::new();
        }
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.flush();
    }
}
