//! What the keys of one direction come from, and the steps of the key schedule that a session still needs.
//!
//! In: secrets of a handshake, or of an image. Out: key and IV of the present generation, and the next generation
//! (RFC 8446 sections 7.2 and 7.3). Must hold: every copy is wiped when it is dropped; nothing here is ever printed.

use std::fmt;

use aws_lc_rs::hkdf::{self, Prk};
use rustls::ConnectionTrafficSecrets;
use zeroize::{Zeroize, Zeroizing};

use crate::suite::{Suite, Version};

/// The longest material: a secret of SHA-384. A key and an IV of TLS 1.2 take 44.
pub(crate) const MATERIAL_MAX: usize = 48;
/// Bytes of the IV that key and sequence number make nonces of.
pub(crate) const IV_BYTES: usize = 12;

/// TLS 1.3: the traffic secret. TLS 1.2: the key, then the IV. The rest is zero. Boxed: a session that is moved, or whose
/// container grows, leaves a pointer behind and no key.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Material(Box<[u8; MATERIAL_MAX]>);

/// Key and IV of one generation.
pub(crate) struct KeyAndIv {
    pub(crate) key: Zeroizing<[u8; 32]>,
    pub(crate) iv: Zeroizing<[u8; IV_BYTES]>,
}

impl Material {
    /// Bytes that mean something.
    pub(crate) fn length(suite: Suite) -> usize {
        match suite.version() {
            Version::Tls13 => suite.hash().1,
            Version::Tls12 => suite.cipher().key_bytes() + IV_BYTES,
        }
    }

    /// `None` if this is not the length that the suite has.
    pub(crate) fn from_bytes(suite: Suite, bytes: &[u8]) -> Option<Material> {
        if bytes.len() != Material::length(suite) {
            return None;
        }
        let mut material = Material(Box::new([0; MATERIAL_MAX]));
        material.0[..bytes.len()].copy_from_slice(bytes);
        Some(material)
    }

    pub(crate) fn bytes(&self, suite: Suite) -> &[u8] {
        &self.0[..Material::length(suite)]
    }

    /// Key and IV of the present generation.
    pub(crate) fn key_and_iv(&self, suite: Suite) -> KeyAndIv {
        let key_bytes = suite.cipher().key_bytes();
        let mut key = Zeroizing::new([0; 32]);
        let mut iv = Zeroizing::new([0; IV_BYTES]);
        match suite.version() {
            Version::Tls13 => {
                let secret = Prk::new_less_safe(suite.hash().0, self.bytes(suite));
                expand_label(&secret, b"key", &mut key[..key_bytes]);
                expand_label(&secret, b"iv", &mut iv[..]);
            }
            Version::Tls12 => {
                key[..key_bytes].copy_from_slice(&self.0[..key_bytes]);
                iv.copy_from_slice(&self.0[key_bytes..key_bytes + IV_BYTES]);
            }
        }
        KeyAndIv { key, iv }
    }

    /// The generation that follows a KeyUpdate. Only TLS 1.3 has one.
    pub(crate) fn advance(&mut self, suite: Suite) {
        debug_assert_eq!(suite.version(), Version::Tls13);
        let (hash, length) = suite.hash();
        let mut next = Zeroizing::new([0; MATERIAL_MAX]);
        let secret = Prk::new_less_safe(hash, self.bytes(suite));
        expand_label(&secret, b"traffic upd", &mut next[..length]);
        self.0.copy_from_slice(&next[..]);
    }

    /// Whether these are the key and IV that rustls holds.
    pub(crate) fn agrees_with(&self, suite: Suite, secrets: &ConnectionTrafficSecrets) -> bool {
        let own = self.key_and_iv(suite);
        parts(secrets).is_some_and(|(key, iv)| {
            &own.key[..suite.cipher().key_bytes()] == key && &own.iv[..] == iv
        })
    }

    /// Key and IV of a session of TLS 1.2.
    pub(crate) fn of_tls12(suite: Suite, secrets: &ConnectionTrafficSecrets) -> Option<Material> {
        let (key, iv) = parts(secrets)?;
        let mut bytes = Zeroizing::new([0; MATERIAL_MAX]);
        let length = key.len() + iv.len();
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        bytes.get_mut(key.len()..length)?.copy_from_slice(iv);
        Material::from_bytes(suite, &bytes[..length])
    }
}

impl Drop for Material {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material(secret)")
    }
}

fn parts(secrets: &ConnectionTrafficSecrets) -> Option<(&[u8], &[u8])> {
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => {
            Some((key.as_ref(), iv.as_ref()))
        }
        _ => None,
    }
}

/// `HKDF-Expand-Label` with an empty context (RFC 8446 section 7.1).
fn expand_label(secret: &Prk, label: &[u8], out: &mut [u8]) {
    struct Bytes(usize);
    impl hkdf::KeyType for Bytes {
        fn len(&self) -> usize {
            self.0
        }
    }
    let length = (out.len() as u16).to_be_bytes();
    let label_length = [b"tls13 ".len() as u8 + label.len() as u8];
    let info: [&[u8]; 5] = [&length, &label_length, b"tls13 ", label, &[0]];
    secret
        .expand(&info, Bytes(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("no key is longer than HKDF's limit of 255 hashes");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Secrets, keys and IVs of the simple handshake of RFC 8448 section 3.
    #[test]
    fn keys_are_those_of_rfc_8448() {
        let secret = hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
        let material = Material::from_bytes(Suite::Aes128GcmSha256, &secret).unwrap();
        let derived = material.key_and_iv(Suite::Aes128GcmSha256);
        assert_eq!(derived.key[..16], hex("9f02283b6c9c07efc26bb9f2ac92e356"));
        assert_eq!(derived.iv[..], hex("cf782b88dd83549aadf1e984"));
    }

    #[test]
    fn material_has_the_length_of_its_suite() {
        for suite in Suite::all() {
            let length = Material::length(suite);
            assert!(length <= MATERIAL_MAX);
            assert!(Material::from_bytes(suite, &vec![1; length]).is_some());
            assert!(Material::from_bytes(suite, &vec![1; length - 1]).is_none());
            assert!(Material::from_bytes(suite, &vec![1; length + 1]).is_none());
        }
    }

    #[test]
    fn generations_differ() {
        let suite = Suite::Aes256GcmSha384;
        let mut material = Material::from_bytes(suite, &[7; 48]).unwrap();
        let first = material.clone();
        material.advance(suite);
        assert_ne!(first.0, material.0);
        assert_eq!(format!("{material:?}"), "Material(secret)");
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    }
}
