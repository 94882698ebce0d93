//! A configuration half built: what directives of the whole server write into.
//!
//! In: directives of scope `Server`. Out: the fields of [`Server`] and of a [`Plan`](crate::plan::Plan), taken from it
//! when all are known. Must hold: it starts as the defaults are.

use std::path::PathBuf;
use std::time::Duration;

use super::Server;

/// What directives of the whole server set.
#[derive(Debug)]
pub struct Draft {
    /// What goes into the site.
    pub server: Server,
    /// `server.bind`
    pub bind: String,
    /// `server.port`, default 80.
    pub port: u16,
    /// `server.modules`, in order.
    pub modules: Vec<String>,
    /// `server.compat-module-load`
    pub compat_modules: CompatModules,
    /// `server.errorlog-use-syslog`
    pub errors: ErrorsGo,
    /// `server.syslog-facility`, default 3 (`daemon`).
    pub syslog_facility: u16,
    /// `accesslog.syslog-level`, default 6 (`info`).
    pub syslog_level: u16,
    /// `server.pid-file`
    pub pid_file: Option<PathBuf>,
    /// "server.graceful-shutdown-timeout"; `None`: no limit.
    pub graceful_timeout: Option<Duration>,
    /// "everlit.linger"
    pub linger: Option<Duration>,
    /// "everlit.ready-timeout"
    pub ready_timeout: Duration,
    /// "everlit.certificate-watch"
    pub certificate_watch: Duration,
}

/// `server.compat-module-load`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompatModules {
    /// Modules that old configurations took for granted are loaded even if `server.modules` does not name them.
    Added,
    /// Only what `server.modules` names is loaded.
    AsNamed,
}

/// `server.errorlog-use-syslog`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorsGo {
    /// To `server.errorlog`.
    WhereNamed,
    /// To the system log; within conditions still where `server.errorlog` says.
    ToSystemLog,
}

impl Default for Draft {
    fn default() -> Self {
        Draft {
            server: Server::default(),
            bind: String::new(),
            port: 80,
            modules: Vec::new(),
            compat_modules: CompatModules::Added,
            errors: ErrorsGo::WhereNamed,
            syslog_facility: 3,
            syslog_level: 6,
            pid_file: None,
            // lighttpd cuts connections after 8 s. Here they move to the successor, or finish, so nothing has to be cut.
            graceful_timeout: None,
            linger: None,
            ready_timeout: Duration::from_secs(60),
            certificate_watch: Duration::from_secs(60),
        }
    }
}
