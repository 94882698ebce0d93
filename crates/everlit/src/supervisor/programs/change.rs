//! What a restart changes about programs.
//!
//! In: the programs that a plan wants. Out: those that are new, started or ready to be; then they stay, or the old ones do.
//! Must hold: nothing that is in force changes before [`Programs::switch`], and [`Programs::roll_back`] undoes even that.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::program::Program;
use super::socket::{Bound, Occupant, Socket};
use super::{Programs, Surroundings};
use crate::plan::ProgramSpec;

/// A change under way.
#[derive(Debug)]
pub(super) struct Staged {
    /// Programs that stay, by id.
    kept: Vec<u64>,
    fresh: Vec<Fresh>,
    foreign: Vec<ProgramSpec>,
}

#[derive(Debug)]
struct Fresh {
    program: Program,
    standing: Standing,
}

/// Where a new program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// At its address.
    There,
    /// Behind the one that it replaces.
    Behind,
}

/// Whether an instance of the same configuration is about to give addresses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::supervisor) enum Address {
    /// No: whoever is there stays there.
    Settled,
    /// Yes: its programs are to be replaced.
    Leaving,
}

/// What there is to say of a change that is in force.
#[derive(Debug, Default)]
pub(in crate::supervisor) struct Changed {
    pub(in crate::supervisor) started: Vec<String>,
    pub(in crate::supervisor) warnings: Vec<String>,
}

