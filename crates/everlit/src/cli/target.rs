//! Which running instance is meant.
//!
//! In: `-f FILE`, or nothing. Out: a connection to that instance, or to the only one there is. Must hold: with several to
//! choose from nothing is guessed.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{SourceError, source};
use crate::control::address::{DirectoryError, RuntimeDirectory};
use crate::control::client::{ClientError, Connection};
use crate::control::message::{Reply, Request};
use crate::source::Source;

/// What is meant if nothing is said and nothing runs.
pub(super) const DEFAULT: &str = "/etc/lighttpd/lighttpd.conf";

/// Why there is nobody to talk to.
#[derive(Debug)]
pub(super) enum TargetError {
    /// It does not run.
    NotRunning {
        /// What was looked for.
        configuration: PathBuf,
    },
    /// Several run.
    Ambiguous {
        /// Their configurations.
        candidates: Vec<String>,
    },
    Source(SourceError),
    Directory(DirectoryError),
    Client(ClientError),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning { configuration } => write!(
                f,
                "no instance of {} is running for this user",
                configuration.display()
            ),
            Self::Ambiguous { candidates } => {
                f.write_str("several instances are running; say which one:")?;
                for candidate in candidates {
                    write!(f, "\n  -f {candidate}")?;
                }
                Ok(())
            }
            Self::Source(error) => error.fmt(f),
            Self::Directory(error) => error.fmt(f),
            Self::Client(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TargetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Source(error) => error.source(),
            Self::Directory(error) => error.source(),
            Self::Client(error) => error.source(),
            Self::NotRunning { .. } | Self::Ambiguous { .. } => None,
        }
    }
}

/// Connects to what is meant.
pub(super) fn find(file: Option<OsString>) -> Result<Connection, TargetError> {
    let directory = RuntimeDirectory::open().map_err(TargetError::Directory)?;
    match file {
        Some(file) => named(&directory, file),
        None => only(&directory),
    }
}

fn named(directory: &RuntimeDirectory, file: OsString) -> Result<Connection, TargetError> {
    // `-f -` may name only itself here: there is nothing to read.
    let source = match file == "-" {
        true => Source::Text {
            name: "standard input".to_owned(),
            text: String::new(),
            directory: PathBuf::new(),
        },
        false => source(file).map_err(TargetError::Source)?,
    };
    open(&directory.socket(&source))?.ok_or_else(|| TargetError::NotRunning {
        configuration: source.identity().to_owned(),
    })
}

fn only(directory: &RuntimeDirectory) -> Result<Connection, TargetError> {
    let mut running = Vec::new();
    for path in directory.sockets() {
        running.extend(open(&path)?);
    }
    match running.len() {
        0 => Err(TargetError::NotRunning {
            configuration: DEFAULT.into(),
        }),
        1 => Ok(running.remove(0)),
        _ => Err(TargetError::Ambiguous {
            candidates: running.into_iter().map(describe).collect(),
        }),
    }
}

fn open(path: &Path) -> Result<Option<Connection>, TargetError> {
    Connection::open(path).map_err(TargetError::Client)
}

fn describe(mut connection: Connection) -> String {
    let asked = connection
        .set_patience(Some(std::time::Duration::from_secs(2)))
        .and_then(|()| connection.ask(&Request::Status))
        .and_then(|()| connection.next_reply());
    match asked {
        Ok(Reply::Status(status)) => status.configuration,
        _ => format!("? ({} does not answer)", connection.path().display()),
    }
}
