//! What is moved: parcels, listeners, and the answers to them.
//! Plain data and descriptors in, the same out on the other side; nothing here knows how it travels.
//! A descriptor has one owner at any moment, so none of these types can be cloned.

use std::fmt;
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;

use zeroize::Zeroizing;

/// Descriptors one parcel may hold. The kernel takes no more in one message (`SCM_MAX_FD`).
pub const MAX_PARCEL_FDS: usize = 253;

/// Bytes one payload may have: 64 MiB. A larger parcel comes back as [`Refusal::TooLarge`].
pub const MAX_PAYLOAD_BYTES: usize = 64 << 20;

/// Bytes of text a [`Refusal`] may carry; more is cut off, at a character's border, when it is sent.
pub const MAX_REFUSAL_TEXT_BYTES: usize = 512;

/// Something that changes process as a whole: an opaque image and the descriptors that belong to it.
#[derive(Debug)]
pub struct Parcel {
    /// What the payload describes. The numbers are the application's own.
    pub kind: u16,
    /// The version of that kind's payload format.
    pub version: u16,
    /// The image, opaque to this crate; at most [`MAX_PAYLOAD_BYTES`]. It may hold secrets, so it is wiped when it is
    /// dropped, as is every copy that this crate makes of it.
    pub payload: Zeroizing<Vec<u8>>,
    /// The descriptors, in an order that the payload's format defines; at most [`MAX_PARCEL_FDS`].
    pub fds: Vec<OwnedFd>,
}

/// A named descriptor that both processes are going to have, usually a listening socket.
///
/// Listeners are shared, not moved: hand in a duplicate ([`OwnedFd::try_clone`]) and keep your own.
#[derive(Debug)]
pub struct Listener {
    /// At most 255 bytes. Names need not be unique.
    pub name: String,
    /// The descriptor.
    pub fd: OwnedFd,
}

/// A kind of parcel that a taker can read, with the versions of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepts {
    /// Compared with [`Parcel::kind`].
    pub kind: u16,
    /// Compared with [`Parcel::version`]; must not be empty.
    pub versions: RangeInclusive<u16>,
}

/// The giver's own name for a parcel, chosen when it is offered. Never leaves the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What the taker decides about one parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The taker owns it from the moment the answer is written.
    Accept,
    /// The giver keeps it.
    Refuse(Refusal),
}

/// Why a parcel stays with the giver.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The taker does not know this kind of parcel.
    UnknownKind,
    /// The taker knows the kind, but not this version of it.
    UnsupportedVersion,
    /// The taker could not make sense of the payload; the text says where.
    Malformed(String),
    /// The taker has no room for the parcel's descriptors. Room that was counted for it is not given back.
    NoDescriptors,
    /// The taker does not want it, for the reason given.
    Declined(String),
    /// The taker takes no more parcels.
    Stopped,
    /// More than [`MAX_PAYLOAD_BYTES`] or [`MAX_PARCEL_FDS`]: never sent.
    TooLarge,
    /// Offered after [`finish`](crate::GiverChannel::finish), or after the channel had ended: never sent.
    Closed,
    /// The kernel allows this user no more descriptors in flight, or had no memory, and none of ours were in flight
    /// whose arrival could have helped: never sent. May be offered again.
    KernelLimit,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::UnknownKind => f.write_str("the successor does not know this kind of parcel"),
            Refusal::UnsupportedVersion => {
                f.write_str("the successor does not know this version of the parcel's kind")
            }
            Refusal::Malformed(text) => write!(f, "the successor cannot read the parcel: {text}"),
            Refusal::NoDescriptors => {
                f.write_str("the successor has no room for the parcel's descriptors")
            }
            Refusal::Declined(text) => write!(f, "the successor declined: {text}"),
            Refusal::Stopped => f.write_str("the successor takes no more parcels"),
            Refusal::TooLarge => f.write_str("the parcel exceeds what can be sent"),
            Refusal::Closed => f.write_str("the handover has already ended"),
            Refusal::KernelLimit => {
                f.write_str("the kernel allows no more descriptors in flight at present")
            }
        }
    }
}
