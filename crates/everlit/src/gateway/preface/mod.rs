//! A request's head as a backend wants it, but for the length of its body, which may not be known yet.
//!
//! In: an exchange, and the host that was chosen for it. Out: bytes, in two steps: the head without a length, and the whole
//! once the length is known. Must hold: nothing that a client sent can be taken for something else by the backend.

mod cgi;
mod fastcgi;
mod http;
mod mapping;
mod scgi;
#[cfg(test)]
pub(super) mod tests;
mod uwsgi;

use std::fmt;

use minicbor::{Decode, Encode};

use crate::exchange::Exchange;
use crate::settings::Settings;

use super::host::{Group, Host, Role, Script};
use super::{Protocol, Upgrade};

/// A head that is written but for the length of its body. Plain data, so that it survives freezing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Preface {
    /// Whose language it is in.
    #[n(0)]
    pub protocol: Protocol,
    /// What is written so far; each protocol's own matter.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// How long a body is, as a backend is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is none.
    Nothing,
    /// So many bytes.
    Known(u64),
    /// It says itself when it is over (`Transfer-Encoding: chunked`). Only HTTP has that.
    Chunked,
}

/// What the configuration says about how a backend is told of a request.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'h> {
    /// How file names and paths are told.
    pub script: &'h Script,
    /// What is asked of it.
    pub role: Role,
    /// Whether the client asks for another protocol, and may.
    pub upgrade: Upgrade,
}

/// A head that the protocol cannot express (uwsgi: 65535 bytes): 431.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl<'h> Terms<'h> {
    /// Those of a host.
    pub fn of(group: &'h Group, host: &'h Host, upgrade: Upgrade) -> Terms<'h> {
        Terms {
            script: &host.script,
            role: group.role,
            upgrade,
        }
    }

    /// Those of a program of its own (`cgi.upgrade` says whether it may change the protocol).
    pub fn of_program(upgrade: Upgrade) -> Terms<'static> {
        static SCRIPT: Script = Script {
            docroot: String::new(),
            strip_request_uri: String::new(),
            fix_root: false,
            broken_filename: false,
        };
        Terms {
            script: &SCRIPT,
            role: Role::Responder,
            upgrade,
        }
    }
}

impl Length {
    /// As a number, for protocols that know nothing else; whoever speaks those waits until it is known.
    fn in_bytes(self) -> u64 {
        match self {
            Length::Known(length) => length,
            Length::Nothing | Length::Chunked => 0,
        }
    }
}

impl Preface {
    /// Writes all that is known now.
    pub fn new(
        protocol: Protocol,
        exchange: &Exchange<'_>,
        settings: &Settings,
        terms: &Terms<'_>,
    ) -> Result<Preface, TooLong> {
        let bytes = match protocol {
            Protocol::Http => http::begin(&exchange.request, settings, terms),
            Protocol::FastCgi => fastcgi::begin(exchange, settings, terms),
            Protocol::Scgi => scgi::begin(exchange, settings, terms),
            Protocol::Uwsgi => uwsgi::begin(exchange, settings, terms)?,
            Protocol::Cgi => cgi::begin(exchange, settings, terms),
            Protocol::Raw | Protocol::WebSocket | Protocol::Chore => Vec::new(),
        };
        Ok(Preface { protocol, bytes })
    }

    /// The whole head, for a body of this length. For CGI it is the environment: `NAME=value`, each with a NUL at its end.
    /// For CONNECT over HTTP it is empty: the backend is the other end of the tunnel.
    pub fn finish(self, length: Length) -> Vec<u8> {
        match self.protocol {
            Protocol::Http => http::finish(self.bytes, length),
            Protocol::FastCgi => fastcgi::finish(self.bytes, length),
            Protocol::Scgi => scgi::finish(&self.bytes, length),
            Protocol::Uwsgi => uwsgi::finish(&self.bytes, length),
            Protocol::Cgi => cgi::finish(self.bytes, length),
            Protocol::Raw | Protocol::WebSocket | Protocol::Chore => self.bytes,
        }
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("request head is too long for the backend's protocol")
    }
}

impl std::error::Error for TooLong {}
