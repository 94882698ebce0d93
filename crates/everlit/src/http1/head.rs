//! Bytes -> request head, need more, or reject with a status.
//!
//! In: everything read so far of one head. Out: [`Head`], which borrows from those bytes. Must hold: a head is accepted
//! only if every HTTP/1.1 implementation would read it the same way (RFC 9112 section 11.2, request smuggling).

use crate::http1::body::Framing;

/// A request method. `Other` is syntactically valid and answered with 501.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// TRACE
    Trace,
    /// CONNECT
    Connect,
    /// Any other registered method; its name is in [`Head::method_name`].
    Other,
}

/// HTTP version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1 (and any later 1.x, RFC 9110 section 2.5)
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

/// One header field as it was sent, without white space around the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'b> {
    /// Field name in the client's case.
    pub name: &'b [u8],
    /// Field value.
    pub value: &'b [u8],
}

/// A complete request head.
#[derive(Clone, Debug)]
pub struct Head<'b> {
    /// Method.
    pub method: Method,
    /// Method as sent.
    pub method_name: &'b [u8],
    /// Request target as sent.
    pub target: &'b [u8],
    /// Version.
    pub version: Version,
    /// Header fields in the order sent.
    pub fields: Fields<'b>,
    /// `Host`, or the authority of an absolute target; at most one (RFC 9112 section 3.2).
    pub host: Option<&'b [u8]>,
    /// What the client wants of the connection.
    pub persistence: Persistence,
    /// How the body is delimited.
    pub framing: Framing,
    /// `Expect: 100-continue` was sent.
    pub expects_continue: bool,
    /// Bytes of the head, including the empty line.
    pub length: usize,
}

/// Header fields in the order sent.
#[derive(Clone, Debug, Default)]
pub struct Fields<'b> {
    list: Vec<Field<'b>>,
}

impl<'b> Fields<'b> {
    /// The value of the first field with this name, compared without case.
    pub fn find(&self, name: &str) -> Option<&'b [u8]> {
        self.list
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = &Field<'b>> {
        self.list.iter()
    }
}

/// Why a head was refused: the status to answer, after which the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// 400, 413, 414, 417, 431, 501 or 505.
    pub status: u16,
    /// What is wrong, for the error log.
    pub reason: &'static str,
}

/// Limits and strictness; from `server.max-request-field-size` and `server.http-parseopts`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest head in bytes, default 8192.
    pub head_bytes: usize,
}

/// What [`parse`] found.
#[derive(Debug)]
pub enum Parsed<'b> {
    /// A complete head.
    Head(Head<'b>),
    /// The head is not complete yet and nothing in it is wrong so far.
    Partial,
    /// Refused.
    Reject(Reject),
}

/// Parses the head at the start of `bytes`.
pub fn parse<'b>(bytes: &'b [u8], limits: &Limits) -> Parsed<'b> {
    let _ = (bytes, limits);
    Parsed::Partial
}
