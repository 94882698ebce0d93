//! Talking to the server's control socket.
//!
//! In: its path. Out: connections, and who serves. Must hold: what the server says of its processes is opened as handles at
//! once, so that it can be held against the kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{PidfdFlags, pidfd_open};

use super::error::{ServerError, kernel};
use super::{Generation, processes};
use crate::control::client::Connection;
use crate::control::message::{Reply, Request, Status};
use crate::demo::site::Site;

/// How long an answer about the status may take.
const STATUS_MAX: Duration = Duration::from_secs(5);

/// The one control socket in our own directory.
pub(super) fn control_socket(site: &Site) -> Result<PathBuf, ServerError> {
    let entries = fs::read_dir(site.runtime()).map_err(kernel("read a directory"))?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "sock")
        })
        .ok_or(ServerError::Unexpected("it has no control socket"))
}

pub(super) fn connect(control: &Path) -> Result<Connection, ServerError> {
    Connection::open(control)?.ok_or(ServerError::Unexpected(
        "nobody listens at its control socket",
    ))
}

pub(super) fn status(control: &Path) -> Result<Status, ServerError> {
    let mut connection = connect(control)?;
    connection.set_patience(Some(STATUS_MAX))?;
    connection.ask(&Request::Status)?;
    match connection.next_reply()? {
        Reply::Status(status) => Ok(*status),
        _ => Err(ServerError::Unexpected("no status")),
    }
}

pub(super) fn serving(status: &Status) -> Result<Generation, ServerError> {
    let entry = status
        .generations
        .first()
        .ok_or(ServerError::Unexpected("no process that serves"))?;
    let pid =
        processes::process(entry.pid).ok_or(ServerError::Unexpected("not a process number"))?;
    let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(kernel("pidfd_open"))?;
    Ok(Generation {
        number: entry.number,
        pid: entry.pid,
        handle,
    })
}