/// Why a program cannot be had.
#[derive(Debug)]
pub(in crate::supervisor) struct ProgramError {
    operation: &'static str,
    object: String,
    cause: io::Error,
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The cause is part of the text: it is read by people, in one line, in a report.
        write!(f, "{} {}: {}", self.operation, self.object, self.cause)?;
        match self.cause.kind() {
            io::ErrorKind::NotFound if self.operation == START => {
                f.write_str("; bin-path names a file that must be there, and so must what runs it")
            }
            io::ErrorKind::PermissionDenied if self.operation == START => {
                f.write_str("; the server's user must be able to execute it")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ProgramError {}

const START: &str = "start";

impl Staged {
    pub(super) fn programs(&self) -> impl Iterator<Item = &Program> {
        self.fresh.iter().map(|fresh| &fresh.program)
    }

    pub(super) fn programs_mut(&mut self) -> impl Iterator<Item = &mut Program> {
        self.fresh.iter_mut().map(|fresh| &mut fresh.program)
    }

    pub(super) fn into_programs(self) -> impl Iterator<Item = Program> {
        self.fresh.into_iter().map(|fresh| fresh.program)
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.programs().any(|program| program.id == id)
    }
}

impl Programs {
    /// Has everything that the plan wants, some of it behind what is there now. After a failure, too, the change is to be
    /// rolled back.
    pub(in crate::supervisor) fn stage(
        &mut self,
        wanted: &[ProgramSpec],
        address: Address,
        around: Surroundings<'_>,
        now: Instant,
    ) -> Result<(), ProgramError> {
        let mut staged = Staged {
            kept: Vec::new(),
            fresh: Vec::new(),
            foreign: Vec::new(),
        };
        let mut result = Ok(());
        for (index, spec) in wanted.iter().enumerate() {
            if wanted[..index]
                .iter()
                .any(|other| other.address == spec.address)
            {
                // The first one is there, and that is that: as in lighttpd.
                continue;
            }
            if let Some(same) = self.current.iter().find(|program| program.spec == *spec) {
                staged.kept.push(same.id);
                continue;
            }
            match self.make(spec, address, around, now) {
                Ok(Some(fresh)) => staged.fresh.push(fresh),
                Ok(None) => staged.foreign.push(spec.clone()),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.staged = Some(staged);
        result
    }

    /// None: somebody else is there.
    fn make(
        &mut self,
        spec: &ProgramSpec,
        address: Address,
        around: Surroundings<'_>,
        now: Instant,
    ) -> Result<Option<Fresh>, ProgramError> {
        let fail = |operation, object| {
            move |cause| ProgramError {
                operation,
                object,
                cause,
            }
        };
        let command = spec.arguments.join(" ");
        let identity = spec.identity().map_err(fail(START, command.clone()))?;
        let mut occupant = match address {
            Address::Leaving => Occupant::Leaving,
            Address::Settled => Occupant::Stranger,
        };
        for socket in self.at_address_of(spec) {
            socket.share();
            occupant = Occupant::Ours;
        }
        let bound = Socket::bind(spec, &identity, occupant).map_err(fail("bind", spec.place()))?;
        let (socket, standing) = match bound {
            Bound::There(socket) => (socket, Standing::There),
            Bound::Behind(socket) => (socket, Standing::Behind),
            Bound::Taken => return Ok(None),
        };
        let mut program = Program::new(self.next_id(), spec.clone(), socket);
        let started = match program.socket.listens() {
            true => program.start(around, now),
            false => program.can_be_started(around),
        };
        if let Err(cause) = started {
            program.socket.step_aside();
            program.socket.remove_file();
            return Err(fail(START, command)(cause));
        }
        Ok(Some(Fresh { program, standing }))
    }

    fn at_address_of(&self, spec: &ProgramSpec) -> impl Iterator<Item = &Socket> {
        let retired = self.retired.iter().map(|retired| &retired.program);
        self.current
            .iter()
            .chain(retired)
            .filter(|program| {
                program.spec.address == spec.address && program.spec.chroot == spec.chroot
            })
            .map(|program| &program.socket)
    }

    /// The successor is ready: new programs come to their addresses. After a failure the change is to be rolled back.
    pub(in crate::supervisor) fn switch(
        &mut self,
        around: Surroundings<'_>,
        now: Instant,
    ) -> Result<(), ProgramError> {
        for fresh in self.staged.iter_mut().flat_map(|staged| &mut staged.fresh) {
            let Fresh { program, standing } = fresh;
            if *standing == Standing::There {
                continue;
            }
            let waited = !program.socket.listens();
            program
                .socket
                .take_over(&program.spec)
                .map_err(|cause| ProgramError {
                    operation: "bind",
                    object: program.spec.place(),
                    cause,
                })?;
            *standing = Standing::There;
            if waited {
                program.start(around, now).map_err(|cause| ProgramError {
                    operation: START,
                    object: program.command(),
                    cause,
                })?;
            }
        }
        Ok(())
    }

    /// The change is in force. Programs that it does not keep are needed by generations up to `last_user`, and for at most
    /// `limit`.
    pub(in crate::supervisor) fn commit(
        &mut self,
        last_user: u64,
        limit: Option<Duration>,
        now: Instant,
    ) -> Changed {
        let mut changed = Changed::default();
        let Some(staged) = self.staged.take() else {
            return changed;
        };
        for mut program in std::mem::take(&mut self.current) {
            if staged.kept.contains(&program.id) {
                self.current.push(program);
                continue;
            }
            let replaced = staged
                .programs()
                .any(|fresh| fresh.spec.address == program.spec.address);
            if replaced {
                program.socket.step_aside();
            }
            self.retire(program, last_user, limit, now);
        }
        for retired in &mut self.retired {
            let program = &mut retired.program;
            if staged
                .programs()
                .any(|fresh| fresh.spec.address == program.spec.address)
            {
                program.socket.step_aside();
            }
        }
        for fresh in staged.fresh {
            let mut program = fresh.program;
            program.socket.settle();
            if let Some((pid, _)) = program.running() {
                changed.started.push(format!(
                    "started {} at {}, process {}",
                    program.command(),
                    program.spec.place(),
                    pid.as_raw_nonzero()
                ));
            }
            self.current.push(program);
        }
        for spec in &staged.foreign {
            changed.warnings.push(format!(
                "{}: somebody listens there already, so {} is not started",
                spec.place(),
                spec.arguments.join(" ")
            ));
        }
        self.foreign = staged.foreign;
        changed
    }

    /// The old programs stay. What the successor may have begun with new ones is still finished; it is `last_user`.
    pub(in crate::supervisor) fn roll_back(
        &mut self,
        last_user: u64,
        limit: Option<Duration>,
        now: Instant,
    ) {
        let Some(staged) = self.staged.take() else {
            return;
        };
        for fresh in staged.fresh {
            let mut program = fresh.program;
            program.socket.step_aside();
            match program.running() {
                Some(_) => self.retire(program, last_user, limit, now),
                None => program.socket.remove_file(),
            }
        }
        for program in &mut self.current {
            program.socket.settle();
        }
    }
}
