//! The whole configuration: the only place that sees all of it.
//!
//! In: a [`Source`]. Out: a [`Site`], which generations serve, and a [`Plan`], which supervisors need. Must hold:
//! everything that can be wrong with a configuration is found here, with its place, before anything is served.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use crate::exchange::Exchange;
use crate::logline::PendingLine;
use crate::modules::Hook;
use crate::plan::Plan;
use crate::route::uri::ParseOptions;
use crate::settings::Settings;
use crate::source::Source;

/// One directive: what it is called and takes, and what it does.
#[derive(Debug)]
pub struct Directive {
    /// Does what the directive says. Fails only for values that do not fit.
    pub apply: Apply,
}

/// What a directive changes.
#[derive(Clone, Copy, Debug)]
pub enum Apply {
    /// A setting for requests (scope `CONN`).
    Request(fn(&mut Settings)),
}

/// A configuration, checked and ready to serve; shared by the worker threads.
#[derive(Debug)]
pub struct Site {
    /// Settings of the whole server.
    pub server: Server,
    /// Hooks of the modules in use, in the order of `server.modules`.
    pub pipeline: Pipeline,
}

impl Site {
    /// What a frozen connection calls an access log.
    pub fn access_log_name(&self, id: crate::logline::LogId) -> String {
        self.server
            .access_logs
            .get(usize::from(id.0))
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// The access log of this name.
    pub fn access_log_named(&self, name: &str) -> Option<crate::logline::LogId> {
        let index = self
            .server
            .access_logs
            .iter()
            .position(|log| log.to_string() == name)?;
        Some(crate::logline::LogId(index as u16))
    }
}

impl fmt::Display for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccessLog::File(path) => write!(f, "{}", path.display()),
            AccessLog::Pipe(command) => write!(f, "|{command}"),
            AccessLog::Syslog(priority) => write!(f, "syslog:{priority}"),
        }
    }
}

/// Settings of the whole server (scope `SERVER`).
#[derive(Debug)]
pub struct Server {
    /// `server.http-parseopts`
    pub parse: ParseOptions,
    /// `server.max-request-field-size`, default 8192.
    pub max_head_bytes: usize,
    /// `server.max-connections`; `None`: half of the descriptors.
    pub max_connections: Option<u32>,
    /// `server.max-fds`; `None`: all that the system allows.
    pub max_fds: Option<u32>,
    /// `server.max-worker`; `None`: one worker thread for each processor.
    pub workers: Option<u16>,
    /// `server.username`, `server.groupname`.
    pub user: Option<String>,
    /// `server.groupname`
    pub group: Option<String>,
    /// `server.chroot`
    pub chroot: Option<PathBuf>,
    /// `server.errorlog`; `None`: standard error.
    pub error_log: Option<PathBuf>,
    /// Where access logs go.
    pub access_logs: Vec<AccessLog>,
    /// `server.stat-cache-engine`: how often files are looked at again.
    pub stat_cache: StatCache,
    /// `server.feature-flags`, those that change how requests are answered.
    pub flags: crate::route::Flags,
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
    /// A command that reads lines: `"|cmd"`.
    Pipe(String),
    /// Syslog with this priority.
    Syslog(u16),
}

/// Hooks of the modules in use, by moment.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Pipeline {
    pub uri_clean: Vec<Hook>,
    pub docroot: Vec<Hook>,
    pub physical: Vec<Hook>,
    pub subrequest_start: Vec<Hook>,
    pub response_start: Vec<Hook>,
    pub request_done: Vec<fn(&Exchange<'_>, &Settings, &mut PendingLine)>,
}

/// Finds the settings in force; one for each worker thread, because it remembers what it found.
#[derive(Debug)]
pub struct Resolver {
    base: Rc<Settings>,
}

impl Resolver {
    /// A resolver for this site.
    pub fn new(_site: &Site) -> Resolver {
        Resolver {
            base: Rc::new(Settings::default()),
        }
    }

    /// A resolver that always finds these settings: for tests and measurements.
    pub fn fixed(settings: Settings) -> Resolver {
        Resolver {
            base: Rc::new(settings),
        }
    }

    /// The settings for a request; the same `Rc` for the same set of conditions.
    pub fn resolve(
        &mut self,
        _site: &Site,
        _request: &crate::request::Request<'_>,
    ) -> Rc<Settings> {
        self.base.clone()
    }

    /// The settings without any condition: for what happens before there is a request.
    pub fn base(&self) -> &Rc<Settings> {
        &self.base
    }
}

/// A configuration that cannot be used; `Display` gives all diagnostics, rendered.
#[derive(Debug)]
pub struct ConfigError {
    text: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ConfigError {}

/// Loads and checks a configuration.
pub fn load(_source: &Source) -> Result<(Site, Plan), ConfigError> {
    Err(ConfigError {
        text: String::new(),
    })
}
