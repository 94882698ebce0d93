//! What a process was started with: the descriptors of `LISTEN_FDS`.
//!
//! In: the environment as systemd or our supervisor set it. Out: [`Inherited`], each descriptor with one owner and
//! close-on-exec. Must hold: called once, before anything else opens a descriptor; a variable meant for another process
//! (`LISTEN_PID`) is ignored.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::str::FromStr;

use crate::link::{
    BOUND_NAME, CONFIG_NAME, CONTROL_NAME, GENERATION_VARIABLE, HANDOVER_NAME, LINK_NAME,
    RETIRE_NAME,
};
use crate::sys::descriptor;

/// First number of a passed descriptor.
const FIRST: i32 = 3;
/// More descriptors than this are a mistake.
const COUNT_MAX: usize = 4096;

/// What is in our environment for us alone.
pub(crate) const OUR_VARIABLES: [&str; 8] = [
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PIDFDID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    GENERATION_VARIABLE,
];

/// Has a program that is started not take it for its own.
pub(crate) fn forget_in(command: &mut Command) {
    for name in OUR_VARIABLES {
        command.env_remove(name);
    }
}

/// Descriptors a process was started with, by purpose.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Listening sockets to serve; `getsockname` tells which is which.
    pub listeners: Vec<OwnedFd>,
    /// Sockets that are only bound: listen there, and serve them like the others.
    pub bound: Vec<OwnedFd>,
    /// Listening sockets that are configured no longer: serve the accept queue for a grace time, then close.
    pub retiring: Vec<OwnedFd>,
    /// Line to the supervisor (`link.rs`); none when started by systemd or by hand.
    pub link: Option<OwnedFd>,
    /// Connected stream socket on which to take over from a predecessor.
    pub handover: Option<OwnedFd>,
    /// Listening control socket, to be served only when the supervisor is dead.
    pub control: Option<OwnedFd>,
    /// Memory file with the [`Source`](crate::source::Source) as JSON, when the configuration is not a file.
    pub config: Option<OwnedFd>,
}

/// Why the inherited descriptors could not be taken: whoever started us made a mistake.
#[derive(Debug)]
pub enum InheritError {
    /// A variable holds something that is not a number in range.
    Variable {
        /// Its name.
        name: &'static str,
        /// What it held.
        value: OsString,
    },
    /// `LISTEN_FDNAMES` has not one name for each descriptor.
    Names {
        /// Descriptors announced.
        descriptors: usize,
        /// Names given.
        names: usize,
    },
    /// A purpose that can be served once has two descriptors.
    Twice(&'static str),
    /// A number announced is not an open descriptor.
    Descriptor {
        /// The number.
        number: i32,
        /// What the kernel says.
        cause: io::Error,
    },
    /// A descriptor that should be a listening socket is something else.
    NotListening {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for InheritError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, value } => {
                write!(f, "environment variable {name}: bad value {value:?}")
            }
            Self::Names { descriptors, names } => write!(
                f,
                "LISTEN_FDNAMES has {names} names for {descriptors} descriptors"
            ),
            Self::Twice(name) => write!(f, "two descriptors are named {name}"),
            Self::Descriptor { number, .. } => {
                write!(f, "take descriptor {number} announced by LISTEN_FDS")
            }
            Self::NotListening { name } => {
                write!(f, "descriptor {name:?} is not a listening stream socket")
            }
        }
    }
}

impl std::error::Error for InheritError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Descriptor { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

impl Inherited {
    /// Takes what the environment announces; nothing if it announces nothing, or something for another process.
    pub fn take() -> Result<Self, InheritError> {
        let names = announced(
            std::process::id(),
            env::var_os("LISTEN_PID").as_deref(),
            env::var_os("LISTEN_FDS").as_deref(),
            env::var_os("LISTEN_FDNAMES").as_deref(),
        )?;
        let mut inherited = Self::default();
        for (number, name) in (FIRST..).zip(names) {
            let descriptor = descriptor::adopt(number)
                .map_err(|cause| InheritError::Descriptor { number, cause })?;
            inherited.sort(&name, descriptor)?;
        }
        Ok(inherited)
    }

