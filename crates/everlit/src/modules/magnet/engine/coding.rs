//! What `lighty.c` offers for text: encodings, digests, comparisons that take equally long.
//!
//! In: bytes. Out: bytes, or nothing if they cannot be decoded. Must hold: the same results as lighttpd's functions of these
//! names, for every byte.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::Digest as _;

use crate::route::uri::{self, ParseOption, ParseOptions};

const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Hexadecimal digits, in upper case.
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    let digits = |byte: &u8| [UPPER[usize::from(byte >> 4)], UPPER[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).collect()
}

/// What two hexadecimal digits stand for.
fn digits(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    // Two digits are less than 256.
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

/// What hexadecimal digits stand for.
pub(super) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let pairs = text.chunks(2);
    pairs
        .map(|pair| digits(pair.first(), pair.get(1)))
        .collect()
}

/// Which alphabet base64 is written in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Base64 {
    Standard,
    Url,
}

impl Base64 {
    fn engine(self) -> GeneralPurpose {
        let alphabet: &Alphabet = match self {
            Base64::Standard => &STANDARD,
            Base64::Url => &URL_SAFE,
        };
        let config = GeneralPurposeConfig::new()
            .with_encode_padding(false)
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone);
        GeneralPurpose::new(alphabet, config)
    }

    /// Without padding.
    pub(super) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        self.engine().encode(bytes).into_bytes()
    }

    /// White space counts for nothing; what follows the padding is not looked at.
    pub(super) fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        let end = text.iter().position(|byte| *byte == b'=');
        let mut text = text[..end.unwrap_or(text.len())].to_vec();
        text.retain(|byte| !byte.is_ascii_whitespace());
        self.engine().decode(text).ok()
    }
}

/// For text in XML and HTML.
pub(super) fn xml(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    for &byte in text {
        match byte {
            0..=0x1f | 0x7f | b'"' | b'&' | b'\'' | b'<' | b'>' | b'`' => {
                out.extend_from_slice(b"&#x");
                out.extend_from_slice(&hex(&[byte]));
                out.push(b';');
            }
            byte => out.push(byte),
        }
    }
    out
}

fn percent(byte: u8, out: &mut Vec<u8>) {
    out.push(b'%');
    out.extend_from_slice(&hex(&[byte]));
}

/// For a path in a URL; slashes stay.
pub(super) fn url(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    for &byte in text {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'!' | b'(' | b')' | b'*' | b',' => {
                out.push(byte);
            }
            b'-' | b'.' | b'/' | b'_' | b'~' => out.push(byte),
            byte => percent(byte, &mut out),
        }
    }
    out
}

/// A path in a URL, decoded. Control characters that were encoded become `_`.
pub(super) fn from_url(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let decoded = match text[at] {
            b'%' => digits(text.get(at + 1), text.get(at + 2)),
            _ => None,
        };
        match decoded {
            Some(byte) => {
                out.push(if byte.is_ascii_control() { b'_' } else { byte });
                at += 3;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

/// The path and query of a URL, as they are usually written.
pub(super) fn normal_url(text: &[u8]) -> Vec<u8> {
    let options = ParseOptions::default()
        .without(ParseOption::UrlCtrlsReject)
        .without(ParseOption::UrlInvalidUtf8Reject)
        .with(ParseOption::UrlNormalizeRequired)
        .with(ParseOption::UrlQuery20Plus);
    let starts_with_slash = text.first() == Some(&b'/');
    let target = match starts_with_slash {
        true => text.to_vec(),
        false => [b"/", text].concat(),
    };
    match uri::parse(&target, &options) {
        // What climbed above the beginning has begun with a slash since.
        Ok(uri) => match uri.target.strip_prefix(b"/") {
            Some(rest) if !starts_with_slash && text.first() != Some(&b'.') => rest.to_vec(),
            _ => uri.target.into_owned(),
        },
        Err(_) => text.to_vec(),
    }
}

/// Names and values of a query, in their order.
pub(super) fn from_query(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let plain = |part: &[u8]| {
        let spaced = part.iter().map(|byte| match byte {
            b'+' => b' ',
            byte => *byte,
        });
        from_url(&spaced.collect::<Vec<_>>())
    };
    let parts = until_nul(text).split(|byte| *byte == b'&');
    parts
        .filter(|part| !part.is_empty())
        .map(|part| match part.iter().position(|byte| *byte == b'=') {
            Some(equal) => (plain(&part[..equal]), plain(&part[equal + 1..])),
            None => (plain(part), Vec::new()),
        })
        .collect()
}

/// Which half of a pair in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Name,
    Value,
}

/// Appends a name or value of a query.
pub(super) fn query(text: &[u8], half: Half, out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'=' if half == Half::Value => out.push(b'='),
            b'!' | b'$' | b'(' | b')' | b'*' | b',' | b'-' | b'.' | b'/' | b':' | b'?' | b'@'
            | b'_' | b'~' => out.push(byte),
            byte if byte.is_ascii_alphanumeric() => out.push(byte),
            byte => percent(byte, out),
        }
    }
}

