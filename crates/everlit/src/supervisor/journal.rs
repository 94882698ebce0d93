//! What the supervisor says to people.
//!
//! In: sentences. Out: lines where `server.errorlog` says, or on standard error. Must hold: saying something never fails
//! anything, and nobody waits for it; what a log does not take is said on standard error.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::LogPlace;
use crate::errorlog::{line, sentence};
use crate::logfile;
use crate::piped::{self, Logger, LoggerState};
use crate::syslog::Syslog;

/// Where lines go.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    sink: Sink,
    /// Commands (pidfds) that are needed no longer, and were still reading when that was last looked at.
    former: Vec<OwnedFd>,
}

/// A journal as plain data; descriptors by number. What is no command is opened anew.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct JournalState {
    logger: Option<LoggerState>,
    former: Vec<RawFd>,
}

#[derive(Debug, Default)]
enum Sink {
    #[default]
    StandardError,
    File(File),
    /// A command of our own: each generation has one, too, which ends with it.
    Pipe(Logger),
    Syslog(Syslog),
}

impl Journal {
    /// As plain data, for a program that takes this one's place.
    pub(crate) fn state(&self) -> JournalState {
        JournalState {
            logger: self.logger().map(Logger::state),
            former: self.former.iter().map(AsRawFd::as_raw_fd).collect(),
        }
    }

    /// Every descriptor that the state names.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let logger = self.logger().into_iter().flat_map(Logger::descriptors);
        logger.chain(self.former.iter().map(AsFd::as_fd))
    }

    /// Goes on with the command that the program before had started.
    pub(crate) fn resume<E>(
        state: JournalState,
        adopt: impl Fn(RawFd) -> Result<OwnedFd, E>,
    ) -> Result<Self, E> {
        let sink = match state.logger {
            None => Sink::StandardError,
            Some(logger) => Sink::Pipe(Logger::resume(logger, nowhere().ok(), &adopt)?),
        };
        let former = state.former.into_iter().map(adopt);
        Ok(Self {
            sink,
            former: former.collect::<Result<_, E>>()?,
        })
    }

    /// From now on to this place; to standard error if it is none, or cannot be opened. A file is opened anew; a command
    /// goes on.
    pub(crate) fn redirect(&mut self, place: Option<&LogPlace>) {
        if let (Sink::Pipe(logger), Some(LogPlace::Pipe(command))) = (&self.sink, place)
            && logger.command() == command
        {
            return;
        }
        if let Sink::Pipe(logger) = std::mem::take(&mut self.sink) {
            self.former.push(logger.let_go());
        }
        let Some(place) = place else {
            return;
        };
        match open(place) {
            Ok(sink) => self.sink = sink,
            Err(error) => self.say(format_args!("open {place}: {error}")),
        }
    }

    /// The command that reads it, if it is one.
    fn logger(&self) -> Option<&Logger> {
        match &self.sink {
            Sink::Pipe(logger) => Some(logger),
            Sink::StandardError | Sink::File(_) | Sink::Syslog(_) => None,
        }
    }

    /// Says something; several lines if it has several.
    pub(crate) fn say(&mut self, text: impl fmt::Display) {
        self.former.retain(|process| !piped::has_ended(process));
        let text = text.to_string();
        let sentences = text.lines().map(|text| sentence("supervisor", text));
        if let Sink::Syslog(log) = &self.sink {
            for sentence in sentences {
                if log.send(sentence.as_bytes()).is_err() {
                    say_here(&line(&sentence));
                }
            }
            return;
        }
        // One write, so that lines of two processes do not mix.
        let lines: String = sentences.map(|sentence| line(&sentence)).collect();
        let taken = match &mut self.sink {
            Sink::File(file) => file.write_all(lines.as_bytes()).is_ok(),
            Sink::Pipe(logger) => write(logger, lines.as_bytes()),
            Sink::StandardError | Sink::Syslog(_) => false,
        };
        if !taken {
            say_here(&lines);
        }
    }
}

/// Nobody to hear it is no failure.
fn say_here(lines: &str) {
    let _ = io::stderr().lock().write_all(lines.as_bytes());
}

/// If the command has ended it is started again. Whether it has the lines.
fn write(logger: &mut Logger, lines: &[u8]) -> bool {
    if logfile::write_all(&**logger.pipe(), lines).is_ok() {
        return true;
    }
    let again = matches!(logger.revive(), Some(Ok(())));
    again && logfile::write_all(&**logger.pipe(), lines).is_ok()
}

fn open(place: &LogPlace) -> io::Result<Sink> {
    Ok(match place {
        LogPlace::File(path) => Sink::File(open_log(path)?),
        LogPlace::Pipe(command) => Sink::Pipe(Logger::start(command, Some(nowhere()?))?),
        LogPlace::Syslog(priority) => Sink::Syslog(Syslog::new(*priority)?),
    })
}

/// What a command of ours writes: whoever starts a server in the background waits until nobody holds its output any more.
/// The generation's command, which is the same, is heard.
fn nowhere() -> io::Result<OwnedFd> {
    Ok(File::options().write(true).open("/dev/null")?.into())
}

/// Opens a log file as lighttpd does: appended to, and made if it is not there.
pub(crate) fn open_log(path: &Path) -> io::Result<File> {
    logfile::open(path).map(File::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_time_and_is_appended() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("error.log");
        std::fs::write(&path, "before\n").unwrap();
        let mut journal = Journal::default();
        journal.redirect(Some(&LogPlace::File(path.clone())));
        journal.say("one\ntwo");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "before");
        assert!(lines[1].ends_with(": (supervisor) one"));
        assert!(lines[2].ends_with(": (supervisor) two"));
    }

    #[test]
    fn the_same_command_goes_on() {
        let mut journal = Journal::default();
        let pipe = |journal: &Journal| journal.logger().map(|logger| logger.pipe().clone());
        let command = |text: &str| LogPlace::Pipe(text.to_owned());
        journal.redirect(Some(&command("cat > /dev/null")));
        let first = pipe(&journal).unwrap();
        journal.redirect(Some(&command("cat > /dev/null")));
        assert!(std::sync::Arc::ptr_eq(&first, &pipe(&journal).unwrap()));
        journal.redirect(Some(&command("cat >/dev/null")));
        assert!(!std::sync::Arc::ptr_eq(&first, &pipe(&journal).unwrap()));
        assert_eq!(journal.former.len(), 1);
        drop(first);
        journal.redirect(None);
        assert!(journal.logger().is_none());
        // They end when they have read everything; somebody has to take notice.
        let begun = std::time::Instant::now();
        while !journal.former.is_empty() {
            assert!(begun.elapsed() < std::time::Duration::from_secs(60));
            journal.say("");
        }
    }
}
