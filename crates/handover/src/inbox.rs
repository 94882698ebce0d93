//! A stream of bytes and descriptors becomes messages again.
//! Stretches go in as they were read, whole messages with their own descriptors come out.
//! It never holds more bytes than one message may have, nor descriptors that no message declares. What was taken out is
//! wiped.

use std::collections::VecDeque;

use zeroize::{Zeroize, Zeroizing};

use crate::error::Violation;
use crate::wire::{Arrived, HEADER_BYTES, Header, Message, Role, Type};

/// Above this the buffer is given back once it is empty.
const KEEP_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Inbox {
    sender: Role,
    greeting: Greeting,
    /// Its spare room has no byte of a message.
    buffer: Zeroizing<Vec<u8>>,
    /// Bytes of the buffer that belong to messages already taken out.
    consumed: usize,
    /// One entry for each stretch that had descriptors. A message's descriptors come in one stretch, with its first
    /// byte, so in a conforming stream this is never more than one when all whole messages are taken out.
    arrivals: VecDeque<Arrived>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Greeting {
    Awaited,
    Seen,
}

impl Inbox {
    pub(crate) fn new(sender: Role) -> Self {
        Inbox {
            sender,
            greeting: Greeting::Awaited,
            buffer: Zeroizing::default(),
            consumed: 0,
            arrivals: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], arrived: Arrived) {
        self.make_room(bytes.len());
        self.buffer.extend_from_slice(bytes);
        match arrived {
            Arrived::Whole(fds) if fds.is_empty() => {}
            arrived => self.arrivals.push_back(arrived),
        }
    }

    /// The next whole message. To be asked until `None` after each push.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Violation> {
        let rest = &self.buffer[self.consumed..];
        let Some(&header) = rest.first_chunk::<HEADER_BYTES>() else {
            self.check_surplus(if rest.is_empty() { 0 } else { 1 })?;
            if rest.is_empty() {
                self.wipe_consumed();
                self.buffer.shrink_to(KEEP_BYTES);
            }
            return Ok(None);
        };
        let header = self.decode_header(header)?;
        let Some(body) = rest.get(HEADER_BYTES..HEADER_BYTES + header.length) else {
            self.check_surplus(header.fds.min(1))?;
            return Ok(None);
        };
        let fds = if header.fds == 0 {
            Arrived::Whole(Vec::new())
        } else {
            match self.arrivals.pop_front() {
                None => return Err(Violation::MissingDescriptors),
                Some(Arrived::Whole(fds)) if fds.len() < header.fds => {
                    return Err(Violation::MissingDescriptors);
                }
                Some(Arrived::Whole(fds)) if fds.len() > header.fds => {
                    return Err(Violation::SurplusDescriptors);
                }
                Some(arrived) => arrived,
            }
        };
        let message = Message::decode(self.sender, header, body, fds)?;
        self.consumed += HEADER_BYTES + header.length;
        self.greeting = Greeting::Seen;
        Ok(Some(message))
    }

    /// Room for so many bytes. A vector that grows or shifts by itself leaves copies behind.
    fn make_room(&mut self, more: usize) {
        self.wipe_consumed();
        let held = self.buffer.len();
        if self.buffer.capacity() - held < more {
            let capacity = (held + more).max(2 * held);
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
            larger.extend_from_slice(&self.buffer);
            self.buffer = larger;
        }
    }

    /// Moves what is left to the beginning.
    fn wipe_consumed(&mut self) {
        let left = self.buffer.len() - self.consumed;
        self.buffer.copy_within(self.consumed.., 0);
        self.buffer[left..].zeroize();
        self.buffer.truncate(left);
        self.consumed = 0;
    }

    fn decode_header(&self, bytes: [u8; HEADER_BYTES]) -> Result<Header, Violation> {
        let header = Header::decode(self.sender, bytes);
        match (self.greeting, header) {
            (Greeting::Seen, header) => header,
            (Greeting::Awaited, Ok(header)) if header.kind == Type::Hello => Ok(header),
            // Whatever this is, it has never heard of us.
            (Greeting::Awaited, _) => Err(Violation::NotHandover),
        }
    }

    fn check_surplus(&self, expected: usize) -> Result<(), Violation> {
        if self.arrivals.len() > expected {
            return Err(Violation::SurplusDescriptors);
        }
        Ok(())
    }
}
