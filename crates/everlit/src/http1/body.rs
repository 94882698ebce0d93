//! Request bodies: how they are delimited, and their decoding.
//!
//! In: bytes that follow a head. Out: how many of them were framing and how many data. Must hold: every sub-state is a
//! variant, plain data that survives freezing; nothing beyond the body's end is consumed (RFC 9112 section 6 and 7).

use minicbor::{Decode, Encode};

/// How a body is delimited, and where in it we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Framing {
    /// No body, or it is over.
    #[n(0)]
    Empty,
    /// So many bytes are left.
    #[n(1)]
    Length(#[n(0)] u64),
    /// `Transfer-Encoding: chunked`.
    #[n(2)]
    Chunked(#[n(0)] Chunk),
}

/// Where in a chunked body we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Chunk {
    /// In the hexadecimal size: value and number of digits so far.
    #[n(0)]
    Size {
        /// Value so far.
        #[n(0)]
        value: u64,
        /// Digits so far.
        #[n(1)]
        digits: u8,
    },
}

/// A body that breaks the rules: answer 400 (or 413) if no response has begun, and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBody {
    /// What is wrong, for the error log.
    pub reason: &'static str,
}

/// One step of decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are dealt with: framing, then data.
    pub consumed: usize,
    /// How many of the consumed bytes, at their end, are body data.
    pub data: usize,
}

impl Framing {
    /// Whether the whole body has been consumed.
    pub fn is_over(&self) -> bool {
        *self == Framing::Empty
    }

    /// Consumes framing, and at most one run of data that follows it. Returns a step with nothing consumed when more
    /// input is needed or the body is over.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, BadBody> {
        let _ = input;
        Ok(Step {
            consumed: 0,
            data: 0,
        })
    }
}
