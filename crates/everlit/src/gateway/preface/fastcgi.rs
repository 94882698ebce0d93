//! FastCGI: the beginning of a request, and its parameters as name-value pairs (FastCGI 1.0, sections 3.4, 5.1 and 5.2).

use super::{Length, Terms};
use crate::exchange::Exchange;
use crate::gateway::environment;
use crate::gateway::host::Role;
use crate::gateway::records::{self, BEGIN_REQUEST, PARAMS};
use crate::settings::Settings;

const RESPONDER: u8 = 1;
const AUTHORIZER: u8 = 2;
/// Length of a record's head.
const HEAD: usize = 8;
/// Where the low byte of the role is: in the body of the first record.
const ROLE: usize = HEAD + 1;

/// BEGIN_REQUEST, and PARAMS but for the length. The connection is for this request only.
pub(super) fn begin(exchange: &Exchange<'_>, settings: &Settings, terms: &Terms<'_>) -> Vec<u8> {
    let role = match terms.role {
        Role::Responder => RESPONDER,
        Role::Authorizer => AUTHORIZER,
    };
    let mut out = Vec::with_capacity(exchange.request.head.length + 1024);
    out.extend_from_slice(&records::head(BEGIN_REQUEST, 8));
    out.extend_from_slice(&[0, role, 0, 0, 0, 0, 0, 0]);
    let mut record = Record::open(&mut out);
    environment::each(exchange, settings, terms, |variable| {
        let (name, value) = (variable.name.length(), variable.value_length());
        // Not every backend (PHP for one) puts pairs together that are spread over records.
        if record.content(&out) + 8 + name + value > usize::from(u16::MAX) {
            record.close(&mut out);
            record = Record::open(&mut out);
        }
        pair_length(name, &mut out);
        pair_length(value, &mut out);
        variable.name.append(&mut out);
        variable.append_value(&mut out);
    });
    record.close(&mut out);
    out
}

/// A PARAMS record that is being written.
#[derive(Clone, Copy)]
struct Record {
    /// Where its content begins.
    from: usize,
}

impl Record {
    fn open(out: &mut Vec<u8>) -> Record {
        records::write_end(PARAMS, out);
        Record { from: out.len() }
    }

    fn content(self, out: &[u8]) -> usize {
        out.len() - self.from
    }

    /// Completes it; without content it disappears, with one pair that is too long it becomes several.
    fn close(self, out: &mut Vec<u8>) {
        let head = self.from - HEAD;
        match u16::try_from(self.content(out)) {
            Ok(0) => out.truncate(head),
            Ok(length) => out[head..self.from].copy_from_slice(&records::head(PARAMS, length)),
            Err(_) => {
                let content = out.split_off(self.from);
                out.truncate(head);
                records::write(PARAMS, &content, out);
            }
        }
    }
}

/// Adds the length, and the end of the parameters. An authorizer is not told: the body is not for it.
pub(super) fn finish(mut bytes: Vec<u8>, length: Length) -> Vec<u8> {
    if bytes.get(ROLE) != Some(&AUTHORIZER) {
        let (name, value) = (b"CONTENT_LENGTH", length.in_bytes().to_string());
        let lengths = [name.len() as u8, value.len() as u8];
        let pair = [&lengths, &name[..], value.as_bytes()].concat();
        records::write(PARAMS, &pair, &mut bytes);
    }
    records::write_end(PARAMS, &mut bytes);
    bytes
}

/// One byte, or four if it is longer than 127.
fn pair_length(length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(length @ ..=127) => out.push(length),
        _ => out.extend_from_slice(&(length as u32 | 1 << 31).to_be_bytes()),
    }
}
