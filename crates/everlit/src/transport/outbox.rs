//! 9. Bytes and file ranges that are still owed to the client.
//!
//! In: response heads and bodies. Out: as much of them as the socket takes. Must hold: order; what was sent is gone from
//! here, what was not is still here, at every moment, so that it can be frozen.

use std::collections::VecDeque;

use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::net::SendFlags;

use crate::response::FileRange;

/// Bytes of a file that are sent in one go before other connections have their turn.
const FILE_TURN: u64 = 2 << 20;

/// What is owed to the client.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Comes first. Its memory is kept from one response to the next.
    bytes: Vec<u8>,
    /// How much of `bytes` is sent.
    sent: usize,
    /// Comes after `bytes`.
    rest: VecDeque<Segment>,
}

/// A piece of what is owed.
#[derive(Debug)]
pub enum Segment {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Part of a file; becomes shorter from the front as it is sent.
    File(FileRange),
}

/// How far [`Outbox::flush`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is owed any more.
    All,
    /// The socket takes no more now.
    Blocked,
    /// There is more, and the socket may take it, but others have their turn first.
    Yielded,
}

/// Why it cannot go on.
#[derive(Debug)]
pub enum Broken {
    /// The connection is no more.
    Socket(Errno),
    /// The file could not be read, or has become shorter than was promised.
    File(Errno),
}

impl Outbox {
    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len() && self.rest.is_empty()
    }

    /// The buffer to append bytes to, for whatever is to be sent next. Only when no segment stands behind it.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        debug_assert!(
            self.rest.is_empty(),
            "bytes appended here would overtake the segments"
        );
        &mut self.bytes
    }

    /// Appends a segment.
    pub fn push(&mut self, segment: Segment) {
        self.rest.push_back(segment);
    }

    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
        self.rest.clear();
    }

    /// Sends what the socket takes. `sent` is told the number of bytes, whatever the outcome.
    pub fn flush(&mut self, socket: impl AsFd, sent: &mut u64) -> Result<Flushed, Broken> {
        let socket = socket.as_fd();
        let mut turn = FILE_TURN;
        loop {
            if self.sent < self.bytes.len() {
                let more = if self.rest.is_empty() {
                    SendFlags::empty()
                } else {
                    SendFlags::MORE
                };
                match rustix::net::send(
                    socket,
                    &self.bytes[self.sent..],
                    SendFlags::NOSIGNAL | more,
                ) {
                    Ok(n) => {
                        *sent += n as u64;
                        self.sent += n;
                        if self.sent < self.bytes.len() {
                            return Ok(Flushed::Blocked);
                        }
                    }
                    Err(Errno::AGAIN) => return Ok(Flushed::Blocked),
                    Err(Errno::INTR) => continue,
                    Err(errno) => return Err(Broken::Socket(errno)),
                }
            }
            self.bytes.clear();
            self.sent = 0;
            let Some(segment) = self.rest.front_mut() else {
                return Ok(Flushed::All);
            };
            match segment {
                Segment::Bytes(bytes) => {
                    self.bytes = std::mem::take(bytes);
                    self.rest.pop_front();
                }
                Segment::File(range) if range.length == 0 => {
                    self.rest.pop_front();
                }
                Segment::File(range) => {
                    let mut offset = range.offset;
                    let count = range.length.min(FILE_TURN) as usize;
                    match rustix::fs::sendfile(socket, &*range.file, Some(&mut offset), count) {
                        Ok(0) => return Err(Broken::File(Errno::NODATA)),
                        Ok(n) => {
                            *sent += n as u64;
                            range.offset += n as u64;
                            range.length -= n as u64;
                            turn = turn.saturating_sub(n as u64);
                            if range.length > 0 && turn == 0 {
                                return Ok(Flushed::Yielded);
                            }
                        }
                        Err(Errno::AGAIN) => return Ok(Flushed::Blocked),
                        Err(Errno::INTR) => {}
                        Err(errno @ (Errno::IO | Errno::OVERFLOW | Errno::INVAL)) => {
                            return Err(Broken::File(errno));
                        }
                        Err(errno) => return Err(Broken::Socket(errno)),
                    }
                }
            }
        }
    }

    /// The file ranges, in order.
    pub fn files(&self) -> impl Iterator<Item = &FileRange> {
        self.rest.iter().filter_map(|segment| match segment {
            Segment::File(range) => Some(range),
            Segment::Bytes(_) => None,
        })
    }

    /// Takes everything out, in order: what a frozen connection still owes.
    pub fn into_segments(mut self) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(1 + self.rest.len());
        if self.sent < self.bytes.len() {
            self.bytes.drain(..self.sent);
            segments.push(Segment::Bytes(self.bytes));
        }
        segments.extend(self.rest);
        segments
    }

    /// The reverse of [`Outbox::into_segments`].
    pub fn from_segments(segments: Vec<Segment>) -> Outbox {
        Outbox {
            bytes: Vec::new(),
            sent: 0,
            rest: segments.into(),
        }
    }

    /// Gives its memory back if it holds a lot of it and none is needed.
    pub fn shrink(&mut self) {
        if self.bytes.capacity() > 64 * 1024 {
            self.bytes = Vec::new();
        }
    }
}
