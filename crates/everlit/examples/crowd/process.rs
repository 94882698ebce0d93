//! What the kernel says about processes.

use std::fs;
use std::io;

use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Becomes readable when the process is gone.
pub(crate) fn watch(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Open descriptors.
pub(crate) fn descriptors(pid: u32) -> io::Result<usize> {
    // The size of the directory is their number, since Linux 6.2; listing a million of them takes a second.
    let size = fs::metadata(format!("/proc/{pid}/fd"))?.len() as usize;
    match size {
        0 => Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count()),
        size => Ok(size),
    }
}

/// Resident memory in KiB.
pub(crate) fn resident_kib(pid: u32) -> io::Result<u64> {
    rollup(pid, "Rss:")
}

/// The part of it that is not pages of the program's file, which come and go as the kernel likes, in KiB.
pub(crate) fn anonymous_kib(pid: u32) -> io::Result<u64> {
    rollup(pid, "Anonymous:")
}

fn rollup(pid: u32, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Its children, dead ones included that nobody has buried.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    children
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Processes that descend from this one, itself included.
pub(crate) fn family(pid: u32) -> usize {
    1 + children(pid).into_iter().map(family).sum::<usize>()
}

/// The machine's load, as people know it.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}
