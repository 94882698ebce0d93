//! Request bodies: how they are delimited, and their decoding.
//!
//! In: bytes that follow a head. Out: how many of them were framing and how many data. Must hold: every sub-state is a
//! variant, plain data that survives freezing; nothing beyond the body's end is consumed (RFC 9112 section 6 and 7).

use minicbor::{Decode, Encode};

use crate::http1::head::{is_field_value, is_token};

#[cfg(test)]
mod tests;

/// A chunk size may be written with so many digits, leading zeros included; so it always fits 64 bits.
const MAX_SIZE_DIGITS: u8 = 16;
/// One chunk extension may be so long, in bytes.
const MAX_EXTENSION: u16 = 1024;
/// All chunk extensions of one body may be so long together, in bytes.
const MAX_EXTENSIONS: u16 = 16384;
/// The trailer section may be so long, in bytes.
const MAX_TRAILERS: u16 = 8192;

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
    Chunked(#[n(0)] Chunked),
}

/// A chunked body: where we are in it, and what of it was neither size nor data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Chunked {
    #[n(0)]
    at: Chunk,
    /// Bytes of chunk extensions so far.
    #[n(1)]
    extensions: u16,
    /// Bytes of the trailer section so far.
    #[n(2)]
    trailers: u16,
}

/// Where in a chunked body we are (RFC 9112 section 7.1): what is expected next.
///
/// ```text
/// Size -> SizeLf -> Data -> DataCr -> DataLf -> Size ...
///    \    /   \
/// Extension    `-(size 0)-> TrailerStart -> TrailerName -> TrailerValue -> TrailerLf -> TrailerStart ...
///                                      \-> EndLf -> (over)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Chunk {
    /// A digit of the size, or what ends it.
    #[n(0)]
    Size {
        /// Value so far.
        #[n(0)]
        value: u64,
        /// Digits so far.
        #[n(1)]
        digits: u8,
    },
    /// More of a chunk extension, or the CR after it.
    #[n(1)]
    Extension {
        /// Size of the chunk.
        #[n(0)]
        size: u64,
        /// Bytes of this extension so far.
        #[n(1)]
        length: u16,
    },
    /// The LF after the size.
    #[n(2)]
    SizeLf {
        /// Size of the chunk.
        #[n(0)]
        size: u64,
    },
    /// So many bytes of data; never zero.
    #[n(3)]
    Data {
        /// Bytes left in the chunk.
        #[n(0)]
        left: u64,
    },
    /// The CR after the data.
    #[n(4)]
    DataCr,
    /// The LF after the data.
    #[n(5)]
    DataLf,
    /// The first byte of a trailer field, or the CR of the empty line.
    #[n(6)]
    TrailerStart,
    /// More of a trailer's name, or the colon.
    #[n(7)]
    TrailerName,
    /// More of a trailer's value, or the CR after it.
    #[n(8)]
    TrailerValue,
    /// The LF after a trailer.
    #[n(9)]
    TrailerLf,
    /// The LF of the empty line that ends the body.
    #[n(10)]
    EndLf,
}

/// A body that breaks the rules: answer 400 if no response has begun, and close.
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
    /// A chunked body, at its beginning.
    pub const fn chunked() -> Framing {
        Framing::Chunked(Chunked {
            at: Chunk::Size {
                value: 0,
                digits: 0,
            },
            extensions: 0,
            trailers: 0,
        })
    }

    /// Whether the whole body has been consumed.
    pub fn is_over(&self) -> bool {
        matches!(self, Framing::Empty | Framing::Length(0))
    }

    /// Consumes framing, and at most one run of data that follows it. Returns a step with nothing consumed when more
    /// input is needed or the body is over. After an error the body is lost, and so is the connection.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, BadBody> {
        match self {
            Framing::Empty => Ok(Step {
                consumed: 0,
                data: 0,
            }),
            Framing::Length(left) => {
                let data = take(left, input);
                if *left == 0 {
                    *self = Framing::Empty;
                }
                Ok(Step {
                    consumed: data,
                    data,
                })
            }
            Framing::Chunked(chunked) => {
                for (consumed, &byte) in input.iter().enumerate() {
                    if let Chunk::Data { left } = &mut chunked.at {
                        let data = take(left, &input[consumed..]);
                        if *left == 0 {
                            chunked.at = Chunk::DataCr;
                        }
                        return Ok(Step {
                            consumed: consumed + data,
                            data,
                        });
                    }
                    match chunked.after(byte)? {
                        Some(at) => chunked.at = at,
                        None => {
                            *self = Framing::Empty;
                            return Ok(Step {
                                consumed: consumed + 1,
                                data: 0,
                            });
                        }
                    }
                }
                Ok(Step {
                    consumed: input.len(),
                    data: 0,
                })
            }
        }
    }
}

