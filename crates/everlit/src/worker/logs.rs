//! Access logs of one worker thread: lines are gathered and written together.
//!
//! In: finished lines. Out: bytes in files, pipes, or syslog. Must hold: whole lines, each once; nothing stays here
//! longer than a second, or when the thread ends, unless whoever reads a pipe is slow: then lines wait, and in the end are
//! lost, but no request waits.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::logfile::write_all;
use crate::logline::{Ending, LogId, PendingLine};
use crate::syslog::Syslog;

/// Lines are written when so many bytes have come together, or a second has passed.
const GATHER_BYTES: usize = 16 * 1024;

/// So many bytes wait for a pipe that nobody reads; lines that come then are lost.
const MOST_BYTES: usize = 256 * 1024;

/// A pipe takes so many bytes whole or not at all (pipe(7)), so that lines of several threads do not mix.
const WHOLE_BYTES: usize = 4096;

/// How long a thread that ends waits for a pipe to take more.
const PATIENCE: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// All access logs, by [`crate::logline::LogId`].
#[derive(Debug, Default)]
pub struct Logs {
    sinks: Vec<Sink>,
}

/// Where lines go.
#[derive(Clone, Debug)]
pub enum Target {
    /// A file, opened for appending.
    File(Arc<OwnedFd>),
    /// A pipe, which is not waited for.
    Pipe(Arc<OwnedFd>),
    /// The system log.
    Syslog(Arc<Syslog>),
    /// It could not be opened again; lines are lost until it can.
    Nowhere,
}

impl Target {
    /// An open log.
    pub fn stream(stream: Arc<OwnedFd>) -> Target {
        let stat = rustix::fs::fstat(&*stream);
        match stat.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Fifo) => Target::Pipe(stream),
            Ok(_) | Err(_) => Target::File(stream),
        }
    }
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
            if sink.gathered.len() > MOST_BYTES {
                return;
            }
            line.finish(ending, &mut sink.gathered);
            if sink.gathered.len() >= GATHER_BYTES {
                sink.flush();
            }
        }
    }

    /// Another hand on where a log goes, for a program that writes there itself. None on the system log.
    pub fn descriptor(&self, log: LogId) -> Option<OwnedFd> {
        match &self.sinks.get(usize::from(log.0))?.target {
            Target::File(fd) | Target::Pipe(fd) => rustix::io::fcntl_dupfd_cloexec(fd, 0).ok(),
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
        let mut done = self.gathered.len();
        // A log that cannot be written must not stop the server: the lines are lost.
        match &self.target {
            Target::File(fd) => {
                let _ = write_all(fd.as_fd(), &self.gathered);
            }
            Target::Pipe(fd) => done = write_lines(fd.as_fd(), &self.gathered),
            Target::Syslog(log) => {
                let lines = self.gathered.split(|byte| *byte == b'\n');
                for line in lines.filter(|line| !line.is_empty()) {
                    let _ = log.send(line);
                }
            }
            Target::Nowhere => {}
        }
        self.gathered.drain(..done);
        if self.gathered.is_empty() && self.gathered.capacity() > 4 * GATHER_BYTES {
            self.gathered = Vec::new();
        }
    }

    /// As [`flush`](Self::flush), but a pipe is waited for as long as somebody reads.
    fn finish(&mut self) {
        self.flush();
        while let Target::Pipe(pipe) = &self.target
            && !self.gathered.is_empty()
        {
            let mut polled = [PollFd::new(&**pipe, PollFlags::OUT)];
            match poll(&mut polled, Some(&PATIENCE)) {
                Ok(0) => return,
                Err(errno) if errno != Errno::INTR => return,
                Ok(_) | Err(_) => self.flush(),
            }
        }
    }
}

/// Writes as many lines as a pipe takes now. Returns how many bytes are done with: all of them if nobody reads it.
fn write_lines(pipe: impl AsFd, bytes: &[u8]) -> usize {
    let mut done = 0;
    while done < bytes.len() {
        match rustix::io::write(&pipe, first_lines(&bytes[done..])) {
            Ok(written @ 1..) => done += written,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return done,
            Ok(0) | Err(_) => return bytes.len(),
        }
    }
    done
}

/// As many lines as a pipe takes whole; one at least.
fn first_lines(bytes: &[u8]) -> &[u8] {
    let whole = &bytes[..bytes.len().min(WHOLE_BYTES)];
    let end = memchr::memrchr(b'\n', whole).or_else(|| memchr::memchr(b'\n', bytes));
    end.map_or(bytes, |end| &bytes[..=end])
}

impl Drop for Logs {
    fn drop(&mut self) {
        for sink in &mut self.sinks {
            sink.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_takes_lines_whole() {
        let long = [&[b'x'; 5000][..], b"\n"].concat();
        assert_eq!(first_lines(b"a\nb\n"), b"a\nb\n");
        assert_eq!(first_lines(&[&b"a\n"[..], &long].concat()), b"a\n");
        assert_eq!(first_lines(&[&long[..], b"a\n"].concat()), &long[..]);
        assert_eq!(first_lines(b"rest"), b"rest");
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_not_waited_for() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let line = [&[b'x'; 99][..], b"\n"].concat();
        let lines = line.repeat(1000);
        let taken = write_lines(&writer, &lines);
        assert!((1..lines.len()).contains(&taken) && taken % line.len() == 0);
        assert_eq!(write_lines(&writer, &lines), 0);
        drop(reader);
        assert_eq!(write_lines(&writer, &lines), lines.len());
    }
}
