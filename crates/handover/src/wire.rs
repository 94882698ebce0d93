//! The messages of the protocol, version 1, as bytes: all integers little-endian, nothing aligned.
//! Typed messages in, bytes out; one message's bytes and descriptors in, a typed message out. No I/O and no state.
//! Every length is checked before it is believed, and nothing is allocated for bytes that are not there.
//!
//! ```text
//! message    type u8, zero u8, descriptors u16, length u32, body [length]
//!
//! 1 hello      both    "handover", role u8 (0 giver, 1 taker), first version u16, last version u16, name text8;
//!                      taker: room u32, n u16, n x (kind u16, first version u16, last version u16); rest ignored
//! 2 listeners  giver   more u8 (1: another such message follows), n u16, n x name text8; n descriptors
//! 3 batch      giver   number u32, n u16, n x (kind u16, version u16, descriptors u8, length u32, payload)
//! 4 answer     taker   number u32, n u16, n x (verdict u8, for 3 and 5: text16)
//! 5 room       taker   descriptors u32
//! 6 stop       taker   nothing
//! 7 finish     giver   counters
//! 8 finished   taker   nothing
//!
//! text8, text16: length u8 or u16, UTF-8
//! verdict: 0 accepted, 1 unknown kind, 2 unsupported version, 3 malformed, 4 no descriptors, 5 declined, 6 stopped
//! ```
//!
//! Both sides greet at once. The part of the greeting up to the name stays the same in all versions to come.

use std::ops::RangeInclusive;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::error::Violation;
use crate::parcel::{
    Accepts, MAX_PARCEL_FDS, MAX_PAYLOAD_BYTES, MAX_REFUSAL_TEXT_BYTES, Parcel, Refusal, Verdict,
};
use crate::sys::scm_rights::MAX_FDS_PER_MESSAGE;

/// The protocol versions that this crate speaks.
pub(crate) const VERSIONS: RangeInclusive<u16> = 1..=1;

pub(crate) const MAX_NAME_BYTES: usize = 255;
pub(crate) const MAX_LISTENERS: usize = 4096;
pub(crate) const MAX_KINDS: usize = 1024;
pub(crate) const MAX_COUNTER_BYTES: usize = 64 * 1024;

/// Parcels in one batch.
pub(crate) const MAX_BATCH_PARCELS: usize = 1024;
/// Bytes of parcels in one batch, unless a single parcel is larger.
pub(crate) const BATCH_BYTES: usize = 256 * 1024;

/// Batches that may be without an answer.
pub(crate) const WINDOW_BATCHES: usize = 32;
/// Descriptors that may be without an answer: below the usual soft limit of 1024 open files, which is also the
/// kernel's limit for a user's descriptors in flight.
pub(crate) const WINDOW_FDS: usize = 4 * MAX_FDS_PER_MESSAGE;
/// Bytes of parcels that may be without an answer, unless they are a single batch.
pub(crate) const WINDOW_BYTES: usize = 4 * 1024 * 1024;

pub(crate) const HEADER_BYTES: usize = 8;
const BATCH_HEADER_BYTES: usize = 6;
const PARCEL_HEADER_BYTES: usize = 9;
const MAGIC: &[u8; 8] = b"handover";

/// What came with a stretch of received bytes besides the bytes.
#[derive(Debug)]
pub enum Arrived {
    /// These descriptors, often none.
    Whole(Vec<OwnedFd>),
    /// Descriptors, of which the kernel could not install all (`MSG_CTRUNC`). Those it could are closed by now.
    Truncated,
}

/// The next stretch of bytes to be sent.
#[derive(Debug)]
pub struct Transmit<'a> {
    /// Never empty.
    pub bytes: &'a [u8],
    /// To be sent in the same `sendmsg(2)` as the first of the bytes.
    pub fds: Vec<BorrowedFd<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Giver,
    Taker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Hello,
    Listeners,
    Batch,
    Answer,
    Room,
    Stop,
    Finish,
    Finished,
}

/// Whether another message of the same list follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    Follows,
    Last,
}

#[derive(Debug)]
pub(crate) struct Hello {
    pub(crate) versions: RangeInclusive<u16>,
    pub(crate) software: String,
    /// A taker's, and only if there is a version that both speak.
    pub(crate) terms: Option<Terms>,
}

#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) room: u32,
    pub(crate) accepts: Vec<Accepts>,
}

#[derive(Debug)]
pub(crate) enum Message {
    Hello(Hello),
    Listeners {
        names: Vec<String>,
        fds: Arrived,
        more: More,
    },
    Batch {
        number: u32,
        parcels: Vec<Parcel>,
        /// Descriptors that it had when it was sent; the parcels lack them all if some were lost.
        fds: usize,
        integrity: Integrity,
    },
    Answer {
        number: u32,
        verdicts: Vec<Verdict>,
    },
    Room(u32),
    Stop,
    Finish(Vec<u8>),
    Finished,
}

/// Whether a batch arrived with its descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integrity {
    Whole,
    DescriptorsLost,
}

/// The first bytes of a message, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) kind: Type,
    pub(crate) fds: usize,
    pub(crate) length: usize,
}

