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
pub(crate) mod environment;
mod fields;
pub mod packets;
pub mod preface;
pub mod records;
pub mod relay;
pub mod reply;
pub mod upload;
pub mod websocket;

use minicbor::{Decode, Encode};
use std::fmt;
use std::sync::Arc;

pub use environment::variables;
pub use forward::forward;

use balance::Preference;
use host::{Balance, Group, Program};
use preface::Preface;
use websocket::session::Session;

/// How a backend is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Protocol {
    /// HTTP/1.1 (mod_proxy).
    #[n(0)]
    Http,
    /// FastCGI (mod_fastcgi).
    #[n(1)]
    FastCgi,
    /// SCGI (mod_scgi).
    #[n(2)]
    Scgi,
    /// uwsgi (mod_scgi with `scgi.protocol = "uwsgi"`).
    #[n(3)]
    Uwsgi,
    /// CGI: a program of its own for each request (mod_cgi).
    #[n(4)]
    Cgi,
    /// None: bytes as they come (mod_sockproxy). Since version 3 of images.
    #[n(5)]
    Raw,
    /// None: the data of WebSocket frames (mod_wstunnel). Since version 4 of images.
    #[n(6)]
    WebSocket,
    /// None: a thread of our own is given an order, and answers as a program would (mod_webdav; see
    /// [`crate::worker::chores`]). Since version 7 of images.
    #[n(7)]
    Chore,
    /// AJP 1.3 (mod_ajp13). Since version 7 of images.
    #[n(8)]
    Ajp,
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
    /// A thread of our own, which is given this order.
    Chore(Vec<u8>),
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
    /// The client's WebSocket, if it is to have one.
    pub websocket: Option<Box<Session>>,
}

/// Whether a connection may become a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Upgrade {
    /// It was not asked for, or is not allowed.
    #[n(0)]
    No,
    /// If the backend switches protocols (101).
    #[n(1)]
    Asked,
    /// If the backend says yes (2xx to CONNECT).
    #[n(2)]
    Connect,
}

impl Protocol {
    /// The module that speaks it, as logs call it.
    pub fn module(self) -> &'static str {
        match self {
            Protocol::Http => "mod_proxy",
            Protocol::FastCgi => "mod_fastcgi",
            Protocol::Scgi | Protocol::Uwsgi => "mod_scgi",
            Protocol::Cgi => "mod_cgi",
            Protocol::Raw => "mod_sockproxy",
            Protocol::WebSocket => "mod_wstunnel",
            Protocol::Chore => "chores",
            Protocol::Ajp => "mod_ajp13",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Host { group, host, .. } => f.write_str(&group.hosts[*host].name),
            Target::Program(program) => write!(f, "{}", program.script.display()),
            Target::Chore => f.write_str("work of our own"),
        }
    }
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
    /// To a thread of our own.
    Chore,
}
