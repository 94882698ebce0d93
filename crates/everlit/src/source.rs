//! Where a configuration comes from.
//!
//! In: the command line, or the descriptors a process was started with. Out: [`Source`], which can cross to another
//! process. Must hold: a reload reads a [`Source::File`] anew and a [`Source::Text`] as it was.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where a configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `-f FILE`, as an absolute path.
    File(PathBuf),
    /// Standard input (`-f -`), or the text made up by `everlit serve DIR`.
    Text {
        /// How messages call it: `standard input`, `serve /srv/www`.
        name: String,
        /// The configuration.
        text: String,
        /// Directory that relative includes start from.
        directory: PathBuf,
    },
}

impl Source {
    /// What two processes must have in common to be the same instance: the path of the file, or the name of the text.
    pub fn identity(&self) -> &Path {
        match self {
            Source::File(path) => path,
            Source::Text { name, .. } => Path::new(name),
        }
    }
}
