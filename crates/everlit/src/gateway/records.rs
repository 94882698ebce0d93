//! FastCGI records, taken apart and written (FastCGI 1.0, section 3.3).
//!
//! In: bytes that a backend sent. Out: which of them are output, and what it says besides. Must hold: plain data between
//! any two bytes, so that it can be frozen in the middle of a record.
//!
//! A connection carries one request, so whatever number a record bears, it is about that one (lighttpd does not look at
//! the numbers either). Kinds that say nothing to us, and padding, are skipped.

use minicbor::{Decode, Encode};

#[cfg(test)]
mod tests;

/// The only version there is.
const VERSION: u8 = 1;
/// The number of the one request on a connection.
const REQUEST: [u8; 2] = [0, 1];

/// Kinds of records (section 8).
pub(super) const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
pub(super) const PARAMS: u8 = 4;
pub(super) const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

/// Where in the stream of records we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Records {
    #[n(0)]
    at: At,
}

/// What is expected next.
///
/// ```text
/// Version -> Kind -> Number -> LengthHigh -> LengthLow -> PaddingLength -> Reserved
///    ^                                                                        |
///    |                        .-- Output, Complaint, Ignored <-- (by kind) ---+--> Ending -> Over
///    +-------- Padding <------'
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
enum At {
    /// The first byte of a record.
    #[default]
    #[n(0)]
    Version,
    /// What kind of record it is.
    #[n(1)]
    Kind,
    /// One of the two bytes of the request's number.
    #[n(2)]
    Number {
        #[n(0)]
        kind: u8,
        /// How many of them have been read.
        #[n(1)]
        read: u8,
    },
    /// The high byte of the length.
    #[n(3)]
    LengthHigh {
        #[n(0)]
        kind: u8,
    },
    /// The low byte of the length.
    #[n(4)]
    LengthLow {
        #[n(0)]
        kind: u8,
        #[n(1)]
        high: u8,
    },
    /// The length of the padding.
    #[n(5)]
    PaddingLength {
        #[n(0)]
        kind: u8,
        #[n(1)]
        length: u16,
    },
    /// A byte that means nothing.
    #[n(6)]
    Reserved {
        #[n(0)]
        kind: u8,
        #[n(1)]
        length: u16,
        #[n(2)]
        padding: u8,
    },
    /// So many bytes of output; never zero.
    #[n(7)]
    Output {
        #[n(0)]
        left: u16,
        #[n(1)]
        padding: u8,
    },
    /// So many bytes for the error log; never zero.
    #[n(8)]
    Complaint {
        #[n(0)]
        left: u16,
        #[n(1)]
        padding: u8,
    },
    /// So many bytes of a record that says nothing to us; never zero.
    #[n(9)]
    Ignored {
        #[n(0)]
        left: u16,
        #[n(1)]
        padding: u8,
    },
    /// So many bytes between two records; never zero.
    #[n(10)]
    Padding {
        #[n(0)]
        left: u8,
    },
    /// How the request ended: four bytes of the program's status, one of the protocol's.
    #[n(11)]
    Ending {
        /// How many of them have been read.
        #[n(0)]
        read: u8,
        /// The program's status so far.
        #[n(1)]
        status: u32,
    },
    /// The request is over. What still comes is of no interest.
    #[n(12)]
    Over,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are dealt with.
    pub consumed: usize,
    /// What they were.
    pub what: What,
}

/// What a step found. The data are the last bytes that were consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Nothing yet: more input is needed.
    Nothing,
    /// So many bytes of output (STDOUT).
    Output(usize),
    /// So many bytes for the error log (STDERR).
    Complaint(usize),
    /// The request is over (END_REQUEST); the program's own status.
    End(u32),
}

