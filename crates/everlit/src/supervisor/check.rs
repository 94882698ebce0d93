//! Asking the binary on disk what it thinks of the configuration.
//!
//! In: a running `everlit plan`, and readiness of its pipes. Out: its [`Plan`], or why there is none. Must hold: what it
//! writes is bounded; what it leaves running does not make us wait.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, pidfd_send_signal};

use super::binary::{Binary, config_file, environment};
use super::failure::Failure;
use super::generation::Exit;
use crate::link::CONFIG_NAME;
use crate::plan::Plan;
use crate::source::Source;
use crate::sys::spawn::{Child, Program, Station, spawn};

/// Most bytes of a plan.
const PLAN_MAX: usize = 4 * 1024 * 1024;
/// Most bytes of diagnostics.
const DIAGNOSTICS_MAX: usize = 64 * 1024;

/// A running check. Dropped before its end, it is killed.
#[derive(Debug)]
pub(crate) struct Check {
    child: Child,
    plan: Pipe,
    diagnostics: Pipe,
}

#[derive(Debug)]
struct Pipe {
    /// None once everything was read.
    file: Option<File>,
    content: Vec<u8>,
    limit: usize,
}

impl Check {
    /// Starts it.
    pub(crate) fn start(binary: &Binary, source: &Source, directory: &Path) -> io::Result<Self> {
        let null = File::open("/dev/null")?;
        let (plan, plan_writer) = pipe_with(PipeFlags::CLOEXEC)?;
        let (diagnostics, diagnostics_writer) = pipe_with(PipeFlags::CLOEXEC)?;
        let config = config_file(source)?;
        let descriptors: Vec<(&'static str, BorrowedFd<'_>)> = config
            .iter()
            .map(|config| (CONFIG_NAME, config.as_fd()))
            .collect();
        let child = spawn(&Program {
            path: binary.path(),
            directory,
            arguments: &binary.arguments("plan", source),
            environment: &environment([]),
            streams: [
                Some(null.as_fd()),
                Some(plan_writer.as_fd()),
                Some(diagnostics_writer.as_fd()),
            ],
            descriptors: &descriptors,
            station: Station::Ours,
        })?;
        Ok(Self {
            child,
            plan: Pipe::new(plan, PLAN_MAX)?,
            diagnostics: Pipe::new(diagnostics, DIAGNOSTICS_MAX)?,
        })
    }

    /// What to wait for: any of these being readable.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [&self.plan, &self.diagnostics]
            .into_iter()
            .filter_map(|pipe| pipe.file.as_ref())
            .map(|file| file.as_fd())
            .chain([self.child.handle.as_fd()])
    }

    /// Reads what is there; the result, once the process has ended.
    pub(crate) fn step(&mut self) -> Option<Result<Plan, Failure>> {
        // First whether it has ended, then what it wrote: all of it is in the pipes by then.
        let exit = super::worker::exit_of(self.child.handle.as_fd());
        self.plan.read();
        self.diagnostics.read();
        let exit = exit?;
        let said = String::from_utf8_lossy(&self.diagnostics.content).into_owned();
        Some(match exit {
            Exit::Code(0) => {
                serde_json::from_slice(&self.plan.content).map_err(|error| Failure::Check {
                    exit,
                    said: format!("{said}its plan cannot be read: {error}"),
                })
            }
            Exit::Code(255) if !said.is_empty() => {
                Err(Failure::Configuration { diagnostics: said })
            }
            _ => Err(Failure::Check { exit, said }),
        })
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        if super::worker::exit_of(self.child.handle.as_fd()).is_none() {
            // The kill cannot fail on a child that was not waited for, and it ends at once.
            let _ = pidfd_send_signal(&self.child.handle, Signal::KILL);
            super::worker::wait_for(self.child.handle.as_fd());
        }
    }
}

impl Pipe {
    fn new(reader: OwnedFd, limit: usize) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&reader, true)?;
        Ok(Self {
            file: Some(reader.into()),
            content: Vec::new(),
            limit,
        })
    }

    fn read(&mut self) {
        let Some(file) = &mut self.file else {
            return;
        };
        let mut buffer = [0; 16 * 1024];
        loop {
            match file.read(&mut buffer) {
                // Too much is cut off: the rest would not be read by anybody either.
                Ok(length) if length > 0 && self.content.len() + length <= self.limit => {
                    self.content.extend_from_slice(&buffer[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.file = None;
                    return;
                }
            }
        }
    }
}
