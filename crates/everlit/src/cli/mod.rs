//! The command line: which role this process plays.
//!
//! In: arguments. Out: a role, run to its end, and its exit code. Must hold: lighttpd's flags mean what they mean in
//! lighttpd; a mistake is named and changes nothing.

mod check;
mod lighttpd;
mod operate;
mod roles;
mod serve;
mod target;
mod words;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Parser;

use crate::source::Source;

/// Exit codes of the operator's commands; lighttpd's flags have lighttpd's.
pub(crate) mod code {
    /// Refused, or failed.
    pub(crate) const FAILED: u8 = 1;
    /// The command line is wrong.
    pub(crate) const USAGE: u8 = 2;
    /// Nothing is running.
    pub(crate) const NOT_RUNNING: u8 = 3;
    /// What lighttpd answers to any setup failure.
    pub(crate) const SETUP: u8 = 255;
}

/// The whole program.
pub fn main() -> ExitCode {
    if is_setuid() {
        eprintln!("everlit: refuses to run with the privileges of its file (setuid or setgid)");
        return ExitCode::from(code::SETUP);
    }
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    let rest = || Parser::from_args(std::env::args_os().skip(2));
    let result = match first.to_str() {
        Some("serve") => serve::run(rest()),
        Some("reload") => operate::reload(rest()),
        Some("stop") => operate::stop(rest()),
        Some("status") => operate::status(rest()),
        Some("check") => check::run(rest()),
        Some("demo") => crate::demo::run(rest()),
        Some("help" | "--help") => {
            print!("{}", words::HELP);
            return ExitCode::SUCCESS;
        }
        // Parts that this program plays for itself; see doc/restart.md.
        Some("generation") => return roles::generation(rest()),
        Some("plan") => return roles::plan(rest()),
        Some("resume") => return roles::resume(rest()),
        Some("resume-check") => return crate::supervisor::resume::check(),
        _ => return lighttpd::run(Parser::from_env()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("everlit {}: {error}", first.display());
        eprintln!("try: everlit help");
        ExitCode::from(code::USAGE)
    })
}

/// Whoever started us is not who we run as: what they pass, in arguments, variables and descriptors, is not to be trusted.
fn is_setuid() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

/// Why a configuration cannot even be looked for.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// The path cannot be made absolute.
    Path {
        /// As given.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// Standard input cannot be read.
    StandardInput(std::io::Error),
    /// It is not text.
    NotText,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { path, .. } => write!(f, "find {}", path.display()),
            Self::StandardInput(_) => f.write_str("read the configuration from standard input"),
            Self::NotText => f.write_str("the configuration on standard input is not UTF-8 text"),
        }
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Path { cause, .. } | Self::StandardInput(cause) => Some(cause),
            Self::NotText => None,
        }
    }
}

/// What `-f` names: a file, or `-` for standard input.
pub(crate) fn source(name: OsString) -> Result<Source, SourceError> {
    if name == "-" {
        return from_standard_input();
    }
    let absolute = absolute(PathBuf::from(&name)).map_err(|cause| SourceError::Path {
        path: name.into(),
        cause,
    })?;
    Ok(Source::File(absolute))
}

/// The same file has the same path, however it is typed; links are left as they are, because they are changed on purpose.
fn absolute(path: PathBuf) -> std::io::Result<PathBuf> {
    use std::path::Component;
    let path = std::path::absolute(path)?;
    if !path
        .components()
        .any(|component| component == Component::ParentDir)
    {
        return Ok(path.components().collect());
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
        _ => path.canonicalize(),
    }
}

fn from_standard_input() -> Result<Source, SourceError> {
    use std::io::Read;
    /// As in lighttpd.
    const LENGTH_MAX: u64 = 32 * 1024 * 1024;
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .take(LENGTH_MAX)
        .read_to_end(&mut text)
        .map_err(SourceError::StandardInput)?;
    Ok(Source::Text {
        name: "standard input".to_owned(),
        text: String::from_utf8(text).map_err(|_| SourceError::NotText)?,
        directory: std::env::current_dir().map_err(SourceError::StandardInput)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_path() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().canonicalize().unwrap();
        std::fs::create_dir(directory.join("sub")).unwrap();
        let typed = directory.join("sub/../x.conf");
        assert_eq!(absolute(typed).unwrap(), directory.join("x.conf"));
        let typed = directory.join("./x.conf");
        assert_eq!(absolute(typed).unwrap(), directory.join("x.conf"));
    }
}
