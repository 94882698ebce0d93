//! The beginning of a connection: bytes, until the ClientHello is complete.
//!
//! In: what the client sends. Out: [`Offer`], what the client offers, so that a configuration can be chosen. Must hold:
//! until then nothing was answered and no key exists, so that the bytes are all there is and may go to another process.

use std::fmt;

use rustls::server::{Accepted, Acceptor, ClientHello};

use crate::config::Config;
use crate::error::HandshakeError;
use crate::handshake::{Handshake, Progress};
use crate::record::header::{CONTENT_MAX, HEADER_BYTES, TYPE_HANDSHAKE};

/// Most bytes of records that a ClientHello may take. Browsers send 2 KiB.
pub const HELLO_MAX: usize = 32 * 1024;
/// Most records that it may be cut into.
const RECORDS_MAX: usize = 64;
/// Type of the handshake message (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;
/// The protocol by which a certificate authority looks for its challenge (RFC 8737).
pub const ACME_TLS_1: &[u8] = b"acme-tls/1";

/// A connection whose ClientHello is not complete.
#[derive(Default)]
pub struct Hello {
    bytes: Vec<u8>,
}

/// What came of more bytes.
#[derive(Debug)]
pub enum Collected {
    /// The ClientHello is not complete.
    More(Hello),
    /// It is.
    Complete(Offer),
}

impl Hello {
    /// A connection of which nothing was read.
    pub fn new() -> Hello {
        Hello::default()
    }

    /// Takes what was read. If it is an error, `out` gets an alert for the client.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NotTls`], [`HandshakeError::TooLong`], or what rustls says of the ClientHello.
    pub fn read(mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Collected, HandshakeError> {
        self.bytes.extend_from_slice(input);
        let end = match find_end(&self.bytes) {
            Ok(Some(end)) => end,
            Ok(None) => return Ok(Collected::More(self)),
            Err(error) => {
                let alert = match error {
                    HandshakeError::TooLong { .. } => rustls::AlertDescription::RecordOverflow,
                    _ => rustls::AlertDescription::UnexpectedMessage,
                };
                out.extend_from_slice(&[21, 3, 3, 0, 2, 2, u8::from(alert)]);
                return Err(error);
            }
        };
        let mut acceptor = Acceptor::default();
        let mut records = &self.bytes[..end];
        loop {
            // In memory: cannot fail. It takes a piece at a time.
            let taken = acceptor.read_tls(&mut records).unwrap_or_default();
            match acceptor.accept() {
                Ok(Some(accepted)) => {
                    return Ok(Collected::Complete(Offer {
                        bytes: self.bytes,
                        end,
                        server_name: accepted.client_hello().server_name().map(Box::from),
                        accepted: Box::new(accepted),
                    }));
                }
                Ok(None) if taken > 0 => {}
                // The records had as many bytes as the message says; rustls sees it otherwise.
                Ok(None) => return Err(HandshakeError::NotTls),
                Err((error, mut alert)) => {
                    while alert.write(out).is_ok_and(|written| written > 0) {}
                    return Err(error.into());
                }
            }
        }
    }

    /// Whether nothing came yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was read so far, for another process, which gives it to [`read`](Hello::read) of a new one.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hello({} bytes)", self.bytes.len())
    }
}

/// A complete ClientHello that was not answered.
pub struct Offer {
    /// Everything that was read.
    bytes: Vec<u8>,
    /// End of the records of the ClientHello.
    end: usize,
    server_name: Option<Box<str>>,
    accepted: Box<Accepted>,
}

impl Offer {
    /// What rustls has read of it: server name, protocols, cipher suites, signature schemes.
    pub fn client_hello(&self) -> ClientHello<'_> {
        self.accepted.client_hello()
    }

    /// Name of the server (SNI), in lower case.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Whether the client offers this protocol (ALPN), for example [`ACME_TLS_1`].
    pub fn offers(&self, protocol: &[u8]) -> bool {
        let hello = self.accepted.client_hello();
        hello
            .alpn()
            .is_some_and(|mut offered| offered.any(|it| it == protocol))
    }

    /// What was read so far, for another process, which gives it to [`Hello::read`].
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Answers it. From now on there are keys, and the handshake stays in this process until there is a session.
    ///
    /// # Errors
    ///
    /// As [`Handshake::read`].
    pub fn accept(self, config: &Config, out: &mut Vec<u8>) -> Result<Progress, HandshakeError> {
        Handshake::begin(
            *self.accepted,
            config,
            &self.bytes[self.end..],
            self.end,
            out,
        )
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offer({} bytes)", self.bytes.len())
    }
}

