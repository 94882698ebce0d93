//! A file that what is compressed is written to as well, for those who ask for the same (`deflate.cache-dir`).
//!
//! In: bytes. Out: a file of this name, when all of them are there. Must hold: under its own name it is complete, whoever
//! else is writing the same at that moment, in this process or another; what never becomes complete is removed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The file, until it is complete.
#[derive(Debug)]
pub struct Keep {
    file: File,
    path: PathBuf,
    /// What it is called meanwhile; empty once it has its name.
    meanwhile: PathBuf,
}

/// So that two threads never mean the same file.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Keep {
    /// Makes it, and the directories that lead to it.
    pub fn begin(path: &[u8]) -> io::Result<Keep> {
        let path = PathBuf::from(OsStr::from_bytes(path));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut meanwhile = OsString::from(&path);
        meanwhile.push(format!(".{}-{number}.part", std::process::id()));
        let meanwhile = PathBuf::from(meanwhile);
        let file = match create(&meanwhile) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = path.parent().unwrap_or(Path::new("/"));
                fs::DirBuilder::new().recursive(true).create(parent)?;
                create(&meanwhile)?
            }
            other => other?,
        };
        Ok(Keep {
            file,
            path,
            meanwhile,
        })
    }

    /// Appends to it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// It is complete.
    pub fn complete(mut self) -> io::Result<()> {
        fs::rename(&self.meanwhile, &self.path)?;
        self.meanwhile = PathBuf::new();
        Ok(())
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        if !self.meanwhile.as_os_str().is_empty() {
            // Nobody looks for it: if it stays, it takes room and does no harm.
            let _ = fs::remove_file(&self.meanwhile);
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}