    fn sort(&mut self, name: &str, descriptor: OwnedFd) -> Result<(), InheritError> {
        match name {
            LINK_NAME => put(&mut self.link, LINK_NAME, descriptor),
            HANDOVER_NAME => put(&mut self.handover, HANDOVER_NAME, descriptor),
            CONTROL_NAME => put(&mut self.control, CONTROL_NAME, descriptor),
            CONFIG_NAME => put(&mut self.config, CONFIG_NAME, descriptor),
            BOUND_NAME => {
                self.bound.push(descriptor);
                Ok(())
            }
            _ if !rustix::net::sockopt::socket_acceptconn(descriptor.as_fd()).unwrap_or(false) => {
                Err(InheritError::NotListening {
                    name: name.to_owned(),
                })
            }
            RETIRE_NAME => {
                self.retiring.push(descriptor);
                Ok(())
            }
            _ => {
                self.listeners.push(descriptor);
                Ok(())
            }
        }
    }
}

fn put(
    place: &mut Option<OwnedFd>,
    name: &'static str,
    descriptor: OwnedFd,
) -> Result<(), InheritError> {
    match place.replace(descriptor) {
        None => Ok(()),
        Some(_) => Err(InheritError::Twice(name)),
    }
}

/// Names of the descriptors from 3 on that the environment announces for the process `pid`.
fn announced(
    pid: u32,
    listen_pid: Option<&OsStr>,
    listen_fds: Option<&OsStr>,
    listen_fdnames: Option<&OsStr>,
) -> Result<Vec<String>, InheritError> {
    let (Some(listen_pid), Some(listen_fds)) = (listen_pid, listen_fds) else {
        return Ok(Vec::new());
    };
    if number::<u32>("LISTEN_PID", listen_pid)? != pid {
        return Ok(Vec::new());
    }
    let count: usize = number("LISTEN_FDS", listen_fds)?;
    if count > COUNT_MAX {
        return Err(InheritError::Variable {
            name: "LISTEN_FDS",
            value: listen_fds.to_owned(),
        });
    }
    match listen_fdnames {
        None => Ok(vec!["unknown".to_owned(); count]),
        Some(names) => {
            let names: Vec<String> = names
                .to_string_lossy()
                .split(':')
                .take(COUNT_MAX + 1)
                .map(str::to_owned)
                .collect();
            if count == 0 {
                return Ok(Vec::new());
            }
            if names.len() != count {
                return Err(InheritError::Names {
                    descriptors: count,
                    names: names.len(),
                });
            }
            Ok(names)
        }
    }
}

fn number<T: FromStr>(name: &'static str, value: &OsStr) -> Result<T, InheritError> {
    value
        .to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| InheritError::Variable {
            name,
            value: value.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pid: &str, count: &str, names: Option<&str>) -> Result<Vec<String>, InheritError> {
        announced(
            7,
            Some(OsStr::new(pid)),
            Some(OsStr::new(count)),
            names.map(OsStr::new),
        )
    }

    #[test]
    fn nothing_announced_is_nothing_inherited() {
        assert!(announced(7, None, None, None).unwrap().is_empty());
        assert!(names("8", "2", Some("a:b")).unwrap().is_empty());
        assert!(names("7", "0", Some("")).unwrap().is_empty());
    }

    #[test]
    fn names_and_descriptors_are_matched() {
        assert_eq!(names("7", "2", Some("a:b")).unwrap(), ["a", "b"]);
        assert_eq!(names("7", "1", None).unwrap(), ["unknown"]);
        assert!(matches!(
            names("7", "2", Some("a")),
            Err(InheritError::Names {
                descriptors: 2,
                names: 1
            })
        ));
        assert!(matches!(
            names("7", "-1", None),
            Err(InheritError::Variable { .. })
        ));
        assert!(matches!(
            names("x", "1", None),
            Err(InheritError::Variable { .. })
        ));
        assert!(names("7", "99999", None).is_err());
    }

    #[test]
    fn descriptors_are_sorted_by_name() {
        let listener = || OwnedFd::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let pipe = || rustix::pipe::pipe().unwrap().0;
        let mut inherited = Inherited::default();
        inherited.sort("web.socket", listener()).unwrap();
        inherited.sort("everlit-listen", listener()).unwrap();
        inherited.sort(RETIRE_NAME, listener()).unwrap();
        inherited.sort(LINK_NAME, pipe()).unwrap();
        assert_eq!(inherited.listeners.len(), 2);
        assert_eq!(inherited.retiring.len(), 1);
        assert!(inherited.link.is_some());
        assert!(matches!(
            inherited.sort(LINK_NAME, pipe()),
            Err(InheritError::Twice(LINK_NAME))
        ));
        assert!(matches!(
            inherited.sort("web", pipe()),
            Err(InheritError::NotListening { .. })
        ));
    }
}
