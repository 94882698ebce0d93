//! FastCGI records, taken apart (FastCGI 1.0, section 3.3).
//!
//! In: bytes that a backend sent. Out: which of them are output, and what it says besides. Must hold: plain data between
//! any two bytes, so that it can be frozen in the middle of a record.

/// Where in the stream of records we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records {}

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
    /// Consumes framing, and at most one run of data. Fails, with the reason, at what is no FastCGI.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, &'static str> {
        Ok(Step {
            consumed: input.len(),
            what: What::Nothing,
        })
    }
}