impl Type {
    /// Only the types which that side may send.
    fn sent_by(sender: Role, byte: u8) -> Option<Type> {
        Some(match (byte, sender) {
            (1, _) => Type::Hello,
            (2, Role::Giver) => Type::Listeners,
            (3, Role::Giver) => Type::Batch,
            (4, Role::Taker) => Type::Answer,
            (5, Role::Taker) => Type::Room,
            (6, Role::Taker) => Type::Stop,
            (7, Role::Giver) => Type::Finish,
            (8, Role::Taker) => Type::Finished,
            _ => return None,
        })
    }

    fn byte(self) -> u8 {
        match self {
            Type::Hello => 1,
            Type::Listeners => 2,
            Type::Batch => 3,
            Type::Answer => 4,
            Type::Room => 5,
            Type::Stop => 6,
            Type::Finish => 7,
            Type::Finished => 8,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::Hello => "hello",
            Type::Listeners => "listeners",
            Type::Batch => "batch",
            Type::Answer => "answer",
            Type::Room => "room",
            Type::Stop => "stop",
            Type::Finish => "finish",
            Type::Finished => "finished",
        }
    }

    fn max_body_bytes(self) -> usize {
        match self {
            Type::Hello => 16 * 1024,
            Type::Listeners => 3 + MAX_FDS_PER_MESSAGE * (1 + MAX_NAME_BYTES),
            Type::Batch => BATCH_HEADER_BYTES + PARCEL_HEADER_BYTES + MAX_PAYLOAD_BYTES,
            Type::Answer => 6 + MAX_BATCH_PARCELS * (1 + 2 + MAX_REFUSAL_TEXT_BYTES),
            Type::Room => 4,
            Type::Stop | Type::Finished => 0,
            Type::Finish => MAX_COUNTER_BYTES,
        }
    }

    fn max_fds(self) -> usize {
        match self {
            Type::Listeners | Type::Batch => MAX_FDS_PER_MESSAGE,
            _ => 0,
        }
    }
}

/// The newest version that both speak.
pub(crate) fn common_version(theirs: &RangeInclusive<u16>) -> Option<u16> {
    let newest = *VERSIONS.end().min(theirs.end());
    (newest >= *VERSIONS.start() && newest >= *theirs.start()).then_some(newest)
}

/// What a parcel counts for in a batch and in the window.
pub(crate) fn parcel_bytes(parcel: &Parcel) -> usize {
    PARCEL_HEADER_BYTES + parcel.payload.len()
}

/// Whether a kind and version are among those announced.
pub(crate) fn check_announced(accepts: &[Accepts], parcel: &Parcel) -> Result<(), Refusal> {
    let mut refusal = Refusal::UnknownKind;
    for accepted in accepts.iter().filter(|a| a.kind == parcel.kind) {
        if accepted.versions.contains(&parcel.version) {
            return Ok(());
        }
        refusal = Refusal::UnsupportedVersion;
    }
    Err(refusal)
}

/// Messages as bytes. What they are given is within bounds; the machines have seen to that.
pub(crate) mod encode {
    use super::*;

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

    pub(crate) fn listeners<'a>(
        names: impl ExactSizeIterator<Item = &'a str>,
        more: More,
    ) -> Vec<u8> {
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
            out.reserve(BATCH_HEADER_BYTES + parcels.clone().map(parcel_bytes).sum::<usize>());
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
            Verdict::Refuse(
                reason @ (Refusal::TooLarge | Refusal::Closed | Refusal::KernelLimit),
            ) => {
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
}

impl Header {
    pub(crate) fn decode(sender: Role, bytes: [u8; HEADER_BYTES]) -> Result<Header, Violation> {
        let [kind, zero, fds @ .., l0, l1, l2, l3] = bytes;
        let kind = Type::sent_by(sender, kind).ok_or(Violation::UnknownMessage(kind))?;
        let header = Header {
            kind,
            fds: usize::from(u16::from_le_bytes(fds)),
            length: u32::from_le_bytes([l0, l1, l2, l3]) as usize,
        };
        if zero != 0 || header.fds > kind.max_fds() {
            return Err(Violation::Malformed(kind.name()));
        }
        if header.length > kind.max_body_bytes() {
            return Err(Violation::TooLong(kind.name()));
        }
        Ok(header)
    }
}

impl Message {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Message::Hello(_) => Type::Hello,
            Message::Listeners { .. } => Type::Listeners,
            Message::Batch { .. } => Type::Batch,
            Message::Answer { .. } => Type::Answer,
            Message::Room(_) => Type::Room,
            Message::Stop => Type::Stop,
            Message::Finish(_) => Type::Finish,
            Message::Finished => Type::Finished,
        }
        .name()
    }

    /// `body` is as long as the header says, and `fds`, unless truncated, are as many.
    pub(crate) fn decode(
        sender: Role,
        header: Header,
        body: &[u8],
        fds: Arrived,
    ) -> Result<Message, Violation> {
        let mut input = Input {
            bytes: body,
            message: header.kind.name(),
        };
        let message = match header.kind {
            Type::Hello => return Ok(Message::Hello(decode_hello(sender, input)?)),
            Type::Listeners => {
                let more = match input.u8()? {
                    0 => More::Last,
                    1 => More::Follows,
                    _ => return Err(input.malformed()),
                };
                let count = usize::from(input.u16()?);
                if count != header.fds {
                    return Err(input.malformed());
                }
                let names = (0..count)
                    .map(|_| input.text8())
                    .collect::<Result<_, _>>()?;
                Message::Listeners { names, fds, more }
            }
            Type::Batch => decode_batch(&mut input, header.fds, fds)?,
            Type::Answer => {
                let number = input.u32()?;
                let count = usize::from(input.u16()?);
                if count > MAX_BATCH_PARCELS {
                    return Err(input.malformed());
                }
                let verdicts = (0..count)
                    .map(|_| decode_verdict(&mut input))
                    .collect::<Result<_, _>>()?;
                Message::Answer { number, verdicts }
            }
            Type::Room => Message::Room(input.u32()?),
            Type::Stop => Message::Stop,
            Type::Finish => Message::Finish(input.take(header.length)?.to_vec()),
            Type::Finished => Message::Finished,
        };
        if !input.bytes.is_empty() {
            return Err(input.malformed());
        }
        Ok(message)
    }
}

