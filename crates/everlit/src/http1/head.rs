//! Bytes -> request head, need more, or reject with a status.
//!
//! In: everything read so far of one head. Out: [`Head`], which borrows from those bytes. Must hold: a head is accepted
//! only if every HTTP/1.1 implementation would read it the same way (RFC 9112 section 11.2, request smuggling).
//!
//! `httparse` reads what is well-formed, quickly; `fields` and `meaning` judge the whole; `flaw` looks again, slowly, at
//! whatever was not accepted, and finds the first thing wrong with it.

use std::mem::MaybeUninit;

use crate::http1::body::Framing;

mod fields;
mod flaw;
mod meaning;
mod method;
#[cfg(test)]
mod tests;

pub use fields::{Field, Fields, MAX_FIELDS};
pub(crate) use flaw::{is_field_value, is_token};
pub use method::Method;

/// Longest head that can be asked for in [`Limits::head_bytes`]: the directive is a 16-bit number.
pub const MAX_HEAD_BYTES: usize = u16::MAX as usize;

/// HTTP version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// Whether the client is willing to use the connection again (RFC 9112 section 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Keep the connection.
    KeepAlive,
    /// Close it after the response.
    Close,
}

/// A complete request head.
#[derive(Clone, Debug)]
pub struct Head<'b> {
    /// Method.
    pub method: Method,
    /// Method as sent.
    pub method_name: &'b [u8],
    /// Request target as sent; UTF-8, visible characters only.
    pub target: &'b [u8],
    /// Version.
    pub version: Version,
    /// Header fields in the order sent.
    pub fields: Fields<'b>,
    /// `Host`, or the authority of an absolute target (RFC 9112 section 3.2); never empty, otherwise as sent.
    pub host: Option<&'b [u8]>,
    /// What the client wants of the connection.
    pub persistence: Persistence,
    /// How the body is delimited.
    pub framing: Framing,
    /// `Expect: 100-continue` was sent, and there is a body to wait for.
    pub expects_continue: bool,
    /// Bytes of the head, including the empty line (and the one that may precede it).
    pub length: usize,
}

/// Why a head was refused: the status to answer, after which the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// 400, 411, 417, 431, 501 or 505.
    pub status: u16,
    /// What is wrong, for the error log.
    pub reason: &'static str,
}

impl Reject {
    /// The client began with HTTP/2's preface (RFC 9113 section 3.4), which is not a request.
    pub const HTTP2_PREFACE: Reject = Reject {
        status: 505,
        reason: "HTTP/2 connection preface",
    };

    /// A 400.
    pub(crate) const fn bad(reason: &'static str) -> Reject {
        Reject {
            status: 400,
            reason,
        }
    }
}

/// What to do with a GET or HEAD that brings a body: `method-get-body` of `server.http-parseopts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GetBody {
    /// 400 (the default).
    #[default]
    Reject,
    /// Read it like any other body.
    Accept,
}

/// Limits and strictness; from `server.max-request-field-size` and `server.http-parseopts`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest head in bytes, default 8192, at most [`MAX_HEAD_BYTES`].
    pub head_bytes: usize,
    /// Whether GET and HEAD may have a body.
    pub get_body: GetBody,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 8192,
            get_body: GetBody::Reject,
        }
    }
}

/// What [`parse`] found.
#[derive(Debug)]
// A head is as large as its table of fields so that it needs no allocation; it is used at once, where it was returned.
#[allow(clippy::large_enum_variant)]
pub enum Parsed<'b> {
    /// A complete head.
    Head(Head<'b>),
    /// The head is not complete yet and nothing in it is wrong so far.
    Partial,
    /// Refused.
    Reject(Reject),
}

/// Parses the head at the start of `bytes`. Does not allocate.
pub fn parse<'b>(bytes: &'b [u8], limits: &Limits) -> Parsed<'b> {
    let limit = limits.head_bytes.min(MAX_HEAD_BYTES);
    let window = &bytes[..bytes.len().min(limit)];
    // One empty line before a request is forgiven (RFC 9112 section 2.2); httparse would forgive any number.
    let skipped = if window.starts_with(b"\r\n") { 2 } else { 0 };
    let text = &window[skipped..];

    let mut slots = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    if !matches!(text.first(), None | Some(b'\r' | b'\n'))
        && let Ok(httparse::Status::Complete(length)) =
            request.parse_with_uninit_headers(text, &mut slots)
        && fields::lines_end_in_crlf(&text[..length], request.headers)
    {
        return match meaning::of(&request, &text[..length], limits.get_body, skipped) {
            Ok(head) => Parsed::Head(head),
            Err(reject) => Parsed::Reject(reject),
        };
    }
    match flaw::find(window) {
        Err(reject) => Parsed::Reject(reject),
        Ok(flaw::Sound::SoFar) if bytes.len() < limit => Parsed::Partial,
        Ok(flaw::Sound::SoFar) => Parsed::Reject(Reject {
            status: 431,
            reason: "head too long",
        }),
        Ok(flaw::Sound::Complete) => Parsed::Reject(Reject::bad("malformed head")),
    }
}
