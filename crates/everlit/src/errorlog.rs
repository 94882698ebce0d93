//! What a generation says to people: lines in `server.errorlog`.
//!
//! In: sentences. Out: lines with the time and who speaks, each in one write: to standard error, which is the error log's
//! file or pipe, or to the system log, or for requests to a log of their own ([`Errors`]). Must hold: saying something never
//! fails anything, and never says a client's or backend's control characters; what a log does not take is said where it
//! would be said without it.

use std::fmt;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use crate::config::LogPlace;
use crate::logfile;
use crate::sys::clock::LocalTime;
use crate::syslog::Syslog;

/// Longest sentence, in bytes; what is beyond it is left out.
const LONGEST: usize = 2048;

/// `server.errorlog-use-syslog`: like standard error, whose place it takes, there is one for the whole process.
static SYSTEM_LOG: OnceLock<Syslog> = OnceLock::new();

/// From now on to the system log; what it does not take, to standard error.
pub(crate) fn use_system_log(log: Syslog) {
    // It is done once, when a generation starts.
    let _ = SYSTEM_LOG.set(log);
}

/// Says something about the whole server. `who`: `mod_proxy` and the like.
pub fn say(who: &str, text: impl fmt::Display) {
    utter(&sentence(who, &text.to_string()));
}

fn utter(sentence: &str) {
    if let Some(log) = SYSTEM_LOG.get()
        && log.send(sentence.as_bytes()).is_ok()
    {
        return;
    }
    // Nobody to hear it is no failure.
    let _ = std::io::stderr().write_all(line(sentence).as_bytes());
}

/// Who says what, without control characters.
pub(crate) fn sentence(who: &str, text: &str) -> String {
    format!("({who}) {}", plain(text))
}

/// As it stands in a file.
pub(crate) fn line(sentence: &str) -> String {
    format!("{}: {sentence}\n", LocalTime::of(SystemTime::now()))
}

/// Where it is said what is wrong with requests; default: where everything is said.
#[derive(Clone, Debug, Default)]
pub struct Errors(Option<Arc<ErrorLog>>);

/// A log for some requests: `server.errorlog` within a condition.
#[derive(Debug)]
pub struct ErrorLog {
    place: LogPlace,
    /// `None` until it is opened, before anybody is served.
    stream: RwLock<Option<Arc<OwnedFd>>>,
}

impl Errors {
    /// In this log.
    pub fn to(log: Arc<ErrorLog>) -> Errors {
        Errors(Some(log))
    }

    /// Says something about a request. `who`: `mod_proxy` and the like.
    pub fn say(&self, who: &str, text: impl fmt::Display) {
        let sentence = sentence(who, &text.to_string());
        let taken = self.0.as_ref().is_some_and(|log| log.take(&sentence));
        if !taken {
            utter(&sentence);
        }
    }
}

impl ErrorLog {
    /// A log that is not open yet.
    pub(crate) fn new(place: LogPlace) -> ErrorLog {
        ErrorLog {
            place,
            stream: RwLock::default(),
        }
    }

    /// Where it goes.
    pub(crate) fn place(&self) -> &LogPlace {
        &self.place
    }

    /// From now on to this file or pipe.
    pub(crate) fn redirect(&self, stream: Arc<OwnedFd>) {
        let mut current = self.stream.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(stream);
    }

    fn take(&self, sentence: &str) -> bool {
        let current = self.stream.read().unwrap_or_else(PoisonError::into_inner);
        // Written without the lock: a reader of a pipe may be slow.
        let stream = current.clone();
        drop(current);
        stream.is_some_and(|stream| logfile::write_all(&*stream, line(sentence).as_bytes()).is_ok())
    }
}

/// One line, without control characters.
fn plain(text: &str) -> String {
    let text = text.trim_end();
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text[..end].chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_one_line_of_bounded_length() {
        assert_eq!(plain("one\r\ntwo\x1b[0m\n"), "one  two [0m");
        assert_eq!(plain(&"é".repeat(LONGEST)).len(), LONGEST);
    }

    #[test]
    fn a_log_of_its_own_takes_what_it_is_told_once_it_is_open() {
        let directory = tempfile::tempdir().unwrap();
        let log = Arc::new(ErrorLog::new(LogPlace::named("/not/opened/here")));
        assert!(!log.take("(test) too early"));
        let errors = Errors::to(log.clone());
        for name in ["one.log", "two.log"] {
            let path = directory.path().join(name);
            log.redirect(Arc::new(logfile::open(&path).unwrap()));
            errors.say("test", format_args!("in\n{name}"));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.ends_with(&format!(": (test) in {name}\n")), "{text}");
        }
    }

    #[test]
    fn a_log_whose_reader_is_gone_takes_nothing() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let log = ErrorLog::new(LogPlace::Pipe("true".to_owned()));
        log.redirect(Arc::new(writer));
        assert!(log.take("(test) heard"));
        drop(reader);
        assert!(!log.take("(test) not heard"));
    }
}
