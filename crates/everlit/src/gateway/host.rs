//! Backends as they are configured, and how they are doing.
//!
//! In: host blocks, read by [`super::config`]. Out: groups to choose from. Must hold: hosts at the same address share one
//! [`State`], whatever key leads to them.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};

use serde::{Deserialize, Serialize};

/// What one key of `fastcgi.server` and its kind leads to: hosts with the same role.
#[derive(Debug)]
pub struct Group {
    /// The key: a suffix (`.php`), a prefix of the URL path (`/app`), or empty for everything.
    pub key: String,
    /// What the hosts do.
    pub role: Role,
    /// Whether a file must be there.
    pub check_local: CheckLocal,
    /// The hosts, never none.
    pub hosts: Vec<Host>,
    /// Where the next turn of `round-robin` begins.
    pub turn: AtomicUsize,
}

/// `check-local`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckLocal {
    /// Only requests for files that exist here; the default, but for mod_proxy.
    #[default]
    Checked,
    /// All requests.
    Unchecked,
}

/// `*.balance`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// The one with the fewest requests under way (`fair`, `least-connection`); the default.
    #[default]
    Fair,
    /// One after the other.
    RoundRobin,
    /// By the URL: path and host.
    Hash,
    /// By the client.
    Sticky,
}

/// One backend.
#[derive(Clone, Debug)]
pub struct Host {
    /// What it is called in logs: `127.0.0.1:8000`, `/run/php.sock`.
    pub name: String,
    /// The label before its block, for `proxy.replace-http-host`; empty: none.
    pub label: String,
    /// Where it listens.
    pub address: Address,
    /// How file names and paths are told.
    pub script: Script,
    /// `x-sendfile` and `x-sendfile-docroot`: files that its answers may name; `None`: none. An empty list: all.
    pub x_sendfile: Option<Vec<PathBuf>>,
    /// `upgrade`: whether clients may change the protocol (WebSocket, CONNECT).
    pub upgrade: bool,
    /// `connect-timeout` in seconds, default 8; 0: none.
    pub connect_timeout: u32,
    /// `write-timeout` in seconds, default 0; 0: none.
    pub write_timeout: u32,
    /// `read-timeout` in seconds, default 0; 0: none.
    pub read_timeout: u32,
    /// `disable-time` in seconds, default 1: how long it is left alone after it could not be reached.
    pub disable_time: u16,
    /// How it is doing, for all workers of this process.
    pub state: Arc<State>,
}

/// Where a backend listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => write!(f, "{address}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What a backend does (`mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It answers requests.
    #[default]
    Responder,
    /// It says whether a request may be answered.
    Authorizer,
}

/// How a backend is told of files and paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// `docroot`: the document root as the backend sees it; empty: ours.
    pub docroot: String,
    /// `strip-request-uri`, without a slash at its end.
    pub strip_request_uri: String,
    /// `fix-root-scriptname`
    pub fix_root: bool,
    /// `broken-scriptfilename`
    pub broken_filename: bool,
}

/// A program that is started as a backend (`bin-path`), once for each of its addresses. Plain data for supervisors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// Program and arguments; never empty.
    pub command: Vec<String>,
    /// Where its processes listen, one each: `SOCKET-0`, `SOCKET-1`, ... Never none.
    pub addresses: Vec<Address>,
    /// `bin-environment`: variables to set.
    pub environment: Vec<(String, String)>,
    /// `bin-copy-environment`: the only variables of ours that it gets; empty: all.
    pub copy_environment: Vec<String>,
    /// `kill-signal`, default 15 (SIGTERM): what ends it.
    pub kill_signal: u16,
    /// `listen-backlog`, default 4096: connections that may wait to be accepted.
    pub backlog: u32,
}

/// A program that answers one request (mod_cgi).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What runs the file; `None`: the file itself.
    pub interpreter: Option<PathBuf>,
    /// The file.
    pub script: PathBuf,
}

/// How a host is doing.
#[derive(Debug, Default)]
pub struct State {
    /// Requests under way.
    pub load: AtomicU32,
    /// Until this second (monotonic) it is left alone.
    pub disabled_until: AtomicU64,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A group of so many hosts.
    pub(crate) fn group(key: &str, hosts: usize) -> Group {
        let host = |index: usize| {
            let port = u16::try_from(8000 + index).unwrap();
            let address = Address::Tcp(SocketAddr::from(([127, 0, 0, 1], port)));
            Host {
                name: address.to_string(),
                label: String::new(),
                address,
                script: Script::default(),
                x_sendfile: None,
                upgrade: false,
                connect_timeout: 8,
                write_timeout: 0,
                read_timeout: 0,
                disable_time: 1,
                state: Arc::default(),
            }
        };
        Group {
            key: key.to_owned(),
            role: Role::Responder,
            check_local: CheckLocal::Unchecked,
            hosts: (0..hosts).map(host).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    #[test]
    fn a_program_crosses_processes() {
        let spawn = Spawn {
            command: vec!["/usr/bin/php-cgi".to_owned(), "-q".to_owned()],
            addresses: vec![
                Address::Unix("/run/php-0".into()),
                Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 9000))),
            ],
            environment: vec![("A".to_owned(), "b".to_owned())],
            copy_environment: vec!["PATH".to_owned()],
            kill_signal: 15,
            backlog: 4096,
        };
        let text = serde_json::to_string(&spawn).unwrap();
        assert_eq!(serde_json::from_str::<Spawn>(&text).unwrap(), spawn);
    }
}
