//! The cipher suites that a session can have, as a table.
//!
//! In: the number that rustls or an image names. Out: version, cipher, hash, limits and names. Must hold: what is not in
//! the table is refused before a session exists; numbers are IANA's and never change.

use aws_lc_rs::{aead, hkdf};

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// As OpenSSL names it: `TLSv1.3`.
    pub fn name(self) -> &'static str {
        match self {
            Version::Tls12 => "TLSv1.2",
            Version::Tls13 => "TLSv1.3",
        }
    }
}

/// Ciphers of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-GCM.
    Aes256Gcm,
    /// ChaCha20-Poly1305.
    ChaCha20Poly1305,
}

impl Cipher {
    /// Bytes of a key.
    pub(crate) fn key_bytes(self) -> usize {
        match self {
            Cipher::Aes128Gcm => 16,
            Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305 => 32,
        }
    }

    pub(crate) fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Cipher::Aes128Gcm => &aead::AES_128_GCM,
            Cipher::Aes256Gcm => &aead::AES_256_GCM,
            Cipher::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }
}

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `TLS_AES_128_GCM_SHA256`
    Aes128GcmSha256,
    /// `TLS_AES_256_GCM_SHA384`
    Aes256GcmSha384,
    /// `TLS_CHACHA20_POLY1305_SHA256`
    ChaCha20Poly1305Sha256,
    /// `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`
    EcdheEcdsaAes128Gcm,
    /// `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384`
    EcdheEcdsaAes256Gcm,
    /// `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256`
    EcdheEcdsaChaCha20Poly1305,
    /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`
    EcdheRsaAes128Gcm,
    /// `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`
    EcdheRsaAes256Gcm,
    /// `TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256`
    EcdheRsaChaCha20Poly1305,
}

/// Number, suite, version, cipher, OpenSSL's name.
const TABLE: [(u16, Suite, Version, Cipher, &str); 9] = {
    use Cipher::*;
    use Suite::*;
    use Version::*;
    [
        (
            0x1301,
            Aes128GcmSha256,
            Tls13,
            Aes128Gcm,
            "TLS_AES_128_GCM_SHA256",
        ),
        (
            0x1302,
            Aes256GcmSha384,
            Tls13,
            Aes256Gcm,
            "TLS_AES_256_GCM_SHA384",
        ),
        (
            0x1303,
            ChaCha20Poly1305Sha256,
            Tls13,
            ChaCha20Poly1305,
            "TLS_CHACHA20_POLY1305_SHA256",
        ),
        (
            0xc02b,
            EcdheEcdsaAes128Gcm,
            Tls12,
            Aes128Gcm,
            "ECDHE-ECDSA-AES128-GCM-SHA256",
        ),
        (
            0xc02c,
            EcdheEcdsaAes256Gcm,
            Tls12,
            Aes256Gcm,
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
        (
            0xcca9,
            EcdheEcdsaChaCha20Poly1305,
            Tls12,
            ChaCha20Poly1305,
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        (
            0xc02f,
            EcdheRsaAes128Gcm,
            Tls12,
            Aes128Gcm,
            "ECDHE-RSA-AES128-GCM-SHA256",
        ),
        (
            0xc030,
            EcdheRsaAes256Gcm,
            Tls12,
            Aes256Gcm,
            "ECDHE-RSA-AES256-GCM-SHA384",
        ),
        (
            0xcca8,
            EcdheRsaChaCha20Poly1305,
            Tls12,
            ChaCha20Poly1305,
            "ECDHE-RSA-CHACHA20-POLY1305",
        ),
    ]
};

impl Suite {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Suite> {
        TABLE.iter().map(|row| row.1)
    }

    /// The suite with this number in IANA's registry.
    pub fn from_id(id: u16) -> Option<Suite> {
        TABLE.iter().find(|row| row.0 == id).map(|row| row.1)
    }

    /// Its number in IANA's registry.
    pub fn id(self) -> u16 {
        TABLE[self as usize].0
    }

    /// The version of TLS that it belongs to.
    pub fn version(self) -> Version {
        TABLE[self as usize].2
    }

    /// Its cipher.
    pub fn cipher(self) -> Cipher {
        TABLE[self as usize].3
    }

    /// OpenSSL's name, as servers put it into `SSL_CIPHER`.
    pub fn openssl_name(self) -> &'static str {
        TABLE[self as usize].4
    }

    /// Bits of the key.
    pub fn key_bits(self) -> u16 {
        self.cipher().key_bytes() as u16 * 8
    }

    /// Records that may be sealed with one key (RFC 8446 section 5.5; RFC 9325 section 4.4).
    pub(crate) fn records_per_key(self) -> u64 {
        match self.cipher() {
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => 1 << 24,
            // Poly1305 needs none; nobody lives to see this one.
            Cipher::ChaCha20Poly1305 => 1 << 62,
        }
    }

    /// Hash of the key schedule of TLS 1.3, and its bytes.
    pub(crate) fn hash(self) -> (hkdf::Algorithm, usize) {
        match self {
            Suite::Aes256GcmSha384 => (hkdf::HKDF_SHA384, 48),
            _ => (hkdf::HKDF_SHA256, 32),
        }
    }

    /// Bytes of nonce that each record carries: only GCM in TLS 1.2 has them (RFC 5288 section 3).
    pub(crate) fn explicit_nonce_bytes(self) -> usize {
        match (self.version(), self.cipher()) {
            (Version::Tls13, _) | (_, Cipher::ChaCha20Poly1305) => 0,
            (Version::Tls12, _) => 8,
        }
    }

    /// Bytes of content type that are sealed with the content: only TLS 1.3 does that.
    pub(crate) fn inner_type_bytes(self) -> usize {
        match self.version() {
            Version::Tls13 => 1,
            Version::Tls12 => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (position, row) in TABLE.iter().enumerate() {
            assert_eq!(row.1 as usize, position);
            assert_eq!(Suite::from_id(row.0), Some(row.1));
        }
        assert_eq!(Suite::from_id(0x002f), None);
    }

    #[test]
    fn every_suite_of_rustls_is_known_and_means_the_same() {
        for suite in rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES {
            let ours = Suite::from_id(suite.suite().into()).expect("a suite of the table");
            let (version, limit) = match suite {
                rustls::SupportedCipherSuite::Tls13(it) => {
                    (Version::Tls13, it.common.confidentiality_limit)
                }
                rustls::SupportedCipherSuite::Tls12(it) => {
                    (Version::Tls12, it.common.confidentiality_limit)
                }
            };
            assert_eq!(ours.version(), version);
            assert!(ours.records_per_key() <= limit);
        }
    }
}
