//! A frozen session as bytes (CBOR, fields by number).
//!
//! In: a session, what is unsent, what was agreed on. Out: bytes, and back. Must hold: numbers are never used again for
//! something else; a field that is added gets a default; an image that says more than an old program may ignore gets a new
//! version; nothing is believed before it was checked, and no key is copied to where it is not wiped.

use std::borrow::Cow;

use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::error::ImageError;
use crate::facts::{Facts, Kind};
use crate::record::{Direction, Held, Input, Output, Patience, Session};
use crate::secrets::Material;
use crate::suite::Suite;

/// Version of the images that are written.
pub const IMAGE_VERSION: u8 = 1;
/// Most bytes of a server name or a protocol.
const NAME_MAX: usize = 255;
/// Most certificates of a client, and most bytes of all.
const CERTIFICATES_MAX: usize = 32;
const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;

/// Version 1 of the image of a session.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
struct Image<'a> {
    #[n(0)]
    version: u8,
    /// Number of the cipher suite, which tells the version of TLS.
    #[n(1)]
    suite: u16,
    #[b(2)]
    tx: DirectionImage<'a>,
    #[b(3)]
    rx: DirectionImage<'a>,
    #[n(4)]
    input: InputImage,
    #[n(5)]
    output: OutputImage,
    #[n(6)]
    patience: PatienceImage,
    /// Records of the client that were not opened.
    #[b(7)]
    held: &'a ByteSlice,
    /// Records of ours that were not sent.
    #[b(8)]
    unsent: &'a ByteSlice,
    #[b(9)]
    facts: FactsImage<'a>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct DirectionImage<'a> {
    /// TLS 1.3: traffic secret. TLS 1.2: key, then IV.
    #[b(0)]
    material: &'a ByteSlice,
    /// Number of the next record.
    #[n(1)]
    sequence: u64,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(index_only)]
enum InputImage {
    #[n(0)]
    Open,
    #[n(1)]
    Ended,
    #[n(2)]
    Failed,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(index_only)]
enum OutputImage {
    #[n(0)]
    Open,
    #[n(1)]
    Closed,
}

#[derive(Debug, Encode, Decode)]
struct PatienceImage {
    #[n(0)]
    key_updates: u8,
    #[n(1)]
    empty_records: u8,
    #[n(2)]
    warnings: u8,
    #[n(3)]
    renegotiations: u8,
}

#[derive(Debug, Encode, Decode)]
#[cbor(map)]
struct FactsImage<'a> {
    #[b(0)]
    server_name: Option<Cow<'a, str>>,
    #[b(1)]
    protocol: Option<&'a ByteSlice>,
    #[n(2)]
    kind: KindImage,
    #[b(3)]
    client_certificates: Vec<&'a ByteSlice>,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(index_only)]
enum KindImage {
    #[n(0)]
    Full,
    #[n(1)]
    FullWithRetry,
    #[n(2)]
    Resumed,
}

impl<'a> DirectionImage<'a> {
    fn of(direction: &'a Direction, suite: Suite) -> DirectionImage<'a> {
        DirectionImage {
            material: direction.material.bytes(suite).into(),
            sequence: direction.sequence,
        }
    }
}

impl std::fmt::Debug for DirectionImage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DirectionImage(record {})", self.sequence)
    }
}

/// Writes a session.
pub(crate) fn write(session: &Session, unsent: &[u8], facts: &Facts) -> Zeroizing<Vec<u8>> {
    let suite = session.suite;
    let image = Image {
        version: IMAGE_VERSION,
        suite: suite.id(),
        tx: DirectionImage::of(&session.tx, suite),
        rx: DirectionImage::of(&session.rx, suite),
        input: match session.input {
            Input::Open => InputImage::Open,
            Input::Ended => InputImage::Ended,
            Input::Failed => InputImage::Failed,
        },
        output: match session.output {
            Output::Open => OutputImage::Open,
            Output::Closed => OutputImage::Closed,
        },
        patience: PatienceImage {
            key_updates: session.patience.key_updates,
            empty_records: session.patience.empty_records,
            warnings: session.patience.warnings,
            renegotiations: session.patience.renegotiations,
        },
        held: session.held.unused().into(),
        unsent: unsent.into(),
        facts: FactsImage {
            server_name: facts.server_name.as_deref().map(Cow::Borrowed),
            protocol: facts.protocol.as_deref().map(Into::into),
            kind: match facts.kind {
                Kind::Full => KindImage::Full,
                Kind::FullWithRetry => KindImage::FullWithRetry,
                Kind::Resumed => KindImage::Resumed,
            },
            client_certificates: facts
                .client_certificates
                .iter()
                .map(|it| (**it).into())
                .collect(),
        },
    };
    // Room for all of it: a vector that grows leaves copies behind.
    let certificates: usize = facts
        .client_certificates
        .iter()
        .map(|it| it.len() + 5)
        .sum();
    let room = 768 + image.held.len() + unsent.len() + certificates;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    minicbor::encode(&image, &mut *bytes).expect("a vector takes everything");
    debug_assert!(bytes.capacity() == room, "it did not grow");
    bytes
}

