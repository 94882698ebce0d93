//! 3a. Where an HTTP/1 connection is, as plain data.
//!
//! In: nothing. Out: names of its states, for the machine, for whoever freezes it, and for those who count. Must hold: nothing
//! here does anything.

use std::time::Duration;

use zeroize::Zeroizing;

use super::turn::Turn;
use crate::inquiry::{Answer, Key};

/// Where the connection is.
#[derive(Debug)]
pub(crate) enum State {
    /// Between requests.
    Idle,
    /// Part of a head has been read. Boxed twice because it is rare, and the idle connection pays for the size.
    #[allow(clippy::box_collection)]
    Head(Box<Vec<u8>>),
    /// A request is put off until something is found out (see [`crate::inquiry`]).
    Asking(Box<Asking>),
    /// A request is being answered.
    Busy(Box<Turn>),
    /// Our last response is sent and our direction closed: what still comes is thrown away.
    Lingering,
}

/// A request that is put off.
#[derive(Debug)]
pub(crate) struct Asking {
    /// All that was read of it, and after it: nothing of that is dealt with.
    pub(crate) input: Zeroizing<Vec<u8>>,
    /// What is to be found out.
    pub(crate) question: Key,
    /// What is the answer, if nobody finds one in time.
    pub(crate) otherwise: Answer,
    /// Seconds that it waits.
    pub(crate) patience: u16,
    /// When its head was complete (monotonic).
    pub(crate) since: Duration,
}

/// Where a connection is in its life: different after each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What it is doing.
    pub phase: Phase,
    /// Requests answered so far.
    pub served: u32,
}

/// Whether a connection may be used for more requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Future {
    /// As the client and the settings will have it.
    #[default]
    Open,
    /// It ends with its present request, or the next one.
    Ending,
}

/// What a connection is doing, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between requests.
    Idle,
    /// In the middle of a head.
    Head,
    /// Something is to be found out before a request can be answered.
    Asking,
    /// A request's body is being read, before or after the response.
    Body,
    /// A backend is to say more.
    Waiting,
    /// Bytes go both ways as they come.
    Tunnel,
    /// A response is being sent.
    Sending,
    /// Ended by us; still reading.
    Lingering,
}

impl Phase {
    /// All of them, in the order of their numbers.
    pub const ALL: [Phase; 8] = [
        Phase::Idle,
        Phase::Head,
        Phase::Asking,
        Phase::Body,
        Phase::Waiting,
        Phase::Tunnel,
        Phase::Sending,
        Phase::Lingering,
    ];
}
