//! 11. A frozen connection as bytes (CBOR, fields by number).
//!
//! In: plain data. Out: bytes, and back. Must hold: numbers are never used again for something else; a field that is
//! added gets a default, so that an image of the version before still loads; every size is bounded before it is used.

use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::relay::RelayImage;
use super::secret::{self, Growing};
use crate::http1::body::Framing;
use crate::logline::Hole;
use crate::net::Peer;
use crate::pack::Paused;
use crate::transport::proxy_protocol::{LENGTH_MAX, Tls};

/// Most bytes of input that a connection holds: the longest head, and one more read.
const HELD_MAX: usize = 128 * 1024;

/// Version 1 of the image of a plain HTTP/1 connection.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Image {
    /// Name of the endpoint it came in at.
    #[n(0)]
    pub listener: String,
    /// Port of that endpoint.
    #[n(1)]
    pub local_port: u16,
    /// The client.
    #[n(2)]
    pub peer: Peer,
    /// Requests answered so far.
    #[n(3)]
    pub served: u32,
    /// Seconds it may be idle, by the settings of its last request.
    #[n(4)]
    pub keep_idle: u16,
    /// Seconds of patience left in the present phase.
    #[n(5)]
    pub patience: u32,
    /// What is known of unread input.
    #[n(6)]
    pub input: InputImage,
    /// What it is doing.
    #[n(7)]
    pub state: StateImage,
    /// What a proxy in front of us says of the client; since version 3.
    #[n(8)]
    pub introduction: Option<IntroductionImage>,
    /// TLS with the client; since version 5.
    #[n(9)]
    pub tls: Option<TlsImage>,
}

/// TLS with a client.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub enum TlsImage {
    /// It has not said all of its ClientHello.
    #[n(0)]
    Hello {
        /// What it has said.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// There is a session.
    #[n(1)]
    Session {
        /// As `portable_tls` writes it. Whoever reads it reads the connection.
        #[n(0)]
        #[cbor(with = "secret")]
        image: Zeroizing<Vec<u8>>,
        /// What is wrong with the client's certificate.
        #[n(1)]
        flaw: Option<String>,
        /// What was asked of the client when it was looked at; `None`: nothing.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        asked: Option<Vec<u8>>,
    },
}

impl fmt::Debug for TlsImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsImage::Hello { bytes } => write!(f, "Hello({} bytes)", bytes.len()),
            TlsImage::Session { .. } => f.write_str("Session(secret)"),
        }
    }
}

/// What a proxy in front of us says of its client (PROXY protocol).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum IntroductionImage {
    /// It is still to come.
    #[n(0)]
    Awaited {
        /// What was read of it.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// Something of TLS.
    #[n(1)]
    Made(#[n(0)] Tls),
}

/// What is known of unread input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum InputImage {
    /// Nothing.
    #[n(0)]
    Drained,
    /// There may be some in the kernel.
    #[n(1)]
    Pending,
    /// There may be some, and then the client has closed its direction.
    #[n(2)]
    Ended,
}

/// What a connection is doing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum StateImage {
    /// Between requests.
    #[n(0)]
    Idle,
    /// In the middle of a head.
    #[n(1)]
    Head {
        /// What was read of it.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// Answering.
    #[n(2)]
    Busy(#[n(0)] Box<BusyImage>),
    /// Ended by us, still reading.
    #[n(3)]
    Lingering,
}

/// A request that is being answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BusyImage {
    /// What of the request's body is to come.
    #[n(0)]
    pub body: Framing,
    /// How much of it is read at most.
    #[n(1)]
    pub room: u64,
    /// What is owed to the client, in order.
    #[n(2)]
    pub owed: Vec<SegmentImage>,
    /// What comes afterwards.
    #[n(3)]
    pub after: AfterImage,
    /// Input that belongs to the next request.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub unread: Vec<u8>,
    /// Line for the access log.
    #[n(5)]
    pub line: Option<LineImage>,
    /// Microseconds since the head was complete.
    #[n(6)]
    pub took_micros: u64,
    /// Bytes of the request so far.
    #[n(7)]
    pub received: u64,
    /// Bytes sent so far.
    #[n(8)]
    pub sent: u64,
    /// Bytes of the response's body.
    #[n(9)]
    pub body_length: u64,
    /// Bytes of the response's head.
    #[n(12)]
    pub head_length: u64,
    /// Seconds that sending may stand still.
    #[n(10)]
    pub write_idle: u16,
    /// Seconds that reading may stand still.
    #[n(11)]
    pub read_idle: u16,
    /// The backend that is to answer; since version 2.
    #[n(13)]
    pub relay: Option<Box<RelayImage>>,
    /// How fast it may be sent. Whoever does not know this field sends as fast as it can.
    #[n(14)]
    pub pace: Option<PaceImage>,
    /// File of the database that it counts for. Whoever does not know this field does not count it.
    #[n(15)]
    pub database: Option<String>,
}

/// Limits, in KiB a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PaceImage {
    /// For this connection; 0: none.
    #[n(0)]
    pub each: u16,
    /// Shared with others.
    #[n(1)]
    pub shared: Option<SharedImage>,
}

