//! Response heads and bodies, framed for the wire (RFC 9112 section 6).
//!
//! In: a response, and what is known of its request. Out: an outbox filled with it. Must hold: the length that is
//! announced is the length that is sent; a response to HEAD, a 1xx, 204 or 304 has no body.

use std::io::Write;

use crate::http1::head::{Method, Version};
use crate::response::{Body, Part, Response};
use crate::transport::outbox::{Outbox, Segment};

/// What becomes of the connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next request may come.
    Keep,
    /// The client asked for an end: when the response is sent, the connection is closed.
    Close,
    /// We end it: the response is sent, then what the client still sends is read and thrown away for a while, so that
    /// no reset overtakes the response.
    Linger,
}

/// What the framing of a response depends on.
#[derive(Clone, Copy, Debug)]
pub struct Framing<'f> {
    /// Method of the request; `None` if there was no readable one.
    pub method: Option<Method>,
    /// Version of the request.
    pub version: Version,
    /// What becomes of the connection.
    pub after: After,
    /// The `Date` field, with its line end.
    pub date_line: &'f [u8],
    /// `Server`; empty: none.
    pub tag: &'f str,
}

/// How a client is told how long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// Not at all: there is none, or it ends with the connection.
    Nothing,
    /// `Content-Length`
    Length(u64),
    /// `Transfer-Encoding: chunked`
    Chunked,
}

/// Whether a response with this status never has a body (RFC 9112 section 6.3).
pub fn is_bodiless(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

/// Puts a response into the outbox, taking its body. Returns the lengths of head and body; [`UNTOLD`] for a body that is made
/// as it is sent.
pub fn encode(response: &mut Response, framing: &Framing<'_>, outbox: &mut Outbox) -> (u64, u64) {
    let bodiless = is_bodiless(response.status);
    let body = std::mem::take(&mut response.body);
    let length = body.length();
    let announced = match length {
        _ if bodiless => Announced::Nothing,
        Some(length) => Announced::Length(length),
        None => Announced::Chunked,
    };
    let head_length = head(response, framing, announced, outbox.bytes());
    if bodiless || framing.method == Some(Method::Head) {
        return (head_length, 0);
    }
    match body {
        Body::Empty | Body::Coming => {}
        Body::Packed(packing) => outbox.push(Segment::Packed(packing)),
        Body::Bytes(bytes) if bytes.len() > 4096 => outbox.push(Segment::Bytes(bytes)),
        Body::Bytes(bytes) => outbox.bytes().extend_from_slice(&bytes),
        Body::Cached(bytes) => outbox.bytes().extend_from_slice(&bytes),
        Body::File(range) => outbox.push(Segment::File(range)),
        Body::Parts(parts) => {
            for part in parts {
                outbox.push(match part {
                    Part::Bytes(bytes) => Segment::Bytes(bytes),
                    Part::File(range) => Segment::File(range),
                });
            }
        }
    }
    (head_length, length.unwrap_or(UNTOLD))
}

/// Length of a body that is known only when it is sent.
pub const UNTOLD: u64 = i64::MAX as u64;

/// Appends a response's head, whatever its body. Returns its length.
pub fn head(
    response: &Response,
    framing: &Framing<'_>,
    announced: Announced,
    out: &mut Vec<u8>,
) -> u64 {
    let start = out.len();
    out.extend_from_slice(match framing.version {
        Version::Http11 => b"HTTP/1.1 ",
        Version::Http10 => b"HTTP/1.0 ",
    });
    status_line(response.status, out);
    response.headers.write(out);
    match announced {
        Announced::Nothing => {}
        Announced::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            decimal(length, out);
            out.extend_from_slice(b"\r\n");
        }
        Announced::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    match (framing.after, framing.version) {
        (After::Keep, Version::Http11) => {}
        (After::Keep, Version::Http10) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        (After::Close | After::Linger, _) => out.extend_from_slice(b"Connection: close\r\n"),
    }
    // What a module or a backend says of itself stays.
    let says = |name| response.headers.get(name).is_some();
    if !says("Date") {
        out.extend_from_slice(framing.date_line);
    }
    if !framing.tag.is_empty() && !says("Server") {
        out.extend_from_slice(b"Server: ");
        out.extend_from_slice(framing.tag.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    (out.len() - start) as u64
}

/// Appends one chunk (RFC 9112 section 7.1); nothing for no data, because that would mean the end.
pub fn chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{:x}\r\n", data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// The end of a body in chunks.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn status_line(status: u16, out: &mut Vec<u8>) {
    match status {
        200 => out.extend_from_slice(b"200 OK\r\n"),
        304 => out.extend_from_slice(b"304 Not Modified\r\n"),
        404 => out.extend_from_slice(b"404 Not Found\r\n"),
        _ => {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{status} {}\r\n", reason(status));
        }
    }
}

/// Appends a number, without going through the formatting machinery.
fn decimal(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Reason phrase of a status (RFC 9110 section 15).
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-status",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(outbox: Outbox) -> String {
        let mut all = Vec::new();
        for segment in outbox.into_segments() {
            let Segment::Bytes(bytes) = segment else {
                panic!("a file")
            };
            all.extend(bytes);
        }
        String::from_utf8(all).unwrap()
    }

    fn encoded(status: u16, method: Method, version: Version, after: After) -> String {
        let mut response = Response {
            status,
            ..Response::default()
        };
        response.headers.add("A", "b");
        response.body = Body::Bytes(b"hello".to_vec());
        let framing = Framing {
            method: Some(method),
            version,
            after,
            date_line: b"Date: now\r\n",
            tag: "T",
        };
        let mut outbox = Outbox::default();
        encode(&mut response, &framing, &mut outbox);
        text(outbox)
    }

    #[test]
    fn a_response_is_framed_for_its_request() {
        assert_eq!(
            encoded(200, Method::Get, Version::Http11, After::Keep),
            "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\nDate: now\r\nServer: T\r\n\r\nhello"
        );
        assert_eq!(
            encoded(200, Method::Head, Version::Http10, After::Keep),
            "HTTP/1.0 200 OK\r\nA: b\r\nContent-Length: 5\r\nConnection: keep-alive\r\nDate: now\r\nServer: T\r\n\r\n"
        );
        assert_eq!(
            encoded(304, Method::Get, Version::Http11, After::Close),
            "HTTP/1.1 304 Not Modified\r\nA: b\r\nConnection: close\r\nDate: now\r\nServer: T\r\n\r\n"
        );
    }

    #[test]
    fn what_an_answer_says_of_itself_is_said_once() {
        let mut response = Response::default();
        response.headers.add("server", "other");
        response.headers.add("Date", "then");
        let framing = Framing {
            method: Some(Method::Get),
            version: Version::Http11,
            after: After::Keep,
            date_line: b"Date: now\r\n",
            tag: "T",
        };
        let mut out = Vec::new();
        head(&response, &framing, Announced::Nothing, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("\r\nserver: other\r\nDate: then\r\n\r\n"));
    }

    #[test]
    fn numbers_are_written_in_full() {
        for value in [0, 9, 10, 1024, u64::MAX] {
            let mut out = Vec::new();
            decimal(value, &mut out);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }
}
