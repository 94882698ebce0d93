//! Processes by their handles.
//!
//! In: process numbers, handles. Out: whether they are gone, and who their children are. Must hold: a number that has found
//! another process is never taken for the old one.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::Timespec;

use crate::demo::kernel;

/// Handles of a process's children.
pub(super) fn offspring(pid: u32) -> Vec<OwnedFd> {
    let children = |pid| kernel::children_of(pid).unwrap_or_default();
    let handles: Vec<(u32, OwnedFd)> = children(pid)
        .into_iter()
        .filter_map(|child| {
            Some((
                child,
                pidfd_open(process(child)?, PidfdFlags::empty()).ok()?,
            ))
        })
        .collect();
    // A number may have found another process meanwhile; one that is still a child is the same.
    let still = children(pid);
    handles
        .into_iter()
        .filter(|(child, _)| still.contains(child))
        .map(|(_, handle)| handle)
        .collect()
}

pub(super) fn process(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

pub(super) fn is_over(handle: BorrowedFd<'_>) -> bool {
    wait_for(handle, Duration::ZERO)
}

/// Waits until this process is gone; false if it is not by then.
pub(super) fn wait_for(handle: BorrowedFd<'_>, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut watched = [PollFd::from_borrowed_fd(handle, PollFlags::IN)];
        match poll(&mut watched, Some(&timeout)) {
            Ok(count) => return count > 0,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
