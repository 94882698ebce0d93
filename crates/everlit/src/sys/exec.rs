//! Becoming another program.
//!
//! In: its path, arguments and the descriptors to keep. Out: only a failure comes back. Must hold: the signal mask stays
//! as it is, so a signal that arrives in between waits for the new program instead of killing it.
#![allow(
    unsafe_code,
    reason = "execv takes pointers; std's exec would unblock signals first"
)]

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::{FdFlags, fcntl_setfd};

/// Replaces this program; the environment and the descriptors in `keep` (and 0, 1, 2) survive under their numbers.
pub(crate) fn replace(program: &Path, arguments: &[&OsStr], keep: &[BorrowedFd<'_>]) -> io::Error {
    match prepare_and_replace(program, arguments, keep) {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

fn prepare_and_replace(
    program: &Path,
    arguments: &[&OsStr],
    keep: &[BorrowedFd<'_>],
) -> io::Result<std::convert::Infallible> {
    let path = CString::new(program.as_os_str().as_bytes())?;
    let arguments = arguments
        .iter()
        .map(|argument| CString::new(argument.as_bytes()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut pointers: Vec<*const libc::c_char> = arguments.iter().map(|a| a.as_ptr()).collect();
    pointers.push(std::ptr::null());
    for descriptor in keep {
        fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    // SAFETY: `path` and each argument are NUL-terminated and outlive the call; the list ends with a null pointer.
    unsafe { libc::execv(path.as_ptr(), pointers.as_ptr()) };
    let error = io::Error::last_os_error();
    for descriptor in keep {
        fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    }
    Err(error)
}
