//! Why a handshake, a session or an image was given up, sorted by who is at fault.
//!
//! Made by every part, read by the caller. Must hold: no text contains a secret or bytes of a client; the alert that
//! belongs to an error was put into the output before the error is returned.

use std::fmt;

use rustls::AlertDescription;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client broke the protocol, sent something else than TLS, or tried to exhaust us.
    Client,
    /// Both are right, and have nothing in common: no version, cipher suite, signature scheme or protocol.
    Mismatch,
    /// One side does not trust the other: a certificate was refused, here or by the client.
    Trust,
    /// The client ended it without giving a reason that would be somebody's fault.
    Nobody,
    /// We are: configuration or a bug.
    Us,
}

/// Why a handshake ended without a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The first bytes are not those of TLS: plain HTTP at the wrong port, usually.
    NotTls,
    /// The client sent more than a handshake may have.
    TooLong {
        /// What was too long.
        what: &'static str,
        /// The bound in bytes.
        bound: usize,
    },
    /// rustls gave up.
    Rustls(rustls::Error),
    /// The secrets that rustls uses are not those that it told; the session could not go on by itself.
    SecretsDisagree,
}

impl HandshakeError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        use rustls::Error as E;
        match self {
            HandshakeError::NotTls | HandshakeError::TooLong { .. } => Fault::Client,
            HandshakeError::SecretsDisagree => Fault::Us,
            HandshakeError::Rustls(error) => match error {
                E::PeerIncompatible(_) | E::NoApplicationProtocol => Fault::Mismatch,
                E::InvalidCertificate(_) | E::NoCertificatesPresented => Fault::Trust,
                E::InvalidCertRevocationList(_) => Fault::Us,
                E::AlertReceived(alert) => fault_of_alert(*alert),
                E::InvalidMessage(_)
                | E::PeerMisbehaved(_)
                | E::InappropriateMessage { .. }
                | E::InappropriateHandshakeMessage { .. }
                | E::DecryptError
                | E::PeerSentOversizedRecord => Fault::Client,
                _ => Fault::Us,
            },
        }
    }
}

/// Whose fault it is when the client sends this alert during a handshake.
fn fault_of_alert(alert: AlertDescription) -> Fault {
    use AlertDescription as A;
    match alert {
        A::CloseNotify | A::UserCanceled => Fault::Nobody,
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::AccessDenied => Fault::Trust,
        A::HandshakeFailure | A::ProtocolVersion | A::InsufficientSecurity => Fault::Mismatch,
        _ => Fault::Client,
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::NotTls => f.write_str("the client does not speak TLS"),
            HandshakeError::TooLong { what, bound } => {
                write!(f, "the client's {what} is longer than {bound} bytes")
            }
            HandshakeError::Rustls(rustls::Error::AlertReceived(alert)) => {
                write!(f, "the client gave up with alert {alert:?}")
            }
            HandshakeError::Rustls(_) => f.write_str("handshake failed"),
            HandshakeError::SecretsDisagree => {
                f.write_str("rustls told other traffic secrets than it uses")
            }
        }
    }
}

impl std::error::Error for HandshakeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HandshakeError::Rustls(rustls::Error::AlertReceived(_)) => None,
            HandshakeError::Rustls(error) => Some(error),
            _ => None,
        }
    }
}

impl From<rustls::Error> for HandshakeError {
    fn from(error: rustls::Error) -> HandshakeError {
        HandshakeError::Rustls(error)
    }
}

/// Why a session cannot receive any more. It cannot send any more either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// The client broke the protocol; it is told so by an alert.
    Client(Violation),
    /// The client ended the session with this alert.
    Alert(AlertDescription),
    /// The session has failed before, and nothing that came since was looked at.
    Over,
}

/// How a client broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A record is not authentic: changed on its way, cut, or sealed with another key.
    BadRecordMac,
    /// A record is longer than 2^14 bytes, and what sealing adds.
    RecordOverflow,
    /// The header of a record names another version than TLS does.
    RecordVersion,
    /// A record of a type that does not belong here: not sealed, without content, a change of cipher, or unknown.
    UnexpectedRecord,
    /// A handshake message that does not belong here, or does not end where its record ends.
    UnexpectedMessage,
    /// A message that cannot be read.
    Malformed,
    /// A message with a value that does not exist.
    IllegalValue,
    /// More of something in a row than anybody needs.
    Flood(Flood),
}

