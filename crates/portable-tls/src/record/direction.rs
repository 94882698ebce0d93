//! One direction of a session: material, sequence number, and the expanded key while it is in use.
//!
//! In: records. Out: the same, sealed or opened in place. Must hold: every sequence number is used once with a key; a
//! new key begins at 0.

use std::fmt;
use std::ops::Range;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::header::{CONTENT_MAX, HEADER_BYTES, Header, TYPE_DATA};
use crate::error::Violation;
use crate::secrets::{IV_BYTES, Material};
use crate::suite::{Suite, Version};

/// Bytes of an authentication tag; all ciphers have the same.
pub(crate) const TAG_BYTES: usize = 16;

pub(crate) struct Direction {
    pub(crate) material: Material,
    /// Of the next record.
    pub(crate) sequence: u64,
    /// Built when needed; dropped when idle.
    expanded: Option<Box<Expanded>>,
}

struct Expanded {
    key: LessSafeKey,
    iv: Zeroizing<[u8; IV_BYTES]>,
}

/// An opened record.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) kind: u8,
    /// Where in the record its content is.
    pub(crate) content: Range<usize>,
}

impl Direction {
    pub(crate) fn new(material: Material, sequence: u64) -> Direction {
        Direction {
            material,
            sequence,
            expanded: None,
        }
    }

    /// Drops the expanded key.
    pub(crate) fn rest(&mut self) {
        self.expanded = None;
    }

    pub(crate) fn is_resting(&self) -> bool {
        self.expanded.is_none()
    }

    /// The next generation of keys (TLS 1.3).
    pub(crate) fn advance(&mut self, suite: Suite) {
        self.material.advance(suite);
        self.sequence = 0;
        self.expanded = None;
    }

    fn expanded(&mut self, suite: Suite) -> &Expanded {
        self.expanded.get_or_insert_with(|| {
            let derived = self.material.key_and_iv(suite);
            let cipher = suite.cipher();
            let key = UnboundKey::new(cipher.algorithm(), &derived.key[..cipher.key_bytes()])
                .expect("the key has the length of its cipher");
            Box::new(Expanded {
                key: LessSafeKey::new(key),
                iv: derived.iv,
            })
        })
    }

    /// Seals the content of a record where it lies: `record` is room for the [head](head_bytes), the content, and room for the
    /// [tail](tail_bytes).
    pub(crate) fn seal(&mut self, suite: Suite, kind: u8, record: &mut [u8]) {
        let sequence = self.sequence;
        let Expanded { key, iv } = self.expanded(suite);
        let nonce = nonce(iv, sequence);
        let content_bytes = record.len() - head_bytes(suite) - tail_bytes(suite);
        let (head, rest) = record.split_at_mut(head_bytes(suite));
        let (sealed, tag) = rest.split_at_mut(content_bytes + suite.inner_type_bytes());
        let body_bytes = head.len() - HEADER_BYTES + sealed.len() + tag.len();
        let (header, aad) = match suite.version() {
            Version::Tls13 => {
                sealed[content_bytes] = kind;
                let header = Header::new(TYPE_DATA, body_bytes);
                (header, AdditionalData::Tls13(header.bytes))
            }
            Version::Tls12 => {
                let aad = AdditionalData::tls12(sequence, kind, content_bytes);
                (Header::new(kind, body_bytes), aad)
            }
        };
        head[..HEADER_BYTES].copy_from_slice(&header.bytes);
        // Like rustls, the explicit part is IV xor sequence number: unique, and telling no count to who listens. It must
        // stay so: another construction could meet a nonce that rustls has used during the handshake.
        let explicit = head.len() - HEADER_BYTES;
        head[HEADER_BYTES..].copy_from_slice(&nonce[IV_BYTES - explicit..]);
        let computed = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), sealed)
            .expect("a record is shorter than any cipher's limit");
        tag.copy_from_slice(computed.as_ref());
        self.sequence += 1;
    }

    /// Opens a whole record where it lies.
    pub(crate) fn open(
        &mut self,
        suite: Suite,
        header: Header,
        record: &mut [u8],
    ) -> Result<Opened, Violation> {
        let sequence = self.sequence;
        let explicit = suite.explicit_nonce_bytes();
        let sealed_bytes = header
            .body_bytes()
            .checked_sub(explicit + TAG_BYTES)
            .ok_or(Violation::BadRecordMac)?;
        let (head, sealed) = record.split_at_mut(HEADER_BYTES + explicit);
        let Expanded { key, iv } = self.expanded(suite);
        let mut nonce = nonce(iv, sequence);
        nonce[IV_BYTES - explicit..].copy_from_slice(&head[HEADER_BYTES..]);
        let aad = match suite.version() {
            Version::Tls13 => AdditionalData::Tls13(header.bytes),
            Version::Tls12 => AdditionalData::tls12(sequence, header.kind(), sealed_bytes),
        };
        let content = key
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), sealed)
            .map_err(|_| Violation::BadRecordMac)?;
        let start = HEADER_BYTES + explicit;
        let (kind, bytes) = match suite.version() {
            Version::Tls12 => (header.kind(), content.len()),
            Version::Tls13 if content.len() > CONTENT_MAX + 1 => {
                return Err(Violation::RecordOverflow);
            }
            Version::Tls13 => {
                // Content, type, padding of zeros (RFC 8446 section 5.4).
                let end = content.iter().rposition(|byte| *byte != 0);
                let end = end.ok_or(Violation::UnexpectedRecord)?;
                (content[end], end)
            }
        };
        if bytes > CONTENT_MAX {
            return Err(Violation::RecordOverflow);
        }
        self.sequence += 1;
        Ok(Opened {
            kind,
            content: start..start + bytes,
        })
    }
}

impl fmt::Debug for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Direction(record {})", self.sequence)
    }
}

/// Bytes before the content of a record.
pub(crate) fn head_bytes(suite: Suite) -> usize {
    HEADER_BYTES + suite.explicit_nonce_bytes()
}

/// Bytes after the content of a record that we seal.
pub(crate) fn tail_bytes(suite: Suite) -> usize {
    suite.inner_type_bytes() + TAG_BYTES
}

/// IV xor sequence number (RFC 8446 section 5.3, RFC 7905 section 2).
fn nonce(iv: &[u8; IV_BYTES], sequence: u64) -> [u8; IV_BYTES] {
    let mut nonce = *iv;
    for (byte, number) in nonce[IV_BYTES - 8..].iter_mut().zip(sequence.to_be_bytes()) {
        *byte ^= number;
    }
    nonce
}

/// What is authentic with a record besides its content.
enum AdditionalData {
    /// The header.
    Tls13([u8; HEADER_BYTES]),
    /// Sequence number, type, version, bytes of content (RFC 5246 section 6.2.3.3).
    Tls12([u8; 13]),
}

impl AdditionalData {
    fn tls12(sequence: u64, kind: u8, content_bytes: usize) -> AdditionalData {
        let mut bytes = [0; 13];
        bytes[..8].copy_from_slice(&sequence.to_be_bytes());
        bytes[8..11].copy_from_slice(&[kind, 3, 3]);
        bytes[11..].copy_from_slice(&(content_bytes as u16).to_be_bytes());
        AdditionalData::Tls12(bytes)
    }
}

impl AsRef<[u8]> for AdditionalData {
    fn as_ref(&self) -> &[u8] {
        match self {
            AdditionalData::Tls13(bytes) => bytes,
            AdditionalData::Tls12(bytes) => bytes,
        }
    }
}
