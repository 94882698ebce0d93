//! From an origin-form target to a normal target and a decoded path.
//!
//! In: a target that begins with `/`. Out: [`Uri`]. Must hold: the path is what the normal target decodes to, with dot
//! segments and empty segments gone, whatever the options say; nothing is copied when nothing changes.

use std::borrow::Cow;

use super::options::ParseOption::*;
use super::{ParseOptions, Uri};
use crate::http1::head::Reject;

pub(super) fn origin<'t>(target: &'t [u8], options: &ParseOptions) -> Result<Uri<'t>, Reject> {
    match plain(target) {
        Some(path_length) => Ok(Uri {
            target: Cow::Borrowed(target),
            path: Cow::Borrowed(&target[..path_length]),
            query: target.get(path_length + 1..).map(Cow::Borrowed),
        }),
        None => elaborate(target, options),
    }
}

/// The length of the path, if the target is in order as it is, under all options.
fn plain(target: &[u8]) -> Option<usize> {
    let mut path_length = target.len();
    let mut previous = 0;
    for (position, &byte) in target.iter().enumerate() {
        match KIND[usize::from(byte)] {
            Kind::Plain => {}
            Kind::Slash if previous != b'/' => {}
            Kind::Dot
                if previous != b'/' || !is_dot_segment(first_segment(&target[position..])) => {}
            Kind::Question => {
                path_length = position;
                break;
            }
            Kind::Slash | Kind::Dot | Kind::Special => return None,
        }
        previous = byte;
    }
    let query = &target[path_length..];
    query
        .iter()
        .all(|&byte| KIND[usize::from(byte)] != Kind::Special)
        .then_some(path_length)
}

fn elaborate<'t>(target: &'t [u8], options: &ParseOptions) -> Result<Uri<'t>, Reject> {
    let target = cut(target, b'#').0;
    let (path, query) = cut(target, b'?');
    if !options.has(UrlNormalize) {
        let path = decoded_path(path);
        return Ok(Uri {
            target: Cow::Borrowed(target),
            path,
            query: query.map(Cow::Borrowed),
        });
    }

    let mut normal = Vec::with_capacity(target.len() + 16);
    encode(path, Part::Path, options, &mut normal)?;
    if !is_simple(&normal) {
        if options.has(UrlPathDotsegReject) {
            return Err(Reject::bad("dot segment in request target"));
        }
        if options.has(UrlPathDotsegRemove) {
            normal = simplify(&normal);
        }
    }
    let path_length = normal.len();
    if let Some(query) = query {
        normal.push(b'?');
        encode(query, Part::Query, options, &mut normal)?;
    }

    if normal == target {
        let path = decoded_path(path);
        return Ok(Uri {
            target: Cow::Borrowed(target),
            path,
            query: query.map(Cow::Borrowed),
        });
    }
    let path = Cow::Owned(decoded_path(&normal[..path_length]).into_owned());
    let query = normal
        .get(path_length + 1..)
        .map(|query| Cow::Owned(query.to_vec()));
    Ok(Uri {
        target: Cow::Owned(normal),
        path,
        query,
    })
}

/// Which part of a target is being normalised.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Query,
}

/// Writes each character of `part` to `out` in its normal form, as it is or as `%HH`.
fn encode(
    part: &[u8],
    which: Part,
    options: &ParseOptions,
    out: &mut Vec<u8>,
) -> Result<(), Reject> {
    let mut rest = part;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            if allowed(byte) {
                out.push(byte);
            } else if which == Part::Query && byte == b' ' && options.has(UrlQuery20Plus) {
                out.push(b'+');
            } else {
                tolerated(byte, options)?;
                push_escape(byte, out);
            }
            continue;
        }
        let Some(escaped) = hex_pair(after) else {
            push_escape(b'%', out);
            continue;
        };
        rest = &after[2..];
        tolerated(escaped, options)?;
        match (which, escaped) {
            (Part::Path, b'/') if options.has(UrlPath2fReject) => {
                return Err(Reject::bad("encoded slash in request target"));
            }
            (Part::Path, b'/') if options.has(UrlPath2fDecode) => out.push(b'/'),
            (Part::Query, b' ') if options.has(UrlQuery20Plus) => out.push(b'+'),
            _ if unreserved(escaped) => out.push(escaped),
            _ if options.has(UrlNormalizeRequired)
                && allowed(escaped)
                && !delimits(which, escaped) =>
            {
                out.push(escaped)
            }
            _ => push_escape(escaped, out),
        }
    }
    Ok(())
}

