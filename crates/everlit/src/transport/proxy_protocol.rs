//! 2b. The PROXY protocol, versions 1 and 2: a header before everything else that a proxy sends on a connection
//! (`extforward.hap-PROXY`).
//!
//! In: the first bytes of a connection. Out: whom the proxy connects us with, and how long the header was. Must hold: what
//! is no header is refused at the first byte that shows it; what is held is bounded by [`LENGTH_MAX`]; nothing is read
//! beyond the header.
//!
//! ```text
//!              bytes                header complete
//!   Awaited ----------> Awaited ----------------------> Announced, the rest of the input is the client's
//!                          | no header
//!                          +----------> Broken: the connection is closed
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use minicbor::{Decode, Encode};

use crate::net::Peer;

/// Longest header that is accepted, in bytes. Proxies send a few hundred; the protocol allows 65551.
pub const LENGTH_MAX: usize = 4096;

/// Longest line of version 1, its end included (section 2.1 of the specification).
const LINE_MAX: usize = 107;

/// How version 2 begins (section 2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// How version 1 begins.
const WORD: &[u8] = b"PROXY ";

/// Whom a proxy connects us with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// The client; `None`: whoever the connection is with (LOCAL, UNKNOWN, or not over TCP).
    pub peer: Option<Peer>,
    /// What the client and the proxy agreed on, if they speak TLS.
    pub tls: Option<Tls>,
}

/// TLS between a client and a proxy, as the proxy tells it (`PP2_TYPE_SSL`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Tls {
    /// Whether the client has shown a certificate, and a good one.
    #[n(0)]
    pub certificate: Certificate,
    /// `TLSv1.3` and so on.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub version: Option<Vec<u8>>,
    /// Common name in the client's certificate.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub common_name: Option<Vec<u8>>,
    /// Cipher.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub cipher: Option<Vec<u8>>,
    /// How the proxy's certificate is signed.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Option<Vec<u8>>,
    /// Kind of the key in the proxy's certificate.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub key: Option<Vec<u8>>,
}

/// What a proxy says of a client's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Certificate {
    /// There is none, or none that was found good.
    #[default]
    #[n(0)]
    None,
    /// It was shown, on this connection or in the session that it goes on with, and found good.
    #[n(1)]
    Verified,
}

/// What [`parse`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A header of so many bytes.
    Header {
        /// Its length.
        length: usize,
        /// What it says.
        announced: Announced,
    },
    /// Nothing wrong so far, but not complete.
    Partial,
    /// No header; the reason, for the error log.
    Broken(&'static str),
}

/// A header that is still to come.
#[derive(Debug, Default)]
pub struct Awaited {
    held: Vec<u8>,
}

/// What became of a header after more input.
#[derive(Debug)]
pub enum Progress {
    /// All input was taken, and more is needed.
    More(Awaited),
    /// The header is complete: so many bytes of the input belonged to it.
    Complete(usize, Announced),
    /// It is none; the reason.
    Broken(&'static str),
}

impl Awaited {
    /// One of which so much has come, in another process.
    pub fn resumed(held: Vec<u8>) -> Awaited {
        Awaited { held }
    }

    /// What has come of it.
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// Takes more input.
    pub fn receive(mut self, input: &[u8]) -> Progress {
        let before = self.held.len();
        let room = LENGTH_MAX.saturating_sub(before);
        self.held.extend_from_slice(&input[..input.len().min(room)]);
        match parse(&self.held) {
            Parsed::Partial => Progress::More(self),
            // Not complete before, so it ends in the new input.
            Parsed::Header { length, announced } => {
                Progress::Complete(length.saturating_sub(before), announced)
            }
            Parsed::Broken(why) => Progress::Broken(why),
        }
    }
}

/// Looks for a header at the beginning of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed {
    if begins(bytes, SIGNATURE) {
        return match bytes.get(..16) {
            None => Parsed::Partial,
            Some(fixed) => binary(fixed, bytes),
        };
    }
    if begins(bytes, WORD) {
        return line(bytes);
    }
    Parsed::Broken("it does not begin with a PROXY header")
}

/// Whether one of both is the beginning of the other.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    bytes.iter().zip(with).all(|(a, b)| a == b)
}

/// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 50000 80`.
fn line(bytes: &[u8]) -> Parsed {
    let window = &bytes[..bytes.len().min(LINE_MAX)];
    // The first carriage return is the end of the line, or there is none: however much has come, the answer is the same.
    let end = memchr::memchr(b'\r', window);
    let end = match (end, end.and_then(|end| window.get(end + 1))) {
        (Some(end), Some(b'\n')) => end,
        (_, Some(_)) => return Parsed::Broken("a carriage return in the PROXY line"),
        (_, None) if window.len() == LINE_MAX => {
            return Parsed::Broken("the PROXY line is too long");
        }
        (_, None) => return Parsed::Partial,
    };
    let text = std::str::from_utf8(&window[..end]).unwrap_or_default();
    let mut words = text.split(' ').skip(1);
    let peer = match words.next() {
        Some("UNKNOWN") => Some(None),
        Some("TCP4") => addresses(words, |text| text.parse().map(IpAddr::V4).ok()).map(Some),
        Some("TCP6") => addresses(words, |text| text.parse().map(IpAddr::V6).ok()).map(Some),
        _ => None,
    };
    match peer {
        Some(peer) => Parsed::Header {
            length: end + 2,
            announced: Announced { peer, tls: None },
        },
        None => Parsed::Broken("the PROXY line is malformed"),
    }
}

/// Source and destination, and their ports; returns the source.
fn addresses<'t>(
    mut words: impl Iterator<Item = &'t str>,
    parse: impl Fn(&str) -> Option<IpAddr>,
) -> Option<Peer> {
    let source = parse(words.next()?)?;
    parse(words.next()?)?;
    let source_port = port(words.next()?)?;
    port(words.next()?)?;
    match words.next() {
        None => Some(Peer::from(SocketAddr::new(source, source_port))),
        Some(_) => None,
    }
}

/// Digits without a leading zero.
fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = digits && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

/// Version 2. `fixed`: its first 16 bytes.
fn binary(fixed: &[u8], bytes: &[u8]) -> Parsed {
    let (version, command, family) = (fixed[12] >> 4, fixed[12] & 0xf, fixed[13]);
    if version != 2 {
        return Parsed::Broken("the PROXY header has an unknown version");
    }
    let length = 16 + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > LENGTH_MAX {
        return Parsed::Broken("the PROXY header is too long");
    }
    if command > 1 {
        return Parsed::Broken("the PROXY header has an unknown command");
    }
    let Some(body) = bytes.get(16..length) else {
        return Parsed::Partial;
    };
    let complete = |announced| Parsed::Header { length, announced };
    // LOCAL: the proxy speaks for itself.
    if command == 0 {
        return complete(Announced::default());
    }
    let size = match family {
        0x11 => 12,
        0x21 => 36,
        0x31 => 216,
        // Not over a stream, or not said over what.
        _ => return complete(Announced::default()),
    };
    let Some((addresses, more)) = body.split_at_checked(size) else {
        return Parsed::Broken("the addresses in the PROXY header are cut off");
    };
    let port = |at: usize| u16::from_be_bytes([addresses[at], addresses[at + 1]]);
    let source = match family {
        0x11 => first(addresses).map(|ip: [u8; 4]| (IpAddr::V4(Ipv4Addr::from(ip)), port(8))),
        0x21 => first(addresses).map(|ip: [u8; 16]| (IpAddr::V6(Ipv6Addr::from(ip)), port(32))),
        _ => None,
    };
    let peer = match source {
        Some((ip, port)) => Peer::from(SocketAddr::new(ip, port)),
        None => Peer::Unix,
    };
    let Some(tls) = values(more, 0x20).map(|values| values.last().map(tls)) else {
        return Parsed::Broken("a value in the PROXY header is cut off");
    };
    match tls {
        Some(None) => Parsed::Broken("what the PROXY header says of TLS is cut off"),
        Some(Some(tls)) => complete(Announced {
            peer: Some(peer),
            tls,
        }),
        None => complete(Announced {
            peer: Some(peer),
            tls: None,
        }),
    }
}

fn first<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.first_chunk().copied()
}

/// All values of one type, in order. None: one is cut off.
fn values(mut bytes: &[u8], wanted: u8) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while let [kind, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(length)?;
        if *kind == wanted {
            found.push(value);
        }
        bytes = rest;
    }
    bytes.is_empty().then_some(found)
}

/// `PP2_TYPE_SSL`. Outer None: it is cut off; inner None: the client does not speak TLS.
fn tls(value: &&[u8]) -> Option<Option<Tls>> {
    let (fixed, more) = value.split_at_checked(5)?;
    let flags = fixed[0];
    let of = |kind| Some(values(more, kind)?.last().map(|value| value.to_vec()));
    // 1: TLS; 2 and 4: a certificate was shown, on this connection or in this session. The result is 0 if it is good.
    let is_verified = flags & 6 != 0 && fixed[1..] == [0; 4];
    let tls = Tls {
        certificate: match is_verified {
            true => Certificate::Verified,
            false => Certificate::None,
        },
        version: of(0x21)?,
        common_name: of(0x22)?,
        cipher: of(0x23)?,
        signature: of(0x24)?,
        key: of(0x25)?,
    };
    Some((flags & 1 != 0).then_some(tls))
}

#[cfg(test)]
mod tests;
