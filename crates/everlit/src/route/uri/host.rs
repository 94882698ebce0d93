//! Hosts: `host-strict` and `host-normalize` of `server.http-parseopts`.
//!
//! In: `Host`, or the authority of a target, as sent. Out: the same in lower case and in its usual form, or a 400. Must
//! hold: what comes out can be compared as text, and can be a directory name without leading elsewhere.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::ParseOptions;
use super::options::ParseOption::*;
use crate::http1::head::Reject;

const INVALID: Reject = Reject::bad("invalid Host");

/// Checks and normalises a `Host` value: lower case, no trailing dot, port kept (`host-strict`, `host-normalize`).
/// [`without_port`] drops the port that the scheme implies.
pub fn host<'h>(host: &'h [u8], options: &ParseOptions) -> Result<Cow<'h, [u8]>, Reject> {
    let strict = options.has(HostStrict);
    // Host-based docroots make this a directory name.
    if host.is_empty()
        || host[0] == b'.'
        || host
            .iter()
            .any(|&byte| byte == b'/' || byte.is_ascii_control())
    {
        return Err(INVALID);
    }
    if !strict && !options.has(HostNormalize) {
        return Ok(lower_case(host));
    }

    let name_length = name_length(host).ok_or(INVALID)?;
    let (name, port) = host.split_at(name_length);
    if name.is_empty() {
        return Err(INVALID);
    }
    let keep = match port {
        [] | [b':'] => name_length,
        [b':', port @ ..] if is_port(port) => host.len(),
        _ => return Err(INVALID),
    };
    if let [b'[', address @ .., b']'] = name {
        let address = ascii(address)
            .and_then(|address| address.parse::<Ipv6Addr>().ok())
            .ok_or(INVALID)?;
        let normal = format!("[{address}]").into_bytes();
        return Ok(match normal == name {
            true => Cow::Borrowed(&host[..keep]),
            false => Cow::Owned([&normal, &host[name_length..keep]].concat()),
        });
    }
    if !strict {
        return Ok(lower_case(&host[..keep]));
    }
    match name.strip_suffix(b".") {
        Some(name) if is_name(name) && keep > name_length => {
            Ok(Cow::Owned([name, port].concat().to_ascii_lowercase()))
        }
        Some(name) if is_name(name) => Ok(lower_case(name)),
        None if is_name(name) => Ok(lower_case(&host[..keep])),
        _ => Err(INVALID),
    }
}

/// A host without the port that its scheme implies: 443 for `https`, 80 for `http`.
pub fn without_port<'h>(host: &'h [u8], scheme: &str) -> &'h [u8] {
    let port: &[u8] = match scheme {
        "https" => b":443",
        _ => b":80",
    };
    host.strip_suffix(port).unwrap_or(host)
}

/// A host without any port: `[::1]:80` is `[::1]`, `a:80` is `a`.
pub fn without_any_port(host: &[u8]) -> &[u8] {
    let end = match host {
        [b'[', ..] => memchr::memchr(b']', host).map(|at| at + 1),
        _ => memchr::memchr(b':', host),
    };
    &host[..end.unwrap_or(host.len())]
}

/// Where the port, with its colon, begins.
fn name_length(host: &[u8]) -> Option<usize> {
    match host[0] {
        b'[' => Some(memchr::memchr(b']', host)? + 1),
        _ => Some(memchr::memchr(b':', host).unwrap_or(host.len())),
    }
}

/// 1 to 65535, no leading zero.
fn is_port(port: &[u8]) -> bool {
    port[0] != b'0'
        && port.iter().all(u8::is_ascii_digit)
        && ascii(port).is_some_and(|port| port.parse::<u16>().is_ok())
}

/// A domain name (letters, digits and inner hyphens; lighttpd lets a label end in a hyphen), or an IPv4 address, which is
/// whatever ends in a number.
fn is_name(name: &[u8]) -> bool {
    let label = |label: &[u8]| {
        label.first().is_some_and(u8::is_ascii_alphanumeric)
            && label
                .iter()
                .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let mut labels = name.split(|&byte| byte == b'.');
    match labels.next_back() {
        Some(top) if !top.is_empty() && top.iter().all(u8::is_ascii_digit) => {
            ascii(name).is_some_and(|name| name.parse::<Ipv4Addr>().is_ok())
        }
        Some(top) => label(top) && labels.all(label),
        None => false,
    }
}

fn ascii(text: &[u8]) -> Option<&str> {
    str::from_utf8(text).ok()
}

fn lower_case(host: &[u8]) -> Cow<'_, [u8]> {
    match host.iter().any(u8::is_ascii_uppercase) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    }
}
