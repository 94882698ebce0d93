//! CGI: the environment of a program (RFC 3875 section 4.1).

use std::io::Write;

use super::{Length, Terms};
use crate::exchange::Exchange;
use crate::gateway::environment;
use crate::settings::Settings;

/// `NAME=value`, each with a NUL at its end.
pub(super) fn begin(exchange: &Exchange<'_>, settings: &Settings, terms: &Terms<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(exchange.request.head.length + 1024);
    environment::each(exchange, settings, terms, |variable| {
        variable.name.append(&mut out);
        out.push(b'=');
        variable.append_value(&mut out);
        out.push(0);
    });
    out
}

/// Adds the length, 0 if there is no body, as lighttpd does.
pub(super) fn finish(mut bytes: Vec<u8>, length: Length) -> Vec<u8> {
    // Writing to a Vec cannot fail.
    let _ = write!(bytes, "CONTENT_LENGTH={}\0", length.in_bytes());
    bytes
}