fn decode_hello(sender: Role, mut input: Input<'_>) -> Result<Hello, Violation> {
    if input.take(MAGIC.len()) != Ok(MAGIC) {
        return Err(Violation::NotHandover);
    }
    match (input.u8()?, sender) {
        (0, Role::Giver) | (1, Role::Taker) => {}
        (0 | 1, _) => return Err(Violation::SameRole),
        _ => return Err(input.malformed()),
    }
    let versions = input.u16()?..=input.u16()?;
    let software = input.text8()?;
    if versions.is_empty() {
        return Err(input.malformed());
    }
    let terms = if sender == Role::Taker && common_version(&versions).is_some() {
        let room = input.u32()?;
        let count = usize::from(input.u16()?);
        if count > MAX_KINDS {
            return Err(input.malformed());
        }
        let accepts = (0..count)
            .map(|_| {
                Ok(Accepts {
                    kind: input.u16()?,
                    versions: input.u16()?..=input.u16()?,
                })
            })
            .collect::<Result<_, Violation>>()?;
        Some(Terms { room, accepts })
    } else {
        None
    };
    Ok(Hello {
        versions,
        software,
        terms,
    })
}

fn decode_batch(
    input: &mut Input<'_>,
    declared: usize,
    fds: Arrived,
) -> Result<Message, Violation> {
    let number = input.u32()?;
    let count = usize::from(input.u16()?);
    if count == 0 || count > MAX_BATCH_PARCELS {
        return Err(input.malformed());
    }
    let (integrity, fds) = match fds {
        Arrived::Whole(fds) => (Integrity::Whole, fds),
        Arrived::Truncated => (Integrity::DescriptorsLost, Vec::new()),
    };
    let mut fds = fds.into_iter();
    let mut counted = 0;
    let mut parcels = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = input.u16()?;
        let version = input.u16()?;
        let own = usize::from(input.u8()?);
        counted += own;
        if own > MAX_PARCEL_FDS || counted > declared {
            return Err(input.malformed());
        }
        let length = input.u32()? as usize;
        let payload = input.take(length)?.to_vec();
        parcels.push(Parcel {
            kind,
            version,
            payload,
            fds: fds.by_ref().take(own).collect(),
        });
    }
    if counted != declared {
        return Err(input.malformed());
    }
    Ok(Message::Batch {
        number,
        parcels,
        fds: declared,
        integrity,
    })
}

fn decode_verdict(input: &mut Input<'_>) -> Result<Verdict, Violation> {
    Ok(match input.u8()? {
        0 => Verdict::Accept,
        1 => Verdict::Refuse(Refusal::UnknownKind),
        2 => Verdict::Refuse(Refusal::UnsupportedVersion),
        3 => Verdict::Refuse(Refusal::Malformed(input.refusal_text()?)),
        4 => Verdict::Refuse(Refusal::NoDescriptors),
        5 => Verdict::Refuse(Refusal::Declined(input.refusal_text()?)),
        6 => Verdict::Refuse(Refusal::Stopped),
        _ => return Err(input.malformed()),
    })
}

/// What is left of a body.
struct Input<'a> {
    bytes: &'a [u8],
    message: &'static str,
}

impl<'a> Input<'a> {
    fn malformed(&self) -> Violation {
        Violation::Malformed(self.message)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Violation> {
        let (head, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(self.malformed())?;
        self.bytes = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Violation> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(self.malformed())?;
        self.bytes = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, Violation> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, Violation> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Violation> {
        self.array().map(u32::from_le_bytes)
    }

    fn text8(&mut self) -> Result<String, Violation> {
        let length = usize::from(self.u8()?);
        self.text(length)
    }

    fn refusal_text(&mut self) -> Result<String, Violation> {
        let length = usize::from(self.u16()?);
        if length > MAX_REFUSAL_TEXT_BYTES {
            return Err(self.malformed());
        }
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<String, Violation> {
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.malformed())
    }
}
