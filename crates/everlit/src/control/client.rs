//! The asking side of the control socket.
//!
//! In: requests, and descriptors that go with them. Out: replies, and descriptors that came with them. Must hold: a file
//! that nobody listens at any more is the same as no file.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::line::{LineBuffer, LineTooLong};
use super::message::{MessageError, Reply, Request, decode, encode};
use crate::link::DESCRIPTORS_MAX;

/// Longest reply, in bytes.
const REPLY_MAX: usize = 4 * 1024 * 1024;

/// A connection to a running instance.
#[derive(Debug)]
pub struct Connection {
    path: PathBuf,
    stream: UnixStream,
    input: LineBuffer,
    descriptors: VecDeque<OwnedFd>,
}

/// What went wrong between us and the running instance.
#[derive(Debug)]
pub enum ClientError {
    /// The kernel refused.
    Io {
        /// The socket's file.
        path: PathBuf,
        /// What it says.
        cause: io::Error,
    },
    /// The other side ended the conversation without an answer.
    Closed {
        /// The socket's file.
        path: PathBuf,
    },
    /// What it says cannot be understood: another version, perhaps.
    Message(MessageError),
    /// It says more than any reply is long.
    TooLong,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, .. } => write!(f, "talk to the server at {}", path.display()),
            Self::Closed { path } => write!(
                f,
                "the server at {} closed the conversation without an answer",
                path.display()
            ),
            Self::Message(_) => f.write_str("the server's answer"),
            Self::TooLong => f.write_str("the server's answer is too long"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { cause, .. } => Some(cause),
            Self::Message(cause) => Some(cause),
            Self::Closed { .. } | Self::TooLong => None,
        }
    }
}

impl Connection {
    /// Connects; `None` if nobody listens there.
    pub fn open(path: &Path) -> Result<Option<Self>, ClientError> {
        match UnixStream::connect(path) {
            Ok(stream) => Ok(Some(Self::resume(path, stream.into(), Vec::new()))),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(None)
            }
            Err(cause) => Err(ClientError::Io {
                path: path.to_owned(),
                cause,
            }),
        }
    }

    /// A connection that was open before an exec, with what was read of a reply.
    pub(crate) fn resume(path: &Path, stream: OwnedFd, input: Vec<u8>) -> Self {
        Self {
            path: path.to_owned(),
            stream: stream.into(),
            input: LineBuffer::resume(input, REPLY_MAX),
            descriptors: VecDeque::new(),
        }
    }

    /// What was read and is no whole reply yet.
    pub(crate) fn rest(&self) -> &[u8] {
        self.input.rest()
    }

    /// Where it leads.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives up on an answer after this time; `None`: never.
    pub fn set_patience(&self, patience: Option<Duration>) -> Result<(), ClientError> {
        self.stream
            .set_read_timeout(patience)
            .map_err(|cause| self.io(cause))
    }

    /// Asks.
    pub fn ask(&self, request: &Request) -> Result<(), ClientError> {
        self.ask_with(request, &[])
    }

    /// Asks, and sends descriptors along.
    pub fn ask_with(
        &self,
        request: &Request,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), ClientError> {
        let line = encode(request);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors))
        {
            return Err(ClientError::TooLong);
        }
        // A request is far shorter than a socket's buffer, so it is taken whole.
        sendmsg(
            &self.stream,
            &[IoSlice::new(&line)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )
        .map_err(|errno| self.io(errno.into()))?;
        Ok(())
    }

    /// Waits for the next reply.
    pub fn next_reply(&mut self) -> Result<Reply, ClientError> {
        loop {
            if let Some(reply) = self.whole()? {
                return Ok(reply);
            }
            self.receive(RecvFlags::empty())?;
        }
    }

    /// The next reply if it is there.
    pub(crate) fn try_next_reply(&mut self) -> Result<Option<Reply>, ClientError> {
        loop {
            if let Some(reply) = self.whole()? {
                return Ok(Some(reply));
            }
            match self.receive(RecvFlags::DONTWAIT) {
                Ok(()) => {}
                Err(ClientError::Io { cause, .. }) if cause.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Descriptors that came along with the replies until now.
    pub(crate) fn take_descriptors(&mut self) -> Vec<OwnedFd> {
        self.descriptors.drain(..).collect()
    }

    fn whole(&mut self) -> Result<Option<Reply>, ClientError> {
        match self.input.next_line() {
            Ok(None) => Ok(None),
            Ok(Some(line)) => decode(&line).map(Some).map_err(ClientError::Message),
            Err(LineTooLong) => Err(ClientError::TooLong),
        }
    }

    fn receive(&mut self, flags: RecvFlags) -> Result<(), ClientError> {
        let mut bytes = [0; 16 * 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match recvmsg(
                &self.stream,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut ancillary,
                flags | RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => break 0,
                Err(errno) => return Err(self.io(errno.into())),
                Ok(received) => break received.bytes,
            }
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                self.descriptors.extend(rights);
            }
        }
        if received == 0 {
            return Err(ClientError::Closed {
                path: self.path.clone(),
            });
        }
        self.input.push(&bytes[..received]);
        Ok(())
    }

    fn io(&self, cause: io::Error) -> ClientError {
        ClientError::Io {
            path: self.path.clone(),
            cause,
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
