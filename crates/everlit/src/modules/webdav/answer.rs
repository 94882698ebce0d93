//! What a client is told.
//!
//! In: a status, fields, a document. Out: bytes, as a CGI program writes them. Must hold: documents are well-formed, with
//! `D:` bound to `DAV:`, whatever the names of files are.

use rustix::io::Errno;

use super::store::{Depth, Lock};
use crate::http1::encode::reason;
use crate::route::percent::{self, Part};

/// An answer; as an error it says why something was not done.
pub(super) type Outcome = Result<Answer, Answer>;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, Vec<u8>)>,
    /// XML, if there is any.
    pub(super) body: Vec<u8>,
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

impl Answer {
    /// One without a document. Errors get an error page later.
    pub(super) fn status(status: u16) -> Answer {
        Answer {
            status,
            fields: Vec::new(),
            body: Vec::new(),
        }
    }

    /// One with a document.
    pub(super) fn document(status: u16, text: &str) -> Answer {
        let mut body = DECLARATION.as_bytes().to_vec();
        body.extend_from_slice(text.as_bytes());
        Answer {
            status,
            fields: Vec::new(),
            body,
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Answer {
        self.fields.push((name, value.into()));
        self
    }

    /// The same, with a field if there is a value for it.
    pub(super) fn with_any(self, name: &'static str, value: Option<impl Into<Vec<u8>>>) -> Answer {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// 207, with these responses.
    pub(super) fn multistatus(responses: &str) -> Answer {
        let text = format!("<D:multistatus xmlns:D=\"DAV:\">\n{responses}</D:multistatus>\n");
        Answer::document(207, &text)
    }

    /// An error with its condition (RFC 4918 section 16); `inside`: what is in that element.
    pub(super) fn condition(status: u16, name: &str, inside: &str) -> Answer {
        let element = match inside {
            "" => format!("<D:{name}/>"),
            inside => format!("\n<D:{name}>\n{inside}</D:{name}>\n"),
        };
        let text = format!("<D:error xmlns:D=\"DAV:\">{element}</D:error>\n");
        Answer::document(status, &text)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("Status: {}\r\n", self.status).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            // Nothing that a file is called can begin another field.
            bytes.extend(value.iter().map(|byte| match byte {
                b'\r' | b'\n' | 0 => b' ',
                byte => *byte,
            }));
            bytes.extend_from_slice(b"\r\n");
        }
        if !self.body.is_empty() {
            bytes.extend_from_slice(b"Content-Type: application/xml;charset=utf-8\r\n");
        }
        bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// What a client is told when something cannot be found or reached.
pub(super) fn of_look(errno: Errno) -> Answer {
    Answer::status(match errno {
        Errno::NOENT => 404,
        _ => 403,
    })
}

/// What a client is told when something cannot be written.
pub(super) fn of_write(errno: Errno) -> u16 {
    match errno {
        Errno::NOSPC | Errno::DQUOT => 507,
        Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::NAMETOOLONG | Errno::LOOP => 403,
        Errno::NOENT | Errno::NOTDIR => 409,
        Errno::ISDIR => 405,
        _ => 500,
    }
}

/// A path as it stands in a URL; nothing in it means anything in XML.
pub(super) fn encoded(path: &[u8]) -> String {
    let mut out = Vec::with_capacity(path.len());
    percent::encode(path, Part::Path, &mut out);
    String::from_utf8(out).expect("what is encoded is ASCII")
}

/// `<D:href>` of a path.
pub(super) fn href(uri: &[u8]) -> String {
    format!("<D:href>{}</D:href>\n", encoded(uri))
}

/// `<D:status>`
pub(super) fn status(status: u16) -> String {
    format!(
        "<D:status>HTTP/1.1 {status} {}</D:status>\n",
        reason(status)
    )
}

/// `<D:response>` of a path that something has failed for.
pub(super) fn response(uri: &[u8], code: u16) -> String {
    format!("<D:response>\n{}{}</D:response>\n", href(uri), status(code))
}

/// `<D:activelock>`
pub(super) fn active_lock(lock: &Lock, seconds: i64) -> String {
    let depth = match lock.depth {
        Depth::Zero => "0",
        Depth::Infinity => "infinity",
    };
    format!(
        "<D:activelock>\n\
         <D:lockscope><D:{}/></D:lockscope>\n\
         <D:locktype><D:write/></D:locktype>\n\
         <D:depth>{depth}</D:depth>\n\
         <D:timeout>Second-{seconds}</D:timeout>\n\
         <D:owner>{}</D:owner>\n\
         <D:locktoken>\n<D:href>{}</D:href>\n</D:locktoken>\n\
         <D:lockroot>\n{}</D:lockroot>\n\
         </D:activelock>\n",
        lock.scope.name(),
        lock.owner_info,
        super::xml::escaped(&lock.token),
        href(&lock.root),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_field_or_element() {
        let answer = Answer::status(201).with("Location", b"/a\r\nX: y".to_vec());
        let text = String::from_utf8(answer.to_bytes()).unwrap();
        assert_eq!(
            text,
            "Status: 201\r\nLocation: /a  X: y\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(
            href(b"/<a>&\"\xff b"),
            "<D:href>/%3Ca%3E%26%22%FF%20b</D:href>\n"
        );
    }
}
