//! Programs over an exec of the supervisor.
//!
//! In: [`Programs`] between two restarts. Out: plain data with descriptors by number, and [`Programs`] again. Must hold:
//! every descriptor that the data names is among [`Programs::descriptors`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::program::{Program, ProgramState};
use super::{Phase, Programs, Retired};
use crate::plan::ProgramSpec;
use crate::supervisor::age;

/// All programs as plain data; no restart is under way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::supervisor) struct ProgramsState {
    current: Vec<ProgramState>,
    retired: Vec<RetiredState>,
    foreign: Vec<ProgramSpec>,
    last_id: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct RetiredState {
    program: ProgramState,
    phase: Phase,
    last_user: u64,
    #[serde(with = "age::option")]
    until: Option<Instant>,
}

impl Programs {
    pub(in crate::supervisor) fn state(&self) -> ProgramsState {
        ProgramsState {
            current: self.current.iter().map(Program::state).collect(),
            retired: self
                .retired
                .iter()
                .map(|retired| RetiredState {
                    program: retired.program.state(),
                    phase: retired.phase,
                    last_user: retired.last_user,
                    until: retired.until,
                })
                .collect(),
            foreign: self.foreign.clone(),
            last_id: self.last_id,
        }
    }

    /// Every descriptor that the state names.
    pub(in crate::supervisor) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.current
            .iter()
            .chain(self.retired.iter().map(|retired| &retired.program))
            .flat_map(|program| [Some(program.socket.as_fd()), program.handle()])
            .flatten()
    }

    /// Put together again after an exec.
    pub(in crate::supervisor) fn resume<E>(
        state: ProgramsState,
        now: Instant,
        adopt: impl Fn(i32) -> Result<OwnedFd, E> + Copy,
    ) -> Result<Self, E> {
        let mut programs = Self {
            foreign: state.foreign,
            last_id: state.last_id,
            ..Self::default()
        };
        for saved in state.current {
            programs.current.extend(Program::resume(saved, adopt)?);
        }
        for saved in state.retired {
            let program = Program::resume(saved.program, adopt)?;
            programs.retired.extend(program.map(|program| Retired {
                program,
                phase: saved.phase,
                last_user: saved.last_user,
                until: saved.until,
            }));
        }
        programs.look_at = (!programs.retired.is_empty()).then_some(now);
        Ok(programs)
    }
}
