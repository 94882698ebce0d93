//! Backends: who answers what we do not.
//!
//! In: a request that a module has given to a group of hosts. Out: bytes for a backend, and its answer taken apart. Must
//! hold: the exchange is the same whatever the protocol; a protocol supplies only how requests and answers are written.
//!
//! ```text
//! modules::{proxy, fastcgi, ...}  choose a group           (key)
//! forward                         chooses a host           (balance), writes the request's head (preface)
//! relay                           carries the exchange     (upload, reply)
//! worker::upstream                moves the bytes
//! ```

pub mod host;
pub mod preface;
pub mod records;
pub mod relay;
pub mod reply;
pub mod upload;

use std::fmt;
use std::sync::Arc;

use host::{Group, Program};
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

/// Who is to answer a request: what a module's hook says.
#[derive(Clone, Debug)]
pub enum Handler {
    /// One of these hosts.
    Group(Arc<Group>),
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

impl Protocol {
    /// The module that speaks it, as logs call it.
    pub fn module(self) -> &'static str {
        match self {
            Protocol::Http => "mod_proxy",
            Protocol::FastCgi => "mod_fastcgi",
            Protocol::Scgi | Protocol::Uwsgi => "mod_scgi",
            Protocol::Cgi => "mod_cgi",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Host { group, host } => f.write_str(&group.hosts[*host].name),
            Target::Program(program) => write!(f, "{}", program.script.display()),
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
    },
    /// To a program of its own.
    Program(Program),
}
