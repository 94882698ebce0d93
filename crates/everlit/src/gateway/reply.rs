//! Answers of backends, taken apart.
//!
//! In: bytes that a backend sent. Out: the status and header fields of its answer, and how its body is delimited. Must
//! hold: a backend may send anything; what cannot be understood is said in words, for the log.

use crate::http1::body;
use crate::response::Headers;

/// How a backend writes heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// With a status line (RFC 9112).
    Http,
    /// Header fields, with `Status` among them (RFC 3875 section 6); a status line is understood too.
    Cgi,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// More is needed.
    Partial,
    /// A head.
    Head(Head),
    /// No answer: why.
    Broken(&'static str),
}

/// A head, without its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of it.
    pub length: usize,
    /// Status, 100 to 999. 1xx: another head follows, but for 101.
    pub status: u16,
    /// How the body is delimited, for a request and a status that have one.
    pub body: Delimited,
    /// Whether the connection may be used again afterwards.
    pub persistence: Persistence,
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimited {
    /// It says so itself.
    By(body::Framing),
    /// By the end of the connection, or of the record stream.
    ByEnd,
}

/// Whether a connection may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Yes.
    Keep,
    /// No.
    Close,
}

/// Reads a head from the beginning of `input`, its fields into `headers`, which is emptied first: without those that only
/// concern the connection, and without those that delimit the body.
pub fn parse(input: &[u8], dialect: Dialect, headers: &mut Headers) -> Parsed {
    let _ = (input, dialect, headers);
    Parsed::Partial
}
