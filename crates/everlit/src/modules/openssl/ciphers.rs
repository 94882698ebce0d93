//! Cipher lists as OpenSSL reads them, applied to the suites there are.
//!
//! In: `EECDH+AESGCM:CHACHA20:!aRSA` and the like (openssl-ciphers(1)). Out: suites in order, and the words that say
//! nothing here. Must hold: a word that is not known takes nothing away and adds nothing.

use portable_tls::{Cipher, Suite, Version};

/// What a list says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    /// Suites in order, each once.
    pub suites: Vec<Suite>,
    /// Words of which nobody knows what they mean here.
    pub unknown: Vec<String>,
}

/// Suites of TLS 1.2, as `CipherString` and `ssl.cipher-list` write them.
pub(super) fn tls12(text: &str) -> List {
    let all = || Suite::all().filter(|suite| suite.version() == Version::Tls12);
    let mut list = List::default();
    let mut banned: Vec<Suite> = Vec::new();
    let words = text.split([':', ',', ';', ' ']).map(str::trim);
    for word in words.filter(|word| !word.is_empty()) {
        // What follows `@` sorts and limits; all we have is strong.
        if word.starts_with('@') {
            continue;
        }
        let (sign, name) = match word.as_bytes()[0] {
            sign @ (b'!' | b'-' | b'+') => (Some(sign), &word[1..]),
            _ => (None, word),
        };
        let parts: Vec<Tag> = name.split('+').map(Tag::parse).collect();
        if parts.contains(&Tag::Unknown) && sign.is_none() {
            list.unknown.push(word.to_owned());
        }
        let fits = |suite: &Suite| parts.iter().all(|tag| tag.fits(*suite));
        match sign {
            None => {
                let more: Vec<Suite> = all().filter(fits).collect();
                let is_new =
                    |suite: &Suite| !list.suites.contains(suite) && !banned.contains(suite);
                let more: Vec<Suite> = more.into_iter().filter(is_new).collect();
                list.suites.extend(more);
            }
            Some(b'+') => list.suites.sort_by_key(fits),
            Some(sign) => {
                list.suites.retain(|suite| !fits(suite));
                if sign == b'!' {
                    banned.extend(all().filter(fits));
                }
            }
        }
    }
    list
}

/// Suites of TLS 1.3, as `Ciphersuites` writes them.
pub(super) fn tls13(text: &str) -> List {
    let mut list = List::default();
    for name in text
        .split(':')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let named = |suite: &Suite| {
            suite.version() == Version::Tls13 && suite.openssl_name().eq_ignore_ascii_case(name)
        };
        match Suite::all().find(named) {
            Some(suite) if list.suites.contains(&suite) => {}
            Some(suite) => list.suites.push(suite),
            None => list.unknown.push(name.to_owned()),
        }
    }
    list
}

/// What a word says of a suite.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// All of them.
    Any,
    /// Its certificate has such a key.
    Ecdsa,
    Rsa,
    /// Its cipher.
    Aes,
    Aes128,
    Aes256,
    ChaCha,
    /// This one.
    Named(Suite),
    /// Something that OpenSSL knows and we have not.
    Absent,
    /// Nothing that is known.
    Unknown,
}

/// Words for what OpenSSL has, and we have not because it is not safe.
const ABSENT: &[&str] = &[
    "3DES",
    "ADH",
    "AECDH",
    "AES128-GCM-SHA256",
    "AES128-SHA",
    "AES128-SHA256",
    "AES256-GCM-SHA384",
    "AES256-SHA",
    "AES256-SHA256",
    "AESCCM",
    "AESCCM8",
    "ANULL",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CBC",
    "COMPLEMENTOFDEFAULT",
    "DES",
    "DES-CBC3-SHA",
    "DH",
    "DHE",
    "DSS",
    "EDH",
    "ENULL",
    "EXP",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "IDEA",
    "KDHE",
    "KEDH",
    "KRSA",
    "LOW",
    "MD5",
    "MEDIUM",
    "NULL",
    "PSK",
    "RC2",
    "RC4",
    "RC4-SHA",
    "SEED",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "SRP",
    "SSLV2",
    "SSLV3",
    "TLSV1",
    "TLSV1.0",
    "ADSS",
    "KPSK",
    "APSK",
    "GOST",
    "KDHEPSK",
    "KECDHEPSK",
    "KRSAPSK",
];

