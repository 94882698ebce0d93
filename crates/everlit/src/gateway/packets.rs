//! AJP 1.3 packets, taken apart and written (Tomcat's "AJP Protocol Reference", ajpv13a).
//!
//! In: bytes that a backend sent. Out: the head of its answer as text, what is body, and what it says besides. Must hold:
//! plain data between any two bytes, so that it can be frozen in the middle of a packet; nothing that a backend writes
//! into one field of a head becomes another field.
//!
//! Packets that say nothing to us (CPONG, and kinds of later versions) are skipped.

use minicbor::{Decode, Encode};

#[cfg(test)]
mod tests;

/// What packets of a backend begin with.
const MAGIC: [u8; 2] = *b"AB";
/// What ours begin with.
const MAGIC_OF_OURS: [u8; 2] = [0x12, 0x34];
/// Longest packet of ours, with its head: what backends have room for unless they are told otherwise.
pub(super) const PACKET_MAX: usize = 8192;
/// Bytes of a body in a packet of ours: less the packet's head, and the length within it.
const DATA_MAX: u16 = PACKET_MAX as u16 - 6;
/// A string that is none, not even an empty one.
const NO_STRING: u16 = 0xffff;
/// Where codes for names of header fields begin.
const CODES: u16 = 0xa000;

/// Kinds of packets.
const SEND_BODY_CHUNK: u8 = 3;
const SEND_HEADERS: u8 = 4;
const END_RESPONSE: u8 = 5;
const GET_BODY_CHUNK: u8 = 6;

/// Names of header fields that have a code, the first one has [`CODES`] + 1.
const NAMES: [&str; 11] = [
    "Content-Type",
    "Content-Language",
    "Content-Length",
    "Date",
    "Last-Modified",
    "Location",
    "Set-Cookie",
    "Set-Cookie2",
    "Servlet-Engine",
    "Status",
    "WWW-Authenticate",
];

/// Where in the stream of packets we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Packets {
    #[n(0)]
    at: At,
    /// Bytes of the packet that were not read yet.
    #[n(1)]
    left: u16,
    /// Fields of the head that were not read yet.
    #[n(2)]
    fields: u16,
}

/// What is expected next.
///
/// ```text
/// Magic -> Length -> Kind -+-> Chunk -> Body --------------------------------------------+-> Rest -> Magic
///                          +-> Status -> Reason -> Text -> Count -> (Name -> Text ->)    |
///                          |                                         Value -> Text ... --+
///                          +-> Wanted ---------------------------------------------------+
///                          +-> Reuse -> Over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum At {
    /// One of the two bytes that a packet begins with.
    #[n(0)]
    Magic {
        /// How many of them have been read.
        #[n(0)]
        read: u8,
    },
    /// A number of two bytes.
    #[n(1)]
    Number {
        #[n(0)]
        of: Number,
        /// The first one, if it was read.
        #[n(1)]
        high: Option<u8>,
    },
    /// What kind of packet it is.
    #[n(2)]
    Kind,
    /// So many bytes of a string; none: the NUL at its end.
    #[n(3)]
    Text {
        #[n(0)]
        of: Text,
        #[n(1)]
        left: u16,
    },
    /// So many bytes of the answer's body; never zero.
    #[n(4)]
    Body {
        #[n(0)]
        left: u16,
    },
    /// Whether the connection may be used again.
    #[n(5)]
    Reuse,
    /// What the packet has besides.
    #[n(6)]
    Rest,
    /// The exchange is over. What still comes is not for it.
    #[n(7)]
    Over,
}

impl Default for At {
    fn default() -> At {
        At::Magic { read: 0 }
    }
}

/// What a number tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Number {
    /// How long the packet is.
    #[n(0)]
    Length,
    /// How much of it is body.
    #[n(1)]
    Chunk,
    /// The status.
    #[n(2)]
    Status,
    /// How long the reason is.
    #[n(3)]
    Reason,
    /// How many fields there are.
    #[n(4)]
    Count,
    /// How long a field's name is, or its code.
    #[n(5)]
    Name,
    /// How long its value is.
    #[n(6)]
    Value,
    /// How much of the request's body is wanted.
    #[n(7)]
    Wanted,
}

