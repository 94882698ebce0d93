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

mod environment;
mod fields;
pub mod host;
pub mod preface;
pub mod records;
pub mod reply;
pub mod upload;

use std::sync::Arc;

use minicbor::{Decode, Encode};

use host::{Group, Program};
use preface::Preface;

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
