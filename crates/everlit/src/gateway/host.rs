//! Backends as they are configured, and how they are doing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::Protocol;

/// What one key of `fastcgi.server` and its kind leads to.
#[derive(Debug)]
pub struct Group {
    /// How they are spoken to.
    pub protocol: Protocol,
    /// The key: a suffix (`.php`), a prefix of the URL path (`/app`), or empty for everything.
    pub key: String,
    /// How one is chosen.
    pub balance: Balance,
    /// The hosts, never none.
    pub hosts: Vec<Host>,
}

/// `*.balance`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// The one with the fewest requests under way (`fair`, `least-connection`); the default.
    #[default]
    Fair,
    /// One after the other.
    RoundRobin,
    /// By the URL.
    Hash,
    /// By the client.
    Sticky,
}

/// One backend.
#[derive(Debug)]
pub struct Host {
    /// What it is called in logs: `127.0.0.1:8000`, `/run/php.sock`.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// What it does.
    pub role: Role,
    /// `check-local`: only if the file exists here; default on, for mod_proxy off.
    pub check_local: bool,
    /// How file names and paths are told.
    pub script: Script,
    /// `x-sendfile` and `x-sendfile-docroot`: files that its answers may name; `None`: none. An empty list: all.
    pub x_sendfile: Option<Vec<PathBuf>>,
    /// `upgrade`: whether clients may change the protocol (WebSocket, CONNECT).
    pub upgrade: bool,
    /// `tcp-fin-propagate`: whether it is told that a client has closed its direction.
    pub fin_propagate: bool,
    /// `connect-timeout` in seconds; 0: none.
    pub connect_timeout: u16,
    /// `write-timeout` in seconds; 0: none.
    pub write_timeout: u16,
    /// `read-timeout` in seconds; 0: none.
    pub read_timeout: u16,
    /// `disable-time` in seconds: how long it is left alone after it could not be reached.
    pub disable_time: u16,
    /// How it is doing, for all workers of this process.
    pub state: State,
}

/// Where a backend listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// Unix socket.
    Unix(PathBuf),
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
    /// `strip-request-uri`
    pub strip_request_uri: String,
    /// `fix-root-scriptname`
    pub fix_root: bool,
    /// `broken-scriptfilename`
    pub broken_filename: bool,
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