/// Refuses a character that must not be in a target even encoded.
fn tolerated(byte: u8, options: &ParseOptions) -> Result<(), Reject> {
    if byte.is_ascii_control() && options.has(UrlCtrlsReject) {
        return Err(Reject::bad("control character in request target"));
    }
    if matches!(byte, 0xc0 | 0xc1 | 0xf5..) && options.has(UrlInvalidUtf8Reject) {
        return Err(Reject::bad("invalid UTF-8 in request target"));
    }
    Ok(())
}

/// RFC 3986 section 2.3.
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// What stays as it is when it comes unencoded: unreserved and most of the reserved characters.
const fn allowed(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&'..=b';' | b'=' | b'?'..=b'Z' | b'_' | b'a'..=b'z' | b'~')
}

/// What would change the meaning of a part if it were decoded there.
fn delimits(which: Part, byte: u8) -> bool {
    match which {
        Part::Path => b"/?".contains(&byte),
        Part::Query => b"&=;+".contains(&byte),
    }
}

fn push_escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend([
        b'%',
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]);
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |position: usize| char::from(*text.get(position)?).to_digit(16);
    Some((digit(0)? * 16 + digit(1)?) as u8)
}

/// Decodes a path and resolves its dot segments. Control characters, where they were not refused, become `_`.
fn decoded_path(path: &[u8]) -> Cow<'_, [u8]> {
    if !path
        .iter()
        .any(|&byte| byte == b'%' || byte.is_ascii_control())
    {
        return if is_simple(path) {
            Cow::Borrowed(path)
        } else {
            Cow::Owned(simplify(path))
        };
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let mut byte = byte;
        if byte == b'%'
            && let Some(escaped) = hex_pair(after)
        {
            byte = escaped;
            rest = &after[2..];
        }
        decoded.push(if byte.is_ascii_control() { b'_' } else { byte });
    }
    Cow::Owned(if is_simple(&decoded) {
        decoded
    } else {
        simplify(&decoded)
    })
}

/// Whether a path has neither dot segments nor empty ones (but it may end in `/`).
fn is_simple(path: &[u8]) -> bool {
    let mut segments = path[1..].split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        if is_dot_segment(segment) || (segment.is_empty() && segments.peek().is_some()) {
            return false;
        }
    }
    true
}

/// Resolves dot segments (RFC 3986 section 5.2.4) after merging slashes.
fn simplify(path: &[u8]) -> Vec<u8> {
    let mut simple = Vec::with_capacity(path.len());
    let mut ends_in_name = false;
    for segment in path[1..].split(|&byte| byte == b'/') {
        ends_in_name = false;
        match segment {
            b"" | b"." => {}
            b".." => simple.truncate(simple.iter().rposition(|&byte| byte == b'/').unwrap_or(0)),
            name => {
                simple.push(b'/');
                simple.extend(name);
                ends_in_name = true;
            }
        }
    }
    if !ends_in_name {
        simple.push(b'/');
    }
    simple
}

fn is_dot_segment(segment: &[u8]) -> bool {
    segment == b"." || segment == b".."
}

fn first_segment(path: &[u8]) -> &[u8] {
    let end = path
        .iter()
        .position(|byte| b"/?".contains(byte))
        .unwrap_or(path.len());
    &path[..end]
}

/// Before and after the first `delimiter`.
fn cut(text: &[u8], delimiter: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(delimiter, text) {
        Some(position) => (&text[..position], Some(&text[position + 1..])),
        None => (text, None),
    }
}

/// What [`plain`] has to do about a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing.
    Plain,
    /// Look for an empty segment.
    Slash,
    /// Look for a dot segment.
    Dot,
    /// The query begins.
    Question,
    /// Leave it to [`elaborate`].
    Special,
}

static KIND: [Kind; 256] = {
    let mut kinds = [Kind::Special; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'/' => Kind::Slash,
            b'.' => Kind::Dot,
            b'?' => Kind::Question,
            byte if allowed(byte) => Kind::Plain,
            _ => Kind::Special,
        };
        byte += 1;
    }
    kinds
};
