//! WebSocket frames (RFC 6455 section 5), as a server reads and writes them.
//!
//! In: bytes from a client, in any pieces. Out: the data in them, and control frames; frames for the client. Must hold: a
//! client that breaks a rule is told so by [`Flaw`] at the byte that shows it; between two calls the whole state is plain
//! data of bounded size; nothing is held of messages, however long they are.
//!
//! ```text
//!            head complete           payload complete
//!   Head --------------------> Data -------------------> Head
//!     |                                                    ^
//!     +----------------------> Control --------------------+
//! ```

pub mod handshake;
pub mod session;

use minicbor::{Decode, Encode};

/// Longest payload of a control frame (section 5.5).
const CONTROL_MAX: usize = 125;

/// Longest head of a frame: two bytes, eight of length, four of mask.
const HEAD_MAX: usize = 14;

/// Reads the frames of one client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Frames {
    #[n(0)]
    state: State,
    /// Whether a message has begun whose last frame is still to come.
    #[n(1)]
    message: Message,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
enum State {
    /// So much of a head has come.
    #[n(0)]
    Head(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// In the payload of a data frame.
    #[n(1)]
    Data {
        #[n(0)]
        left: u64,
        /// Rotated, so that its first byte is for the next byte of the payload.
        #[n(1)]
        mask: [u8; 4],
    },
    /// In the payload of a control frame.
    #[n(2)]
    Control {
        #[n(0)]
        kind: Control,
        #[n(1)]
        left: u8,
        #[n(2)]
        mask: [u8; 4],
        /// Unmasked.
        #[n(3)]
        #[cbor(with = "minicbor::bytes")]
        payload: Vec<u8>,
    },
}

impl Default for State {
    fn default() -> Self {
        State::Head(Vec::new())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
enum Message {
    #[default]
    #[n(0)]
    Over,
    #[n(1)]
    Begun,
}

/// Control frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Control {
    /// No more will come; the payload is a status and a reason, or empty.
    #[n(0)]
    Close,
    /// To be answered with the same payload.
    #[n(1)]
    Ping,
    /// The answer to a ping.
    #[n(2)]
    Pong,
}

/// How data are sent (`wstunnel.frame-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Kind {
    /// As text; it should be UTF-8. lighttpd's default.
    #[default]
    #[n(0)]
    Text,
    /// As it is.
    #[n(1)]
    Binary,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Nothing that means anything yet, or data: appended to `out`.
    Data,
    /// A control frame and its payload.
    Control(Control, Vec<u8>),
}

/// A rule that a client has broken: the connection is closed with status 1002 (section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A reserved bit is set, and no extension was agreed on.
    ReservedBit,
    /// A kind of frame that does not exist.
    Opcode,
    /// A frame is not masked (section 5.1).
    Unmasked,
    /// A control frame in pieces, or too long (section 5.5).
    Control,
    /// A message within a message, or a piece without its beginning (section 5.4).
    Order,
    /// A length that is not in its shortest form, or has its highest bit set (section 5.2).
    Length,
}

impl Frames {
    /// Reads up to the end of the input or of a control frame; appends data to `out`. Returns how much was read.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(usize, What), Flaw> {
        let mut at = 0;
        while at < input.len() {
            match &mut self.state {
                State::Head(head) => {
                    head.push(input[at]);
                    at += 1;
                    let Some(state) = begin(head, &mut self.message)? else {
                        continue;
                    };
                    self.state = state;
                    if let Some(what) = self.finish() {
                        return Ok((at, what));
                    }
                }
                State::Data { left, mask } => {
                    let rest = &input[at..];
                    let length = usize::try_from(*left).map_or(rest.len(), |n| n.min(rest.len()));
                    unmask(&rest[..length], mask, out);
                    *left -= length as u64;
                    at += length;
                    self.finish();
                }
                State::Control {
                    left,
                    mask,
                    payload,
                    ..
                } => {
                    let rest = &input[at..];
                    let length = usize::from(*left).min(rest.len());
                    unmask(&rest[..length], mask, payload);
                    *left -= length as u8;
                    at += length;
                    if let Some(what) = self.finish() {
                        return Ok((at, what));
                    }
                }
            }
        }
        Ok((at, What::Data))
    }

    /// A payload may be complete: then the next head follows.
    fn finish(&mut self) -> Option<What> {
        match &mut self.state {
            State::Data { left: 0, .. } => {
                self.state = State::default();
                None
            }
            State::Control {
                kind,
                left: 0,
                payload,
                ..
            } => {
                let what = What::Control(*kind, std::mem::take(payload));
                self.state = State::default();
                Some(what)
            }
            _ => None,
        }
    }

    /// Whether it is a state that can come of frames: for what was frozen elsewhere.
    pub fn is_sane(&self) -> bool {
        match &self.state {
            State::Head(head) => head.len() < HEAD_MAX,
            State::Data { left, .. } => (1..=i64::MAX as u64).contains(left),
            State::Control { left, payload, .. } => {
                *left > 0 && payload.len() + usize::from(*left) <= CONTROL_MAX
            }
        }
    }
}