/// A path without `.`, `..` and empty segments; it cannot climb above its beginning.
pub(super) fn simple_path(path: &[u8]) -> Vec<u8> {
    if path.is_empty() || path == b"." || path == b".." {
        return Vec::new();
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut is_absolute = path[0] == b'/';
    let (mut all, mut ends_in_slash) = (path.split(|byte| *byte == b'/').peekable(), false);
    while let Some(part) = all.next() {
        let is_last = all.peek().is_none();
        ends_in_slash = is_last && matches!(part, b"" | b"." | b"..");
        match part {
            b"" => {}
            b"." => is_absolute |= parts.is_empty(),
            b".." => {
                parts.pop();
                is_absolute |= parts.is_empty();
            }
            part => parts.push(part),
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 || is_absolute {
            out.push(b'/');
        }
        out.extend_from_slice(part);
    }
    if ends_in_slash || out.is_empty() {
        out.push(b'/');
    }
    out
}

/// A quoted string (RFC 9110 section 5.6.4) without its quotes; another text as it is.
pub(super) fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    if text.first() != Some(&b'"') {
        return Some(text.to_vec());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text[1..].iter();
    loop {
        match rest.next()? {
            b'"' => return rest.as_slice().is_empty().then_some(out),
            b'\\' => out.push(*rest.next()?),
            byte => out.push(*byte),
        }
    }
}

/// A quoted string.
pub(super) fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

/// How a backslash stands for a byte that has no letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `\xHH`, for every byte that is not ASCII, too.
    Bytes,
    /// `\u00HH`; the other bytes are taken for UTF-8.
    Json,
}

/// Text with backslashes for what is not plain.
pub(super) fn escaped(text: &[u8], escapes: Escapes) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    for &byte in text {
        let letter = match byte {
            7 => b'a',
            8 => b'b',
            9 => b't',
            10 => b'n',
            11 => b'v',
            12 => b'f',
            13 => b'r',
            b'"' | b'\\' => byte,
            byte => {
                let is_plain = match escapes {
                    Escapes::Bytes => (0x20..0x7f).contains(&byte),
                    Escapes::Json => byte >= 0x20,
                };
                match (is_plain, escapes) {
                    (true, _) => out.push(byte),
                    (false, Escapes::Bytes) => out.extend_from_slice(b"\\x"),
                    (false, Escapes::Json) => out.extend_from_slice(b"\\u00"),
                }
                if !is_plain {
                    out.extend_from_slice(&hex(&[byte]));
                }
                continue;
            }
        };
        // JSON knows neither a bell nor a vertical tab.
        match (letter, escapes) {
            (b'a' | b'v', Escapes::Json) => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&hex(&[byte]));
            }
            _ => out.extend_from_slice(&[b'\\', letter]),
        }
    }
    out
}

/// What text with backslashes stands for; quotes around it do not count.
pub(super) fn unescaped(text: &[u8]) -> Vec<u8> {
    let text = match text {
        [b'"', inner @ .., b'"'] => inner,
        text => text,
    };
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let (length, byte) = (text.get(at + 1), text.get(at + 2..).unwrap_or_default());
        at += 2;
        match length {
            // A backslash at the end stays.
            None => out.push(b'\\'),
            Some(b'a') => out.push(7),
            Some(b'b') => out.push(8),
            Some(b't') => out.push(9),
            Some(b'n') => out.push(10),
            Some(b'v') => out.push(11),
            Some(b'f') => out.push(12),
            Some(b'r') => out.push(13),
            Some(b'x') => match digits(byte.first(), byte.get(1)) {
                Some(byte) => {
                    out.push(byte);
                    at += 2;
                }
                None => out.push(b'x'),
            },
            Some(b'u') => match code_point(byte) {
                Some(point) => {
                    let mut bytes = [0; 4];
                    out.extend_from_slice(point.encode_utf8(&mut bytes).as_bytes());
                    at += 4;
                }
                None => out.push(b'u'),
            },
            Some(first @ b'0'..=b'3') => match byte {
                [second @ b'0'..=b'7', third @ b'0'..=b'7', ..] => {
                    out.push(((first - b'0') << 6) | ((second - b'0') << 3) | (third - b'0'));
                    at += 2;
                }
                _ if *first == b'0' => out.push(0),
                _ => out.push(*first),
            },
            Some(other) => out.push(*other),
        }
    }
    out
}

