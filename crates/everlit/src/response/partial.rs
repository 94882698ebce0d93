//! A whole response made a partial one: 206, 416, or left as it is.
//!
//! In: a response with its final header fields and its request. Out: the same, cut to what was asked for. Must hold: the
//! parts are taken from the body that was there; nothing is read here.

use std::io::Write;
use std::rc::Rc;

use super::range::{self, Span, Wanted};
use super::{Body, FileRange, Part, Response};
use crate::request::Request;

/// Separates the parts of a multipart response; lighttpd's.
const BOUNDARY: &str = "fkj49sn38dcn3";

/// What became of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing was to be done, or it was done.
    Done,
    /// 416: nothing of what was asked for exists. The body is gone.
    Unsatisfiable,
}

/// Cuts a response with status 200 to what the request's `Range` asks for, if `If-Range` allows it (RFC 9110 sections
/// 13.1.5 and 14). For GET only; the caller knows whether ranges are allowed at all.
pub fn cut(request: &Request<'_>, response: &mut Response) -> Cut {
    let (Some(value), Some(length)) = (request.field("Range"), response.body.length()) else {
        return Cut::Done;
    };
    if length == 0 || response.headers.get("Content-Encoding").is_some() {
        return Cut::Done;
    }
    if let Some(condition) = request.field("If-Range")
        && !is_unchanged(condition, response)
    {
        return Cut::Done;
    }
    match range::wanted(value, length) {
        Wanted::Whole => Cut::Done,
        Wanted::Nothing => {
            response.body = Body::Empty;
            response.status = 416;
            for name in ["Content-Type", "ETag", "Last-Modified", "Accept-Ranges"] {
                response.headers.remove(name);
            }
            response
                .headers
                .set("Content-Range", format!("bytes */{length}"));
            Cut::Unsatisfiable
        }
        Wanted::One(span) => {
            let body = std::mem::take(&mut response.body);
            if let Some(source) = Source::of(body, response) {
                response.body = match source.part(span) {
                    Part::Bytes(bytes) => Body::Bytes(bytes),
                    Part::File(range) => Body::File(range),
                };
                response.status = 206;
                response
                    .headers
                    .set("Content-Range", content_range(span, length));
            }
            Cut::Done
        }
        Wanted::Many(spans) => {
            let body = std::mem::take(&mut response.body);
            if let Some(source) = Source::of(body, response) {
                let media_type = response
                    .headers
                    .get("Content-Type")
                    .map(<[u8]>::to_vec)
                    .unwrap_or_default();
                response.body = Body::Parts(multipart(&source, &spans, &media_type, length));
                response.status = 206;
                response.headers.set(
                    "Content-Type",
                    format!("multipart/byteranges; boundary={BOUNDARY}"),
                );
            }
            Cut::Done
        }
    }
}

/// Whether the client's copy is a part of this very response (RFC 9110 section 13.1.5): a strong entity tag or the exact
/// date of the last change.
fn is_unchanged(condition: &[u8], response: &Response) -> bool {
    let validator = match condition.first() {
        Some(b'"') => "ETag",
        // A weak tag never matches.
        Some(b'W') if condition.starts_with(b"W/") => return false,
        _ => "Last-Modified",
    };
    response.headers.get(validator) == Some(condition)
}

fn content_range(span: Span, length: u64) -> String {
    format!("bytes {}-{}/{length}", span.start, span.end - 1)
}

fn multipart(source: &Source, spans: &[Span], media_type: &[u8], length: u64) -> Vec<Part> {
    let mut parts = Vec::with_capacity(spans.len() * 2 + 1);
    let mut line_end = "";
    for span in spans {
        let mut heading = Vec::with_capacity(128);
        // Writing to a Vec cannot fail.
        let _ = write!(heading, "{line_end}--{BOUNDARY}\r\n");
        if !media_type.is_empty() {
            heading.extend_from_slice(b"Content-Type: ");
            heading.extend_from_slice(media_type);
            heading.extend_from_slice(b"\r\n");
        }
        let _ = write!(
            heading,
            "Content-Range: {}\r\n\r\n",
            content_range(*span, length)
        );
        parts.push(Part::Bytes(heading));
        parts.push(source.part(*span));
        line_end = "\r\n";
    }
    parts.push(Part::Bytes(format!("\r\n--{BOUNDARY}--\r\n").into_bytes()));
    parts
}

/// A body that parts can be taken from.
enum Source {
    Owned(Vec<u8>),
    Shared(Rc<[u8]>),
    File(FileRange),
}

impl Source {
    /// The body as a source; one that is in pieces already goes back to its response.
    fn of(body: Body, response: &mut Response) -> Option<Source> {
        match body {
            Body::Bytes(bytes) => Some(Source::Owned(bytes)),
            Body::Cached(bytes) => Some(Source::Shared(bytes)),
            Body::File(range) => Some(Source::File(range)),
            Body::Empty | Body::Parts(_) | Body::Packed(_) | Body::Coming => {
                response.body = body;
                None
            }
        }
    }

    fn part(&self, span: Span) -> Part {
        let slice = |bytes: &[u8]| bytes[span.start as usize..span.end as usize].to_vec();
        match self {
            Source::Owned(bytes) => Part::Bytes(slice(bytes)),
            Source::Shared(bytes) => Part::Bytes(slice(bytes)),
            Source::File(range) => Part::File(FileRange {
                file: range.file.clone(),
                offset: range.offset + span.start,
                length: span.length(),
            }),
        }
    }
}