/// What a head says, if it is complete. What is wrong with it is said as early as possible.
fn begin(head: &[u8], message: &mut Message) -> Result<Option<State>, Flaw> {
    let first = head[0];
    let (is_last, opcode) = (first & 0x80 != 0, first & 0xf);
    if first & 0x70 != 0 {
        return Err(Flaw::ReservedBit);
    }
    let control = match opcode {
        0 if *message == Message::Over => return Err(Flaw::Order),
        1 | 2 if *message == Message::Begun => return Err(Flaw::Order),
        0..=2 => None,
        8 => Some(Control::Close),
        9 => Some(Control::Ping),
        10 => Some(Control::Pong),
        _ => return Err(Flaw::Opcode),
    };
    if control.is_some() && !is_last {
        return Err(Flaw::Control);
    }
    let Some(second) = head.get(1) else {
        return Ok(None);
    };
    if second & 0x80 == 0 {
        return Err(Flaw::Unmasked);
    }
    let short = second & 0x7f;
    if control.is_some() && usize::from(short) > CONTROL_MAX {
        return Err(Flaw::Control);
    }
    let extra = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let Some(extended) = head.get(2..2 + extra) else {
        return Ok(None);
    };
    let long = extended
        .iter()
        .fold(0, |length, byte| length << 8 | u64::from(*byte));
    let left = match short {
        126 if long > 125 => long,
        127 if long > 0xffff && i64::try_from(long).is_ok() => long,
        126 | 127 => return Err(Flaw::Length),
        short => u64::from(short),
    };
    let Some(mask) = head[2 + extra..].first_chunk() else {
        return Ok(None);
    };
    Ok(Some(match control {
        Some(kind) => State::Control {
            kind,
            left: left as u8,
            mask: *mask,
            payload: Vec::new(),
        },
        None => {
            *message = match is_last {
                true => Message::Over,
                false => Message::Begun,
            };
            State::Data { left, mask: *mask }
        }
    }))
}

fn unmask(bytes: &[u8], mask: &mut [u8; 4], out: &mut Vec<u8>) {
    let masked = bytes.iter().zip(mask.iter().cycle());
    out.extend(masked.map(|(byte, mask)| byte ^ mask));
    mask.rotate_left(bytes.len() % 4);
}

/// Appends a frame with data: a message of its own. Nothing for no data.
pub fn write(kind: Kind, data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    let opcode = match kind {
        Kind::Text => 1,
        Kind::Binary => 2,
    };
    frame(opcode, data, out);
}

/// Appends a control frame; what is too long of its payload is left out.
pub fn write_control(kind: Control, payload: &[u8], out: &mut Vec<u8>) {
    let opcode = match kind {
        Control::Close => 8,
        Control::Ping => 9,
        Control::Pong => 10,
    };
    frame(opcode, &payload[..payload.len().min(CONTROL_MAX)], out);
}

