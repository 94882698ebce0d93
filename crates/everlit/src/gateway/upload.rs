//! Request bodies as backends want them.
//!
//! In: data of a body. Out: the same, framed. Must hold: what is framed can be sent as it is, at any time later.

use super::Protocol;

/// How a request's body is framed for a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Not at all: its length was told, or the backend sees its end.
    Plain,
    /// In chunks (RFC 9112 section 7.1).
    Chunked,
    /// In STDIN records of FastCGI.
    Records,
}

impl Framing {
    /// The one for a body whose length is known before it is sent.
    pub fn of(protocol: Protocol) -> Framing {
        match protocol {
            Protocol::FastCgi => Framing::Records,
            Protocol::Http | Protocol::Scgi | Protocol::Uwsgi | Protocol::Cgi => Framing::Plain,
        }
    }

    /// Appends data. Nothing is appended for no data, because that would mean the end.
    pub fn data(self, data: &[u8], out: &mut Vec<u8>) {
        let _ = (data, out);
    }

    /// Appends the end of the body.
    pub fn end(self, out: &mut Vec<u8>) {
        let _ = out;
    }
}