/// End of the record in which the first handshake message ends.
fn find_end(bytes: &[u8]) -> Result<Option<usize>, HandshakeError> {
    // How many bytes of it came, and its length as soon as its header is complete.
    let (mut have, mut head) = (0, Vec::with_capacity(4));
    let too_long = HandshakeError::TooLong {
        what: "ClientHello",
        bound: HELLO_MAX,
    };
    let mut at = 0;
    for _ in 0..RECORDS_MAX {
        let header = &bytes[at..bytes.len().min(at + HEADER_BYTES)];
        check_header(header)?;
        let Some(length) = header.get(3..5) else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length == 0 {
            return Err(HandshakeError::NotTls);
        }
        if length > CONTENT_MAX || at + HEADER_BYTES + length > HELLO_MAX {
            return Err(too_long);
        }
        let content = &bytes[at + HEADER_BYTES..bytes.len().min(at + HEADER_BYTES + length)];
        let wanted = 4 - head.len();
        head.extend(content.iter().take(wanted));
        if head.first().is_some_and(|message| *message != CLIENT_HELLO) {
            return Err(HandshakeError::NotTls);
        }
        let message = match head[..] {
            [_, high, middle, low] => Some(4 + u32::from_be_bytes([0, high, middle, low]) as usize),
            _ => None,
        };
        if message.is_some_and(|it| it > HELLO_MAX) {
            return Err(too_long);
        }
        if content.len() < length {
            return Ok(None);
        }
        have += length;
        at += HEADER_BYTES + length;
        if message.is_some_and(|it| have >= it) {
            return Ok(Some(at));
        }
    }
    Err(too_long)
}

/// Refuses what cannot become the header of a handshake record.
fn check_header(header: &[u8]) -> Result<(), HandshakeError> {
    let is_fine = header.first().is_none_or(|it| *it == TYPE_HANDSHAKE)
        && header.get(1).is_none_or(|major| *major == 3);
    if is_fine {
        Ok(())
    } else {
        Err(HandshakeError::NotTls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![22, 3, 1];
        bytes.extend((content.len() as u16).to_be_bytes());
        bytes.extend(content);
        bytes
    }

    #[test]
    fn a_message_ends_in_the_record_that_has_its_last_byte() {
        let message = [1, 0, 0, 3, 7, 7, 7];
        let whole = record(&message);
        assert_eq!(find_end(&whole).unwrap(), Some(12));
        for end in 0..12 {
            assert_eq!(find_end(&whole[..end]).unwrap(), None, "{end}");
        }
        let mut pieces = message.map(|byte| record(&[byte])).concat();
        assert_eq!(find_end(&pieces).unwrap(), Some(pieces.len()));
        pieces.extend([23, 3, 3]);
        assert_eq!(find_end(&pieces).unwrap(), Some(pieces.len() - 3));
    }

    #[test]
    fn what_is_not_tls_is_known_by_its_first_byte() {
        for bytes in [
            &b"G"[..],
            b"\x80\x2e\x01",
            b"\x16\x02",
            &record(&[2]),
            &record(&[]),
        ] {
            assert!(
                matches!(find_end(bytes), Err(HandshakeError::NotTls)),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn it_is_bounded_before_it_is_kept() {
        let huge = record(&[1, 1, 0, 0]);
        let crumbs = [record(&[1, 0, 1, 0]), record(&[0]).repeat(RECORDS_MAX)].concat();
        for bytes in [&huge[..], &[22, 3, 1, 0xff, 0xff], &crumbs] {
            assert!(matches!(
                find_end(bytes),
                Err(HandshakeError::TooLong { .. })
            ));
        }
    }
}
