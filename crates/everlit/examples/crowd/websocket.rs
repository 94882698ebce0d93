//! WebSocket (RFC 6455) as far as an echo needs it.
//!
//! In: bytes. Out: the handshake's two heads, frames. Must hold: no I/O; a frame that is not as the RFC has it is an
//! error, also one that is masked where it must not be, or not where it must.

use sha1_smol::Sha1;

use crate::pattern;

/// What RFC 6455 section 1.3 has appended to the key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Most bytes of a message.
pub(crate) const MESSAGE_MAX: usize = 1024 * 1024;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Who sends: a client masks, a server does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Binary,
    Close,
    Ping,
}

/// A whole frame at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
    /// Bytes that it takes.
    pub(crate) bytes: usize,
}

/// The key of a client: any 16 bytes.
pub(crate) fn key(client: usize) -> String {
    let mut bytes = pattern::mix(client as u64).to_be_bytes().to_vec();
    bytes.extend(pattern::mix(!(client as u64)).to_be_bytes());
    base64(&bytes)
}

/// What the server has to answer to that key.
pub(crate) fn accept(key: &str) -> String {
    let mut sha1 = Sha1::new();
    sha1.update(key.as_bytes());
    sha1.update(GUID.as_bytes());
    base64(&sha1.digest().bytes())
}

/// The client's half of the handshake.
pub(crate) fn request(client: usize) -> String {
    format!(
        "GET /tunnel/{client} HTTP/1.1\r\nHost: crowd\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
        key(client)
    )
}

/// The server's half.
pub(crate) fn response(key: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        accept(key)
    )
}

/// Writes a frame.
pub(crate) fn write(side: Side, kind: Kind, payload: &[u8], mask: [u8; 4], to: &mut Vec<u8>) {
    let masked = match side {
        Side::Client => MASKED,
        Side::Server => 0,
    };
    to.push(FINAL | opcode(kind));
    match payload.len() {
        short @ 0..=125 => to.push(masked | short as u8),
        medium @ 126..=0xffff => {
            to.push(masked | 126);
            to.extend((medium as u16).to_be_bytes());
        }
        long => {
            to.push(masked | 127);
            to.extend((long as u64).to_be_bytes());
        }
    }
    match side {
        Side::Client => {
            to.extend(mask);
            to.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
        }
        Side::Server => to.extend(payload),
    }
}

/// Reads a frame from that side; `None`: it is not whole yet.
pub(crate) fn read(side: Side, bytes: &[u8]) -> Result<Option<Frame>, &'static str> {
    let [first, second, ..] = *bytes else {
        return Ok(None);
    };
    let kind = match first {
        0x82 => Kind::Binary,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        _ => return Err("a frame of a kind that nobody sends here"),
    };
    if (second & MASKED != 0) != (side == Side::Client) {
        return Err("masked where it must not be, or not where it must");
    }
    let (length, mut at) = match second & !MASKED {
        126 => match bytes.get(2..4) {
            Some(field) => (u64::from(field[0]) << 8 | u64::from(field[1]), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10) {
            Some(field) => (field.iter().fold(0, |n, b| n << 8 | u64::from(*b)), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    if length > MESSAGE_MAX as u64 {
        return Err("a frame that is too long");
    }
    let mask = match side {
        Side::Server => [0; 4],
        Side::Client => match bytes.get(at..at + 4) {
            Some(mask) => {
                at += 4;
                [mask[0], mask[1], mask[2], mask[3]]
            }
            None => return Ok(None),
        },
    };
    let end = at + length as usize;
    let Some(payload) = bytes.get(at..end) else {
        return Ok(None);
    };
    let payload = payload.iter().zip(mask.iter().cycle());
    Ok(Some(Frame {
        kind,
        payload: payload.map(|(b, m)| b ^ m).collect(),
        bytes: end,
    }))
}

fn opcode(kind: Kind) -> u8 {
    match kind {
        Kind::Binary => 2,
        Kind::Close => 8,
        Kind::Ping => 9,
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, at| {
            word << 8 | u32::from(*group.get(at).unwrap_or(&0))
        });
        for at in 0..4 {
            let digit = match at <= group.len() {
                true => ALPHABET[(word >> (18 - 6 * at) & 63) as usize],
                false => b'=',
            };
            text.push(char::from(digit));
        }
    }
    text
}
