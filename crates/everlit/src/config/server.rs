//! Settings of the whole server, as generations use them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::paths::absolute;
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
    /// `server.errorlog`; `None`: standard error.
    pub error_log: Option<PathBuf>,
    /// Where access logs go.
    pub access_logs: Vec<AccessLog>,
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

/// Where an access log goes (`accesslog.filename`, `accesslog.use-syslog`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// A file.
    File(PathBuf),
    /// A command that reads lines: `"|cmd"`, run by `/bin/sh -c`.
    Pipe(String),
    /// Syslog with this priority: `server.syslog-facility` times eight, and `accesslog.syslog-level`.
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

impl AccessLog {
    /// A file, or `"|command"`.
    pub fn named(name: &str) -> AccessLog {
        match name.strip_prefix('|') {
            Some(command) => AccessLog::Pipe(command.trim().to_owned()),
            None => AccessLog::File(absolute(name)),
        }
    }
}

/// As a frozen connection names it.
impl fmt::Display for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccessLog::File(path) => write!(f, "{}", path.display()),
            AccessLog::Pipe(command) => write!(f, "|{command}"),
            AccessLog::Syslog(priority) => write!(f, "syslog:{priority}"),
        }
    }
}
