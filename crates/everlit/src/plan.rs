//! What the supervisor needs to know of a configuration, and nothing more.
//!
//! In: a loaded configuration. Out: [`Plan`], plain data that also crosses processes as JSON: `everlit plan` (hidden)
//! prints it, so that a supervisor learns a new configuration from the new binary and never parses it itself.
//! Must hold: equal listener names mean the same listener, before and after a restart.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::LogPlace;

/// Everything that a supervisor does for a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of the binary that read the configuration.
    pub version: String,
    /// Sockets to listen on, in the order of the configuration; never empty.
    pub listeners: Vec<ListenSpec>,
    /// `server.pid-file`.
    pub pid_file: Option<PathBuf>,
    /// Log files that are opened anew on SIGHUP. Pipes and syslog are not among them.
    pub logs: Vec<PathBuf>,
    /// `server.errorlog`: where the supervisor says what it does. `None`: standard error.
    #[serde(default)]
    pub error_log: Option<LogPlace>,
    /// `server.breakagelog` when it is a file: for what programs of backends write to standard error.
    #[serde(default)]
    pub breakage_log: Option<PathBuf>,
    /// `server.feature-flags` "server.graceful-shutdown-timeout": ends a drain. `None`: no limit.
    pub graceful_timeout: Option<Duration>,
    /// `server.feature-flags` "everlit.linger": how long a gracefully stopped instance waits for a successor.
    /// `None`: the default, 5 s, and 0 in the foreground on a terminal.
    pub linger: Option<Duration>,
    /// How long a generation may take to become ready: `server.feature-flags` "everlit.ready-timeout", default 60 s.
    pub ready_timeout: Duration,
    /// Files with certificates and keys (`ssl.pemfile` and so on): a change of them needs no restart.
    #[serde(default)]
    pub certificates: Vec<PathBuf>,
    /// How often it is looked whether they have changed: `server.feature-flags` "everlit.certificate-watch", default 60 s; 0 or
    /// `None`: never.
    #[serde(default)]
    pub certificate_watch: Option<Duration>,
    /// Programs that are kept running for backends (`bin-path`).
    #[serde(default)]
    pub programs: Vec<ProgramSpec>,
    /// Warnings about the configuration, rendered, one each.
    pub warnings: Vec<String>,
}

/// One listening socket as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenSpec {
    /// Canonical name: `0.0.0.0:80`, `[::]:80`, or the path of a Unix socket. Port 0 stays 0: the name is what was
    /// configured, not what the kernel gave.
    pub name: String,
    /// Where to bind.
    pub address: ListenAddress,
    /// `server.listen-backlog`, default 1024.
    pub backlog: u32,
    /// `server.defer-accept`: `TCP_DEFER_ACCEPT`.
    pub defer_accept: bool,
    /// `server.set-v6only`, default on; only for IPv6 addresses.
    pub v6_only: bool,
    /// `server.ip-transparent`: the address need not be this machine's.
    #[serde(default)]
    pub transparent: bool,
    /// `server.socket-perms`: mode of a Unix socket.
    pub permissions: Option<u32>,
}

/// Where a listener is bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenAddress {
    /// TCP.
    Tcp(std::net::SocketAddr),
    /// Unix stream socket.
    Unix(PathBuf),
}

/// One process of a backend's `bin-path`. Two are the same program when everything is equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramSpec {
    /// `bin-path`, split at white space: the file, then its arguments; never empty.
    pub arguments: Vec<String>,
    /// Where it is reached (`socket`, or `host` and `port`), as the server sees it: within [`chroot`](Self::chroot), if
    /// there is one. With `max-procs` above 1 each process has its own.
    pub address: ListenAddress,
    /// `listen-backlog`, default 4096.
    pub backlog: u32,
    /// `bin-environment`
    pub environment: Vec<(String, String)>,
    /// `bin-copy-environment`: names of variables that it gets from ours; empty: all of them.
    pub copied_environment: Vec<String>,
    /// `kill-signal`, default 15 (`SIGTERM`): asks it to end.
    pub kill_signal: i32,
    /// `server.username`, in effect if the server is started as root, like the two below.
    pub user: Option<String>,
    /// `server.groupname`
    pub group: Option<String>,
    /// `server.chroot`
    pub chroot: Option<PathBuf>,
}