fn frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => out.push(length as u8),
        length @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client sends it.
    fn masked(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame(first & 0xf, payload, &mut out);
        let head = out.len() - payload.len();
        out[0] = first;
        out[1] |= 0x80;
        out.truncate(head);
        out.extend_from_slice(&mask);
        unmask(payload, &mut mask.clone(), &mut out);
        out
    }

    type Read = (Vec<u8>, Vec<(Control, Vec<u8>)>);

    /// All data and control frames, in pieces of this size, travelling in between.
    fn read(bytes: &[u8], size: usize) -> Result<Read, Flaw> {
        let (mut frames, mut data, mut controls) = (Frames::default(), Vec::new(), Vec::new());
        for mut piece in bytes.chunks(size) {
            while !piece.is_empty() {
                assert!(frames.is_sane());
                let travelled = minicbor::to_vec(&frames).unwrap();
                frames = minicbor::decode(&travelled).unwrap();
                let (used, what) = frames.decode(piece, &mut data)?;
                if let What::Control(kind, payload) = what {
                    controls.push((kind, payload));
                }
                piece = &piece[used..];
            }
        }
        Ok((data, controls))
    }

    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    #[test]
    fn the_examples_of_the_standard_are_read() {
        // Section 5.7.
        let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(read(hello, 1), Ok((b"Hello".to_vec(), Vec::new())));
        assert_eq!(masked(0x81, MASK, b"Hello"), hello);
        let pieces = [masked(0x01, MASK, b"Hel"), masked(0x80, MASK, b"lo")].concat();
        assert_eq!(read(&pieces, 3).unwrap().0, b"Hello");
        let ping = masked(0x89, MASK, b"Hello");
        let between = [&pieces[..9], &ping, &pieces[9..]].concat();
        assert_eq!(
            read(&between, 100),
            Ok((b"Hello".to_vec(), vec![(Control::Ping, b"Hello".to_vec())]))
        );
        let mut out = Vec::new();
        write(Kind::Text, b"Hello", &mut out);
        write_control(Control::Pong, b"Hello", &mut out);
        assert_eq!(out, b"\x81\x05Hello\x8a\x05Hello");
    }

    #[test]
    fn rules_that_are_broken_are_named() {
        let begun = masked(0x01, MASK, b"a");
        for (bytes, flaw) in [
            (masked(0xc1, MASK, b"a"), Flaw::ReservedBit),
            (masked(0x83, MASK, b"a"), Flaw::Opcode),
            (masked(0x8b, MASK, b"a"), Flaw::Opcode),
            (b"\x81\x01a".to_vec(), Flaw::Unmasked),
            (masked(0x09, MASK, b"a"), Flaw::Control),
            (masked(0x89, MASK, &[0; 126]), Flaw::Control),
            (masked(0x80, MASK, b"a"), Flaw::Order),
            ([&begun[..], &begun].concat(), Flaw::Order),
            (b"\x81\xfe\0\x7d".to_vec(), Flaw::Length),
            (b"\x81\xff\0\0\0\0\0\0\xff\xff".to_vec(), Flaw::Length),
            (b"\x81\xff\x80\0\0\0\0\x01\0\0".to_vec(), Flaw::Length),
        ] {
            assert_eq!(read(&bytes, 1), Err(flaw), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_no_client_can_cause_is_not_sane() {
        let control = |left, length| Frames {
            state: State::Control {
                kind: Control::Ping,
                left,
                mask: MASK,
                payload: vec![0; length],
            },
            message: Message::Over,
        };
        assert!(control(1, 124).is_sane());
        assert!(!control(0, 0).is_sane() && !control(1, 125).is_sane());
        let data = |left| Frames {
            state: State::Data { left, mask: MASK },
            message: Message::Over,
        };
        assert!(data(1).is_sane() && !data(0).is_sane() && !data(u64::MAX).is_sane());
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..20) {
            let whole = read(&bytes, bytes.len().max(1));
            prop_assert_eq!(read(&bytes, size), whole);
        }

        #[test]
        fn messages_arrive_however_they_are_cut(
            messages in prop::collection::vec(
                (any::<[u8; 4]>(), prop::collection::vec(any::<u8>(), 0..300), 0_usize..300, any::<bool>()),
                0..6,
            ),
            size in 1_usize..400,
        ) {
            let (mut bytes, mut data, mut pings) = (Vec::new(), Vec::new(), Vec::new());
            for (mask, message, cut, has_ping) in &messages {
                let (first, second) = message.split_at(*cut.min(&message.len()));
                bytes.extend(masked(0x02, *mask, first));
                if *has_ping {
                    bytes.extend(masked(0x89, *mask, &mask[..]));
                    pings.push((Control::Ping, mask.to_vec()));
                }
                bytes.extend(masked(0x80, *mask, second));
                data.extend_from_slice(message);
            }
            prop_assert_eq!(read(&bytes, size), Ok((data, pings)));
        }
    }
}
