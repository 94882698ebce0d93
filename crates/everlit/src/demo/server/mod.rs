//! The server of a demo: this program, as a child.
//!
//! In: a site, and wishes to restart. Out: what became of them, as the control socket says it and as the kernel shows it.
//! Must hold: only what we started is ever signalled, and all of it is gone when [`Server`] is.

mod child;
mod control;
mod error;
mod processes;

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Signal, pidfd_send_signal};

pub(super) use child::{SERVER_ARGUMENT, become_server};
pub(super) use error::ServerError;

use super::site::Site;
use super::stage::{Interrupted, Stage};
use crate::control::message::{Refusal, Reply, Report, Request, Until};
use child::{Started, is_ready, spawn};
use control::{connect, control_socket, serving, status};
use error::kernel;
use processes::{is_over, wait_for};

/// How long a first start may take.
const START_MAX: Duration = Duration::from_secs(30);
/// How long a restart may take, and the old process may stay.
const RESTART_MAX: Duration = Duration::from_secs(30);
/// How long the process that serves may outlive the one that we started.
const ORPHAN_MAX: Duration = Duration::from_secs(1);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    main: Started,
    control: PathBuf,
    address: SocketAddr,
    generation: Generation,
}

/// The process that serves.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) pid: u32,
    /// Readable when it is gone.
    handle: OwnedFd,
}

/// What became of a wish to restart.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is a new process.
    Renewed {
        /// The old one.
        old: Generation,
        /// From the wish until the kernel said that it is gone; `None` if it never was.
        old_gone: Option<Duration>,
        /// What the server says of it.
        report: Box<Report>,
    },
    /// It was refused; the same process serves on.
    Refused(Refusal),
}

impl Server {
    /// Starts it, and waits until it serves.
    pub(super) fn start(site: &Site, stage: &mut Stage) -> Result<Self, ServerError> {
        let notices = UnixDatagram::bind(site.notify()).map_err(kernel("bind a socket"))?;
        notices
            .set_nonblocking(true)
            .map_err(kernel("prepare a socket"))?;
        let mut main = spawn(site)?;
        let until = Instant::now() + START_MAX;
        while !is_ready(&notices)? {
            main.alive()?;
            if Instant::now() >= until {
                return Err(ServerError::NotReady);
            }
            stage.wait(&[notices.as_fd(), main.as_fd()], until)?;
        }
        let control = control_socket(site)?;
        let status = status(&control)?;
        let address = status
            .listeners
            .first()
            .and_then(|listener| listener.address.parse().ok())
            .ok_or(ServerError::Unexpected("no address that it listens on"))?;
        let generation = serving(&status)?;
        Ok(Self {
            main,
            control,
            address,
            generation,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that we started, and that stays.
    pub(super) fn pid(&self) -> u32 {
        self.main.pid()
    }

    /// The process that serves.
    pub(super) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Readable when the process that we started is gone.
    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.main.as_fd()
    }

    /// An error if the process that we started is gone.
    pub(super) fn alive(&mut self) -> Result<(), ServerError> {
        self.main.alive()
    }

    /// The process that the server says to be its own.
    pub(super) fn claimed_pid(&self) -> Result<Option<u32>, ServerError> {
        Ok(status(&self.control)?.supervisor_pid)
    }

    /// Wishes for a restart, and waits until it is over and the old process gone. `asked` is called right before the wish is
    /// sent, with the moment from which on everything is timed.
    pub(super) fn restart(
        &mut self,
        stage: &mut Stage,
        asked: impl FnOnce(&mut Stage, Instant) -> Result<(), Interrupted>,
    ) -> Result<Outcome, ServerError> {
        if is_over(self.generation.handle.as_fd()) {
            // It crashed meanwhile, and the clients know; another one serves.
            self.generation = serving(&status(&self.control)?)?;
        }
        let mut control = connect(&self.control)?;
        let begun = Instant::now();
        asked(stage, begun)?;
        control.ask(&Request::Reload { until: Until::Gone })?;
        let until = begun + RESTART_MAX;
        let mut gone = None;
        let mut answer = None;
        let mut progress = None;
        loop {
            if gone.is_none() && is_over(self.generation.handle.as_fd()) {
                gone = Some(begun.elapsed());
            }
            while answer.is_none()
                && let Some(reply) = control.try_next_reply()?
            {
                match reply {
                    Reply::Progress(now) => progress = Some(now),
                    Reply::Error(refusal) => return Ok(Outcome::Refused(refusal)),
                    Reply::Reloaded(report) => answer = Some(report),
                    _ => return Err(ServerError::Unexpected("not about the restart")),
                }
            }
            self.alive()?;
            let late = Instant::now() >= until;
            match answer.take() {
                Some(report) if gone.is_some() || late => {
                    let new = serving(&status(&self.control)?)?;
                    return Ok(Outcome::Renewed {
                        old: std::mem::replace(&mut self.generation, new),
                        old_gone: gone,
                        report,
                    });
                }
                None if late => {
                    return Err(ServerError::Late { progress });
                }
                unfinished => answer = unfinished,
            }
            let mut watched = vec![self.main.as_fd()];
            if gone.is_none() {
                watched.push(self.generation.handle.as_fd());
            }
            if answer.is_none() {
                watched.push(control.as_fd());
            }
            stage.wait(&watched, until)?;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.main.end();
        // If that was not in order, the process that serves may have stayed.
        if !wait_for(self.generation.handle.as_fd(), ORPHAN_MAX) {
            // It may go just now.
            let _ = pidfd_send_signal(&self.generation.handle, Signal::KILL);
        }
    }
}
