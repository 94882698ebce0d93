//! Why a restart failed.
//!
//! In: what went wrong at which step. Out: [`Failure`], plain data that can cross an exec, and its words. Must hold: the
//! words name the step, the object and the reason, and stand alone.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::generation::Exit;

/// Why a restart (or a first start) failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// The new binary refuses the configuration.
    Configuration {
        /// Its diagnostics.
        diagnostics: String,
    },
    /// The new binary cannot even say what it thinks of the configuration.
    Check {
        /// How it ended.
        exit: Exit,
        /// What it wrote to standard error.
        said: String,
    },
    /// It did not say so in time.
    CheckTimeout(Duration),
    /// A program cannot be started.
    Spawn {
        /// Its path.
        program: String,
        /// What the kernel says.
        cause: String,
    },
    /// A listening socket cannot be had.
    Bind(String),
    /// A backend's program (`bin-path`) cannot be had.
    Program(String),
    /// The new generation ended before it was ready.
    NeverReady {
        /// How.
        exit: Exit,
        /// What it said last.
        said: Option<String>,
    },
    /// It was not ready in time.
    ReadyTimeout(Duration),
    /// It ended while it took over.
    Crashed {
        /// How.
        exit: Exit,
        /// Connections that it had taken and that ended with it, if the old generation has said so.
        lost: Option<u64>,
    },
    /// The old generation could not hand over.
    Handover {
        /// Why, in its words.
        reason: String,
    },
    /// Both ended during the handover.
    BothGone(Exit),
    /// A stop came in between.
    Stopped,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration { diagnostics } => f.write_str(diagnostics.trim_end()),
            Self::Check { exit, said } if said.is_empty() => {
                write!(f, "checking the configuration: {exit}")
            }
            Self::Check { exit, said } => {
                write!(f, "checking the configuration: {exit}\n{}", said.trim_end())
            }
            Self::CheckTimeout(limit) => write!(
                f,
                "checking the configuration: no result after {} s",
                limit.as_secs()
            ),
            Self::Spawn { program, cause } => write!(f, "start {program}: {cause}"),
            Self::Bind(reason) | Self::Program(reason) => f.write_str(reason),
            Self::NeverReady { exit, said } => match said {
                Some(said) => write!(f, "the new generation did not start ({exit}): {said}"),
                None => write!(f, "the new generation did not start ({exit})"),
            },
            Self::ReadyTimeout(limit) => write!(
                f,
                "the new generation was not ready after {} s",
                limit.as_secs_f32()
            ),
            Self::Crashed { exit, lost } => {
                write!(f, "the new generation ended while it took over ({exit})")?;
                match lost {
                    Some(0) => Ok(()),
                    Some(lost) => write!(
                        f,
                        "; connections that it had taken and that are lost: {lost}"
                    ),
                    None => f.write_str("; the old one has not said what was lost"),
                }
            }
            Self::Handover { reason } => write!(f, "the handover failed: {reason}"),
            Self::BothGone(exit) => write!(
                f,
                "both generations ended during the handover (the new one: {exit})"
            ),
            Self::Stopped => f.write_str("the server was told to stop"),
        }
    }
}
