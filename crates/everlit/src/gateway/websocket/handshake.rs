//! The handshake of WebSocket (RFC 6455 section 4.2), as mod_wstunnel answers it.
//!
//! In: a request, and what the configuration says. Out: what the answer has to say ([`Greeting`]), or the status of a
//! refusal. Must hold: whoever is let in was asked for by a page of an origin that is allowed; nothing is agreed on that
//! the client has not offered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minicbor::{Decode, Encode};
use sha1_smol::Sha1;

use super::Kind;
use crate::gateway::fields;
use crate::http1::body::Framing;
use crate::http1::head::Method;
use crate::modules::wstunnel::Settings;
use crate::request::Request;
use crate::response::Headers;

/// What is appended to a key before it is hashed (section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Versions whose frames are those of the standard: 8 is its last draft but for the name of a field.
const VERSIONS: [&[u8]; 2] = [b"13", b"8"];

/// Longest `Sec-WebSocket-Accept`: 20 bytes in base64.
const ACCEPT_MAX: usize = 28;

/// What the answer says, once there is a backend.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Greeting {
    /// `Sec-WebSocket-Accept`
    #[n(0)]
    accept: String,
    /// `Sec-WebSocket-Protocol`
    #[n(1)]
    protocol: Option<Subprotocol>,
}

/// Subprotocols that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Subprotocol {
    /// `binary`: data come in binary frames.
    #[n(0)]
    Binary,
    /// `base64`: both ends of the tunnel write base64; to us it is text. lighttpd knows no more of it either.
    #[n(1)]
    Base64,
}

/// Why a handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Something is missing: 400.
    Incomplete,
    /// The page may not open a tunnel: 403.
    Origin,
    /// Another version: 426, and the answer names ours (section 4.4).
    Version,
}

impl Refusal {
    /// Writes it into a response.
    pub fn tell(self, status: &mut u16, headers: &mut Headers) {
        *status = match self {
            Refusal::Incomplete => 400,
            Refusal::Origin => 403,
            Refusal::Version => 426,
        };
        if self == Refusal::Version {
            headers.add("Sec-WebSocket-Version", "13");
            headers.add("Upgrade", "websocket");
        }
    }
}

impl Subprotocol {
    fn name(self) -> &'static str {
        match self {
            Subprotocol::Binary => "binary",
            Subprotocol::Base64 => "base64",
        }
    }
}

impl Greeting {
    /// Writes it into the header fields of a response.
    pub fn tell(&self, headers: &mut Headers) {
        headers.add("Upgrade", "websocket");
        headers.add("Sec-WebSocket-Accept", &self.accept);
        if let Some(protocol) = self.protocol {
            headers.add("Sec-WebSocket-Protocol", protocol.name());
        }
    }

    /// One that agrees on something.
    #[cfg(test)]
    pub(crate) fn sample() -> Greeting {
        Greeting {
            accept: accept(b"dGhlIHNhbXBsZSBub25jZQ=="),
            protocol: Some(Subprotocol::Binary),
        }
    }

    pub(super) fn is_sane(&self) -> bool {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        self.accept.len() <= ACCEPT_MAX && self.accept.bytes().all(is_base64)
    }
}

/// Whether a request is a handshake at all. What is none is nothing for mod_wstunnel.
pub fn is_asked(request: &Request<'_>) -> bool {
    request.head.method == Method::Get
        && fields::upgrade(request)
            .is_some_and(|list| elements(list).any(|name| name.eq_ignore_ascii_case(b"websocket")))
}

/// Judges a handshake. Says how data are to be sent, too.
pub fn greet(request: &Request<'_>, settings: &Settings) -> Result<(Greeting, Kind), Refusal> {
    if request.head.framing != Framing::Empty {
        return Err(Refusal::Incomplete);
    }
    let version = request.field("Sec-WebSocket-Version");
    if !version.is_some_and(|version| VERSIONS.contains(&version)) {
        return Err(Refusal::Version);
    }
    let key = request.field("Sec-WebSocket-Key");
    let key = key.filter(|key| is_key(key)).ok_or(Refusal::Incomplete)?;
    if !settings.origins.is_empty() {
        // Drafts had another name for it.
        let origin = ["Origin", "Sec-WebSocket-Origin"]
            .into_iter()
            .find_map(|name| request.field(name));
        let origin = origin.ok_or(Refusal::Incomplete)?;
        if !settings.origins.iter().any(|allowed| fits(origin, allowed)) {
            return Err(Refusal::Origin);
        }
    }
    let offered = request.field("Sec-WebSocket-Protocol").unwrap_or_default();
    let protocol = choose(offered, settings.frame_type);
    let kind = match protocol {
        Some(Subprotocol::Binary) => Kind::Binary,
        Some(Subprotocol::Base64) | None => settings.frame_type,
    };
    let accept = accept(key);
    Ok((Greeting { accept, protocol }, kind))
}

/// The first subprotocol of the client that fits. Where everything is binary there is no base64.
fn choose(offered: &[u8], kind: Kind) -> Option<Subprotocol> {
    let known = match kind {
        Kind::Text => &[Subprotocol::Binary, Subprotocol::Base64][..],
        Kind::Binary => &[Subprotocol::Binary],
    };
    elements(offered).find_map(|name| {
        let is = |known: &&Subprotocol| name.eq_ignore_ascii_case(known.name().as_bytes());
        known.iter().find(is).copied()
    })
}

/// Whether it is 16 bytes in base64 (section 4.2.1).
fn is_key(key: &[u8]) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// The answer to a key (section 4.2.2).
fn accept(key: &[u8]) -> String {
    let mut sha1 = Sha1::new();
    sha1.update(key);
    sha1.update(GUID.as_bytes());
    STANDARD.encode(sha1.digest().bytes())
}

/// Whether an origin is, or ends with, what is allowed: at a dot or a slash, so that `example.org` is
/// `https://example.org` and `https://www.example.org`, but not `https://badexample.org`.
fn fits(origin: &[u8], allowed: &str) -> bool {
    let before = origin.strip_suffix(allowed.as_bytes());
    before.is_some_and(|before| matches!(before.last(), None | Some(b'.' | b'/')))
}

fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_answered() {
        // Section 1.3.
        let key = b"dGhlIHNhbXBsZSBub25jZQ==";
        assert!(is_key(key));
        assert_eq!(accept(key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept(key).len(), ACCEPT_MAX);
        for bad in [
            &b""[..],
            b"abc",
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZQ==",
        ] {
            assert!(!is_key(bad), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn origins_end_at_a_dot_or_slash() {
        for (origin, expected) in [
            ("example.org", true),
            ("https://example.org", true),
            ("https://www.example.org", true),
            ("https://badexample.org", false),
            ("https://example.org:8080", false),
            ("https://example.org.evil.net", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(fits(origin.as_bytes(), "example.org"), expected, "{origin}");
        }
    }

    #[test]
    fn only_what_was_offered_is_agreed_on() {
        use Subprotocol::{Base64, Binary};
        for (offered, text, binary) in [
            ("", None, None),
            ("chat", None, None),
            ("xbinary", None, None),
            ("chat, Binary", Some(Binary), Some(Binary)),
            ("base64,binary", Some(Base64), Some(Binary)),
            ("base64", Some(Base64), None),
        ] {
            assert_eq!(choose(offered.as_bytes(), Kind::Text), text, "{offered}");
            assert_eq!(
                choose(offered.as_bytes(), Kind::Binary),
                binary,
                "{offered}"
            );
        }
    }
}
