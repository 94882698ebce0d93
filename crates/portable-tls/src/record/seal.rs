//! Plaintext into records.
//!
//! In: what the server sends. Out: records, in place, without an allocation of our own. Must hold: a key seals no more
//! records than its cipher allows; after the direction is closed nothing is sealed.

use super::direction::{head_bytes, tail_bytes};
use super::header::{self, TYPE_DATA};
use super::{Output, Session};
use crate::error::SealError;
use crate::suite::Version;

/// Most bytes of plaintext in a record: 16 KiB.
pub const CONTENT_MAX: usize = header::CONTENT_MAX;

/// Records kept back at the end of a key's life: for the KeyUpdate or `close_notify`, and an alert.
const RESERVED_RECORDS: u64 = 2;

/// What surrounds the plaintext in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes before it.
    pub head: usize,
    /// Bytes after it.
    pub tail: usize,
}

impl Session {
    /// Seals what the slices hold, one after the other, and appends the records to `out`: full ones of 16 KiB and a last one,
    /// regardless of where slices end. A head and a short body are one record. Nothing at all is no record.
    ///
    /// Allocates only if `out` has not the capacity. Keys of TLS 1.3 are updated when they must be.
    ///
    /// # Errors
    ///
    /// [`SealError::Closed`], [`SealError::KeyWornOut`].
    pub fn seal(&mut self, plain: &[&[u8]], out: &mut Vec<u8>) -> Result<(), SealError> {
        let Frame { head, tail } = self.frame();
        let total: usize = plain.iter().map(|slice| slice.len()).sum();
        let records = total.div_ceil(CONTENT_MAX);
        out.reserve(total + records * (head + tail));
        let mut slices = plain.iter();
        let mut slice: &[u8] = &[];
        let mut left = total;
        while left > 0 {
            match self.may_seal() {
                Ok(()) => {}
                Err(SealError::KeyUpdateDue) => self.update_own_key(super::ClientKey::Keep, out),
                Err(SealError::KeyWornOut { .. }) => {
                    self.close(out);
                    return Err(SealError::KeyWornOut {
                        sealed_bytes: total - left,
                    });
                }
                Err(error) => return Err(error),
            }
            let start = out.len();
            let content = left.min(CONTENT_MAX);
            out.resize(start + head, 0);
            while out.len() < start + head + content {
                if slice.is_empty() {
                    slice = slices
                        .next()
                        .expect("the slices have as many bytes as were counted");
                }
                let wanted = start + head + content - out.len();
                let (now, later) = slice.split_at(slice.len().min(wanted));
                out.extend_from_slice(now);
                slice = later;
            }
            out.resize(start + head + content + tail, 0);
            self.tx.seal(self.suite, TYPE_DATA, &mut out[start..]);
            left -= content;
        }
        Ok(())
    }

    /// What surrounds the plaintext in a record of this session.
    pub fn frame(&self) -> Frame {
        Frame {
            head: head_bytes(self.suite),
            tail: tail_bytes(self.suite),
        }
    }

    /// Seals one record where it lies: room for the [head](Frame), up to [`CONTENT_MAX`] bytes of plaintext, room for the
    /// tail. So a file can be read straight to where it is sent from.
    ///
    /// # Errors
    ///
    /// [`SealError::Closed`]; [`SealError::Length`] if there is no plaintext or too much; [`SealError::KeyUpdateDue`]:
    /// call [`update_key`](Session::update_key) and send that first; [`SealError::KeyWornOut`]: call
    /// [`close`](Session::close). After an error nothing was sealed.
    pub fn seal_in_place(&mut self, record: &mut [u8]) -> Result<(), SealError> {
        let Frame { head, tail } = self.frame();
        match record.len().checked_sub(head + tail) {
            Some(1..=CONTENT_MAX) => {}
            _ => return Err(SealError::Length),
        }
        self.may_seal()?;
        self.tx.seal(self.suite, TYPE_DATA, record);
        Ok(())
    }

    /// Whether a record of data may be sealed now.
    fn may_seal(&self) -> Result<(), SealError> {
        if self.output == Output::Closed {
            return Err(SealError::Closed);
        }
        if self.tx.sequence < self.suite.records_per_key() - RESERVED_RECORDS {
            return Ok(());
        }
        Err(match self.suite.version() {
            Version::Tls13 => SealError::KeyUpdateDue,
            Version::Tls12 => SealError::KeyWornOut { sealed_bytes: 0 },
        })
    }

    /// Seals a short record of another type than data.
    pub(super) fn seal_message(&mut self, kind: u8, content: &[u8], out: &mut Vec<u8>) {
        if self.tx.sequence >= self.suite.records_per_key() {
            return;
        }
        let Frame { head, tail } = self.frame();
        let start = out.len();
        out.resize(start + head, 0);
        out.extend_from_slice(content);
        out.resize(start + head + content.len() + tail, 0);
        self.tx.seal(self.suite, kind, &mut out[start..]);
    }
}
