//! AJP 1.3: a request in one packet of at most 8192 bytes (ajpv13a, "Forward Request").
//!
//! Differs from lighttpd's in that the path is told as it was asked for, because the backend decodes it (again, in
//! lighttpd's case), and that methods without a code are told by name.

use super::{Length, TooLong};
use crate::exchange::Exchange;
use crate::gateway::Upgrade;
use crate::gateway::environment;
use crate::gateway::fields;
use crate::gateway::packets::{self, PACKET_MAX};
use crate::http1::head::Version;
use crate::modules::openssl;
use crate::request::Request;
use crate::route::uri::without_any_port;
use crate::settings::Settings;

const FORWARD_REQUEST: u8 = 2;
/// The method has no code, and is told as an attribute.
const METHOD_STORED: u8 = 0xff;
/// A string that is none.
const NO_STRING: [u8; 2] = [0xff; 2];
const CONTENT_LENGTH: [u8; 2] = [0xa0, 0x08];
/// What the longest length takes: its code, the length of its text, twenty digits, NUL.
const LENGTH_MAX: usize = 2 + 2 + 20 + 1;
/// Length of a packet's head; until the packet is complete, where the number of fields is stands in it.
const HEAD: usize = 4;

/// Attributes.
const REMOTE_USER: u8 = 0x03;
const AUTH_TYPE: u8 = 0x04;
const QUERY_STRING: u8 = 0x05;
const SSL_CERT: u8 = 0x07;
const SSL_CIPHER: u8 = 0x08;
const SSL_KEY_SIZE: u8 = 0x0b;
const SECRET: u8 = 0x0c;
const STORED_METHOD: u8 = 0x0d;
const END: u8 = 0xff;

/// Methods with a code; the first one has 1.
const METHODS: [&[u8]; 27] = [
    b"OPTIONS",
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"ACL",
    b"REPORT",
    b"VERSION-CONTROL",
    b"CHECKIN",
    b"CHECKOUT",
    b"UNCHECKOUT",
    b"SEARCH",
    b"MKWORKSPACE",
    b"UPDATE",
    b"LABEL",
    b"MERGE",
    b"BASELINE-CONTROL",
    b"MKACTIVITY",
];

/// Names of header fields with a code; the first one has 0xa001.
const FIELDS: [&[u8]; 14] = [
    b"Accept",
    b"Accept-Charset",
    b"Accept-Encoding",
    b"Accept-Language",
    b"Authorization",
    b"Connection",
    b"Content-Type",
    b"Content-Length",
    b"Cookie",
    b"Cookie2",
    b"Host",
    b"Pragma",
    b"Referer",
    b"User-Agent",
];

