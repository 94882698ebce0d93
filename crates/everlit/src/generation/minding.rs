//! Logs of a generation that serves: files that are opened anew, commands that end.
//!
//! In: newly opened files, the passing of time. Out: what is said and logged goes there from then on. Must hold: every log
//! in a file follows it; a log that cannot be opened goes on where it was.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use super::lead::Lead;
use super::logs::{self, LogOf, Reader};
use crate::config::LogPlace;
use crate::errorlog;
use crate::logfile;
use crate::worker::Order;
use crate::worker::logs::Target;

impl Lead {
    /// Starts those again that have ended.
    pub(super) fn mind_readers(&mut self) {
        let mut readers = std::mem::take(&mut self.readers);
        for Reader { of, logger } in &mut readers {
            match logger.revive() {
                None => {}
                Some(Ok(())) => {
                    self.use_stream(*of, logger.pipe().clone());
                    errorlog::say(
                        "generation",
                        format_args!("\"{}\" had ended and was started again", logger.command()),
                    );
                }
                Some(Err(error)) => errorlog::say(
                    "generation",
                    format_args!("start \"{}\" again: {error}", logger.command()),
                ),
            }
        }
        self.readers = readers;
    }

    /// Log files that the supervisor has opened anew.
    pub(super) fn take_logs(&self, paths: Vec<String>, fds: Vec<OwnedFd>) {
        for (path, file) in paths.into_iter().zip(fds) {
            self.use_file(Path::new(&path), file);
        }
    }

    /// More than one log may be in the same file.
    fn use_file(&self, path: &Path, file: OwnedFd) {
        let server = &self.site.server;
        let file = Arc::new(file);
        let is_there = |place: &LogPlace| place.file() == Some(path);
        if server.error_log.as_ref().is_some_and(is_there) {
            self.use_stream(LogOf::Server, file.clone());
        }
        for (index, log) in server.error_logs.iter().enumerate() {
            if is_there(log.place()) {
                self.use_stream(LogOf::Some(index), file.clone());
            }
        }
        for (index, place) in server.access_logs.iter().enumerate() {
            if is_there(place) {
                self.use_stream(LogOf::Access(index), file.clone());
            }
        }
    }

    fn use_stream(&self, of: LogOf, stream: Arc<OwnedFd>) {
        match of {
            LogOf::Server => {
                if let Err(error) = logs::redirect_errors(&*stream) {
                    errorlog::say("generation", format_args!("change the error log: {error}"));
                }
            }
            LogOf::Some(index) => {
                if let Some(log) = self.site.server.error_logs.get(index) {
                    log.redirect(stream);
                }
            }
            LogOf::Access(index) => {
                let target = Target::stream(stream);
                self.crew
                    .order_all(|| Order::Logs(vec![(index, target.clone())]));
            }
        }
    }

    /// Opens all log files anew: without a supervisor, with the privileges that are left.
    pub(super) fn reopen_logs(&self) {
        for path in self.site.server.log_files() {
            match logfile::open(path) {
                Ok(file) => self.use_file(path, file),
                Err(error) => errorlog::say(
                    "generation",
                    format_args!("open log {}: {error}", path.display()),
                ),
            }
        }
    }
}
