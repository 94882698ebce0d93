//! The program on disk, and how its roles are started.
//!
//! In: how this process was started. Out: the path that is run at every restart, and an environment for children. Must
//! hold: the path is chosen once, at the first start, and kept; what is there is looked at anew each time.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::inherit::OUR_VARIABLES;
use crate::link::CONFIG_NAME;
use crate::source::Source;
use crate::sys;

/// The program that this process was started from, by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Binary {
    path: PathBuf,
}

/// Which file a path led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileState {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl FileState {
    /// What this process is running.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        Self::of(Path::new("/proc/self/exe"))
    }

    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

impl Binary {
    /// Finds it: what was typed if that is a path, else the entry of `PATH` that is this very file, else this very file.
    pub(crate) fn find() -> io::Result<Self> {
        let typed = env::args_os().next().unwrap_or_default();
        let path = match typed.as_bytes().contains(&b'/') {
            true => std::path::absolute(&typed)?,
            false => match in_path(&typed) {
                Some(path) => path,
                None => env::current_exe()?,
            },
        };
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is there now.
    pub(crate) fn state(&self) -> io::Result<FileState> {
        FileState::of(&self.path)
    }

    /// Arguments for a role: `everlit ROLE -f FILE`.
    pub(crate) fn arguments(&self, role: &str, source: &Source) -> Vec<OsString> {
        let mut arguments = vec![self.path.clone().into_os_string(), role.into()];
        if let Source::File(path) = source {
            arguments.extend(["-f".into(), path.clone().into_os_string()]);
        }
        arguments
    }
}

fn in_path(name: &OsStr) -> Option<PathBuf> {
    let us = fs::metadata("/proc/self/exe").ok()?;
    let same = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|file| (file.dev(), file.ino()) == (us.dev(), us.ino()))
    };
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(name))
        .filter(|path| path.is_absolute())
        .find(same)
}

/// Our environment without what was meant for us alone, and with what is meant for the child.
pub(crate) fn environment(
    extra: impl IntoIterator<Item = (&'static str, OsString)>,
) -> Vec<(OsString, OsString)> {
    env::vars_os()
        .filter(|(name, _)| !OUR_VARIABLES.iter().any(|ours| name == ours))
        .chain(
            extra
                .into_iter()
                .map(|(name, value)| (OsString::from(name), value)),
        )
        .collect()
}

/// A configuration that is not a file, as a memory file for a child.
pub(crate) fn config_file(source: &Source) -> io::Result<Option<std::os::fd::OwnedFd>> {
    match source {
        Source::File(_) => Ok(None),
        Source::Text { .. } => {
            let text = serde_json::to_vec(source)?;
            Ok(Some(sys::memory_file::write(CONFIG_NAME, &text)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_started_with_the_file_or_without() {
        let binary = Binary {
            path: "/usr/sbin/everlit".into(),
        };
        let file = Source::File("/etc/x.conf".into());
        assert_eq!(
            binary.arguments("generation", &file),
            ["/usr/sbin/everlit", "generation", "-f", "/etc/x.conf"]
        );
        let text = Source::Text {
            name: "standard input".to_owned(),
            text: "x".to_owned(),
            directory: "/".into(),
        };
        assert_eq!(binary.arguments("plan", &text).len(), 2);
        let mut passed =
            crate::sys::memory_file::read(config_file(&text).unwrap().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Source>(&passed).unwrap(), text);
        passed.clear();
        assert!(config_file(&file).unwrap().is_none());
    }

    #[test]
    fn a_replaced_file_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("everlit");
        fs::write(&path, "one").unwrap();
        let binary = Binary { path: path.clone() };
        let before = binary.state().unwrap();
        assert_eq!(binary.state().unwrap(), before);
        fs::write(directory.path().join("new"), "two").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        assert_ne!(binary.state().unwrap(), before);
    }
}
