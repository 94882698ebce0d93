//! What may go wrong with a backend.
//!
//! In: what happened. Out: the status that a client is told, and the words for the log. Must hold: it is said what the
//! backend has done, and what we could not do.

use std::fmt;

use minicbor::{Decode, Encode};
use rustix::io::Errno;

use crate::gateway::Target;

/// Why a backend gave no answer, or only half of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It could not be reached.
    Unreachable(Errno),
    /// It has ended the connection.
    Ended,
    /// The connection broke.
    Broke(Errno),
    /// It took too long.
    Silent,
    /// What it said is no answer.
    Nonsense(&'static str),
    /// There is no room for what it sends, or is sent.
    Full(Errno),
}

/// Whether a connection with a backend had been used for an exchange before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Used {
    /// Yes.
    #[n(0)]
    Before,
    /// No.
    #[n(1)]
    Never,
}

impl Trouble {
    /// The status that a client is told if it has been told nothing yet.
    pub(crate) fn status(self, target: &Target) -> u16 {
        match self {
            // A program that fails is no other server's fault.
            Trouble::Unreachable(_) | Trouble::Ended | Trouble::Broke(_)
                if !matches!(target, Target::Host { .. }) =>
            {
                500
            }
            Trouble::Unreachable(_) => 503,
            Trouble::Ended | Trouble::Broke(_) | Trouble::Nonsense(_) | Trouble::Full(_) => 502,
            Trouble::Silent => 504,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Unreachable(errno) => write!(f, "cannot be reached: {errno}"),
            Trouble::Ended => {
                f.write_str("it has closed the connection before its answer was complete")
            }
            Trouble::Broke(errno) => write!(f, "the connection broke: {errno}"),
            Trouble::Silent => f.write_str("it does not answer in time"),
            Trouble::Nonsense(why) => write!(f, "what it says is no answer: {why}"),
            Trouble::Full(errno) => write!(
                f,
                "what goes to or comes from it cannot be kept in a file (server.upload-dirs): {errno}"
            ),
        }
    }
}