/// The character of four hexadecimal digits; none for half of a pair.
fn code_point(text: &[u8]) -> Option<char> {
    let high = digits(text.first(), text.get(1))?;
    let low = digits(text.get(2), text.get(3))?;
    char::from_u32(u32::from(high) << 8 | u32::from(low))
}

/// Names and values of a `Cookie` field. Quotes stay.
pub(super) fn cookies(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let text = until_nul(text);
    let at = |at: usize| text.get(at).copied();
    let token = |from: usize| {
        let stops = |byte: &u8| is_space(*byte) || matches!(byte, b'=' | b';');
        from + text[from..].iter().take_while(|byte| !stops(byte)).count()
    };
    let skip = |mut from: usize| {
        while at(from).is_some_and(is_space) {
            from += 1;
        }
        from
    };
    let (mut out, mut position) = (Vec::new(), 0);
    loop {
        while at(position).is_some_and(|byte| is_space(byte) || byte == b';') {
            position += 1;
        }
        if position >= text.len() {
            return out;
        }
        let end = token(position);
        let name = text[position..end].to_vec();
        position = skip(end);
        let mut value = Vec::new();
        if at(position) == Some(b'=') {
            position = skip(position + 1);
            if at(position) == Some(b'"') {
                (value, position) = quoted_string(text, position);
            } else {
                let end = token(position);
                value = text[position..end].to_vec();
                position = end;
            }
        }
        out.push((name, value));
        while at(position).is_some_and(|byte| byte != b';') {
            position += 1;
        }
    }
}

/// The words of a header field: tokens, quoted strings with their quotes, and `,`, `;`, `=`.
pub(super) fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let text = until_nul(text);
    let (mut out, mut position) = (Vec::new(), 0);
    while let Some(byte) = text.get(position) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => position += 1,
            b',' | b';' | b'=' => {
                out.push(vec![*byte]);
                position += 1;
            }
            b'"' => {
                let (word, end) = quoted_string(text, position);
                out.push(word);
                position = end;
            }
            _ => {
                let rest = &text[position..];
                let stops = |byte: &u8| b" \t\r\n,;=".contains(byte);
                let length = rest.iter().take_while(|byte| !stops(byte)).count();
                out.push(rest[..length].to_vec());
                position += length;
            }
        }
    }
    out
}

/// The quoted string that begins here, and where it ends. One without an end gets one.
fn quoted_string(text: &[u8], start: usize) -> (Vec<u8>, usize) {
    let mut at = start + 1;
    loop {
        match text.get(at) {
            Some(b'"') => return (text[start..=at].to_vec(), at + 1),
            Some(b'\\') if at + 1 < text.len() => at += 2,
            Some(b'\\') => return ([&text[start..at], b"\\\\\""].concat(), at + 1),
            Some(_) => at += 1,
            None => return ([&text[start..], b"\""].concat(), text.len()),
        }
    }
}

/// What C would see of it.
fn until_nul(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    &text[..end]
}

/// A digest, in hexadecimal digits; none if there is no such algorithm.
pub(super) fn message_digest(algorithm: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        b"md5" => return Some(hex(&md5::Md5::digest(text))),
        b"sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        b"sha256" => &digest::SHA256,
        b"sha512" => &digest::SHA512,
        _ => return None,
    };
    Some(hex(digest::digest(algorithm, text).as_ref()))
}

/// A digest with a key (RFC 2104).
pub(super) fn keyed_digest(algorithm: &[u8], key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        b"md5" => return Some(hex(&hmac_md5(key, text))),
        b"sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        b"sha256" => hmac::HMAC_SHA256,
        b"sha512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    let key = hmac::Key::new(algorithm, key);
    Some(hex(hmac::sign(&key, text).as_ref()))
}

/// RFC 2104: the cryptography library has no MD5.
fn hmac_md5(key: &[u8], text: &[u8]) -> [u8; 16] {
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..16].copy_from_slice(&md5::Md5::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8| md5::Md5::new_with_prefix(block.map(|byte| byte ^ pad));
    let inner = keyed(0x36).chain_update(text).finalize();
    keyed(0x5c).chain_update(inner).finalize().into()
}

/// Whether two digests in hexadecimal digits are the same. It takes as long whether they are or not.
pub(super) fn is_same_digest(one: &[u8], other: &[u8]) -> bool {
    /// The longest digest, in bytes.
    const LONGEST: usize = 64;
    match (from_hex(one), from_hex(other)) {
        (Some(one), Some(other)) => one.len() <= LONGEST && is_same(&one, &other),
        _ => false,
    }
}

/// Whether two secrets are the same. How long it takes tells their length, at most.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}
