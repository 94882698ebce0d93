//! Where the control socket of a configuration is.
//!
//! In: environment, user and the configuration's identity. Out: a directory that is private to its owner, and a path in
//! it. Must hold: equal configurations have equal paths, in every version; a directory that somebody else could write to
//! is refused.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::source::Source;

/// Overrides the directory.
pub const RUNTIME_VARIABLE: &str = "EVERLIT_RUNTIME_DIR";
/// How names of control sockets end.
const SUFFIX: &str = ".sock";

/// A directory for control sockets, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeDirectory(PathBuf);

/// Why there is no place for a control socket.
#[derive(Debug)]
pub enum DirectoryError {
    /// It cannot be made or looked at.
    Io {
        /// The directory.
        path: PathBuf,
        /// What the kernel says.
        cause: io::Error,
    },
    /// Not a directory of ours with mode 0700.
    NotPrivate {
        /// The directory.
        path: PathBuf,
    },
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, .. } => write!(f, "directory for control sockets {}", path.display()),
            Self::NotPrivate { path } => write!(
                f,
                "directory for control sockets {}: must be a directory that belongs to you, with mode 0700; \
                 change that, or name another one in {RUNTIME_VARIABLE}",
                path.display()
            ),
        }
    }
}

impl std::error::Error for DirectoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { cause, .. } => Some(cause),
            Self::NotPrivate { .. } => None,
        }
    }
}

impl RuntimeDirectory {
    /// The directory of this user; made if it does not exist.
    pub fn open() -> Result<Self, DirectoryError> {
        let user = rustix::process::geteuid().as_raw();
        let path = choose(
            user,
            env::var_os(RUNTIME_VARIABLE),
            env::var_os("XDG_RUNTIME_DIR"),
        );
        let io = |cause| DirectoryError::Io {
            path: path.clone(),
            cause,
        };
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
            _ => {}
        }
        // Not following links: a link in /tmp may be anybody's.
        let metadata = fs::symlink_metadata(&path).map_err(io)?;
        if !metadata.is_dir() || metadata.uid() != user || metadata.mode() & 0o077 != 0 {
            return Err(DirectoryError::NotPrivate { path });
        }
        Ok(Self(path))
    }

    /// The control socket for this configuration.
    pub fn socket(&self, source: &Source) -> PathBuf {
        self.0.join(file_name(source.identity()))
    }

    /// All control sockets here, dead ones included, in the order of their names.
    pub fn sockets(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension() == Some(OsStr::new("sock")))
            .collect();
        paths.sort();
        paths
    }
}

fn choose(user: u32, named: Option<OsString>, session: Option<OsString>) -> PathBuf {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    named
        .and_then(absolute)
        .or_else(|| (user == 0).then(|| PathBuf::from("/run/everlit")))
        .or_else(|| session.and_then(absolute).map(|path| path.join("everlit")))
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/everlit-{user}")))
}

/// A readable stem and a hash of the whole, so that two `lighttpd.conf` do not meet.
fn file_name(identity: &Path) -> String {
    let stem: String = identity
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => character,
            _ => '-',
        })
        .take(32)
        .collect();
    let hash = fnv_1a(identity.as_os_str().as_bytes());
    format!("{stem}-{:012x}{SUFFIX}", hash >> 16)
}

/// FNV-1a with 64 bits: stable for ever, which the standard library's hash is not. Nobody gains by a collision.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_stable_and_readable() {
        // Golden: a new version must find the old one's socket.
        assert_eq!(
            file_name(Path::new("/etc/lighttpd/lighttpd.conf")),
            "lighttpd-69214b36256d.sock"
        );
        assert_ne!(
            file_name(Path::new("/etc/lighttpd/lighttpd.conf")),
            file_name(Path::new("/srv/lighttpd.conf"))
        );
        assert!(
            file_name(Path::new("serve /srv/www on 127.0.0.1:8080")).starts_with("www-on-127.0.0-")
        );
    }

    #[test]
    fn the_directory_depends_on_the_user() {
        let xdg = || Some(OsString::from("/run/user/7"));
        assert_eq!(choose(0, None, xdg()), Path::new("/run/everlit"));
        assert_eq!(choose(7, None, xdg()), Path::new("/run/user/7/everlit"));
        assert_eq!(choose(7, None, None), Path::new("/tmp/everlit-7"));
        assert_eq!(choose(0, Some("/x".into()), None), Path::new("/x"));
        assert_eq!(
            choose(7, Some("relative".into()), None),
            Path::new("/tmp/everlit-7")
        );
    }
}