impl Tag {
    fn parse(word: &str) -> Tag {
        let upper = word.to_ascii_uppercase();
        let named = |suite: &Suite| suite.openssl_name() == upper;
        match upper.as_str() {
            "ALL" | "DEFAULT" | "COMPLEMENTOFALL" | "HIGH" | "SECURE" | "AEAD" | "TLSV1.2"
            | "ECDH" | "ECDHE" | "EECDH" | "KECDHE" | "KEECDH" | "FIPS" => Tag::Any,
            "AESGCM" | "AES" => Tag::Aes,
            "AES128" => Tag::Aes128,
            "AES256" => Tag::Aes256,
            "CHACHA20" | "POLY1305" => Tag::ChaCha,
            "ECDSA" | "AECDSA" => Tag::Ecdsa,
            "RSA" | "ARSA" => Tag::Rsa,
            _ => match Suite::all().find(named) {
                Some(suite) => Tag::Named(suite),
                None if ABSENT.contains(&upper.as_str()) => Tag::Absent,
                // Single suites with block ciphers, static keys and finite fields.
                None if upper.contains("-SHA") || upper.starts_with("DHE-") => Tag::Absent,
                None => Tag::Unknown,
            },
        }
    }

    fn fits(self, suite: Suite) -> bool {
        let name = suite.openssl_name();
        match self {
            Tag::Any => true,
            Tag::Ecdsa => name.contains("-ECDSA-"),
            Tag::Rsa => name.contains("-RSA-"),
            Tag::Aes => suite.cipher() != Cipher::ChaCha20Poly1305,
            Tag::Aes128 => suite.cipher() == Cipher::Aes128Gcm,
            Tag::Aes256 => suite.cipher() == Cipher::Aes256Gcm,
            Tag::ChaCha => suite.cipher() == Cipher::ChaCha20Poly1305,
            Tag::Named(named) => named == suite,
            Tag::Absent | Tag::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &List) -> Vec<&'static str> {
        list.suites
            .iter()
            .map(|suite| suite.openssl_name())
            .collect()
    }

    #[test]
    fn lists_that_people_write() {
        let (ecdsa, rsa) = (
            [
                "ECDHE-ECDSA-AES128-GCM-SHA256",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-ECDSA-CHACHA20-POLY1305",
            ],
            [
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "ECDHE-RSA-CHACHA20-POLY1305",
            ],
        );
        for (text, expected) in [
            ("HIGH", [ecdsa, rsa].concat()),
            ("EECDH+AESGCM:!aRSA", ecdsa[..2].to_vec()),
            ("AES256+EECDH", vec![ecdsa[1], rsa[1]]),
            (
                "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256",
                vec![rsa[1], rsa[0]],
            ),
            ("!ECDSA:ALL", rsa.to_vec()),
            ("ALL:-RSA:-AES", vec![ecdsa[2]]),
            ("aRSA:+CHACHA20:+AES128", vec![rsa[1], rsa[2], rsa[0]]),
            // What it takes away are suites whose records have such a hash: none of ours.
            (
                "EECDH+AESGCM:!SHA1:!SHA256:!SHA384",
                vec![ecdsa[0], ecdsa[1], rsa[0], rsa[1]],
            ),
            ("3DES:RC4", vec![]),
            ("HIGH:!aNULL:!MD5:@STRENGTH", [ecdsa, rsa].concat()),
            ("", vec![]),
        ] {
            let list = tls12(text);
            assert_eq!(names(&list), expected, "{text}");
            assert!(list.unknown.is_empty(), "{text}: {:?}", list.unknown);
        }
        assert_eq!(tls12("HIHG:ALL").unknown, ["HIHG"]);
    }

    #[test]
    fn suites_of_tls_1_3_have_whole_names() {
        let list =
            tls13("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256");
        assert_eq!(
            names(&list),
            ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]
        );
        assert_eq!(list.unknown, ["TLS_AES_128_CCM_SHA256"]);
    }
}
