//! What lighttpd's author lists as limits of its restarts (doc/initscripts.txt, and commit messages), one by one: here
//! they work, or the reason why not is told and the old generation serves on.

mod background;
mod chroot;
mod descriptors;
mod listeners;
mod privileges;
mod refused;
mod unused_port;
mod upgrade;
pub(crate) mod wait;
mod workers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Whether we are root. If not, the test says why it is skipped.
fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: {test} needs root");
    }
    root
}

/// Lets others walk through a directory, or keeps them out.
fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

/// The effective user of a process.
fn user_of(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let ids = line.expect("in every kernel").split_whitespace();
    ids.map(|id| id.parse().expect("a number"))
        .nth(1)
        .expect("four of them")
}

/// The user "nobody", as the system knows it.
fn nobody() -> u32 {
    let accounts = fs::read_to_string("/etc/passwd").expect("on every system");
    let line = accounts.lines().find(|line| line.starts_with("nobody:"));
    line.and_then(|line| line.split(':').nth(2)?.parse().ok())
        .expect("on every system")
}
