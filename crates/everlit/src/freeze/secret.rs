//! Bytes that leave nothing behind in memory.
//!
//! In: parts of an image, some of them keys. Out: the image, and back. Must hold: whatever held a key is wiped before it is
//! freed, also where a vector had to grow.

use std::convert::Infallible;

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use zeroize::Zeroizing;

/// Bytes that are written one after the other.
#[derive(Debug)]
pub(super) struct Growing(Zeroizing<Vec<u8>>);

impl Growing {
    pub(super) fn with_capacity(capacity: usize) -> Growing {
        Growing(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(super) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl Write for Growing {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            let mut larger = Vec::with_capacity(length.max(2 * self.0.capacity()));
            larger.extend_from_slice(&self.0);
            // What it was in is wiped here.
            self.0 = larger.into();
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Writes a field.
pub(super) fn encode<C, W: Write>(
    secret: &Zeroizing<Vec<u8>>,
    encoder: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), encode::Error<W::Error>> {
    encoder.bytes(secret)?.ok()
}

/// Reads a field.
pub(super) fn decode<C>(
    decoder: &mut Decoder<'_>,
    _: &mut C,
) -> Result<Zeroizing<Vec<u8>>, decode::Error> {
    Ok(decoder.bytes()?.to_vec().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_in_growing() {
        let mut growing = Growing::with_capacity(1);
        let whole: Vec<u8> = (0..=255).collect();
        for piece in whole.chunks(7) {
            let Ok(()) = growing.write_all(piece);
        }
        assert_eq!(growing.into_bytes()[..], whole);
    }
}
