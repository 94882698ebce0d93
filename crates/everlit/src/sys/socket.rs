//! Socket options that rustix does not know.
//!
//! In: a borrowed socket. Out: the option changed. Must hold: values are plain integers of the size the kernel expects.
#![allow(unsafe_code, reason = "setsockopt with options rustix does not know")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `TCP_DEFER_ACCEPT`: whether (and for how many seconds at most) a connection waits in the kernel for its first bytes.
pub(crate) fn set_defer_accept(socket: BorrowedFd<'_>, seconds: u32) -> io::Result<()> {
    let seconds = libc::c_int::try_from(seconds).unwrap_or(libc::c_int::MAX);
    set(socket, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)
}

/// `SO_DETACH_FILTER`: takes a packet filter off again; none there is success.
pub(crate) fn detach_filter(socket: BorrowedFd<'_>) -> io::Result<()> {
    match set(socket, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other,
    }
}

fn set(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>())
        .expect("the size of an int fits in socklen_t");
    // SAFETY: the value lives through the call and has the length said.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
