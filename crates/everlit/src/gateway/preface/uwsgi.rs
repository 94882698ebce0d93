//! uwsgi: names and values with their lengths, in one packet of at most 65535 bytes.

use super::{Length, Terms, TooLong};
use crate::exchange::Exchange;
use crate::gateway::environment;
use crate::settings::Settings;

const LENGTH: &[u8] = b"CONTENT_LENGTH";
/// What the longest [`LENGTH`] takes: two lengths, the name, twenty digits.
const LENGTH_MAX: usize = 2 + LENGTH.len() + 2 + 20;

/// All but the length.
pub(super) fn begin(
    exchange: &Exchange<'_>,
    settings: &Settings,
    terms: &Terms<'_>,
) -> Result<Vec<u8>, TooLong> {
    let mut out = Vec::with_capacity(exchange.request.head.length + 1024);
    environment::each(exchange, settings, terms, |variable| {
        // A length that is cut here makes the whole too long.
        out.extend_from_slice(&(variable.name.length() as u16).to_le_bytes());
        variable.name.append(&mut out);
        out.extend_from_slice(&(variable.value_length() as u16).to_le_bytes());
        variable.append_value(&mut out);
    });
    match out.len() + LENGTH_MAX {
        0..=0xffff => Ok(out),
        _ => Err(TooLong),
    }
}

/// The packet's head (for requests of web servers: modifiers 0), the length, and the rest.
pub(super) fn finish(variables: &[u8], length: Length) -> Vec<u8> {
    let value = length.in_bytes().to_string();
    let size = 2 + LENGTH.len() + 2 + value.len() + variables.len();
    let [low, high] = (size as u16).to_le_bytes();
    let mut out = Vec::with_capacity(4 + size);
    out.extend_from_slice(&[0, low, high, 0]);
    out.extend_from_slice(&(LENGTH.len() as u16).to_le_bytes());
    out.extend_from_slice(LENGTH);
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(variables);
    out
}
