//! What reading values collects beside the values: remarks, and the logs, backends and programs they name.
//!
//! In: remarks of directives that look deeper than their kind. Out: diagnostics with their places. Must hold: an access
//! log named twice is one log, and so with a backend and a program.

use std::collections::HashMap;
use std::sync::Arc;

use lighttpd_conf::{BlockId, Config, Diagnostic, Severity, Span};

use super::LogPlace;
use crate::errorlog::ErrorLog;
use crate::gateway::host::{Address, Spawn, State};
use crate::logline::LogId;
use crate::modules::rrdtool::DatabaseId;
use crate::transport::pace::Shared;

/// Collects what directives have to say while their values are read.
#[derive(Debug, Default)]
pub struct Reader {
    remarks: Vec<Remark>,
    access_logs: Vec<LogPlace>,
    error_log: Option<LogPlace>,
    error_logs: Vec<Arc<ErrorLog>>,
    states: HashMap<Address, Arc<State>>,
    programs: Vec<Spawn>,
    limits: Vec<Arc<Shared>>,
    databases: Vec<String>,
    block: BlockId,
}

#[derive(Debug)]
struct Remark {
    severity: Severity,
    span: Span,
    message: String,
    help: Option<String>,
}

impl Reader {
    /// The values that follow stand in this block.
    pub(super) fn enter(&mut self, block: BlockId) {
        self.block = block;
    }

    /// The block in which the value stands that is read.
    pub fn block(&self) -> BlockId {
        self.block
    }

    /// Something is ignored, or probably not meant.
    pub fn warn(&mut self, span: Span, message: impl Into<String>) {
        self.remark(Severity::Warning, span, message.into(), None);
    }

    /// Something is wrong; `help` says what would have been accepted.
    pub fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.remark(Severity::Error, span, message.into(), Some(help.into()));
    }

    /// The log with this target; there is one in the system log, with any priority.
    pub fn access_log(&mut self, log: LogPlace) -> LogId {
        let index = match self.access_logs.iter().position(|known| *known == log) {
            Some(index) => index,
            None => {
                self.access_logs.push(log);
                self.access_logs.len() - 1
            }
        };
        // More than 65535 logs cannot be open.
        LogId(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Where the server says everything.
    pub fn set_error_log(&mut self, place: LogPlace) {
        self.error_log = Some(place);
    }

    /// The log for errors of some requests at this place.
    pub fn error_log(&mut self, place: LogPlace) -> Arc<ErrorLog> {
        let known = self.error_logs.iter().find(|log| *log.place() == place);
        let log = known.cloned();
        log.unwrap_or_else(|| {
            let log = Arc::new(ErrorLog::new(place));
            self.error_logs.push(log.clone());
            log
        })
    }

    /// Both of them.
    pub(super) fn take_error_logs(&mut self) -> (Option<LogPlace>, Vec<Arc<ErrorLog>>) {
        (self.error_log.take(), std::mem::take(&mut self.error_logs))
    }

    /// How the backend at this address is doing: one state for each address, whatever leads there.
    pub fn state_of(&mut self, address: &Address) -> Arc<State> {
        self.states.entry(address.clone()).or_default().clone()
    }

    /// A program to start. The same one may be named twice; another one at the same address is an error: the address.
    pub fn program(&mut self, spawn: Spawn) -> Result<(), Address> {
        let clash = self.programs.iter().find_map(|known| {
            let both = |address: &&Address| known.addresses.contains(address);
            Some((known, spawn.addresses.iter().find(both)?))
        });
        match clash {
            // lighttpd too starts what was named first.
            Some((known, _)) if known.command == spawn.command => Ok(()),
            Some((_, address)) => Err(address.clone()),
            None => {
                self.programs.push(spawn);
                Ok(())
            }
        }
    }

    /// A limit of so many KiB a second, shared by all that it applies to.
    pub fn shared_limit(&mut self, rate: u16) -> Arc<Shared> {
        // More would be of no use as numbers: there are no more blocks than that.
        let number = u16::try_from(self.limits.len()).unwrap_or(u16::MAX);
        let limit = Arc::new(Shared::new(number, rate));
        self.limits.push(limit.clone());
        limit
    }

    /// The database in this file.
    pub fn database(&mut self, name: String) -> DatabaseId {
        let known = self.databases.iter().position(|known| *known == name);
        let index = known.unwrap_or_else(|| {
            self.databases.push(name);
            self.databases.len() - 1
        });
        // Beyond that they are one: nobody makes graphs of so many.
        DatabaseId(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// All databases.
    pub(super) fn take_databases(&mut self) -> Vec<String> {
        std::mem::take(&mut self.databases)
    }

    /// All limits that are shared, by their numbers.
    pub(super) fn take_limits(&mut self) -> Vec<Arc<Shared>> {
        std::mem::take(&mut self.limits)
    }

    /// All programs to start.
    pub(super) fn take_programs(&mut self) -> Vec<Spawn> {
        std::mem::take(&mut self.programs)
    }

    /// Moves the remarks into `out`.
    pub(super) fn take_remarks(&mut self, config: &Config, out: &mut Vec<Diagnostic>) {
        for remark in self.remarks.drain(..) {
            let diagnostic = match remark.severity {
                Severity::Warning => config.warning(remark.span, remark.message),
                Severity::Error => config.error(remark.span, remark.message),
            };
            out.push(match remark.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
        }
    }

    /// All of them; the one in the system log gets its priority.
    pub(super) fn into_access_logs(self, syslog_priority: u16) -> Vec<LogPlace> {
        let mut logs = self.access_logs;
        for log in &mut logs {
            if let LogPlace::Syslog(priority) = log {
                *priority = syslog_priority;
            }
        }
        logs
    }

    fn remark(&mut self, severity: Severity, span: Span, message: String, help: Option<String>) {
        self.remarks.push(Remark {
            severity,
            span,
            message,
            help,
        });
    }
}
