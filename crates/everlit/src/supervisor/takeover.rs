//! Taking over from an instance that is leaving.
//!
//! In: the control socket of our configuration. Out: who answers there, and what it hands over. Must hold: whoever serves
//! and was not asked to leave is not disturbed.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use super::listeners::Listeners;
use super::report::Leaver;
use crate::control::client::{ClientError, Connection};
use crate::control::message::{Refusal, RefusalKind, Reply, Request};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who is at the control socket of our configuration.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nobody.
    Nobody,
    /// An instance that is closing its listeners.
    Closing,
    /// One that hands over.
    Predecessor(Predecessor, Listeners),
}

/// An instance that hands over to us.
#[derive(Debug)]
pub(crate) struct Predecessor {
    pub(crate) connection: Connection,
    pub(crate) leaver: Leaver,
    /// Its process, for messages.
    pub(crate) pid: u32,
}

/// Why we must not start, or cannot know.
#[derive(Debug)]
pub(crate) enum TakeoverError {
    /// It serves.
    Serving {
        /// Its supervisor.
        pid: Option<u32>,
        /// What it says.
        message: String,
    },
    /// The conversation failed.
    Conversation(ClientError),
    /// It says something that has no place here.
    Nonsense,
}

impl fmt::Display for TakeoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving { pid: Some(pid), .. } => write!(
                f,
                "this configuration is being served already, by process {pid}; to apply changes: everlit reload"
            ),
            Self::Serving { pid: None, message } => f.write_str(message),
            Self::Conversation(error) => {
                write!(f, "take over from the instance that runs this configuration: {error}")
            }
            Self::Nonsense => f.write_str(
                "take over from the instance that runs this configuration: it does not answer as asked",
            ),
        }
    }
}

impl std::error::Error for TakeoverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The conversation's error is part of the text, its cause is not.
            Self::Conversation(error) => error.source(),
            _ => None,
        }
    }
}

/// Looks who is there, and takes the listening sockets of an instance that leaves.
pub(crate) fn approach(path: &Path) -> Result<Found, TakeoverError> {
    use TakeoverError::Conversation;
    let Some(mut connection) = Connection::open(path).map_err(Conversation)? else {
        return Ok(Found::Nobody);
    };
    connection
        .set_patience(Some(PATIENCE))
        .map_err(Conversation)?;
    connection.ask(&Request::Takeover).map_err(Conversation)?;
    let mut names = Vec::new();
    let takeover = loop {
        match connection.next_reply() {
            Ok(Reply::Takeover(part)) => {
                names.extend(part.listeners.iter().cloned());
                if part.last {
                    break part;
                }
            }
            Ok(Reply::Error(refusal)) => return refused(refusal),
            Ok(_) => return Err(TakeoverError::Nonsense),
            // It ended while we asked.
            Err(ClientError::Closed { .. }) => return Ok(Found::Closing),
            Err(error) => return Err(Conversation(error)),
        }
    };
    let sockets = connection.take_descriptors();
    if sockets.len() != names.len() || !sockets.iter().all(is_listening) {
        return Err(TakeoverError::Nonsense);
    }
    let listeners = Listeners::taken(names.into_iter().zip(sockets));
    let predecessor = Predecessor {
        connection,
        leaver: Leaver {
            number: takeover.generation,
            version: takeover.version,
        },
        pid: takeover.pid,
    };
    Ok(Found::Predecessor(predecessor, listeners))
}

impl Predecessor {
    /// Asks it to hand its connections over.
    pub(crate) fn ask_to_leave(
        &self,
        handover: BorrowedFd<'_>,
        drain_limit_ms: Option<u64>,
    ) -> Result<(), ClientError> {
        self.connection
            .ask_with(&Request::Leave { drain_limit_ms }, &[handover])
    }
}

fn refused(refusal: Refusal) -> Result<Found, TakeoverError> {
    match refusal.kind {
        RefusalKind::Stopping => Ok(Found::Closing),
        RefusalKind::Serving => Err(TakeoverError::Serving {
            pid: refusal.pid,
            message: refusal.message,
        }),
        _ => Err(TakeoverError::Nonsense),
    }
}

fn is_listening(socket: &OwnedFd) -> bool {
    rustix::net::sockopt::socket_acceptconn(socket.as_fd()).unwrap_or(false)
}