impl Records {
    /// Consumes framing, and at most one run of data. Fails, with the reason, at what is no FastCGI, and when the backend
    /// says that it does not want the request. Input that follows the end is consumed and ignored.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, &'static str> {
        let mut consumed = 0;
        while let Some((&byte, _)) = input[consumed..].split_first() {
            let rest = &input[consumed..];
            match &mut self.at {
                At::Output { left, padding } => {
                    let (run, next) = take(left, *padding, rest);
                    self.at = next.unwrap_or(self.at);
                    return Ok(Step {
                        consumed: consumed + run,
                        what: What::Output(run),
                    });
                }
                At::Complaint { left, padding } => {
                    let (run, next) = take(left, *padding, rest);
                    self.at = next.unwrap_or(self.at);
                    return Ok(Step {
                        consumed: consumed + run,
                        what: What::Complaint(run),
                    });
                }
                At::Ignored { left, padding } => {
                    let (run, next) = take(left, *padding, rest);
                    self.at = next.unwrap_or(self.at);
                    consumed += run;
                }
                At::Padding { left } => {
                    let run = rest.len().min(usize::from(*left));
                    *left -= run as u8;
                    if *left == 0 {
                        self.at = At::Version;
                    }
                    consumed += run;
                }
                At::Ending { read: 4, status } => {
                    let status = *status;
                    refused(byte)?;
                    self.at = At::Over;
                    return Ok(Step {
                        consumed: consumed + 1,
                        what: What::End(status),
                    });
                }
                At::Over => break,
                _ => {
                    self.at = self.at.after(byte)?;
                    consumed += 1;
                }
            }
        }
        Ok(Step {
            consumed: input.len(),
            what: What::Nothing,
        })
    }
}

impl At {
    /// Where a byte of a record's head, or of a program's status, leads.
    fn after(self, byte: u8) -> Result<At, &'static str> {
        Ok(match self {
            At::Version if byte != VERSION => return Err("not a FastCGI record"),
            At::Version => At::Kind,
            At::Kind => At::Number {
                kind: byte,
                read: 0,
            },
            At::Number { kind, read: 0 } => At::Number { kind, read: 1 },
            At::Number { kind, .. } => At::LengthHigh { kind },
            At::LengthHigh { kind } => At::LengthLow { kind, high: byte },
            At::LengthLow { kind, high } => At::PaddingLength {
                kind,
                length: u16::from_be_bytes([high, byte]),
            },
            At::PaddingLength { kind, length } => At::Reserved {
                kind,
                length,
                padding: byte,
            },
            At::Reserved {
                kind,
                length,
                padding,
            } => At::content(kind, length, padding)?,
            At::Ending { read, status } => At::Ending {
                read: read.saturating_add(1).min(4),
                status: (status << 8) | u32::from(byte),
            },
            other => other,
        })
    }

    /// Where the content of a record begins.
    fn content(kind: u8, length: u16, padding: u8) -> Result<At, &'static str> {
        Ok(match (kind, length) {
            (END_REQUEST, 8..) => At::Ending { read: 0, status: 0 },
            (END_REQUEST, _) => return Err("FastCGI record END_REQUEST is too short"),
            (_, 0) => At::padding(padding),
            (STDOUT, left) => At::Output { left, padding },
            (STDERR, left) => At::Complaint { left, padding },
            (_, left) => At::Ignored { left, padding },
        })
    }

    fn padding(left: u8) -> At {
        match left {
            0 => At::Version,
            left => At::Padding { left },
        }
    }
}

/// Takes as much of a record's content as there is. The second is where its end leads, if it was reached.
fn take(left: &mut u16, padding: u8, input: &[u8]) -> (usize, Option<At>) {
    let run = input.len().min(usize::from(*left));
    *left -= run as u16;
    (run, (*left == 0).then(|| At::padding(padding)))
}

/// `protocolStatus` of END_REQUEST (section 5.5).
fn refused(status: u8) -> Result<(), &'static str> {
    match status {
        0 => Ok(()),
        1 => Err("FastCGI application serves one request at a time"),
        2 => Err("FastCGI application is overloaded"),
        3 => Err("FastCGI application does not know the role"),
        _ => Err("FastCGI application ended the request for an unknown reason"),
    }
}

/// Appends data as records of a stream; nothing for no data.
pub(super) fn write(kind: u8, data: &[u8], out: &mut Vec<u8>) {
    for content in data.chunks(usize::from(u16::MAX)) {
        out.extend_from_slice(&head(kind, content.len() as u16));
        out.extend_from_slice(content);
    }
}

/// Appends the end of a stream.
pub(super) fn write_end(kind: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&head(kind, 0));
}

/// What stands before a record's content; there is no padding after it.
pub(super) fn head(kind: u8, length: u16) -> [u8; 8] {
    let ([high, low], [number_high, number_low]) = (length.to_be_bytes(), REQUEST);
    [VERSION, kind, number_high, number_low, high, low, 0, 0]
}
