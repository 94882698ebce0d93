//! The parts that this program plays for itself (doc/restart.md).
//!
//! In: what a supervisor passes. Out: a plan, a generation, a resumed supervisor. Must hold: started by hand they say what
//! is missing, and do no harm.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use super::{SourceError, code, source};
use crate::causes::with_causes;
use crate::inherit::{InheritError, Inherited};
use crate::source::Source;
use crate::sys;
use crate::{config, generation};

/// Why a part cannot be played.
#[derive(Debug)]
enum RoleError {
    Arguments(lexopt::Error),
    Inherited(InheritError),
    Source(SourceError),
    /// Neither `-f FILE` nor a memory file.
    NoConfiguration,
    /// The memory file holds something else.
    MemoryFile(std::io::Error),
}

impl fmt::Display for RoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => error.fmt(f),
            Self::Inherited(error) => error.fmt(f),
            Self::Source(error) => error.fmt(f),
            Self::NoConfiguration => {
                f.write_str("no configuration: neither -f FILE nor a memory file")
            }
            Self::MemoryFile(_) => f.write_str("read the configuration from a memory file"),
        }
    }
}

impl std::error::Error for RoleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Arguments(error) => error.source(),
            Self::Inherited(error) => error.source(),
            Self::Source(error) => error.source(),
            Self::MemoryFile(cause) => Some(cause),
            Self::NoConfiguration => None,
        }
    }
}

/// `everlit generation [-f FILE]`
pub(super) fn generation(parser: Parser) -> ExitCode {
    match prepare(parser) {
        Ok((inherited, source)) => generation::run(inherited, &source),
        Err(error) => fail(&error),
    }
}

/// `everlit plan [-f FILE]`: prints the plan as JSON, or diagnostics to standard error.
pub(super) fn plan(parser: Parser) -> ExitCode {
    let source = match prepare(parser) {
        Ok((_, source)) => source,
        Err(error) => return fail(&error),
    };
    match config::plan(&source) {
        Ok(plan) => {
            let text = serde_json::to_vec(&plan).expect("a plan is plain data with string keys");
            match std::io::stdout().write_all(&text) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("everlit plan: {error}");
                    ExitCode::from(code::FAILED)
                }
            }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(code::SETUP)
        }
    }
}

/// `everlit resume DESCRIPTOR ...`: what follows is only for people who look at the list of processes.
pub(super) fn resume(mut parser: Parser) -> ExitCode {
    match parser.value().and_then(|value| value.parse()) {
        Ok(state) => crate::supervisor::resume::run(state),
        Err(error) => fail(&RoleError::Arguments(error)),
    }
}

fn prepare(mut parser: Parser) -> Result<(Inherited, Source), RoleError> {
    let mut inherited = Inherited::take().map_err(RoleError::Inherited)?;
    let mut file = None;
    while let Some(argument) = parser.next().map_err(RoleError::Arguments)? {
        match argument {
            Arg::Short('f') => file = Some(parser.value().map_err(RoleError::Arguments)?),
            other => return Err(RoleError::Arguments(other.unexpected())),
        }
    }
    let source = match (file, inherited.config.take()) {
        (Some(file), _) => source(file).map_err(RoleError::Source)?,
        (None, Some(memory_file)) => {
            let text = sys::memory_file::read(memory_file).map_err(RoleError::MemoryFile)?;
            serde_json::from_slice(&text).map_err(|error| RoleError::MemoryFile(error.into()))?
        }
        (None, None) => return Err(RoleError::NoConfiguration),
    };
    Ok((inherited, source))
}

fn fail(error: &RoleError) -> ExitCode {
    eprintln!("everlit: {}", with_causes(error));
    ExitCode::from(code::SETUP)
}