/// Reads a session: untrusted input.
pub(crate) fn read(bytes: &[u8]) -> Result<(Session, Vec<u8>, Facts), ImageError> {
    check_version(bytes)?;
    let mut decoder = minicbor::Decoder::new(bytes);
    let image: Image<'_> = decoder.decode()?;
    if decoder.position() != bytes.len() {
        return Err(ImageError::Impossible("length"));
    }
    let suite = Suite::from_id(image.suite).ok_or(ImageError::Impossible("suite"))?;
    let direction = |image: &DirectionImage<'_>, records_max, name| {
        Material::from_bytes(suite, image.material)
            .filter(|_| image.sequence <= records_max)
            .map(|material| (material, image.sequence))
            .ok_or(ImageError::Impossible(name))
    };
    let tx = direction(&image.tx, suite.records_per_key(), "tx")?;
    // How long a client keeps its key is its own affair.
    let rx = direction(&image.rx, 1 << 62, "rx")?;
    let mut session = Session::new(suite, tx, rx);
    session.input = match image.input {
        InputImage::Open => Input::Open,
        InputImage::Ended => Input::Ended,
        InputImage::Failed => Input::Failed,
    };
    session.output = match image.output {
        OutputImage::Open => Output::Open,
        OutputImage::Closed => Output::Closed,
    };
    session.patience = Patience {
        key_updates: image.patience.key_updates,
        empty_records: image.patience.empty_records,
        warnings: image.patience.warnings,
        renegotiations: image.patience.renegotiations,
    };
    if !session.patience.is_possible() {
        return Err(ImageError::Impossible("patience"));
    }
    session.held = Held {
        bytes: image.held.to_vec(),
        at: 0,
    };
    let facts = read_facts(&image.facts)?;
    Ok((session, image.unsent.to_vec(), facts))
}

fn read_facts(image: &FactsImage<'_>) -> Result<Facts, ImageError> {
    let is_long = |length: Option<usize>| length.is_some_and(|it| it > NAME_MAX);
    if is_long(image.server_name.as_ref().map(|it| it.len())) {
        return Err(ImageError::Impossible("server name"));
    }
    if is_long(image.protocol.map(|it| it.len())) {
        return Err(ImageError::Impossible("protocol"));
    }
    let certificates = &image.client_certificates;
    let bytes: usize = certificates.iter().map(|it| it.len()).sum();
    if certificates.len() > CERTIFICATES_MAX || bytes > CERTIFICATE_BYTES_MAX {
        return Err(ImageError::Impossible("client certificates"));
    }
    Ok(Facts {
        server_name: image.server_name.as_deref().map(Box::from),
        protocol: image.protocol.map(|it| Box::from(&**it)),
        kind: match image.kind {
            KindImage::Full => Kind::Full,
            KindImage::FullWithRetry => Kind::FullWithRetry,
            KindImage::Resumed => Kind::Resumed,
        },
        client_certificates: certificates.iter().map(|it| Box::from(&***it)).collect(),
    })
}

/// Refuses an image of another version, whatever else is in it.
pub(crate) fn check_version(bytes: &[u8]) -> Result<(), ImageError> {
    #[derive(Decode)]
    #[cbor(map)]
    struct OnlyVersion {
        #[n(0)]
        version: u8,
    }
    match minicbor::decode::<OnlyVersion>(bytes)?.version {
        IMAGE_VERSION => Ok(()),
        version => Err(ImageError::Version(version)),
    }
}
