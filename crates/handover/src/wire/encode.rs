//! Messages as bytes.
//! Parcels, verdicts and numbers in, one whole message out.
//! What comes in is within bounds: the machines have seen to that before.

use super::{BATCH_HEADER_BYTES, HEADER_BYTES, MAGIC, More, Role, Type, VERSIONS, parcel_bytes};
use crate::parcel::{Accepts, MAX_REFUSAL_TEXT_BYTES, Parcel, Refusal, Verdict};

pub(crate) fn giver_hello(software: &str) -> Vec<u8> {
    message(Type::Hello, 0, |out| greeting(out, Role::Giver, software))
}

pub(crate) fn taker_hello(software: &str, accepts: &[Accepts], room: u32) -> Vec<u8> {
    message(Type::Hello, 0, |out| {
        greeting(out, Role::Taker, software);
        put_u32(out, room);
        put_u16(out, accepts.len());
        for accepted in accepts {
            out.extend_from_slice(&accepted.kind.to_le_bytes());
            out.extend_from_slice(&accepted.versions.start().to_le_bytes());
            out.extend_from_slice(&accepted.versions.end().to_le_bytes());
        }
    })
}

pub(crate) fn listeners<'a>(names: impl ExactSizeIterator<Item = &'a str>, more: More) -> Vec<u8> {
    let count = names.len();
    message(Type::Listeners, count, |out| {
        out.push(match more {
            More::Follows => 1,
            More::Last => 0,
        });
        put_u16(out, count);
        names.for_each(|name| put_text8(out, name));
    })
}

pub(crate) fn batch<'a>(
    number: u32,
    parcels: impl ExactSizeIterator<Item = &'a Parcel> + Clone,
) -> Vec<u8> {
    let fds = parcels.clone().map(|parcel| parcel.fds.len()).sum();
    message(Type::Batch, fds, |out| {
        // Room for all of it: a vector that grows leaves copies of payloads behind.
        out.reserve_exact(BATCH_HEADER_BYTES + parcels.clone().map(parcel_bytes).sum::<usize>());
        put_u32(out, number);
        put_u16(out, parcels.len());
        for parcel in parcels {
            out.extend_from_slice(&parcel.kind.to_le_bytes());
            out.extend_from_slice(&parcel.version.to_le_bytes());
            out.push(u8::try_from(parcel.fds.len()).expect("at most MAX_PARCEL_FDS"));
            put_length(out, parcel.payload.len());
            out.extend_from_slice(&parcel.payload);
        }
    })
}

pub(crate) fn answer<'a>(
    number: u32,
    verdicts: impl ExactSizeIterator<Item = &'a Verdict>,
) -> Vec<u8> {
    message(Type::Answer, 0, |out| {
        put_u32(out, number);
        put_u16(out, verdicts.len());
        verdicts.for_each(|verdict| put_verdict(out, verdict));
    })
}

pub(crate) fn room(descriptors: u32) -> Vec<u8> {
    message(Type::Room, 0, |out| put_u32(out, descriptors))
}

pub(crate) fn stop() -> Vec<u8> {
    message(Type::Stop, 0, |_| {})
}

pub(crate) fn finish(counters: &[u8]) -> Vec<u8> {
    message(Type::Finish, 0, |out| out.extend_from_slice(counters))
}

pub(crate) fn finished() -> Vec<u8> {
    message(Type::Finished, 0, |_| {})
}

fn message(kind: Type, fds: usize, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![kind.byte(), 0];
    put_u16(&mut out, fds);
    out.extend_from_slice(&[0; 4]);
    body(&mut out);
    let length = u32::try_from(out.len() - HEADER_BYTES).expect("far below 4 GiB");
    out[4..HEADER_BYTES].copy_from_slice(&length.to_le_bytes());
    out
}

fn greeting(out: &mut Vec<u8>, role: Role, software: &str) {
    out.extend_from_slice(MAGIC);
    out.push(match role {
        Role::Giver => 0,
        Role::Taker => 1,
    });
    out.extend_from_slice(&VERSIONS.start().to_le_bytes());
    out.extend_from_slice(&VERSIONS.end().to_le_bytes());
    put_text8(out, software);
}

fn put_verdict(out: &mut Vec<u8>, verdict: &Verdict) {
    match verdict {
        Verdict::Accept => out.push(0),
        Verdict::Refuse(Refusal::UnknownKind) => out.push(1),
        Verdict::Refuse(Refusal::UnsupportedVersion) => out.push(2),
        Verdict::Refuse(Refusal::Malformed(text)) => {
            out.push(3);
            put_text16(out, text);
        }
        Verdict::Refuse(Refusal::NoDescriptors) => out.push(4),
        Verdict::Refuse(Refusal::Declined(text)) => {
            out.push(5);
            put_text16(out, text);
        }
        Verdict::Refuse(Refusal::Stopped) => out.push(6),
        // The giver's own reasons: from a taker they are a reason in words.
        Verdict::Refuse(reason @ (Refusal::TooLarge | Refusal::Closed | Refusal::KernelLimit)) => {
            out.push(5);
            put_text16(out, &reason.to_string());
        }
    }
}

fn put_u16(out: &mut Vec<u8>, count: usize) {
    let count = u16::try_from(count).expect("counts are bounded below 65536");
    out.extend_from_slice(&count.to_le_bytes());
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    put_u32(out, u32::try_from(length).expect("payloads are bounded"));
}

fn put_text8(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).expect("names are at most 255 bytes"));
    out.extend_from_slice(text.as_bytes());
}

fn put_text16(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(MAX_REFUSAL_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    put_u16(out, end);
    out.extend_from_slice(&text.as_bytes()[..end]);
}
