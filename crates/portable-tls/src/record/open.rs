//! Records into plaintext.
//!
//! In: what was read from the socket, in the caller's buffer. Out: data where it lies, and events. Must hold: a byte that
//! was handed in is opened, held, or belongs to what no one wants any more; it is never lost because somebody stopped asking.

use std::fmt;
use std::ops::Range;

use super::header::{HEADER_BYTES, Header, TYPE_DATA};
use super::{Held, Input, Session};
use crate::error::SessionError;

/// What came from the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Data; never empty.
    Data(&'a mut [u8]),
    /// The client sends nothing more (`close_notify`). Our direction is still open: send what is owed, then
    /// [`close`](Session::close).
    Closed,
}

/// Bytes that are being opened, record by record. Dropped early, the session holds what is left, for the next
/// [`open`](Session::open).
#[must_use = "nothing is opened before `next` is called"]
pub struct Incoming<'s, 'b> {
    session: &'s mut Session,
    input: &'b mut [u8],
    /// Bytes of `input` that are used.
    at: usize,
}

impl Session {
    /// Takes what was read from the socket. It is opened in place, one record for each call of [`Incoming::next`]; part of a
    /// record at its end is kept until the rest comes.
    pub fn open<'s, 'b>(&'s mut self, input: &'b mut [u8]) -> Incoming<'s, 'b> {
        Incoming {
            session: self,
            input,
            at: 0,
        }
    }
}

/// Where a record is.
pub(super) enum Place {
    Held,
    Input,
}

/// What one record amounts to.
pub(super) enum Step {
    Data(Place, Range<usize>),
    /// The client sends nothing more.
    Closed,
    /// Nothing that concerns the caller.
    Nothing,
    /// There is no whole record.
    Wanting,
}

impl Incoming<'_, '_> {
    /// The next event, or `None` when more must be read.
    ///
    /// `reply` gets answers to the client's KeyUpdates, and alerts. They are sealed in the order in which they are appended:
    /// use the vector that [`Session::seal`] appends to, so that they are sent in that order too.
    ///
    /// # Errors
    ///
    /// The session is over in both directions; send `reply` and close the connection.
    pub fn next(&mut self, reply: &mut Vec<u8>) -> Result<Option<Event<'_>>, SessionError> {
        let (place, content) = loop {
            match self.step(reply)? {
                Step::Data(place, content) => break (place, content),
                Step::Closed => return Ok(Some(Event::Closed)),
                Step::Nothing => {}
                Step::Wanting => return Ok(None),
            }
        };
        let data = match place {
            Place::Held => &mut self.session.held.bytes[content],
            Place::Input => &mut self.input[content],
        };
        Ok(Some(Event::Data(data)))
    }

    fn step(&mut self, reply: &mut Vec<u8>) -> Result<Step, SessionError> {
        let session = &mut *self.session;
        match session.input {
            Input::Open => {}
            Input::Ended => {
                session.held = Held::default();
                self.at = self.input.len();
                return Ok(Step::Wanting);
            }
            Input::Failed => return Err(SessionError::Over),
        }
        let version = session.suite.version();
        let place = if session.held.is_used_up() {
            session.held = Held::default();
            Place::Input
        } else {
            Place::Held
        };
        let rest = match place {
            Place::Input => &self.input[self.at..],
            Place::Held => {
                session
                    .held
                    .complete(HEADER_BYTES, self.input, &mut self.at);
                session.held.unused()
            }
        };
        let header = match Header::read(version, rest) {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(Step::Wanting),
            Err(violation) => return Err(session.fail(violation, reply)),
        };
        let length = header.record_bytes();
        let record = match place {
            Place::Input => self.input[self.at..].get_mut(..length),
            Place::Held => {
                session.held.complete(length, self.input, &mut self.at);
                session.held.bytes[session.held.at..].get_mut(..length)
            }
        };
        let Some(record) = record else {
            return Ok(Step::Wanting);
        };
        let opened = match session.rx.open(session.suite, header, record) {
            Ok(opened) => opened,
            Err(violation) => return Err(session.fail(violation, reply)),
        };
        let used = match place {
            Place::Input => &mut self.at,
            Place::Held => &mut session.held.at,
        };
        let content = *used + opened.content.start..*used + opened.content.end;
        *used += length;
        if opened.kind == TYPE_DATA && !content.is_empty() {
            session.patience.restore();
            return Ok(Step::Data(place, content));
        }
        let message = match place {
            Place::Input => self.input[content].to_vec(),
            Place::Held => session.held.bytes[content].to_vec(),
        };
        session.take(opened.kind, &message, reply)
    }
}

impl Held {
    /// Adds from `input` what is missing, so that `wanted` bytes are unused, if it has them.
    fn complete(&mut self, wanted: usize, input: &[u8], at: &mut usize) {
        let missing = wanted.saturating_sub(self.unused().len());
        let rest = &input[*at..];
        let now = &rest[..missing.min(rest.len())];
        if !now.is_empty() {
            self.bytes.reserve_exact(missing);
            self.bytes.extend_from_slice(now);
            *at += now.len();
        }
    }
}

impl Drop for Incoming<'_, '_> {
    fn drop(&mut self) {
        let held = &mut self.session.held;
        if self.session.input != Input::Open || held.is_used_up() {
            *held = Held::default();
        }
        let left = &self.input[self.at..];
        if self.session.input == Input::Open && !left.is_empty() {
            held.bytes.drain(..held.at);
            held.at = 0;
            // Usually the beginning of one record, whose length is known.
            let whole = Header::read(self.session.suite.version(), left);
            let record = whole.ok().flatten().map_or(0, Header::record_bytes);
            held.bytes.reserve_exact(left.len().max(record));
            held.bytes.extend_from_slice(left);
        }
    }
}

impl fmt::Debug for Incoming<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({} bytes left)", self.input.len() - self.at)
    }
}
