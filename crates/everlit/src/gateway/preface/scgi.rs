//! SCGI: names and values, each with a NUL at its end, as a netstring (the protocol's description, section 4).

use std::io::Write;

use super::{Length, Terms};
use crate::exchange::Exchange;
use crate::gateway::environment;
use crate::settings::Settings;

/// All but the length.
pub(super) fn begin(exchange: &Exchange<'_>, settings: &Settings, terms: &Terms<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(exchange.request.head.length + 1024);
    environment::each(exchange, settings, terms, |variable| {
        variable.name.append(&mut out);
        out.push(0);
        variable.append_value(&mut out);
        out.push(0);
    });
    out.extend_from_slice(b"SCGI\x001\0");
    out
}

/// The length goes first, even if there is no body.
pub(super) fn finish(variables: &[u8], length: Length) -> Vec<u8> {
    let first = format!("CONTENT_LENGTH\0{}\0", length.in_bytes());
    let mut out = Vec::with_capacity(variables.len() + first.len() + 10);
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{}:{first}", first.len() + variables.len());
    out.extend_from_slice(variables);
    out.push(b',');
    out
}