/// What a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Text {
    /// Words for the status, for nobody.
    #[n(0)]
    Reason,
    /// A field's name.
    #[n(1)]
    Name,
    /// A field's value.
    #[n(2)]
    Value,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are dealt with.
    pub consumed: usize,
    /// What they were.
    pub what: What,
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Nothing yet: more input is needed.
    Nothing,
    /// A head begins with this status.
    Status(u16),
    /// A field of the head begins, with this name.
    Name(&'static str),
    /// A field of the head begins; its name follows as text.
    Field,
    /// The name is complete; the value follows as text.
    Value,
    /// Text of the head: so many bytes, the last ones consumed.
    Text(usize),
    /// The head is complete, but for the empty line.
    HeadOver,
    /// So many bytes of the body, the last ones consumed.
    Body(usize),
    /// It wants a packet of the request's body, of at most so many bytes.
    Wanted(u16),
    /// The exchange is over.
    Over(Reuse),
}

/// Whether the backend goes on with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Yes.
    Possible,
    /// No.
    Impossible,
}

impl Packets {
    /// Consumes framing, and at most one piece of news. Fails, with the reason, at what is no AJP. Input that follows the
    /// end is not consumed.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, &'static str> {
        let mut consumed = 0;
        while consumed < input.len() && self.at != At::Over {
            let (used, what) = self.step(&input[consumed..])?;
            consumed += used;
            if what != What::Nothing {
                return Ok(Step { consumed, what });
            }
        }
        Ok(Step {
            consumed,
            what: What::Nothing,
        })
    }

    /// What the beginning of the input means; there is at least one byte, and at least one is used.
    fn step(&mut self, input: &[u8]) -> Result<(usize, What), &'static str> {
        let is_inside = !matches!(
            self.at,
            At::Magic { .. }
                | At::Number {
                    of: Number::Length,
                    ..
                }
                | At::Over
        );
        if is_inside && self.left == 0 {
            return Err("AJP packet is too short");
        }
        let byte = input[0];
        let (used, what) = match self.at {
            At::Magic { read } => {
                if byte != MAGIC[usize::from(read.min(1))] {
                    return Err("not an AJP packet");
                }
                self.at = match read {
                    0 => At::Magic { read: 1 },
                    _ => number(Number::Length),
                };
                return Ok((1, What::Nothing));
            }
            At::Number { of, high: None } => {
                let high = Some(byte);
                self.at = At::Number { of, high };
                if of == Number::Length {
                    // It does not count itself.
                    return Ok((1, What::Nothing));
                }
                (1, What::Nothing)
            }
            At::Number {
                of: Number::Length,
                high: Some(high),
            } => {
                self.left = u16::from_be_bytes([high, byte]);
                self.at = At::Kind;
                return Ok((1, What::Nothing));
            }
            At::Number {
                of,
                high: Some(high),
            } => (1, self.told(of, u16::from_be_bytes([high, byte]))?),
            At::Kind => {
                self.at = match byte {
                    SEND_BODY_CHUNK => number(Number::Chunk),
                    SEND_HEADERS => number(Number::Status),
                    END_RESPONSE => At::Reuse,
                    GET_BODY_CHUNK => number(Number::Wanted),
                    _ => At::Rest,
                };
                (1, What::Nothing)
            }
            At::Text { of, left: 0 } => match byte {
                0 => (1, self.text_over(of)),
                _ => return Err("AJP string without its end"),
            },
            At::Text { of, left } => {
                let run = (input.len()).min(left.min(self.left).into());
                self.at = At::Text {
                    of,
                    left: left - run as u16,
                };
                (run, of.read(&input[..run])?)
            }
            At::Body { left } => {
                let run = (input.len()).min(left.min(self.left).into());
                self.at = match left - run as u16 {
                    0 => At::Rest,
                    left => At::Body { left },
                };
                (run, What::Body(run))
            }
            At::Reuse => {
                let reuse = match byte {
                    0 => Reuse::Impossible,
                    _ => Reuse::Possible,
                };
                // What else such a packet may have would be taken for the next one: then there is none.
                let reuse = match self.left {
                    1 => reuse,
                    _ => Reuse::Impossible,
                };
                self.at = At::Over;
                (1, What::Over(reuse))
            }
            At::Rest => ((input.len()).min(self.left.into()), What::Nothing),
            At::Over => (0, What::Nothing),
        };
        self.left -= used as u16;
        if self.left == 0 && self.at == At::Rest {
            self.at = At::default();
        }
        Ok((used, what))
    }

    /// A number is complete.
    fn told(&mut self, of: Number, value: u16) -> Result<What, &'static str> {
        let mut what = What::Nothing;
        self.at = match of {
            Number::Length => At::Kind,
            Number::Chunk if value == 0 => At::Rest,
            Number::Chunk => At::Body { left: value },
            Number::Status if !(100..=999).contains(&value) => return Err("invalid status"),
            Number::Status => {
                what = What::Status(value);
                number(Number::Reason)
            }
            Number::Reason if value == NO_STRING => number(Number::Count),
            Number::Reason => text(Text::Reason, value),
            Number::Count => {
                self.fields = value;
                return Ok(self.next_field());
            }
            Number::Name if value == NO_STRING => return Err("AJP header field without name"),
            Number::Name if value >= CODES => {
                let index = usize::from(value - CODES);
                let name = index.checked_sub(1).and_then(|at| NAMES.get(at));
                what = What::Name(name.ok_or("unknown AJP header field")?);
                number(Number::Value)
            }
            Number::Name => {
                what = What::Field;
                text(Text::Name, value)
            }
            Number::Value if value == NO_STRING => return Ok(self.next_field()),
            Number::Value => text(Text::Value, value),
            Number::Wanted => {
                what = What::Wanted(value);
                At::Rest
            }
        };
        Ok(what)
    }

    /// A string's end was read.
    fn text_over(&mut self, of: Text) -> What {
        match of {
            Text::Reason => {
                self.at = number(Number::Count);
                What::Nothing
            }
            Text::Name => {
                self.at = number(Number::Value);
                What::Value
            }
            Text::Value => self.next_field(),
        }
    }

    /// Where the next field of the head begins, or what follows the last one.
    fn next_field(&mut self) -> What {
        match self.fields.checked_sub(1) {
            Some(left) => {
                self.fields = left;
                self.at = number(Number::Name);
                What::Nothing
            }
            None => {
                self.at = At::Rest;
                What::HeadOver
            }
        }
    }
}

