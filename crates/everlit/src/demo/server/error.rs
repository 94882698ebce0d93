//! What went wrong with the server.
//!
//! In: failures of its start, its control socket, its restarts. Out: [`ServerError`] and its words. Must hold: the words
//! contain what the server itself said, where it said something.

use std::fmt;
use std::io;

use super::{RESTART_MAX, START_MAX};
use crate::control::client::ClientError;
use crate::control::message::Progress;
use crate::demo::stage::Interrupted;

/// What went wrong with the server.
#[derive(Debug)]
pub(in crate::demo) enum ServerError {
    /// The kernel refused something.
    Kernel {
        /// What.
        operation: &'static str,
        /// What it says.
        cause: io::Error,
    },
    /// It ended.
    Died {
        /// How, in words.
        how: String,
        /// The end of what it said.
        said: String,
    },
    /// It was not ready in time.
    NotReady,
    /// A restart was not over in time.
    Late {
        /// What the server said last of it.
        progress: Option<Progress>,
    },
    /// Its control socket cannot be talked to.
    Control(ClientError),
    /// It says something that makes no sense to us.
    Unexpected(&'static str),
    /// Somebody wants us to stop, or the clients cannot go on.
    Stage(Interrupted),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel { operation, .. } => write!(f, "run the server: {operation}"),
            Self::Died { how, said } if said.is_empty() => {
                write!(f, "the server has ended ({how})")
            }
            Self::Died { how, said } => {
                write!(f, "the server has ended ({how}); it said last:\n{said}")
            }
            Self::NotReady => write!(
                f,
                "the server was not ready after {} s",
                START_MAX.as_secs()
            ),
            Self::Late { progress } => write!(
                f,
                "the restart was not over after {} s; the server said last of it: {progress:?}",
                RESTART_MAX.as_secs()
            ),
            Self::Control(_) => f.write_str("control the server"),
            Self::Unexpected(what) => write!(f, "the server's answer: {what}"),
            Self::Stage(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Kernel { cause, .. } => Some(cause),
            Self::Control(cause) => Some(cause),
            Self::Stage(cause) => cause.source(),
            Self::Died { .. } | Self::NotReady | Self::Late { .. } | Self::Unexpected(_) => None,
        }
    }
}

impl From<Interrupted> for ServerError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Stage(interrupted)
    }
}

impl From<ClientError> for ServerError {
    fn from(error: ClientError) -> Self {
        Self::Control(error)
    }
}

pub(super) fn kernel<E: Into<io::Error>>(operation: &'static str) -> impl FnOnce(E) -> ServerError {
    move |cause| ServerError::Kernel {
        operation,
        cause: cause.into(),
    }
}
