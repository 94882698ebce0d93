//! HTTP/1.1, as mod_proxy speaks it to backends (RFC 9110 section 7.6).
//!
//! In: a request. Out: its head, without what concerns only our connection with the client. Must hold: one line a field,
//! whatever it contains; the body is delimited by what [`finish`] writes and nothing else.

use std::io::Write;

use crate::http1::head::{Method, is_token};
use crate::request::Request;
use crate::settings::Settings;

use super::super::fields::{self, By, Field};
use super::{Length, Terms, Upgrade, mapping};

/// All but the length and the empty line. Nothing for CONNECT: what the client sends goes through as it is.
pub(super) fn begin(request: &Request<'_>, settings: &Settings, terms: &Terms<'_>) -> Vec<u8> {
    if request.head.method == Method::Connect {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(request.head.length + 256);
    out.extend_from_slice(request.head.method_name);
    out.push(b' ');
    target(&mapping::target(request, settings), &mut out);
    let host = mapping::host(request, settings);
    let version = match host.is_empty() || settings.proxy.header.force_http10 {
        true => b" HTTP/1.0\r\n",
        false => b" HTTP/1.1\r\n",
    };
    out.extend_from_slice(version);
    if !host.is_empty() {
        line(b"Host", &host, &mut out);
    }
    let upgrade = match terms.upgrade {
        Upgrade::No => None,
        Upgrade::Asked | Upgrade::Connect => fields::upgrade(request),
    };
    let forwarded = mapping::forwarded(request, settings);
    let named = request.head.fields.find("Connection").is_some();
    for field in fields::of(request) {
        let stays_here = match field.by {
            By::Client => named && connection_names(request, field.name),
            // A client cannot take away what a module added; but a configuration may hold any name.
            By::Override => !field.name.iter().copied().all(is_token),
        };
        let is_replaced = forwarded.is_some() && field.is("Forwarded");
        if stays_here || is_replaced || concerns_us(&field) {
            continue;
        }
        match field.name.len() {
            11 if field.is("Destination") => {
                let value = mapping::url_in_field(field.value, request, settings);
                line(field.name, &value, &mut out);
            }
            16 if field.is("Content-Location") => {
                let value = mapping::url_in_field(field.value, request, settings);
                line(field.name, &value, &mut out);
            }
            _ => line(field.name, field.value, &mut out),
        }
    }
    if let Some(forwarded) = forwarded {
        line(b"Forwarded", &forwarded, &mut out);
    }
    who_asked(request, &mut out);
    if let Some(upgrade) = upgrade {
        line(b"Upgrade", upgrade, &mut out);
        line(b"Connection", b"upgrade", &mut out);
    }
    out
}

/// Adds how the body is delimited, and the end.
pub(super) fn finish(mut bytes: Vec<u8>, length: Length) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    let reads = bytes.starts_with(b"GET ") || bytes.starts_with(b"HEAD ");
    // Writing to a Vec cannot fail.
    let _ = match length {
        Length::Nothing if reads => Ok(()),
        Length::Nothing => write!(bytes, "Content-Length: 0\r\n"),
        Length::Known(length) => write!(bytes, "Content-Length: {length}\r\n"),
        Length::Chunked => write!(bytes, "Transfer-Encoding: chunked\r\n"),
    };
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Fields that concern only one connection, or that we write ourselves. `Expect` is ours to answer. `Proxy` would become
/// the variable HTTP_PROXY in a CGI program behind the backend (httpoxy); `Set-Cookie` is for answers.
fn concerns_us(field: &Field<'_>) -> bool {
    match field.name.len() {
        2 => field.is("TE"),
        4 => field.is("Host"),
        5 => field.is("Proxy"),
        6 => field.is("X-Host") || field.is("Expect"),
        7 => field.is("Upgrade") || field.is("Trailer"),
        10 => field.is("Connection") || field.is("Keep-Alive") || field.is("Set-Cookie"),
        14 => field.is("Content-Length") || field.is("HTTP2-Settings"),
        15 => field.is("X-Forwarded-For"),
        16 => field.is("Proxy-Connection") || field.is("X-Forwarded-Host"),
        17 => field.is("Transfer-Encoding") || field.is("X-Forwarded-Proto"),
        _ => false,
    }
}

/// Whether the client's `Connection` names this field.
fn connection_names(request: &Request<'_>, name: &[u8]) -> bool {
    let fields = request.head.fields.iter();
    fields
        .filter(|field| field.name.eq_ignore_ascii_case(b"Connection"))
        .flat_map(|field| field.value.split(|&byte| byte == b','))
        .any(|element| element.trim_ascii().eq_ignore_ascii_case(name))
}

/// The fields that tell of the client: the first is continued, the others are replaced.
fn who_asked(request: &Request<'_>, out: &mut Vec<u8>) {
    let before = request.field("X-Forwarded-For");
    // Whoever the client is: each proxy adds whom it sees itself.
    let neighbour = request.neighbour.ip();
    if before.is_some() || neighbour.is_some() {
        out.extend_from_slice(b"X-Forwarded-For: ");
        value(before.unwrap_or_default(), out);
        if let Some(ip) = neighbour {
            let separator = if before.is_some() { ", " } else { "" };
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{separator}{ip}");
        }
        out.extend_from_slice(b"\r\n");
    }
    let host = fields::host(request);
    if !host.is_empty() {
        line(b"X-Host", host, out);
        line(b"X-Forwarded-Host", host, out);
    }
    line(b"X-Forwarded-Proto", request.scheme.as_bytes(), out);
}

fn line(name: &[u8], content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    value(content, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends a field's value; it cannot end its line, whoever made it.
fn value(content: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(content);
    for byte in &mut out[from..] {
        if matches!(*byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}

/// Appends a target; it cannot end in the middle, whoever made it.
fn target(target: &[u8], out: &mut Vec<u8>) {
    for &byte in target {
        if byte <= b' ' || byte == 0x7f {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "%{byte:02X}");
        } else {
            out.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_target_cannot_end_early() {
        let mut out = Vec::new();
        super::target(b"/a b\r\nHost: c\x7f\xc3\xa4%20", &mut out);
        assert_eq!(out, b"/a%20b%0D%0AHost:%20c%7F\xc3\xa4%20");
    }
}
