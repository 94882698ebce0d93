//! The first thing wrong with a head, in the order of its bytes.
//!
//! In: a head that was not accepted at full speed. Out: why, or that it is sound as far as it goes. Must hold: the answer
//! for a prefix is the answer for every longer input, so that a client may be refused before it has finished.

use super::{MAX_FIELDS, Method, Reject};

pub(super) const UNKNOWN_METHOD: Reject = Reject {
    status: 501,
    reason: "unknown method",
};
const BARE_LF: Reject = Reject::bad("line ends in a bare LF");
const BARE_CR: Reject = Reject::bad("CR without LF");
const BAD_VERSION: Reject = Reject::bad("malformed HTTP version");

/// No flaw was found.
pub(super) enum Sound {
    /// The input ends before the head does.
    SoFar,
    /// The head is complete.
    Complete,
}

/// Why reading stopped.
enum Stop {
    EndOfInput,
    Flaw(Reject),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Stop::Flaw(reject)
    }
}

/// Reads `head` line by line.
pub(super) fn find(head: &[u8]) -> Result<Sound, Reject> {
    match (Reader { rest: head }).head() {
        Ok(()) => Ok(Sound::Complete),
        Err(Stop::EndOfInput) => Ok(Sound::SoFar),
        Err(Stop::Flaw(reject)) => Err(reject),
    }
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn head(&mut self) -> Result<(), Stop> {
        if self.peek()? == b'\r' {
            self.line_end(BARE_CR)?;
        }
        self.request_line()?;
        for _ in 0..MAX_FIELDS {
            if self.peek()? == b'\r' {
                return self.line_end(BARE_CR);
            }
            self.field()?;
        }
        if self.peek()? == b'\r' {
            return self.line_end(BARE_CR);
        }
        Err(Stop::Flaw(Reject {
            status: 431,
            reason: "too many header fields",
        }))
    }

    fn request_line(&mut self) -> Result<(), Stop> {
        let name = self.take_while(is_token)?;
        match self.next()? {
            b' ' if !name.is_empty() => {}
            b'\r' | b'\n' if name.is_empty() => {
                return Err(Reject::bad("empty lines before the request").into());
            }
            _ => return Err(Reject::bad("invalid character in method").into()),
        }
        let known = Method::named(name).is_some();
        // `PRI` opens HTTP/2; whether this is that shows only at the end of the line.
        if !known && name != b"PRI" {
            return Err(UNKNOWN_METHOD.into());
        }
        let target = self.take_while(|byte| byte > b' ' && byte != 0x7f)?;
        match self.next()? {
            b' ' if target.is_empty() => return Err(Reject::bad("no request target").into()),
            b' ' if std::str::from_utf8(target).is_err() => {
                return Err(Reject::bad("request target is not UTF-8").into());
            }
            b' ' => {}
            b'\r' | b'\n' => return Err(Reject::bad("no HTTP version").into()),
            _ => return Err(Reject::bad("invalid character in request target").into()),
        }
        for expected in *b"HTTP/" {
            if self.next()? != expected {
                return Err(BAD_VERSION.into());
            }
        }
        match (self.digit()?, self.next()?, self.digit()?) {
            (1, b'.', 0 | 1) if known => {}
            (1, b'.', 0 | 1) => return Err(UNKNOWN_METHOD.into()),
            (2, b'.', 0) if name == b"PRI" && target == b"*" => {
                return Err(Reject::HTTP2_PREFACE.into());
            }
            (_, b'.', _) => {
                return Err(Reject {
                    status: 505,
                    reason: "unsupported HTTP version",
                }
                .into());
            }
            _ => return Err(BAD_VERSION.into()),
        }
        self.line_end(BAD_VERSION)
    }

    fn field(&mut self) -> Result<(), Stop> {
        let name = self.take_while(is_token)?;
        match (self.next()?, name) {
            (b' ' | b'\t', []) => return Err(Reject::bad("folded header field").into()),
            (b'\n', []) => return Err(BARE_LF.into()),
            (_, []) => return Err(Reject::bad("invalid field name").into()),
            (b':', _) => {}
            (b' ' | b'\t', _) => return Err(Reject::bad("white space before colon").into()),
            (b'\r' | b'\n', _) => return Err(Reject::bad("header field without colon").into()),
            _ => return Err(Reject::bad("invalid character in field name").into()),
        }
        self.take_while(is_field_value)?;
        self.line_end(Reject::bad("control character in field value"))
    }

    /// CR LF; anything but CR and LF is `otherwise`.
    fn line_end(&mut self, otherwise: Reject) -> Result<(), Stop> {
        match self.next()? {
            b'\r' if self.next()? == b'\n' => Ok(()),
            b'\r' => Err(BARE_CR.into()),
            b'\n' => Err(BARE_LF.into()),
            _ => Err(otherwise.into()),
        }
    }

    fn digit(&mut self) -> Result<u8, Stop> {
        match self.next()? {
            digit @ b'0'..=b'9' => Ok(digit - b'0'),
            _ => Err(BAD_VERSION.into()),
        }
    }

    fn peek(&self) -> Result<u8, Stop> {
        self.rest.first().copied().ok_or(Stop::EndOfInput)
    }

    fn next(&mut self) -> Result<u8, Stop> {
        let (&byte, rest) = self.rest.split_first().ok_or(Stop::EndOfInput)?;
        self.rest = rest;
        Ok(byte)
    }

    /// Everything up to the first byte that is not `wanted`; that byte must have arrived.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> Result<&'b [u8], Stop> {
        let end = self
            .rest
            .iter()
            .position(|&byte| !wanted(byte))
            .ok_or(Stop::EndOfInput)?;
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(taken)
    }
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What may stand in a field value (RFC 9110 section 5.5).
pub(crate) fn is_field_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
