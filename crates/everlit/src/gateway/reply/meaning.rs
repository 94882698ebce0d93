//! What the head of an answer says: status, body, what becomes of the connection.
//!
//! In: status line and header fields, one by one. Out: which fields are for the client, and [`Head`]. Must hold: a body
//! has one length or none; nothing that concerns our connection to the backend reaches the client.

use super::{Delimited, Dialect, Head, Persistence};
use crate::http1::body;
use crate::response::Headers;

/// So many fields may be declared to concern the connection only.
const MAX_NAMED: usize = 32;

/// What is known so far.
pub(super) struct Meaning<'i> {
    dialect: Dialect,
    /// From the status line, or `Status`.
    status: Option<u16>,
    /// From the status line: HTTP/1.1 or later.
    keeps_by_default: bool,
    content_length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    /// `Upgrade` has been seen.
    upgrade: bool,
    /// `Location` has been seen.
    location: bool,
    /// What `Connection` names besides options that we know.
    named: [&'i str; MAX_NAMED],
    names: usize,
}

impl<'i> Meaning<'i> {
    pub(super) fn new(dialect: Dialect) -> Meaning<'i> {
        Meaning {
            dialect,
            status: None,
            keeps_by_default: false,
            content_length: None,
            chunked: false,
            close: false,
            keep_alive: false,
            upgrade: false,
            location: false,
            named: [""; MAX_NAMED],
            names: 0,
        }
    }

    /// `HTTP/1.1 200 OK`; the reason is not looked at. A CGI program may believe that it speaks a later version.
    pub(super) fn status_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let (version, rest) = line.split_at_checked(9).ok_or("not a status line")?;
        self.keeps_by_default = match (version, self.dialect) {
            (b"HTTP/1.1 ", _) => true,
            (b"HTTP/1.0 ", _) => false,
            ([b'H', b'T', b'T', b'P', b'/', b'2' | b'3', b'.', b'0', b' '], Dialect::Cgi) => true,
            _ => return Err("not a status line"),
        };
        self.status = Some(status(rest).ok_or("invalid status")?);
        Ok(())
    }

    /// Whether this field is for the client.
    pub(super) fn field(&mut self, name: &'i str, value: &'i [u8]) -> Result<bool, &'static str> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        Ok(match name.len() {
            2 if is("TE") => false,
            6 if is("Status") && self.dialect == Dialect::Cgi => {
                self.status = Some(status(value).ok_or("invalid status")?);
                false
            }
            7 if is("Upgrade") => {
                self.upgrade = true;
                true
            }
            7 if is("Trailer") => false,
            8 if is("Location") => {
                self.location = true;
                true
            }
            10 if is("Connection") => {
                self.connection(value)?;
                false
            }
            10 if is("Keep-Alive") => false,
            14 if is("Content-Length") => {
                let length = content_length(value).ok_or("invalid Content-Length")?;
                // Twice the same is once (RFC 9110 section 8.6).
                let before = self.content_length.replace(length);
                if before.is_some_and(|before| before != length) {
                    return Err("more than one Content-Length");
                }
                false
            }
            14 if is("HTTP2-Settings") => false,
            16 if is("Proxy-Connection") => false,
            17 if is("Transfer-Encoding") => {
                if std::mem::replace(&mut self.chunked, true) {
                    return Err("more than one Transfer-Encoding");
                }
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err("unknown transfer coding");
                }
                false
            }
            _ => true,
        })
    }

    /// The elements of `Connection`: what becomes of it, and names of fields that concern nobody else.
    fn connection(&mut self, value: &'i [u8]) -> Result<(), &'static str> {
        for element in value.split(|&byte| byte == b',') {
            let element = element.trim_ascii();
            let is = |other: &str| element.eq_ignore_ascii_case(other.as_bytes());
            if is("close") {
                self.close = true;
            } else if is("keep-alive") {
                self.keep_alive = true;
            } else if !element.is_empty() && !is("upgrade") {
                let name = str::from_utf8(element).map_err(|_| "invalid Connection")?;
                let free = self.named.get_mut(self.names);
                *free.ok_or("too many elements of Connection")? = name;
                self.names += 1;
            }
        }
        Ok(())
    }

    /// The head, which ends after `length` bytes.
    pub(super) fn head(&self, length: usize, headers: &mut Headers) -> Result<Head, &'static str> {
        let status = match (self.status, self.dialect) {
            (Some(status), _) => status,
            // RFC 3875 section 6.2.3, and lighttpd for a redirect within the site as well.
            (None, Dialect::Cgi) if self.location => 302,
            (None, Dialect::Cgi) => 200,
            (None, Dialect::Http) => return Err("not a status line"),
        };
        for name in &self.named[..self.names] {
            headers.remove(name);
        }
        if self.upgrade && status != 101 {
            headers.remove("Upgrade");
        }
        Ok(Head {
            length,
            status,
            body: self.body(),
            persistence: self.persistence(),
        })
    }

    /// Chunks go before a length (RFC 9112 section 6.3).
    fn body(&self) -> Delimited {
        match self.content_length {
            _ if self.chunked => Delimited::By(body::Framing::chunked()),
            Some(0) => Delimited::By(body::Framing::Empty),
            Some(length) => Delimited::By(body::Framing::Length(length)),
            None => Delimited::ByEnd,
        }
    }

    /// Whoever tells two lengths, or uses chunks before they were invented, is not trusted with a second request.
    fn persistence(&self) -> Persistence {
        let ambiguous = self.chunked && (self.content_length.is_some() || !self.keeps_by_default);
        let kept = self.keeps_by_default || self.keep_alive;
        match self.dialect {
            Dialect::Http if kept && !self.close && !ambiguous => Persistence::Keep,
            Dialect::Http | Dialect::Cgi => Persistence::Close,
        }
    }
}

/// Three digits, 100 to 999, and whatever follows them after a space.
fn status(text: &[u8]) -> Option<u16> {
    let (digits, rest) = text.split_first_chunk::<3>()?;
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = *digits else {
        return None;
    };
    let digit = |digit: u8| u16::from(digit - b'0');
    matches!(rest, [] | [b' ' | b'\t', ..]).then(|| digit(a) * 100 + digit(b) * 10 + digit(c))
}

/// Digits only, and nothing that a signed 64-bit file offset cannot hold.
fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: i64 = str::from_utf8(value).ok()?.parse().ok()?;
    u64::try_from(length).ok()
}
