//! What the supervisor says to people.
//!
//! In: sentences. Out: lines in `server.errorlog`, or on standard error. Must hold: saying something never fails anything.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use crate::logfile;
use crate::sys::clock::LocalTime;

/// Where lines go.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// None: standard error.
    file: Option<File>,
}

impl Journal {
    /// From now on to this file; to standard error if it is none, or cannot be opened.
    pub(crate) fn redirect(&mut self, path: Option<&Path>) {
        self.file = None;
        let Some(path) = path else {
            return;
        };
        match open_log(path) {
            Ok(file) => self.file = Some(file),
            Err(error) => self.say(format_args!("open {}: {error}", path.display())),
        }
    }

    /// Says something; several lines if it has several.
    pub(crate) fn say(&mut self, text: impl fmt::Display) {
        let now = LocalTime::of(SystemTime::now());
        let mut lines = String::new();
        for line in text.to_string().lines() {
            lines.push_str(&format!("{now}: (supervisor) {line}\n"));
        }
        // One write, so that lines of two processes do not mix. Nobody to hear it is no failure.
        let _ = match &mut self.file {
            Some(file) => file.write_all(lines.as_bytes()),
            None => io::stderr().lock().write_all(lines.as_bytes()),
        };
    }
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
        journal.redirect(Some(&path));
        journal.say("one\ntwo");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "before");
        assert!(lines[1].ends_with(": (supervisor) one"));
        assert!(lines[2].ends_with(": (supervisor) two"));
    }
}
