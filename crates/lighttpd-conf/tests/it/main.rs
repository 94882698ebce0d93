//! Tests from outside, one module a subject.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may, and clippy knows only the latter"
)]

mod check;
mod conditions;
mod corpus;
mod oracle;
mod properties;
mod report;

use std::path::{Path, PathBuf};

/// `corpus/NAME` in the repository.
fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/corpus")
        .join(name)
}

/// The `*.conf` of a directory, sorted.
fn configurations(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "conf"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no configurations in {directory:?}");
    found
}

/// A canonical print without what differs from run to run: the directory, the process, the environment.
fn masked(print: &str) -> String {
    print
        .lines()
        .map(|line| match line.split_once('=') {
            Some((name, _))
                if ["var.CWD", "var.PID", "var.process", "var.path"].contains(&name.trim()) =>
            {
                format!("{name}= ...\n")
            }
            _ => format!("{line}\n"),
        })
        .collect()
}