impl Chunked {
    /// Where a byte of framing leads; `None` is the end of the body.
    fn after(&mut self, byte: u8) -> Result<Option<Chunk>, BadBody> {
        let bad = |reason| Err(BadBody { reason });
        Ok(Some(match (self.at, byte) {
            (Chunk::Size { digits: 0, .. }, b'\r' | b'\n' | b';') => {
                return bad("chunk without size");
            }
            (Chunk::Size { value, .. }, b'\r') => Chunk::SizeLf { size: value },
            (Chunk::Size { value, .. }, b';') => {
                spend(
                    &mut self.extensions,
                    MAX_EXTENSIONS,
                    "chunk extensions too long",
                )?;
                Chunk::Extension {
                    size: value,
                    length: 1,
                }
            }
            (Chunk::Size { value, digits }, _) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    return bad("invalid chunk size");
                };
                if digits >= MAX_SIZE_DIGITS {
                    return bad("chunk size too long");
                }
                // Like Content-Length: no more than a file offset can hold.
                match (value << 4) | u64::from(digit) {
                    value if value > i64::MAX as u64 => return bad("chunk too large"),
                    value => Chunk::Size {
                        value,
                        digits: digits + 1,
                    },
                }
            }
            (Chunk::Extension { size, .. }, b'\r') => Chunk::SizeLf { size },
            (Chunk::Extension { size, length }, byte) if is_field_value(byte) => {
                if length >= MAX_EXTENSION {
                    return bad("chunk extension too long");
                }
                spend(
                    &mut self.extensions,
                    MAX_EXTENSIONS,
                    "chunk extensions too long",
                )?;
                Chunk::Extension {
                    size,
                    length: length + 1,
                }
            }
            (Chunk::Extension { .. }, _) => return bad("control character in chunk extension"),
            (Chunk::SizeLf { size: 0 }, b'\n') => Chunk::TrailerStart,
            (Chunk::SizeLf { size }, b'\n') => Chunk::Data { left: size },
            (Chunk::SizeLf { .. }, _) => return bad("CR without LF after chunk size"),
            (Chunk::Data { .. }, _) => unreachable!("data is taken in runs, not byte by byte"),
            (Chunk::DataCr, b'\r') => Chunk::DataLf,
            (Chunk::DataLf, b'\n') => Chunk::Size {
                value: 0,
                digits: 0,
            },
            (Chunk::DataCr | Chunk::DataLf, _) => {
                return bad("chunk data does not end where its size says");
            }
            (Chunk::TrailerStart, b'\r') => Chunk::EndLf,
            (Chunk::EndLf, b'\n') => return Ok(None),
            (Chunk::EndLf, _) => return bad("CR without LF after chunked body"),
            (Chunk::TrailerStart | Chunk::TrailerName, byte) if is_token(byte) => {
                self.trailer(Chunk::TrailerName)?
            }
            (Chunk::TrailerName, b':') => self.trailer(Chunk::TrailerValue)?,
            (Chunk::TrailerStart | Chunk::TrailerName, _) => {
                return bad("invalid trailer field name");
            }
            (Chunk::TrailerValue, b'\r') => self.trailer(Chunk::TrailerLf)?,
            (Chunk::TrailerValue, byte) if is_field_value(byte) => {
                self.trailer(Chunk::TrailerValue)?
            }
            (Chunk::TrailerValue, _) => return bad("control character in trailer field"),
            (Chunk::TrailerLf, b'\n') => self.trailer(Chunk::TrailerStart)?,
            (Chunk::TrailerLf, _) => return bad("CR without LF after trailer field"),
        }))
    }

    fn trailer(&mut self, next: Chunk) -> Result<Chunk, BadBody> {
        spend(&mut self.trailers, MAX_TRAILERS, "trailer fields too long")?;
        Ok(next)
    }
}

/// Takes as much of `left` as `input` has.
fn take(left: &mut u64, input: &[u8]) -> usize {
    let taken = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= taken as u64;
    taken
}

fn spend(spent: &mut u16, limit: u16, reason: &'static str) -> Result<(), BadBody> {
    *spent = spent.saturating_add(1);
    if *spent > limit {
        Err(BadBody { reason })
    } else {
        Ok(())
    }
}
