//! Signals as something to read.
//!
//! In: the signals that a supervisor acts on. Out: [`Signals`], a descriptor to wait on, and the signals one by one.
//! Must hold: they stay blocked for the life of the process and across an exec of itself, so none is lost and none kills.
#![allow(
    unsafe_code,
    reason = "rustix has neither signalfd nor a stable signal mask"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What an operator can ask by signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// `SIGUSR1`: graceful restart.
    Restart,
    /// `SIGHUP`: reopen log files.
    ReopenLogs,
    /// `SIGINT`: graceful stop.
    Stop,
    /// `SIGTERM`: stop at once.
    Terminate,
}

/// The blocked signals, readable.
#[derive(Debug)]
pub(crate) struct Signals(OwnedFd);

const HANDLED: [(libc::c_int, Order); 4] = [
    (libc::SIGUSR1, Order::Restart),
    (libc::SIGHUP, Order::ReopenLogs),
    (libc::SIGINT, Order::Stop),
    (libc::SIGTERM, Order::Terminate),
];

impl Signals {
    /// Blocks the signals and opens the descriptor that reads them.
    pub(crate) fn block() -> io::Result<Self> {
        let set = set_of(HANDLED.map(|(number, _)| number));
        // SAFETY: `set` is a valid signal set; changing the mask of this thread (the only one) has no other condition.
        if unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } != 0
        {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above; -1 asks for a new descriptor.
        let number =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new descriptor that nobody else owns.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(number) }))
    }

    /// The next signal that arrived, if any.
    pub(crate) fn next(&self) -> io::Result<Option<Order>> {
        let mut info = std::mem::MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let length = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the buffer is as long as said and plain data.
        let got = unsafe { libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), length) };
        match usize::try_from(got) {
            Ok(got) if got == length => {
                // SAFETY: the kernel filled it; it was zeroed before.
                let number = unsafe { info.assume_init() }.ssi_signo;
                Ok(HANDLED
                    .iter()
                    .find(|(handled, _)| u32::try_from(*handled) == Ok(number))
                    .map(|(_, order)| *order))
            }
            Ok(_) => Ok(None),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                error => Err(error),
            },
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Has a program start with signals as programs expect them: std would let it inherit those that are blocked here,
/// SIGTERM among them.
pub(crate) fn unblock_in(command: &mut Command) {
    // SAFETY: what runs between fork and exec is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            reset_for_exec();
            Ok(())
        });
    }
}

/// Between fork and exec: default dispositions and an empty mask. Async-signal-safe.
pub(super) fn reset_for_exec() {
    // SAFETY: both calls are async-signal-safe; numbers that cannot be changed (SIGKILL) only answer an error.
    unsafe {
        for number in 1..=libc::SIGRTMAX() {
            libc::signal(number, libc::SIG_DFL);
        }
        let mut empty = std::mem::MaybeUninit::<libc::sigset_t>::zeroed();
        libc::sigemptyset(empty.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, empty.as_ptr(), std::ptr::null_mut());
    }
}

fn set_of<const N: usize>(numbers: [libc::c_int; N]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set is initialised by the first call before it is used; the numbers are constants of this platform.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for number in numbers {
            libc::sigaddset(set.as_mut_ptr(), number);
        }
        set.assume_init()
    }
}
