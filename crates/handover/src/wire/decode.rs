//! Bytes as messages.
//! The header comes first, and says how much is to be waited for; then the body, whole, with its descriptors.
//! Nothing is believed: each length, count and text is checked, and whatever is left over is an error.

use super::Arrived;
use super::{
    HEADER_BYTES, Header, Hello, Integrity, MAGIC, MAX_BATCH_PARCELS, MAX_KINDS, Message, More,
    Role, Terms, Type, common_version,
};
use crate::error::Violation;
use crate::parcel::{Accepts, MAX_PARCEL_FDS, MAX_REFUSAL_TEXT_BYTES, Parcel, Refusal, Verdict};

impl Header {
    pub(crate) fn decode(sender: Role, bytes: [u8; HEADER_BYTES]) -> Result<Header, Violation> {
        let [kind, zero, fds @ .., l0, l1, l2, l3] = bytes;
        let kind = Type::sent_by(sender, kind).ok_or(Violation::UnknownMessage(kind))?;
        let header = Header {
            kind,
            fds: usize::from(u16::from_le_bytes(fds)),
            length: u32::from_le_bytes([l0, l1, l2, l3]) as usize,
        };
        if zero != 0 || header.fds > kind.max_fds() {
            return Err(Violation::Malformed(kind.name()));
        }
        if header.length > kind.max_body_bytes() {
            return Err(Violation::TooLong(kind.name()));
        }
        Ok(header)
    }
}

impl Message {
    /// `body` is as long as the header says, and `fds`, unless truncated, are as many.
    pub(crate) fn decode(
        sender: Role,
        header: Header,
        body: &[u8],
        fds: Arrived,
    ) -> Result<Message, Violation> {
        let mut input = Input {
            bytes: body,
            message: header.kind.name(),
        };
        let message = match header.kind {
            Type::Hello => return Ok(Message::Hello(decode_hello(sender, input)?)),
            Type::Listeners => {
                let more = match input.u8()? {
                    0 => More::Last,
                    1 => More::Follows,
                    _ => return Err(input.malformed()),
                };
                let count = usize::from(input.u16()?);
                if count != header.fds {
                    return Err(input.malformed());
                }
                let names = (0..count)
                    .map(|_| input.text8())
                    .collect::<Result<_, _>>()?;
                Message::Listeners { names, fds, more }
            }
            Type::Batch => decode_batch(&mut input, header.fds, fds)?,
            Type::Answer => {
                let number = input.u32()?;
                let count = usize::from(input.u16()?);
                if count > MAX_BATCH_PARCELS {
                    return Err(input.malformed());
                }
                let verdicts = (0..count)
                    .map(|_| decode_verdict(&mut input))
                    .collect::<Result<_, _>>()?;
                Message::Answer { number, verdicts }
            }
            Type::Room => Message::Room(input.u32()?),
            Type::Stop => Message::Stop,
            Type::Finish => Message::Finish(input.take(header.length)?.to_vec()),
            Type::Finished => Message::Finished,
        };
        if !input.bytes.is_empty() {
            return Err(input.malformed());
        }
        Ok(message)
    }
}

fn decode_hello(sender: Role, mut input: Input<'_>) -> Result<Hello, Violation> {
    if input.take(MAGIC.len()) != Ok(MAGIC) {
        return Err(Violation::NotHandover);
    }
    match (input.u8()?, sender) {
        (0, Role::Giver) | (1, Role::Taker) => {}
        (0 | 1, _) => return Err(Violation::SameRole),
        _ => return Err(input.malformed()),
    }
    let versions = input.u16()?..=input.u16()?;
    let software = input.text8()?;
    if versions.is_empty() {
        return Err(input.malformed());
    }
    let terms = if sender == Role::Taker && common_version(&versions).is_some() {
        let room = input.u32()?;
        let count = usize::from(input.u16()?);
        if count > MAX_KINDS {
            return Err(input.malformed());
        }
        let accepts = (0..count)
            .map(|_| {
                Ok(Accepts {
                    kind: input.u16()?,
                    versions: input.u16()?..=input.u16()?,
                })
            })
            .collect::<Result<_, Violation>>()?;
        Some(Terms { room, accepts })
    } else {
        None
    };
    Ok(Hello {
        versions,
        software,
        terms,
    })
}

fn decode_batch(
    input: &mut Input<'_>,
    declared: usize,
    fds: Arrived,
) -> Result<Message, Violation> {
    let number = input.u32()?;
    let count = usize::from(input.u16()?);
    if count == 0 || count > MAX_BATCH_PARCELS {
        return Err(input.malformed());
    }
    let (integrity, fds) = match fds {
        Arrived::Whole(fds) => (Integrity::Whole, fds),
        Arrived::Truncated => (Integrity::DescriptorsLost, Vec::new()),
    };
    let mut fds = fds.into_iter();
    let mut counted = 0;
    let mut parcels = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = input.u16()?;
        let version = input.u16()?;
        let own = usize::from(input.u8()?);
        counted += own;
        if own > MAX_PARCEL_FDS || counted > declared {
            return Err(input.malformed());
        }
        let length = input.u32()? as usize;
        let payload = input.take(length)?.to_vec().into();
        parcels.push(Parcel {
            kind,
            version,
            payload,
            fds: fds.by_ref().take(own).collect(),
        });
    }
    if counted != declared {
        return Err(input.malformed());
    }
    Ok(Message::Batch {
        number,
        parcels,
        fds: declared,
        integrity,
    })
}

fn decode_verdict(input: &mut Input<'_>) -> Result<Verdict, Violation> {
    Ok(match input.u8()? {
        0 => Verdict::Accept,
        1 => Verdict::Refuse(Refusal::UnknownKind),
        2 => Verdict::Refuse(Refusal::UnsupportedVersion),
        3 => Verdict::Refuse(Refusal::Malformed(input.refusal_text()?)),
        4 => Verdict::Refuse(Refusal::NoDescriptors),
        5 => Verdict::Refuse(Refusal::Declined(input.refusal_text()?)),
        6 => Verdict::Refuse(Refusal::Stopped),
        _ => return Err(input.malformed()),
    })
}

/// What is left of a body.
struct Input<'a> {
    bytes: &'a [u8],
    message: &'static str,
}

impl<'a> Input<'a> {
    fn malformed(&self) -> Violation {
        Violation::Malformed(self.message)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Violation> {
        let (head, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(self.malformed())?;
        self.bytes = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Violation> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(self.malformed())?;
        self.bytes = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, Violation> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, Violation> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Violation> {
        self.array().map(u32::from_le_bytes)
    }

    fn text8(&mut self) -> Result<String, Violation> {
        let length = usize::from(self.u8()?);
        self.text(length)
    }

    fn refusal_text(&mut self) -> Result<String, Violation> {
        let length = usize::from(self.u16()?);
        if length > MAX_REFUSAL_TEXT_BYTES {
            return Err(self.malformed());
        }
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<String, Violation> {
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.malformed())
    }
}