/// All but the length. The number of fields is the one without it.
pub(super) fn begin(exchange: &Exchange<'_>, settings: &Settings) -> Result<Vec<u8>, TooLong> {
    let request = &exchange.request;
    let mut out = Vec::with_capacity(request.head.length + 256);
    out.extend_from_slice(&[0; HEAD]);
    let known = METHODS
        .iter()
        .position(|own| *own == request.head.method_name);
    let method = known.map_or(METHOD_STORED, |at| at as u8 + 1);
    out.extend_from_slice(&[FORWARD_REQUEST, method]);
    let version: &[u8] = match request.head.version {
        Version::Http10 => b"HTTP/1.0",
        Version::Http11 => b"HTTP/1.1",
    };
    string(version, &mut out);
    let target = &request.uri.target[..];
    let path = target.split(|byte| *byte == b'?').next().unwrap_or(target);
    string(path, &mut out);
    match request.remote_ip() {
        Some(ip) => string(ip.to_string().as_bytes(), &mut out),
        None => string(b"", &mut out),
    }
    // The client's name: nobody looks it up.
    string(b"", &mut out);
    let name = match settings.core.name.as_bytes() {
        [] => &request.host[..],
        name => name,
    };
    string(without_any_port(name), &mut out);
    out.extend_from_slice(&request.local_port.to_be_bytes());
    out.push(u8::from(request.scheme == "https"));
    let count_at = out.len();
    out.extend_from_slice(&[0; 2]);
    let mut count: u16 = 0;
    for field in fields::of(request) {
        if environment::is_hidden(&field, Upgrade::No) || field.is("Content-Length") {
            continue;
        }
        let code = FIELDS
            .iter()
            .position(|own| own.eq_ignore_ascii_case(field.name));
        match code {
            Some(at) => out.extend_from_slice(&[0xa0, at as u8 + 1]),
            None => string(field.name, &mut out),
        }
        let value = match field.name.len() {
            4 if field.is("Host") => fields::host(request),
            _ => field.value,
        };
        string(value, &mut out);
        count += 1;
    }
    out[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
    attributes(request, &mut out);
    if method == METHOD_STORED {
        attribute(STORED_METHOD, request.head.method_name, &mut out);
    }
    out.push(END);
    if out.len() + LENGTH_MAX > PACKET_MAX {
        return Err(TooLong);
    }
    out[..2].copy_from_slice(&(count_at as u16).to_be_bytes());
    Ok(out)
}

/// What is known of the client, and the query.
fn attributes(request: &Request<'_>, out: &mut Vec<u8>) {
    let set = |name: &[u8]| {
        let found = request.environment.iter().rfind(|(own, _)| own == name);
        found.map(|(_, value)| &value[..])
    };
    for (code, name) in [
        (REMOTE_USER, &b"REMOTE_USER"[..]),
        (AUTH_TYPE, b"AUTH_TYPE"),
        (SSL_CERT, b"SSL_CLIENT_CERT"),
    ] {
        if let Some(value) = set(name) {
            attribute(code, value, out);
        }
    }
    if let Some(query) = request
        .uri
        .query
        .as_deref()
        .filter(|query| !query.is_empty())
    {
        attribute(QUERY_STRING, query, out);
    }
    if let Some(secured) = request.secured {
        openssl::tell(secured, |name, value| match name {
            "SSL_CIPHER" => attribute(SSL_CIPHER, value, out),
            "SSL_CIPHER_USEKEYSIZE" => {
                let bits = str::from_utf8(value)
                    .ok()
                    .and_then(|bits| bits.parse().ok());
                let bits: u16 = bits.unwrap_or_default();
                // The one attribute that is a number (lighttpd leaves it out, misspelled).
                out.push(SSL_KEY_SIZE);
                out.extend_from_slice(&bits.to_be_bytes());
            }
            _ => {}
        });
    }
    // lighttpd has it set by mod_setenv.
    if let Some(secret) = set(b"AJP13_SECRET") {
        attribute(SECRET, secret, out);
    }
}

/// Adds the length, 0 if there is no body, and the packet's head.
pub(super) fn finish(mut bytes: Vec<u8>, length: Length) -> Vec<u8> {
    let mut told = CONTENT_LENGTH.to_vec();
    string(length.in_bytes().to_string().as_bytes(), &mut told);
    let size = (bytes.len() + told.len()).saturating_sub(HEAD);
    // It may have come from another process: whatever it is, it is no reason to end.
    let Some(head) = bytes.first_chunk_mut::<HEAD>() else {
        return bytes;
    };
    let at = usize::from(u16::from_be_bytes([head[0], head[1]]));
    *head = packets::head(size as u16);
    if let Some(count) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *count = u16::from_be_bytes(*count).saturating_add(1).to_be_bytes();
        bytes.splice(at + 2..at + 2, told);
    }
    bytes
}

fn attribute(code: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(code);
    string(value, out);
}

/// Its length, it, and NUL, which is not in it; what is empty is no string at all, as in lighttpd.
fn string(text: &[u8], out: &mut Vec<u8>) {
    if text.is_empty() {
        out.extend_from_slice(&NO_STRING);
        return;
    }
    // A length that is cut here makes the whole too long.
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend(text.iter().map(|byte| match byte {
        0 => b' ',
        byte => *byte,
    }));
    out.push(0);
}
