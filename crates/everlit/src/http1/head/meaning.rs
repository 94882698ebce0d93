//! What a well-formed head says: whose host, which body, what becomes of the connection.
//!
//! In: a request whose syntax is right. Out: [`Head`], or the rule it breaks. Must hold: whatever two servers could
//! understand differently (two lengths, two hosts, length and chunks) is refused, not resolved.

use super::{Fields, GetBody, Head, Method, Persistence, Reject, Version};
use crate::http1::body::Framing;
use crate::route::uri::{self, Form};

const BAD_LENGTH: Reject = Reject::bad("invalid Content-Length");

/// Reads the meaning of `head`, which begins `skipped` bytes after where it could have begun.
#[inline]
pub(super) fn of<'b>(
    request: &httparse::Request<'_, 'b>,
    head: &'b [u8],
    get_body: GetBody,
    skipped: usize,
) -> Result<Head<'b>, Reject> {
    let (Some(method_name), Some(target), Some(minor)) =
        (request.method, request.path, request.version)
    else {
        return Err(Reject::bad("no request line"));
    };
    let (method_name, target) = (method_name.as_bytes(), target.as_bytes());
    let Some(method) = Method::named(method_name) else {
        return Err(super::flaw::UNKNOWN_METHOD);
    };
    let version = if minor == 0 {
        Version::Http10
    } else {
        Version::Http11
    };

    let said = Said::in_fields(request.headers, version)?;
    let framing = said.framing(method, version, get_body)?;
    Ok(Head {
        method,
        method_name,
        target,
        version,
        host: said.host(method, target, version)?,
        persistence: said.persistence(version),
        framing,
        expects_continue: said.expects_continue && !framing.is_over(),
        length: skipped + head.len(),
        fields: Fields::new(head, request.headers),
    })
}

/// The fields that decide about a connection, each seen at most once where twice would be ambiguous.
#[derive(Default)]
struct Said<'b> {
    host: Option<&'b [u8]>,
    content_length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl<'b> Said<'b> {
    fn in_fields(fields: &[httparse::Header<'b>], version: Version) -> Result<Said<'b>, Reject> {
        let mut said = Said::default();
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            // Five names of five lengths: most fields cost one look at their length.
            match field.name.len() {
                4 if is("host") => once(&mut said.host, field.value, "more than one Host")?,
                6 if is("expect") && version == Version::Http11 => {
                    if !field.value.eq_ignore_ascii_case(b"100-continue") {
                        return Err(Reject {
                            status: 417,
                            reason: "unknown expectation",
                        });
                    }
                    said.expects_continue = true;
                }
                10 if is("connection") => {
                    for token in elements(field.value) {
                        said.close |= token.eq_ignore_ascii_case(b"close");
                        said.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                14 if is("content-length") => {
                    let length = content_length(field.value)?;
                    once(
                        &mut said.content_length,
                        length,
                        "more than one Content-Length",
                    )?;
                }
                17 if is("transfer-encoding") => {
                    if said.chunked {
                        return Err(Reject::bad("more than one Transfer-Encoding"));
                    }
                    only_chunked(field.value)?;
                    said.chunked = true;
                }
                _ => {}
            }
        }
        Ok(said)
    }

    fn framing(
        &self,
        method: Method,
        version: Version,
        get_body: GetBody,
    ) -> Result<Framing, Reject> {
        let framing = match (self.content_length, self.chunked) {
            (Some(_), true) => return Err(Reject::bad("Content-Length and Transfer-Encoding")),
            (None, true) if version == Version::Http10 => {
                return Err(Reject::bad("Transfer-Encoding in HTTP/1.0"));
            }
            (None, true) => Framing::chunked(),
            (None, false) if method == Method::Post => {
                return Err(Reject {
                    status: 411,
                    reason: "POST without Content-Length",
                });
            }
            (None | Some(0), false) => Framing::Empty,
            (Some(length), false) => Framing::Length(length),
        };
        match method {
            Method::Get | Method::Head if !framing.is_over() && get_body == GetBody::Reject => {
                Err(Reject::bad("GET or HEAD with a body"))
            }
            _ => Ok(framing),
        }
    }

    fn host(
        &self,
        method: Method,
        target: &'b [u8],
        version: Version,
    ) -> Result<Option<&'b [u8]>, Reject> {
        let host = self.host.filter(|host| !host.is_empty());
        if host.is_none() && version == Version::Http11 {
            return Err(Reject::bad("no Host"));
        }
        let authority = match (method, uri::split(target)) {
            (Method::Connect, Some(Form::Authority(authority))) => authority,
            (Method::Connect, _) | (_, None | Some(Form::Authority(_))) => {
                return Err(Reject::bad("invalid request target"));
            }
            (Method::Options, Some(Form::Asterisk)) | (_, Some(Form::Origin(_))) => {
                return Ok(host);
            }
            (_, Some(Form::Asterisk)) => return Err(Reject::bad("target * without OPTIONS")),
            (_, Some(Form::Absolute { authority, .. })) => authority,
        };
        // The authority would win (RFC 9112 section 3.2.2), but whoever sends two hosts hopes that somebody errs.
        match host {
            Some(host) if !host.eq_ignore_ascii_case(authority) => Err(Reject::bad(
                "Host is not the authority of the request target",
            )),
            _ => Ok(Some(authority)),
        }
    }

    fn persistence(&self, version: Version) -> Persistence {
        match version {
            _ if self.close => Persistence::Close,
            Version::Http10 if !self.keep_alive => Persistence::Close,
            _ => Persistence::KeepAlive,
        }
    }
}

/// Fills a slot that must be empty.
fn once<T>(slot: &mut Option<T>, value: T, reason: &'static str) -> Result<(), Reject> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Reject::bad(reason)),
    }
}

/// The elements of a comma-separated list, without the white space around them.
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',')
        .map(|element| element.trim_ascii())
}

/// Digits only, and nothing that a signed 64-bit file offset cannot hold.
fn content_length(value: &[u8]) -> Result<u64, Reject> {
    if value.is_empty() {
        return Err(BAD_LENGTH);
    }
    value
        .iter()
        .try_fold(0i64, |sum, byte| match byte {
            b'0'..=b'9' => sum.checked_mul(10)?.checked_add(i64::from(byte - b'0')),
            _ => None,
        })
        .map(i64::unsigned_abs)
        .ok_or(BAD_LENGTH)
}

/// `chunked` is the only transfer coding there is.
fn only_chunked(value: &[u8]) -> Result<(), Reject> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let mut before_last = false;
    let mut codings = elements(value).peekable();
    while let Some(coding) = codings.next() {
        before_last |= chunked(coding) && codings.peek().is_some();
        if coding.is_empty() {
            return Err(Reject::bad("empty transfer coding"));
        }
    }
    if before_last {
        return Err(Reject::bad("chunked is not the final transfer coding"));
    }
    Err(Reject {
        status: 501,
        reason: "unknown transfer coding",
    })
}