/// A limit that connections share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SharedImage {
    /// Which one of the configuration's.
    #[n(0)]
    pub number: u16,
    /// What it allows: another one of the same number is not meant.
    #[n(1)]
    pub rate: u16,
}

/// A piece of what is owed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SegmentImage {
    /// Bytes.
    #[n(0)]
    Bytes(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// Part of the next descriptor.
    #[n(1)]
    File {
        /// First byte.
        #[n(0)]
        offset: u64,
        /// Number of bytes.
        #[n(1)]
        length: u64,
    },
    /// A body that is compressed as it is sent; since version 6.
    #[n(2)]
    Packed {
        /// How to go on with it.
        #[n(0)]
        paused: Paused,
        /// What is left of it.
        #[n(1)]
        source: Vec<PieceImage>,
    },
}

/// A piece of a body that is compressed as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PieceImage {
    /// Bytes.
    #[n(0)]
    Bytes(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// Part of the next descriptor.
    #[n(1)]
    File {
        /// First byte.
        #[n(0)]
        offset: u64,
        /// Number of bytes.
        #[n(1)]
        length: u64,
    },
}

impl SegmentImage {
    /// Whether it ends where a file can end, and can be gone on with here.
    pub(super) fn is_sane(&self) -> bool {
        let ends = |offset: &u64, length: &u64| {
            let end = offset.checked_add(*length);
            end.is_some_and(|end| i64::try_from(end).is_ok())
        };
        match self {
            SegmentImage::Bytes(_) => true,
            SegmentImage::File { offset, length } => ends(offset, length),
            SegmentImage::Packed { paused, source } => {
                let is_sane = |piece: &PieceImage| match piece {
                    PieceImage::Bytes(_) => true,
                    PieceImage::File { offset, length } => ends(offset, length),
                };
                paused.is_sane() && source.iter().all(is_sane)
            }
        }
    }
}

/// What comes after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AfterImage {
    /// The next request.
    #[n(0)]
    Keep,
    /// The end.
    #[n(1)]
    Close,
    /// The end, after reading what still comes.
    #[n(2)]
    Linger,
}

/// A line for an access log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LineImage {
    /// The log, by its target.
    #[n(0)]
    pub log: String,
    /// The text without the holes.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub text: Vec<u8>,
    /// The holes.
    #[n(2)]
    pub holes: Vec<Hole>,
}

impl Image {
    /// As bytes. Keys may be in them.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Growing::with_capacity(96);
        // Writing to memory cannot fail, and no field refuses to be written.
        minicbor::encode(self, &mut bytes).expect("an image can always be written");
        bytes.into_bytes()
    }

    /// The first version that has everything that is in it: a process that knows no more still understands it.
    pub fn version(&self) -> u16 {
        let (relay, is_packed) = match &self.state {
            StateImage::Busy(busy) => {
                let is_packed =
                    |segment: &SegmentImage| matches!(segment, SegmentImage::Packed { .. });
                (busy.relay.as_ref(), busy.owed.iter().any(is_packed))
            }
            _ => (None, false),
        };
        match (&self.introduction, relay) {
            (_, Some(relay)) if relay.version() >= 6 => relay.version(),
            _ if is_packed => 6,
            _ if self.tls.is_some() => 5,
            (Some(_), relay) => relay.map_or(3, |relay| relay.version().max(3)),
            (None, Some(relay)) => relay.version(),
            (None, None) => 1,
        }
    }

    /// Looks for values that no connection can have. Returns the name of the first.
    pub fn check(&self) -> Result<(), &'static str> {
        let small = |bytes: &[u8]| bytes.len() <= HELD_MAX;
        let count = |number: u64| i64::try_from(number).is_ok();
        let checks = match &self.state {
            StateImage::Idle | StateImage::Lingering => Vec::new(),
            StateImage::Head { bytes } => vec![("head", small(bytes))],
            StateImage::Busy(busy) => vec![
                ("unread", small(&busy.unread)),
                ("took_micros", count(busy.took_micros)),
                ("received", count(busy.received)),
                ("sent", count(busy.sent)),
                ("body_length", count(busy.body_length)),
                ("head_length", count(busy.head_length)),
                (
                    "relay",
                    busy.relay.as_ref().is_none_or(|relay| relay.is_sane()),
                ),
                ("owed", busy.owed.iter().all(SegmentImage::is_sane)),
            ],
        };
        let introduction = match &self.introduction {
            Some(IntroductionImage::Awaited { bytes }) => bytes.len() <= LENGTH_MAX,
            Some(IntroductionImage::Made(_)) | None => true,
        };
        let introduction = ("introduction", introduction);
        let tls = match &self.tls {
            Some(TlsImage::Hello { bytes }) => bytes.len() <= portable_tls::HELLO_MAX,
            Some(TlsImage::Session { image, .. }) => portable_tls::Arrived::decode(image).is_ok(),
            None => true,
        };
        let tls = ("tls", tls);
        let patience = ("patience", self.patience <= u32::from(u16::MAX) + 1);
        match checks
            .into_iter()
            .chain([introduction, tls, patience])
            .find(|(_, good)| !good)
        {
            Some((name, _)) => Err(name),
            None => Ok(()),
        }
    }

    /// From bytes that may be anything.
    pub fn from_bytes(bytes: &[u8]) -> Result<Image, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }
}

#[cfg(test)]
mod tests;
