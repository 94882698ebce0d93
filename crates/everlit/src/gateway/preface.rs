//! A request's head as a backend wants it, but for the length of its body, which may not be known yet.
//!
//! In: an exchange, and the host that was chosen for it. Out: bytes, in two steps: the head without a length, and the whole
//! once the length is known. Must hold: nothing that a client sent can be taken for something else by the backend.

use crate::exchange::Exchange;
use crate::settings::Settings;

use super::Protocol;
use super::host::Script;

/// A head that is written but for the length of its body. Plain data, so that it survives freezing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preface {
    /// Whose language it is in.
    pub protocol: Protocol,
    /// What is written so far; each protocol's own matter.
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

impl Preface {
    /// Writes all that is known now.
    pub fn new(
        protocol: Protocol,
        exchange: &Exchange<'_>,
        settings: &Settings,
        script: &Script,
    ) -> Preface {
        let _ = (exchange, settings, script);
        Preface {
            protocol,
            bytes: Vec::new(),
        }
    }

    /// The whole head, for a body of this length. For CGI it is the environment: `NAME=value`, each with a NUL at its end.
    pub fn finish(self, length: Length) -> Vec<u8> {
        let _ = length;
        self.bytes
    }
}
