//! A generation as a process: its number, its pidfd and the line to it.
//!
//! In: what to start it with, and what to tell it. Out: what it says and how it ends. Must hold: signals go through the
//! pidfd, so they cannot hit a stranger; a generation that does not read its line cannot make us wait.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::net::sockopt::socket_acceptconn;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_send_signal, waitid,
};

use super::binary::{Binary, config_file, environment};
use super::generation::{Exit, Generation};
use super::silence::Silence;
use crate::link::{
    BOUND_NAME, CONFIG_NAME, CONTROL_NAME, FromGeneration, GENERATION_VARIABLE, GenerationStatus,
    HANDOVER_NAME, LINK_NAME, LISTEN_NAME, Line, LineError, RETIRE_NAME, Received, ToGeneration,
};
use crate::source::Source;
use crate::sys::spawn::{Program, Station, spawn};

/// A generation that we started.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) generation: Generation,
    pub(crate) pid: Pid,
    handle: OwnedFd,
    /// None once it is closed.
    line: Option<Line>,
    /// Its last figures, until they are asked for again.
    pub(crate) figures: Option<GenerationStatus>,
    /// How long it has said nothing, while it leaves.
    pub(crate) silence: Silence,
}

/// What a generation is started with.
#[derive(Debug)]
pub(crate) struct Birth<'a> {
    pub(crate) generation: Generation,
    pub(crate) binary: &'a Binary,
    pub(crate) source: &'a Source,
    pub(crate) directory: &'a Path,
    pub(crate) listeners: Vec<BorrowedFd<'a>>,
    pub(crate) retiring: Vec<BorrowedFd<'a>>,
    pub(crate) handover: Option<BorrowedFd<'a>>,
    pub(crate) control: BorrowedFd<'a>,
    pub(crate) notify_socket: OsString,
    pub(crate) output: Output,
}

/// Where a generation's standard output and error go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Where ours go.
    Ours,
    /// Nowhere: whoever started us must not be kept waiting for their end.
    Nowhere,
}

impl Worker {
    /// Starts a generation.
    pub(crate) fn start(birth: Birth<'_>) -> io::Result<Self> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let (line, theirs) = Line::pair()?;
        let config = config_file(birth.source)?;
        let mut descriptors: Vec<(&'static str, BorrowedFd<'_>)> = Vec::new();
        descriptors.extend(
            birth
                .listeners
                .iter()
                .map(|socket| (name_of(*socket), *socket)),
        );
        descriptors.extend(birth.retiring.iter().map(|socket| (RETIRE_NAME, *socket)));
        descriptors.extend(birth.handover.map(|socket| (HANDOVER_NAME, socket)));
        descriptors.extend(config.iter().map(|file| (CONFIG_NAME, file.as_fd())));
        descriptors.push((LINK_NAME, theirs.as_fd()));
        descriptors.push((CONTROL_NAME, birth.control));
        let output = match birth.output {
            Output::Ours => None,
            Output::Nowhere => Some(null.as_fd()),
        };
        let child = spawn(&Program {
            path: birth.binary.path(),
            directory: birth.directory,
            arguments: &birth.binary.arguments("generation", birth.source),
            environment: &environment([
                ("NOTIFY_SOCKET", birth.notify_socket),
                (
                    GENERATION_VARIABLE,
                    birth.generation.number().to_string().into(),
                ),
            ]),
            streams: [Some(null.as_fd()), output, output],
            descriptors: &descriptors,
            station: Station::Ours,
        })?;
        Ok(Self {
            generation: birth.generation,
            pid: child.pid,
            handle: child.handle,
            line: Some(line),
            figures: None,
            silence: Silence::default(),
        })
    }

    /// Put together again after an exec.
    pub(crate) fn resume(
        generation: Generation,
        pid: Pid,
        handle: OwnedFd,
        line: Option<OwnedFd>,
        silence: Silence,
    ) -> Self {
        Self {
            generation,
            pid,
            handle,
            line: line.map(Line::new),
            figures: None,
            silence,
        }
    }

    /// Readable when it has ended.
    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Readable when it has said something.
    pub(crate) fn line(&self) -> Option<BorrowedFd<'_>> {
        self.line.as_ref().map(|line| line.as_fd())
    }

    /// Tells it something.
    pub(crate) fn tell(
        &self,
        message: &ToGeneration,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), LineError> {
        match &self.line {
            Some(line) => line.send(message, descriptors),
            None => Err(LineError::Io(io::ErrorKind::NotConnected.into())),
        }
    }

    /// What it says next, if it has said something.
    pub(crate) fn hear(&mut self) -> Result<Option<FromGeneration>, LineError> {
        let Some(line) = &self.line else {
            return Ok(None);
        };
        match line.receive()? {
            Received::Message(message, _) => Ok(Some(message)),
            Received::Nothing => Ok(None),
            Received::Closed => {
                self.line = None;
                Ok(None)
            }
        }
    }

    /// Sends a signal; to a process that has ended it is nothing.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.handle, signal);
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        exit_of(self.handle.as_fd())
    }
}

/// Whether a socket listens already, for its generation.
fn name_of(socket: BorrowedFd<'_>) -> &'static str {
    match socket_acceptconn(socket) {
        Ok(false) => BOUND_NAME,
        _ => LISTEN_NAME,
    }
}

/// How the process of a pidfd ended, if it has. A child is reaped by this.
pub(super) fn exit_of(handle: BorrowedFd<'_>) -> Option<Exit> {
    wait(handle, WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
}

/// Waits until the process of a pidfd has ended.
pub(super) fn wait_for(handle: BorrowedFd<'_>) {
    wait(handle, WaitIdOptions::EXITED);
}

fn wait(handle: BorrowedFd<'_>, options: WaitIdOptions) -> Option<Exit> {
    match waitid(WaitId::PidFd(handle), options) {
        Ok(None) => None,
        Ok(Some(status)) => Some(exit(&status)),
        Err(_not_our_child) => Some(Exit::Unknown),
    }
}

fn exit(status: &WaitIdStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}
