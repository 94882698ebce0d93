//! The field `Forwarded` (RFC 7239, `proxy.forwarded`).

use std::io::Write;
use std::net::IpAddr;

use crate::request::Request;

/// `proxy.forwarded`: parameters of the field `Forwarded` (RFC 7239); default none, then there is no such field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Our address.
    pub by: bool,
    /// The client's address.
    pub for_: bool,
    /// The host that the client asked for.
    pub host: bool,
    /// The protocol that the client used.
    pub proto: bool,
    /// The user, if one is logged in.
    pub remote_user: bool,
}

impl Forwarded {
    /// The field for a request: what came with it, and ours after that; `None`: as it came. If there was none before, what
    /// `X-Forwarded-For` says takes its place.
    pub fn value(&self, request: &Request<'_>) -> Option<Vec<u8>> {
        let ours = self.ours(request);
        if ours.is_empty() {
            return None;
        }
        let mut value = match request.field("Forwarded") {
            Some(before) => before.to_vec(),
            None => from_older(request.field("X-Forwarded-For").unwrap_or_default()),
        };
        if !value.is_empty() {
            value.extend_from_slice(b", ");
        }
        value.extend_from_slice(&ours);
        Some(value)
    }

    fn ours(&self, request: &Request<'_>) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        if self.for_ {
            parts.push(match request.remote_ip() {
                Some(IpAddr::V4(ip)) => format!("for={ip}").into_bytes(),
                Some(IpAddr::V6(ip)) => format!("for=\"[{ip}]\"").into_bytes(),
                // RFC 7239 section 6.2.
                None => b"for=unknown".to_vec(),
            });
        }
        if self.by {
            parts.push(quoted("by", request.listener.as_bytes()));
        }
        if self.proto {
            parts.push(format!("proto={}", request.scheme).into_bytes());
        }
        if self.host && !request.host.is_empty() {
            parts.push(quoted("host", &request.host));
        }
        let user = request
            .environment
            .iter()
            .find(|(name, _)| name == b"REMOTE_USER");
        if let Some((_, user)) = user.filter(|_| self.remote_user) {
            parts.push(quoted("remote_user", user));
        }
        parts.join(&b';')
    }
}

/// Each address of `X-Forwarded-For`.
fn from_older(list: &[u8]) -> Vec<u8> {
    let addresses = list.split(|byte| b", \t".contains(byte));
    let each = addresses
        .filter(|address| !address.is_empty())
        .map(
            |address| match address.contains(&b':') && !address.starts_with(b"[") {
                true => quoted("for", &[b"[", address, b"]"].concat()),
                false => quoted("for", address),
            },
        );
    each.collect::<Vec<_>>().join(&b", "[..])
}

/// `name="text"`, with what could end the text escaped, and no control characters.
fn quoted(name: &str, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + text.len() + 3);
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{name}=\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            byte if byte.is_ascii_control() => out.push(b' '),
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}