/// What can be sent to keep a server busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// KeyUpdate messages without data between them.
    KeyUpdates,
    /// Empty records without data between them.
    EmptyRecords,
    /// Alerts that end nothing.
    Warnings,
    /// Attempts to renegotiate.
    Renegotiation,
}

impl Violation {
    /// The alert that tells the client (RFC 8446 section 6.2).
    pub fn alert(self) -> AlertDescription {
        match self {
            Violation::BadRecordMac => AlertDescription::BadRecordMac,
            Violation::RecordOverflow => AlertDescription::RecordOverflow,
            Violation::RecordVersion => AlertDescription::ProtocolVersion,
            Violation::UnexpectedRecord | Violation::UnexpectedMessage | Violation::Flood(_) => {
                AlertDescription::UnexpectedMessage
            }
            Violation::Malformed => AlertDescription::DecodeError,
            Violation::IllegalValue => AlertDescription::IllegalParameter,
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::Client(violation) => {
                f.write_str("the client ")?;
                f.write_str(match violation {
                    Violation::BadRecordMac => "sent a record that is not authentic",
                    Violation::RecordOverflow => "sent a record that is too long",
                    Violation::RecordVersion => "sent a record of an unknown version",
                    Violation::UnexpectedRecord => "sent a record of the wrong type",
                    Violation::UnexpectedMessage => "sent a handshake message out of place",
                    Violation::Malformed => "sent a message that cannot be read",
                    Violation::IllegalValue => "sent a message with a value that does not exist",
                    Violation::Flood(Flood::KeyUpdates) => "updates its keys too often",
                    Violation::Flood(Flood::EmptyRecords) => "sends too many empty records",
                    Violation::Flood(Flood::Warnings) => "sends too many warnings",
                    Violation::Flood(Flood::Renegotiation) => "wants to renegotiate",
                })
            }
            SessionError::Alert(alert) => write!(f, "the client gave up with alert {alert:?}"),
            SessionError::Over => f.write_str("the session has failed before"),
        }
    }
}

impl std::error::Error for SessionError {}

impl From<Violation> for SessionError {
    fn from(violation: Violation) -> SessionError {
        SessionError::Client(violation)
    }
}

/// Why something could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// Our direction was closed, by us or by a failure.
    Closed,
    /// The key of a session of TLS 1.2 has sealed as many records as it may. Our direction was closed in an orderly way;
    /// [`seal`](crate::Session::seal) has sealed this many bytes before.
    KeyWornOut {
        /// Bytes of the plaintext that were sealed by this call.
        sealed_bytes: usize,
    },
    /// The key of a session of TLS 1.3 has sealed as many records as it may: update it.
    KeyUpdateDue,
    /// Not the room for a record, or more than one.
    Length,
    /// TLS 1.2 cannot update keys.
    NoKeyUpdate,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SealError::Closed => "this direction of the session is closed",
            SealError::KeyWornOut { .. } => "the session's key has sealed as much as it may",
            SealError::KeyUpdateDue => "the session's key must be updated first",
            SealError::Length => "a record of this length does not exist",
            SealError::NoKeyUpdate => "sessions of TLS 1.2 cannot update their keys",
        })
    }
}

impl std::error::Error for SealError {}

/// A provider offers a cipher suite that sessions do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedSuite {
    /// Its number in IANA's registry.
    pub id: u16,
}

impl fmt::Display for UnsupportedSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions cannot have cipher suite {:#06x}", self.id)
    }
}

impl std::error::Error for UnsupportedSuite {}

/// Why an image of a session or of ticket keys was refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImageError {
    /// A newer program wrote it.
    Version(u8),
    /// It is not an image, or only a part of one.
    Malformed(minicbor::decode::Error),
    /// A field has a value that nothing of ours can have.
    Impossible(&'static str),
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::Version(version) => write!(f, "image of unknown version {version}"),
            ImageError::Malformed(_) => f.write_str("image cannot be read"),
            ImageError::Impossible(field) => write!(f, "image has an impossible {field}"),
        }
    }
}

impl std::error::Error for ImageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ImageError::Malformed(error) => Some(error),
            _ => None,
        }
    }
}

impl From<minicbor::decode::Error> for ImageError {
    fn from(error: minicbor::decode::Error) -> ImageError {
        ImageError::Malformed(error)
    }
}
