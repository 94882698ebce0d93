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

pub(crate) mod encode;

mod decode;

use std::ops::RangeInclusive;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::parcel::{Accepts, MAX_PAYLOAD_BYTES, MAX_REFUSAL_TEXT_BYTES, Parcel, Refusal, Verdict};
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_wins() {
        assert_eq!(common_version(&(1..=1)), Some(1));
        assert_eq!(common_version(&(0..=9)), Some(1));
        assert_eq!(common_version(&(2..=9)), None);
        assert_eq!(common_version(&(0..=0)), None);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = format!("{}ä", "a".repeat(MAX_REFUSAL_TEXT_BYTES - 1));
        let verdict = Verdict::Refuse(Refusal::Declined(text));
        let bytes = encode::answer(3, [verdict].iter());
        let (header, body) = bytes.split_first_chunk().unwrap();
        let header = Header::decode(Role::Taker, *header).unwrap();
        let message = Message::decode(Role::Taker, header, body, Arrived::Whole(Vec::new()));
        let Ok(Message::Answer {
            number: 3,
            verdicts,
        }) = message
        else {
            panic!("{message:?}");
        };
        let expected = "a".repeat(MAX_REFUSAL_TEXT_BYTES - 1);
        assert_eq!(verdicts, [Verdict::Refuse(Refusal::Declined(expected))]);
    }

    #[test]
    fn several_ranges_of_one_kind_add_up() {
        let accepts = [(1, 1..=1), (1, 3..=4)].map(|(kind, versions)| Accepts { kind, versions });
        let check = |kind, version| {
            let (payload, fds) = (Vec::new().into(), Vec::new());
            let parcel = Parcel {
                kind,
                version,
                payload,
                fds,
            };
            check_announced(&accepts, &parcel)
        };
        assert_eq!(check(1, 3), Ok(()));
        assert_eq!(check(1, 2), Err(Refusal::UnsupportedVersion));
        assert_eq!(check(2, 1), Err(Refusal::UnknownKind));
    }
}
