//! Why there is no result.
//!
//! In: what kept the demo from its end. Out: [`DemoError`] and its words. Must hold: what the server does wrong under load is
//! a result, not an error.

use std::fmt;
use std::io;

use super::crowd::CrowdError;
use super::server::ServerError;
use super::stage::Interrupted;

/// Why there is no result.
#[derive(Debug)]
pub(super) enum DemoError {
    /// The site cannot be written.
    Site(io::Error),
    /// Signals cannot be watched.
    Signals(io::Error),
    /// Too few descriptors.
    Descriptors {
        /// How many are needed.
        needed: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Not all clients could connect, even before the first restart.
    Gathering,
    /// The server.
    Server(ServerError),
    /// The clients, a signal, or the kernel.
    Interrupted(Interrupted),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(_) => {
                f.write_str("write a small site into the directory for temporary files")
            }
            Self::Signals(_) => f.write_str("watch for signals"),
            Self::Descriptors { needed, limit } => write!(
                f,
                "{needed} open files are needed, and the limit is {limit} (ulimit -Hn): ask for fewer --connections"
            ),
            Self::Gathering => write!(
                f,
                "not all clients could connect within {} s, even before the first restart",
                super::story::GATHER_MAX.as_secs()
            ),
            Self::Server(error) => error.fmt(f),
            Self::Interrupted(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DemoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Site(cause) | Self::Signals(cause) => Some(cause),
            Self::Server(error) => error.source(),
            Self::Interrupted(error) => error.source(),
            Self::Descriptors { .. } | Self::Gathering => None,
        }
    }
}

impl From<ServerError> for DemoError {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Stage(interrupted) => Self::Interrupted(interrupted),
            error => Self::Server(error),
        }
    }
}

impl From<Interrupted> for DemoError {
    fn from(error: Interrupted) -> Self {
        Self::Interrupted(error)
    }
}

impl From<CrowdError> for DemoError {
    fn from(error: CrowdError) -> Self {
        Self::Interrupted(error.into())
    }
}
