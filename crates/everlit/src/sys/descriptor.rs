//! Descriptors that were there before us.
//!
//! In: numbers that another program put there for us. Out: [`OwnedFd`]s. Must hold: a number is adopted at most once.
#![allow(
    unsafe_code,
    reason = "a number becomes an owner here and nowhere else"
)]

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Mutex;

use rustix::io::{FdFlags, fcntl_setfd};

/// Numbers that already have an owner in this process.
static ADOPTED: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// Takes ownership of a descriptor that was handed over by number (before this process's program began), and sets its
/// close-on-exec flag.
///
/// The caller must know from a protocol (`LISTEN_FDS`, our own state file) that the number was meant for this process:
/// numbers below 3 are refused, and so is one that was adopted before.
pub(crate) fn adopt(number: RawFd) -> io::Result<OwnedFd> {
    let mut adopted = ADOPTED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if number < 3 || adopted.contains(&number) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: only borrowed for one fcntl, which answers EBADF when nothing is open under that number.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_setfd(borrowed, FdFlags::CLOEXEC)?;
    adopted.insert(number);
    // SAFETY: it is open (the call above succeeded), the protocol says that it is ours, and `ADOPTED` says that no other
    // owner was made here.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::IntoRawFd;

    #[test]
    fn a_number_is_adopted_once() {
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let number = reader.into_raw_fd();
        let owner = adopt(number).unwrap();
        assert!(
            rustix::io::fcntl_getfd(&owner)
                .unwrap()
                .contains(FdFlags::CLOEXEC)
        );
        assert!(adopt(number).is_err());
    }

    #[test]
    fn standard_streams_and_closed_numbers_are_refused() {
        assert!(adopt(2).is_err());
        assert!(adopt(1_000_000).is_err());
    }
}
