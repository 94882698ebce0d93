//! Answers of backends, taken apart.
//!
//! In: bytes that a backend sent. Out: the status and header fields of its answer, and how its body is delimited. Must
//! hold: a backend may send anything; what cannot be understood is said in words, for the log.
//!
//! Line by line, in one go and without allocation besides the fields; a head that is not complete is read again from its
//! beginning when more of it has come, which the limit on its length keeps cheap.

use minicbor::{Decode, Encode};

use crate::http1::body;
use crate::response::Headers;

mod meaning;
#[cfg(test)]
mod tests;

use meaning::Meaning;

/// Longest head in bytes; for everything that a backend may say before its answer proper, each of them.
pub const MAX_HEAD_BYTES: usize = 65536;

/// So many header fields are enough for everybody; it keeps the removal of fields cheap.
const MAX_FIELDS: usize = 1000;

/// How a backend writes heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Dialect {
    /// With a status line (RFC 9112).
    #[n(0)]
    Http,
    /// Header fields, with `Status` among them (RFC 3875 section 6); a status line is understood too.
    #[n(1)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// Bytes of it.
    #[n(0)]
    pub length: usize,
    /// Status, 100 to 999. 1xx: another head follows, but for 101.
    #[n(1)]
    pub status: u16,
    /// How the body is delimited, for a request and a status that have one.
    #[n(2)]
    pub body: Delimited,
    /// Whether the connection may be used again afterwards, as far as the backend says. A body that is delimited by the
    /// connection's end ends it all the same.
    #[n(3)]
    pub persistence: Persistence,
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Delimited {
    /// It says so itself.
    #[n(0)]
    By(#[n(0)] body::Framing),
    /// By the end of the connection, or of the record stream.
    #[n(1)]
    ByEnd,
}

/// Whether a connection may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Persistence {
    /// Yes.
    #[n(0)]
    Keep,
    /// No.
    #[n(1)]
    Close,
}

/// Reads a head from the beginning of `input`, its fields into `headers`, which is emptied first: without those that only
/// concern the connection, and without those that delimit the body. `Upgrade` stays if the status is 101. Unless a head
/// is found, `headers` is empty.
pub fn parse(input: &[u8], dialect: Dialect, headers: &mut Headers) -> Parsed {
    headers.clear();
    let window = &input[..input.len().min(MAX_HEAD_BYTES)];
    let found = match read(window, dialect, headers) {
        Ok(Some(head)) => return Parsed::Head(head),
        Ok(None) if window.len() == MAX_HEAD_BYTES => Parsed::Broken("head too long"),
        Ok(None) => Parsed::Partial,
        Err(reason) => Parsed::Broken(reason),
    };
    headers.clear();
    found
}

/// `None` if the head is not complete.
fn read(
    input: &[u8],
    dialect: Dialect,
    headers: &mut Headers,
) -> Result<Option<Head>, &'static str> {
    // Whoever speaks another language is recognised at once: it may be waiting for us.
    if dialect == Dialect::Http && !agrees(input, b"HTTP/1.") {
        return Err("not a status line");
    }
    let mut meaning = Meaning::new(dialect);
    let mut fields = 0;
    let mut at = 0;
    while let Some(length) = memchr::memchr(b'\n', &input[at..]) {
        let line = match (&input[at..at + length], dialect) {
            ([line @ .., b'\r'], _) => line,
            (line, Dialect::Cgi) => line,
            (_, Dialect::Http) => return Err("line ends in a bare LF"),
        };
        let is_first = at == 0;
        at += length + 1;
        match line {
            line if is_first && (dialect == Dialect::Http || line.starts_with(b"HTTP/")) => {
                meaning.status_line(line)?;
            }
            [] => return meaning.head(at, headers).map(Some),
            [b' ' | b'\t', ..] => return Err("folded header field"),
            line => {
                fields += 1;
                if fields > MAX_FIELDS {
                    return Err("too many header fields");
                }
                field(line, &mut meaning, headers)?;
            }
        }
    }
    Ok(None)
}

/// Whether two texts are the same as far as both go.
fn agrees(a: &[u8], b: &[u8]) -> bool {
    let length = a.len().min(b.len());
    a[..length] == b[..length]
}

fn field<'i>(
    line: &'i [u8],
    meaning: &mut Meaning<'i>,
    headers: &mut Headers,
) -> Result<(), &'static str> {
    let colon = memchr::memchr(b':', line).ok_or("header field without colon")?;
    let (name, value) = (&line[..colon], trimmed(&line[colon + 1..]));
    if name.is_empty() || !name.iter().all(|&byte| TOKEN[usize::from(byte)]) {
        return Err("invalid character in field name");
    }
    // Without a way out in the middle, so that many bytes are looked at together.
    let is_control = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    if value
        .iter()
        .fold(false, |any, &byte| any | is_control(byte))
    {
        return Err("control character in field value");
    }
    let name = str::from_utf8(name).map_err(|_| "invalid character in field name")?;
    if meaning.field(name, value)? {
        headers.add(name, value);
    }
    Ok(())
}

/// Without the spaces and tabs around it, and nothing else: a CR there is no white space.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// `tchar` of RFC 9110 section 5.6.2.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};
