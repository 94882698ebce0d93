//! The request, on its way to the backend.
//!
//! In: a head, and data as it is framed. Out: as much of it as the backend takes. Must hold: as long as no answer has
//! begun and little was sent, it can be sent to somebody else from its beginning.

use minicbor::{Decode, Encode};
use rustix::io::Errno;
use rustix::net::SendFlags;

use crate::gateway::packets::{self, Wanted};
use crate::gateway::upload::Framing;
use crate::settings::Stream;
use crate::transport::outbox::{Broken, Flushed, Outbox, Sink};
use crate::transport::spool::Spool;

/// What a backend is still to be sent.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The head, and a body that is short. Kept until an answer begins, to ask somebody else if need be.
    pub(crate) head: Vec<u8>,
    /// How much of it is sent.
    pub(crate) sent: usize,
    /// What comes after it.
    pub(crate) rest: Outbox,
    /// Where the rest is when it is too much for memory.
    pub(crate) spool: Spool,
    /// How the body is framed.
    pub(crate) framing: Framing,
    /// Bytes of the body so far.
    pub(crate) length: u64,
    /// Whether the rest can still be sent from its beginning.
    pub(crate) rest_is: Rest,
    /// How it is passed on.
    pub(crate) stream: Stream,
    /// Whether its end is among what is above.
    pub(crate) end: End,
    /// AJP: what of the body the backend wants. The rest is kept as it is until then.
    pub(crate) wanted: Wanted,
}

/// Whether a body has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum End {
    /// Not yet.
    #[n(0)]
    Open,
    /// Yes.
    #[n(1)]
    Noted,
}

/// Whether a body can still be sent from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Rest {
    /// Yes.
    #[n(0)]
    Whole,
    /// Some of it has been sent.
    #[n(1)]
    Begun,
}

impl Upload {
    /// Sends what is owed, as far as the backend takes it.
    pub(crate) fn flush(&mut self, sink: Sink<'_>) -> Result<Flushed, Broken> {
        loop {
            while self.sent < self.head.len() {
                match sink.send(&self.head[self.sent..], SendFlags::empty()) {
                    Ok(n) => self.sent += n,
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => return Ok(Flushed::Blocked),
                    Err(errno) => return Err(Broken::Socket(errno)),
                }
            }
            if !self.has_packet() {
                break;
            }
            self.write_packet()?;
        }
        if self.rest.is_empty() || self.framing == Framing::Packets {
            return Ok(Flushed::All);
        }
        let mut sent = 0;
        let flushed = self.rest.flush_into(sink, &mut sent, u64::MAX);
        if sent > 0 {
            self.rest_is = Rest::Begun;
        }
        flushed
    }

    /// Whether the next packet of the body is wanted, and there.
    fn has_packet(&self) -> bool {
        self.framing == Framing::Packets
            && self.wanted.is_any()
            && (!self.rest.is_empty() || self.end == End::Noted)
    }

    /// Writes the next packet in the place of the head, which is sent.
    fn write_packet(&mut self) -> Result<(), Broken> {
        let mut data = vec![0; self.wanted.size()];
        let length = self.rest.take(&mut data)?;
        self.rest_is = Rest::Begun;
        self.wanted.served();
        self.head.clear();
        self.sent = 0;
        packets::write_data(&data[..length], &mut self.head);
        Ok(())
    }

    /// The backend wants no more.
    pub(crate) fn give_up(&mut self) {
        self.sent = self.head.len();
        self.rest.clear();
        self.rest_is = Rest::Begun;
        self.wanted = Wanted::default();
    }

    /// Whether nothing is owed to the backend, or nothing that it has asked for.
    pub(crate) fn is_empty(&self) -> bool {
        let has_more = match self.framing {
            Framing::Packets => self.has_packet(),
            Framing::Plain | Framing::Chunked | Framing::Records => !self.rest.is_empty(),
        };
        self.sent == self.head.len() && !has_more
    }

    /// Gives the memory of the head back: nobody else will be asked.
    pub(crate) fn settle(&mut self) {
        if self.sent == self.head.len() {
            self.head = Vec::new();
            self.sent = 0;
        }
    }
}
