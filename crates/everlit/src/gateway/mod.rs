//! Backends: who answers what we do not.
//!
//! In: a request that a module has given to a group of hosts. Out: bytes for a backend, and its answer taken apart. Must
//! hold: the exchange is the same whatever the protocol; a protocol supplies only how requests and answers are written.
//!
//! ```text
//! modules::{proxy, fastcgi, ...}  choose a group           (choose)
//! forward                         chooses a host           (balance), writes the request's head (preface)
//! relay                           carries the exchange     (upload, reply)
//! worker::upstream                moves the bytes
//! ```

// The configuration.
pub mod config;
pub mod header_map;
pub mod host;

// Who answers.
pub mod balance;
pub mod choose;
mod forward;

// The exchange.
pub mod preface;
pub mod records;
pub mod reply;
pub mod upload;

use std::sync::Arc;

pub use forward::forward;

use balance::Preference;
use header_map::Way;
use host::{Balance, Group, Program};
use preface::Preface;

/// How a backend is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 (mod_proxy).
    Http,
    /// FastCGI (mod_fastcgi).
    FastCgi,
    /// SCGI (mod_scgi).
    Scgi,
    /// uwsgi (mod_scgi with `scgi.protocol = "uwsgi"`).
    Uwsgi,
    /// CGI: a program of its own for each request (mod_cgi).
    Cgi,
}

/// Settings that all modules with groups of hosts have.
#[derive(Clone, Debug, Default)]
pub struct Backends {
    /// `*.server`, in the order of the configuration.
    pub groups: Arc<[Arc<Group>]>,
    /// `*.balance`
    pub balance: Balance,
    /// `*.map-extensions`: suffixes, and the keys of the groups that are asked for them.
    pub map_extensions: Arc<[(String, String)]>,
}

/// Who is to answer a request: what a module's hook says.
#[derive(Clone, Debug)]
pub enum Handler {
    /// One of these hosts.
    Group {
        /// The hosts.
        group: Arc<Group>,
        /// How they are spoken to.
        protocol: Protocol,
        /// How one is chosen.
        balance: Balance,
        /// Bytes at the end of the URL path that are no part of the program's name (`PATH_INFO`), where no file decides.
        path_info: usize,
    },
    /// This program.
    Program(Program),
}

/// A request that is on its way to a backend.
#[derive(Debug)]
pub struct Forward {
    /// Where it goes.
    pub target: Target,
    /// Its head, as the backend wants it, but for the length of its body.
    pub preface: Preface,
    /// Whether it may become a tunnel.
    pub upgrade: Upgrade,
    /// How paths and hosts were mapped, for the answer ([`HeaderMap::response_field`](header_map::HeaderMap::response_field)).
    /// `None`: nothing is mapped.
    pub way: Option<Way>,
}

/// Whether a connection may become a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// It was not asked for, or is not allowed.
    No,
    /// If the backend switches protocols (101).
    Asked,
    /// If the backend says yes (2xx to CONNECT).
    Connect,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// To this host of a group.
    Host {
        /// The group, to try another one of it if this one fails.
        group: Arc<Group>,
        /// Index into [`Group::hosts`].
        host: usize,
        /// How another one is chosen.
        preference: Preference,
    },
    /// To a program of its own.
    Program(Program),
}
