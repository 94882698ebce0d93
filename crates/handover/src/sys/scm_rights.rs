//! Bytes and descriptors through one Unix stream socket (`SCM_RIGHTS`, unix(7)).
//! A send takes borrowed descriptors, a receive gives owned ones, always close-on-exec.
//! Lost or surplus descriptors are never passed over in silence.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

/// Descriptors that one message can carry (`SCM_MAX_FD` in the kernel).
pub const MAX_FDS_PER_MESSAGE: usize = 253;

const CONTROL_BYTES: usize = rustix::cmsg_space!(ScmRights(MAX_FDS_PER_MESSAGE));

/// What one read from the socket brought.
#[derive(Debug)]
pub(crate) struct Received {
    /// Bytes read; 0 means the peer has closed.
    pub(crate) bytes: usize,
    pub(crate) fds: Vec<OwnedFd>,
    pub(crate) loss: Loss,
}

/// Whether the kernel could hand over every descriptor that came with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    None,
    /// `MSG_CTRUNC`: this process may open no more descriptors, or a security module objected.
    Some,
}

/// Sends bytes with descriptors, which travel with the first of the bytes. Returns how many bytes were taken; if fewer
/// than given, the rest is to be sent without descriptors. Never raises SIGPIPE.
///
/// # Errors
/// `InvalidInput` for more than [`MAX_FDS_PER_MESSAGE`] descriptors, or for descriptors without a byte to carry them;
/// otherwise what `sendmsg(2)` says. After an error nothing was sent.
pub fn send_with_fds(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    Ok(send(socket.as_fd(), bytes, fds, SendFlags::empty())?)
}

/// Reads bytes, and the descriptors that came with them; 0 bytes means that the peer has closed.
///
/// One call returns the descriptors of one message at most.
///
/// # Errors
/// `InvalidData` if more than `max_fds` descriptors came, or if the kernel could not install all of them (this process
/// may open no more); those that arrived are closed. Otherwise what `recvmsg(2)` says.
pub fn recv_with_fds(
    socket: impl AsFd,
    buffer: &mut [u8],
    max_fds: usize,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let received = recv(socket.as_fd(), buffer, RecvFlags::empty())?;
    if received.loss == Loss::Some {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "descriptors were lost on arrival: this process may open no more",
        ));
    }
    if received.fds.len() > max_fds {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "more descriptors arrived than were expected",
        ));
    }
    Ok((received.bytes, received.fds))
}

/// As [`send_with_fds`], but never waits, whatever mode the socket is in.
pub(crate) fn try_send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> Result<usize, Errno> {
    send(socket, bytes, fds, SendFlags::DONTWAIT)
}

/// Reads without waiting, whatever mode the socket is in.
pub(crate) fn try_recv(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Received, Errno> {
    recv(socket, buffer, RecvFlags::DONTWAIT)
}

fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> Result<usize, Errno> {
    if bytes.is_empty() && !fds.is_empty() {
        return Err(Errno::INVAL);
    }
    let flags = flags | SendFlags::NOSIGNAL;
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::INVAL);
    }
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)
    })
}

fn recv(socket: BorrowedFd<'_>, buffer: &mut [u8], flags: RecvFlags) -> Result<Received, Errno> {
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)
    })?;
    let mut fds = Vec::new();
    for ancillary in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = ancillary {
            fds.extend(rights);
        }
    }
    let loss = if message.flags.contains(ReturnFlags::CTRUNC) {
        Loss::Some
    } else {
        Loss::None
    };
    Ok(Received {
        bytes: message.bytes,
        fds,
        loss,
    })
}
