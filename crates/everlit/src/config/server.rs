//! Settings of the whole server, as generations use them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::paths::absolute;
use crate::errorlog::ErrorLog;
use crate::gateway::host::Spawn;
use crate::modules::auth;
use crate::modules::rrdtool::Recording;
use crate::route::Flags;
use crate::route::uri::ParseOptions;
use crate::transport::pace::Shared;

/// Descriptors that are kept for files, logs and the like when connections are counted.
pub const RESERVED_DESCRIPTORS: u32 = 64;

/// Settings of the whole server (scope `SERVER`).
#[derive(Clone, Debug)]
pub struct Server {
    /// `server.http-parseopts`
    pub parse: ParseOptions,
    /// `server.max-request-field-size`, default 8192.
    pub max_head_bytes: usize,
    /// `server.max-connections`; `None`: one for each descriptor, less [`RESERVED_DESCRIPTORS`]; with backends half as
    /// many.
    pub max_connections: Option<u32>,
    /// `server.max-fds`; `None`: all that the system allows.
    pub max_fds: Option<u32>,
    /// `server.max-worker`; `None`: one worker thread for each processor.
    pub workers: Option<u16>,
    /// `server.username`; `None`: as started.
    pub user: Option<String>,
    /// `server.groupname`; `None`: the user's.
    pub group: Option<String>,
    /// `server.chroot`
    pub chroot: Option<PathBuf>,
    /// `server.errorlog`, `server.errorlog-use-syslog`; `None`: standard error.
    pub error_log: Option<LogPlace>,
    /// `server.errorlog` within conditions, each log once.
    pub error_logs: Vec<Arc<ErrorLog>>,
    /// Where access logs go.
    pub access_logs: Vec<LogPlace>,
    /// Programs that are started as backends (`bin-path`), each once.
    pub programs: Vec<Spawn>,
    /// `server.kbytes-per-second`, each that is written
    pub limits: Vec<Arc<Shared>>,
    /// `ssl.stek-file`
    pub ticket_keys: Option<PathBuf>,
    /// `server.core-files`
    pub core_files: CoreFiles,
    /// `server.stat-cache-engine`: how often files are looked at again.
    pub stat_cache: StatCache,
    /// `server.feature-flags`, those that change how requests are answered.
    pub flags: Flags,
    /// The same, those of mod_auth.
    pub auth: auth::Flags,
    /// Databases of figures (mod_rrdtool).
    pub recording: Recording,
}

/// `server.core-files`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreFiles {
    /// `disable`: as where the server was started; none from where there are keys for TLS.
    AsStarted,
    /// `enable`: with everything that is in memory.
    Wanted,
}

/// `server.stat-cache-engine`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatCache {
    /// `simple` (and `inotify`, `fam`, `kqueue`): what is known of a file is good for up to one second.
    Simple,
    /// `disable`: each request looks.
    Disabled,
}

/// Where a log goes (`server.errorlog`, `accesslog.filename` and so on). A plan writes it as the configuration does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum LogPlace {
    /// A file.
    File(PathBuf),
    /// A command that reads lines: `"|cmd"`, run by `/bin/sh -c`.
    Pipe(String),
    /// Syslog with this priority: `server.syslog-facility` times eight, and a level.
    Syslog(u16),
}

impl Default for Server {
    fn default() -> Self {
        Server {
            parse: ParseOptions::default(),
            max_head_bytes: 8192,
            max_connections: None,
            max_fds: None,
            workers: None,
            user: None,
            group: None,
            chroot: None,
            error_log: None,
            error_logs: Vec::new(),
            access_logs: Vec::new(),
            programs: Vec::new(),
            limits: Vec::new(),
            ticket_keys: None,
            core_files: CoreFiles::AsStarted,
            stat_cache: StatCache::Simple,
            flags: Flags::default(),
            auth: auth::Flags::default(),
            recording: Recording::default(),
        }
    }
}

impl Server {
    /// Log files, each once: they are opened anew when logs are.
    pub fn log_files(&self) -> Vec<&Path> {
        let errors = self.error_logs.iter().map(|log| log.place());
        let places = self.error_log.iter().chain(errors).chain(&self.access_logs);
        let mut files = Vec::new();
        for path in places.filter_map(LogPlace::file) {
            if !files.contains(&path) {
                files.push(path);
            }
        }
        files
    }
}

impl LogPlace {
    /// A file, or `"|command"`.
    pub fn named(name: &str) -> LogPlace {
        match name.strip_prefix('|') {
            Some(command) => LogPlace::Pipe(command.trim().to_owned()),
            None => LogPlace::File(absolute(name)),
        }
    }

    /// The file, if it is one: it is opened anew when logs are.
    pub fn file(&self) -> Option<&Path> {
        match self {
            LogPlace::File(path) => Some(path),
            LogPlace::Pipe(_) | LogPlace::Syslog(_) => None,
        }
    }
}

/// What stands before the priority of one in the system log.
const SYSLOG: &str = "syslog:";

/// As a frozen connection and a plan name it.
impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogPlace::File(path) => write!(f, "{}", path.display()),
            LogPlace::Pipe(command) => write!(f, "|{command}"),
            LogPlace::Syslog(priority) => write!(f, "{SYSLOG}{priority}"),
        }
    }
}

impl From<LogPlace> for String {
    fn from(place: LogPlace) -> String {
        place.to_string()
    }
}

/// Paths are absolute, so nothing can be meant in two ways.
impl From<String> for LogPlace {
    fn from(name: String) -> LogPlace {
        let priority = name
            .strip_prefix(SYSLOG)
            .and_then(|number| number.parse().ok());
        match priority {
            Some(priority) => LogPlace::Syslog(priority),
            None => LogPlace::named(&name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_the_place_of_a_log_as_it_was() {
        for place in [
            LogPlace::File("/var/log/error.log".into()),
            LogPlace::Pipe("rotate /var/log/%Y".to_owned()),
            LogPlace::Syslog(27),
        ] {
            let text = serde_json::to_string(&place).unwrap();
            assert_eq!(serde_json::from_str::<LogPlace>(&text).unwrap(), place);
        }
    }
}