impl Text {
    /// Part of it. Fails at what would end a field, or a field's name.
    fn read(self, run: &[u8]) -> Result<What, &'static str> {
        let is_end = |byte: &u8| match self {
            Text::Reason => false,
            Text::Name => matches!(byte, b'\r' | b'\n' | 0 | b':'),
            Text::Value => matches!(byte, b'\r' | b'\n' | 0),
        };
        match self {
            _ if run.iter().any(is_end) => Err("control character in AJP header field"),
            Text::Reason => Ok(What::Nothing),
            Text::Name | Text::Value => Ok(What::Text(run.len())),
        }
    }
}

fn number(of: Number) -> At {
    At::Number { of, high: None }
}

fn text(of: Text, left: u16) -> At {
    At::Text { of, left }
}

/// Which packets of a request's body a backend wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Wanted {
    /// How many packets.
    #[n(0)]
    packets: u16,
    /// Bytes of the body that each may have.
    #[n(1)]
    size: u16,
}

impl Wanted {
    /// The first packet, which comes without being asked for.
    pub(crate) const FIRST: Wanted = Wanted {
        packets: 1,
        size: DATA_MAX,
    };

    /// It asks for one more.
    pub(super) fn add(&mut self, size: u16) {
        self.packets = self.packets.saturating_add(1);
        // None at all would be the end of the body.
        self.size = size.clamp(1, DATA_MAX);
    }

    /// One of them was sent.
    pub(super) fn served(&mut self) {
        self.packets = self.packets.saturating_sub(1);
    }

    /// Whether any is.
    pub(super) fn is_any(self) -> bool {
        self.packets > 0
    }

    /// Bytes of the body that the next one may have.
    pub(super) fn size(self) -> usize {
        self.size.min(DATA_MAX).into()
    }
}

/// Appends a packet with part of a request's body; without any, it says that the body is over.
pub(super) fn write_data(data: &[u8], out: &mut Vec<u8>) {
    debug_assert!(data.len() <= usize::from(DATA_MAX));
    if data.is_empty() {
        out.extend_from_slice(&head(0));
        return;
    }
    let length = data.len() as u16;
    out.extend_from_slice(&head(length + 2));
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(data);
}

/// What a packet of ours begins with, when so many bytes follow.
pub(super) fn head(length: u16) -> [u8; 4] {
    let ([a, b], [high, low]) = (MAGIC_OF_OURS, length.to_be_bytes());
    [a, b, high, low]
}
