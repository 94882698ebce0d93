//! The private line itself: one end of a `SOCK_SEQPACKET` pair.
//!
//! In: messages and the descriptors that belong to them. Out: the same at the other end, one by one. Must hold: never
//! blocks; descriptors arrive close-on-exec; what cannot be read as a message is an error, and the line lives on.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::MESSAGE_MAX;

/// Most descriptors in one message; the kernel's own limit is 253.
pub const DESCRIPTORS_MAX: usize = 64;

/// One end of the line.
#[derive(Debug)]
pub struct Line(OwnedFd);

/// What was there to receive.
#[derive(Debug)]
pub enum Received<M> {
    /// A message with its descriptors.
    Message(M, Vec<OwnedFd>),
    /// Nothing now.
    Nothing,
    /// The other end is closed, and everything it said was received.
    Closed,
}

/// Why a message could not be sent or received.
#[derive(Debug)]
pub enum LineError {
    /// The kernel refused.
    Io(io::Error),
    /// The other side's message cannot be understood; the next one may.
    Message(serde_json::Error),
    /// The other side's message was longer than [`MESSAGE_MAX`] or had too many descriptors.
    TooLong,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io(_) => "line between supervisor and generation",
            Self::Message(_) => "line between supervisor and generation: unknown message",
            Self::TooLong => "line between supervisor and generation: message too long",
        })
    }
}

impl std::error::Error for LineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(cause) => Some(cause),
            Self::Message(cause) => Some(cause),
            Self::TooLong => None,
        }
    }
}

impl From<Errno> for LineError {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl Line {
    /// Both ends of a new line.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        Ok((Self(one), Self(other)))
    }

    /// An end that was inherited.
    pub fn new(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Sends a message; `WouldBlock` when the other side has stopped reading.
    pub fn send(
        &self,
        message: &impl Serialize,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), LineError> {
        let text = serde_json::to_vec(message).map_err(LineError::Message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors))
        {
            return Err(LineError::TooLong);
        }
        sendmsg(
            &self.0,
            &[IoSlice::new(&text)],
            &mut ancillary,
            SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
        )?;
        Ok(())
    }

    /// Receives the next message, if there is one.
    pub fn receive<M: DeserializeOwned>(&self) -> Result<Received<M>, LineError> {
        let mut text = vec![0; MESSAGE_MAX];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = match recvmsg(
            &self.0,
            &mut [IoSliceMut::new(&mut text)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
        ) {
            Ok(received) => received,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Received::Nothing),
            Err(Errno::CONNRESET) => return Ok(Received::Closed),
            Err(errno) => return Err(errno.into()),
        };
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if received
            .flags
            .intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC)
        {
            return Err(LineError::TooLong);
        }
        if received.bytes == 0 {
            return Ok(Received::Closed);
        }
        let message =
            serde_json::from_slice(&text[..received.bytes]).map_err(LineError::Message)?;
        Ok(Received::Message(message, descriptors))
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Line> for OwnedFd {
    fn from(line: Line) -> Self {
        line.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FromGeneration, ToGeneration};
    use super::*;

    #[test]
    fn messages_and_descriptors_arrive_together_and_in_order() {
        let (supervisor, generation) = Line::pair().unwrap();
        let file = tempfile::tempfile().unwrap();
        let leave = ToGeneration::Leave {
            drain_limit_ms: Some(7),
        };
        supervisor.send(&leave, &[file.as_fd()]).unwrap();
        supervisor.send(&ToGeneration::Status, &[]).unwrap();
        let Received::Message(first, descriptors) = generation.receive::<ToGeneration>().unwrap()
        else {
            panic!("a message was sent");
        };
        assert_eq!((first, descriptors.len()), (leave, 1));
        assert!(matches!(
            generation.receive::<ToGeneration>().unwrap(),
            Received::Message(ToGeneration::Status, none) if none.is_empty()
        ));
        assert!(matches!(
            generation.receive::<ToGeneration>().unwrap(),
            Received::Nothing
        ));
    }

    #[test]
    fn an_unknown_message_is_an_error_and_the_line_lives() {
        let (supervisor, generation) = Line::pair().unwrap();
        generation.send(&"gibberish", &[]).unwrap();
        assert!(matches!(
            supervisor.receive::<FromGeneration>(),
            Err(LineError::Message(_))
        ));
        drop(generation);
        assert!(matches!(
            supervisor.receive::<FromGeneration>().unwrap(),
            Received::Closed
        ));
    }
}
