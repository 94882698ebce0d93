//! Why a handover ended early, sorted by who is at fault.
//! Made by the machines and the channel; the application reads it from an event or a constructor's result.
//! Whatever the error, who owns which descriptor afterwards is settled by the event that carries it.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;

/// Why a channel could not be made, or ended before it was finished.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The two sides share no version of the protocol. Nothing was moved.
    Incompatible {
        /// Protocol versions we speak.
        ours: RangeInclusive<u16>,
        /// Protocol versions the peer speaks.
        theirs: RangeInclusive<u16>,
        /// The peer's name for itself.
        software: String,
    },
    /// The peer broke the protocol.
    PeerMisbehaved(Violation),
    /// The peer closed the channel, usually by dying, before the handover was finished.
    PeerGone,
    /// This process had no free descriptors for the listeners that were sent to it (`RLIMIT_NOFILE`).
    DescriptorsLost,
    /// The kernel refused an operation on the channel.
    Kernel {
        /// What was attempted, for example `send on the handover socket`.
        operation: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// [`abandon`](crate::GiverChannel::abandon) was called.
    Abandoned,
    /// The caller handed in something beyond a documented bound.
    Limit {
        /// What was too large or too many.
        what: &'static str,
        /// The bound.
        bound: usize,
    },
    /// The caller announced an empty range of versions for this kind.
    EmptyVersions {
        /// The kind.
        kind: u16,
    },
    /// The caller handed in a descriptor that is not a Unix stream socket.
    NotUnixStream,
}

/// How a peer broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It did not begin with the greeting of this protocol: something else is at the other end.
    NotHandover,
    /// Both ends are givers, or both are takers.
    SameRole,
    /// A message of unknown type, or one that this side never receives.
    UnknownMessage(u8),
    /// A message that does not belong here now.
    Unexpected(&'static str),
    /// A message longer than its type allows.
    TooLong(&'static str),
    /// A message whose content contradicts itself or its length.
    Malformed(&'static str),
    /// Descriptors came that no message declares.
    SurplusDescriptors,
    /// A message declares descriptors that did not come with it.
    MissingDescriptors,
    /// More descriptors, bytes or batches than were granted.
    BeyondWindow,
    /// A parcel of a kind or version that was not announced.
    NotAnnounced,
    /// An answer to a batch that is not waiting for one, or with the wrong number of verdicts.
    UnknownAnswer,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Incompatible {
                ours,
                theirs,
                software,
            } => write!(
                f,
                "no common handover protocol: we speak versions {} to {}, {software:?} speaks {} to {}",
                ours.start(),
                ours.end(),
                theirs.start(),
                theirs.end()
            ),
            Error::PeerMisbehaved(_) => f.write_str("the handover's peer broke the protocol"),
            Error::PeerGone => {
                f.write_str("the handover's peer went away before the handover was finished")
            }
            Error::DescriptorsLost => f.write_str(
                "listeners were lost on arrival: this process may open no more descriptors",
            ),
            Error::Kernel { operation, .. } => f.write_str(operation),
            Error::Abandoned => f.write_str("the handover was abandoned"),
            Error::Limit { what, bound } => write!(f, "{what}: at most {bound} can be handed over"),
            Error::EmptyVersions { kind } => {
                write!(
                    f,
                    "the versions accepted for parcel kind {kind} are an empty range"
                )
            }
            Error::NotUnixStream => f.write_str("a handover needs a Unix stream socket"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::PeerMisbehaved(violation) => Some(violation),
            Error::Kernel { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::NotHandover => f.write_str("its first bytes are not a handover greeting"),
            Violation::SameRole => f.write_str("both ends have the same role"),
            Violation::UnknownMessage(kind) => write!(f, "message of unknown type {kind}"),
            Violation::Unexpected(message) => write!(f, "{message} message out of turn"),
            Violation::TooLong(message) => write!(f, "{message} message too long"),
            Violation::Malformed(message) => write!(f, "malformed {message} message"),
            Violation::SurplusDescriptors => f.write_str("descriptors that no message declares"),
            Violation::MissingDescriptors => f.write_str("message without its descriptors"),
            Violation::BeyondWindow => f.write_str("more in flight than was granted"),
            Violation::NotAnnounced => f.write_str("parcel of a kind that was not announced"),
            Violation::UnknownAnswer => f.write_str("answer that fits no batch"),
        }
    }
}

impl std::error::Error for Violation {}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Error::PeerMisbehaved(violation)
    }
}
