//! Headers of records (RFC 8446 section 5.1, RFC 5246 section 6.2).
//!
//! In: five bytes from a client. Out: type and length of what follows. Must hold: a length that no record can have is
//! refused here, before anything is kept for it.

use crate::error::Violation;
use crate::suite::Version;

/// Bytes of a header.
pub(crate) const HEADER_BYTES: usize = 5;
/// Most bytes of content in a record.
pub(crate) const CONTENT_MAX: usize = 1 << 14;
/// Most bytes that follow a header in TLS 1.3.
pub(crate) const TLS13_BODY_MAX: usize = CONTENT_MAX + 256;
/// Most bytes that follow a header in TLS 1.2.
pub(crate) const TLS12_BODY_MAX: usize = CONTENT_MAX + 2048;

/// A change of cipher.
pub(crate) const TYPE_CHANGE_CIPHER_SPEC: u8 = 20;
/// An alert.
pub(crate) const TYPE_ALERT: u8 = 21;
/// Handshake messages.
pub(crate) const TYPE_HANDSHAKE: u8 = 22;
/// Data; in TLS 1.3 everything that is sealed.
pub(crate) const TYPE_DATA: u8 = 23;

/// The header of a record that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) bytes: [u8; HEADER_BYTES],
}

impl Header {
    /// `None` if it is not complete.
    pub(crate) fn read(version: Version, input: &[u8]) -> Result<Option<Header>, Violation> {
        let Some(&bytes) = input.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = Header { bytes };
        if bytes[1] != 3 {
            return Err(Violation::RecordVersion);
        }
        let (is_fine, body_max) = match version {
            Version::Tls13 => (header.kind() == TYPE_DATA, TLS13_BODY_MAX),
            Version::Tls12 => (
                (TYPE_CHANGE_CIPHER_SPEC..=TYPE_DATA).contains(&header.kind()),
                TLS12_BODY_MAX,
            ),
        };
        if !is_fine {
            return Err(Violation::UnexpectedRecord);
        }
        if header.body_bytes() > body_max {
            return Err(Violation::RecordOverflow);
        }
        Ok(Some(header))
    }

    /// Of a record to be sent.
    pub(crate) fn new(kind: u8, body_bytes: usize) -> Header {
        debug_assert!(body_bytes <= TLS12_BODY_MAX);
        let [high, low] = (body_bytes as u16).to_be_bytes();
        Header {
            bytes: [kind, 3, 3, high, low],
        }
    }

    pub(crate) fn kind(self) -> u8 {
        self.bytes[0]
    }

    /// Bytes that follow it.
    pub(crate) fn body_bytes(self) -> usize {
        usize::from(u16::from_be_bytes([self.bytes[3], self.bytes[4]]))
    }

    /// Bytes of the whole record.
    pub(crate) fn record_bytes(self) -> usize {
        HEADER_BYTES + self.body_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_refused_by_version() {
        use Version::{Tls12, Tls13};
        let read = |version, bytes: [u8; 5]| Header::read(version, &bytes).map(|it| it.is_some());
        for version in [Tls12, Tls13] {
            assert_eq!(read(version, [23, 3, 3, 0, 0]), Ok(true));
            assert_eq!(
                read(version, [23, 2, 3, 0, 9]),
                Err(Violation::RecordVersion)
            );
            assert_eq!(
                read(version, [24, 3, 3, 0, 9]),
                Err(Violation::UnexpectedRecord)
            );
            assert_eq!(Header::read(version, &[23, 3, 3, 0]), Ok(None));
        }
        for kind in [20, 21, 22] {
            assert_eq!(
                read(Tls13, [kind, 3, 3, 0, 1]),
                Err(Violation::UnexpectedRecord)
            );
            assert_eq!(read(Tls12, [kind, 3, 3, 0, 1]), Ok(true));
        }
        assert_eq!(read(Tls13, [23, 3, 3, 0x41, 0]), Ok(true));
        assert_eq!(
            read(Tls13, [23, 3, 3, 0x41, 1]),
            Err(Violation::RecordOverflow)
        );
        assert_eq!(read(Tls12, [23, 3, 3, 0x48, 0]), Ok(true));
        assert_eq!(
            read(Tls12, [23, 3, 3, 0x48, 1]),
            Err(Violation::RecordOverflow)
        );
    }
}
