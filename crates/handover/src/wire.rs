//! Bytes of a message (to be completed).
use std::os::fd::{BorrowedFd, OwnedFd};

/// What came with a stretch of received bytes besides the bytes.
#[derive(Debug)]
pub enum Arrived {
    /// These descriptors, often none.
    Whole(Vec<OwnedFd>),
    /// Descriptors, of which the kernel could not install all (`MSG_CTRUNC`). Those it could are closed by now.
    Truncated,
}

/// The next stretch of bytes to be sent.
#[derive(Debug)]
pub struct Transmit<'a> {
    /// Never empty.
    pub bytes: &'a [u8],
    /// To be sent in the same `sendmsg(2)` as the first of the bytes.
    pub fds: Vec<BorrowedFd<'a>>,
}
