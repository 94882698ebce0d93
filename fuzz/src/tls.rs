//! A client that can seal anything: written from the RFCs, without the code that it is to try.

use aws_lc_rs::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use portable_tls::{Arrived, Session, Whole};

/// A session as its image says, and what seals for it.
pub struct Client {
    version: Version,
    secret: [u8; 32],
    sequence: u64,
}

/// Which image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `TLS_AES_128_GCM_SHA256`.
    Tls13,
    /// `ECDHE-RSA-CHACHA20-POLY1305`.
    Tls12,
}

/// The secret of the client's direction.
const SECRET: [u8; 32] = [2; 32];
/// The IV of TLS 1.2.
const IV: [u8; 12] = [2; 12];

impl Client {
    /// A client and its server.
    pub fn new(version: Version) -> (Client, Session) {
        let Whole { session, .. } = Arrived::decode(&image(version))
            .expect("an image of version 1")
            .begin();
        let client = Client {
            version,
            secret: SECRET,
            sequence: 0,
        };
        (client, session)
    }

    /// A sealed record.
    pub fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut sealed = content.to_vec();
        let (key, iv) = match self.version {
            Version::Tls12 => (UnboundKey::new(&CHACHA20_POLY1305, &SECRET), IV),
            Version::Tls13 => {
                sealed.push(kind);
                let (mut key, mut iv) = ([0; 16], [0; 12]);
                expand(&self.secret, b"key", &mut key);
                expand(&self.secret, b"iv", &mut iv);
                (UnboundKey::new(&AES_128_GCM, &key), iv)
            }
        };
        let mut nonce = u128::from_be_bytes(std::array::from_fn(|at| match at {
            4.. => iv[at - 4],
            _ => 0,
        }));
        nonce ^= u128::from(self.sequence);
        let nonce = std::array::from_fn(|at| nonce.to_be_bytes()[at + 4]);
        let length = (sealed.len() as u16 + 16).to_be_bytes();
        let (header, aad) = match self.version {
            Version::Tls13 => {
                let header = [23, 3, 3, length[0], length[1]];
                (header, header.to_vec())
            }
            Version::Tls12 => {
                let header = [kind, 3, 3, length[0], length[1]];
                let mut aad = self.sequence.to_be_bytes().to_vec();
                aad.extend([kind, 3, 3]);
                aad.extend((content.len() as u16).to_be_bytes());
                (header, aad)
            }
        };
        let tag = LessSafeKey::new(key.expect("a key"))
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut sealed,
            )
            .expect("a record");
        self.sequence += 1;
        if self.version == Version::Tls13 && kind == 22 && matches!(content, [24, 0, 0, 1, 0 | 1]) {
            let mut next = [0; 32];
            expand(&self.secret, b"traffic upd", &mut next);
            (self.secret, self.sequence) = (next, 0);
        }
        [&header[..], &sealed, tag.as_ref()].concat()
    }
}

/// An image of version 1.
pub fn image(version: Version) -> Vec<u8> {
    let (suite, tx, rx) = match version {
        Version::Tls13 => (0x1301, vec![1; 32], SECRET.to_vec()),
        Version::Tls12 => (0xcca8, vec![1; 44], [&SECRET[..], &IV].concat()),
    };
    let mut bytes = Vec::new();
    let mut encoder = minicbor::Encoder::new(&mut bytes);
    let direction = |encoder: &mut minicbor::Encoder<&mut Vec<u8>>, field: u8, secret: &[u8]| {
        let encoder = encoder.u8(field)?.map(2)?;
        encoder.u8(0)?.bytes(secret)?.u8(1)?.u64(0)?;
        Ok::<_, minicbor::encode::Error<_>>(())
    };
    let mut write = || {
        encoder.map(10)?.u8(0)?.u8(1)?.u8(1)?.u16(suite)?;
        direction(&mut encoder, 2, &tx)?;
        direction(&mut encoder, 3, &rx)?;
        encoder.u8(4)?.u8(0)?.u8(5)?.u8(0)?;
        encoder.u8(6)?.array(4)?.u8(32)?.u8(32)?.u8(4)?.u8(1)?;
        encoder.u8(7)?.bytes(b"")?.u8(8)?.bytes(b"")?;
        encoder.u8(9)?.map(2)?.u8(2)?.u8(0)?.u8(3)?.array(0)?;
        Ok::<_, minicbor::encode::Error<_>>(())
    };
    write().expect("a vector takes everything");
    bytes
}

fn expand(secret: &[u8], label: &[u8], out: &mut [u8]) {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut info = (out.len() as u16).to_be_bytes().to_vec();
    info.push(6 + label.len() as u8);
    info.extend(b"tls13 ");
    info.extend(label);
    info.push(0);
    Prk::new_less_safe(HKDF_SHA256, secret)
        .expand(&[&info], Length(out.len()))
        .expect("a length")
        .fill(out)
        .expect("the same length");
}
