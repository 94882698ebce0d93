//! The hash functions of Digest (RFC 7616 section 3.3).

use aws_lc_rs::digest;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5
    Md5,
    /// SHA-256
    Sha256,
    /// SHA-512/256, called SHA-512-256 here.
    Sha512,
}

/// All, the one that is offered first before the others.
pub const ALL: [Algorithm; 3] = [Algorithm::Sha512, Algorithm::Sha256, Algorithm::Md5];

impl Algorithm {
    /// As it is called in header fields and in `auth.require`.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512 => "SHA-512-256",
        }
    }

    /// The one of this name, in whatever case.
    pub fn named(name: &[u8]) -> Option<Algorithm> {
        ALL.into_iter()
            .find(|algorithm| algorithm.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Length of a hash in hexadecimal digits.
    pub const fn hex_length(self) -> usize {
        match self {
            Algorithm::Md5 => 32,
            Algorithm::Sha256 | Algorithm::Sha512 => 64,
        }
    }

    /// The hash of these parts with colons between them, in hexadecimal digits.
    pub fn hex(self, parts: &[&[u8]]) -> Zeroizing<String> {
        let colons = std::iter::once(&b""[..]).chain(std::iter::repeat(&b":"[..]));
        let pieces = colons.zip(parts).flat_map(|(colon, part)| [colon, *part]);
        let known = match self {
            Algorithm::Md5 => {
                let mut md5 = Md5::new();
                pieces.for_each(|piece| md5.update(piece));
                return hex(&md5.finalize());
            }
            Algorithm::Sha256 => &digest::SHA256,
            Algorithm::Sha512 => &digest::SHA512_256,
        };
        let mut context = digest::Context::new(known);
        pieces.for_each(|piece| context.update(piece));
        hex(context.finish().as_ref())
    }
}

/// In hexadecimal digits.
pub fn hex(bytes: &[u8]) -> Zeroizing<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

/// Whether these are the same, found out without telling by its time how far they are. Their length is no secret.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_in_the_rfcs() {
        // RFC 7616 section 3.9.1.
        let user = b"Mufasa";
        let realm = b"http-auth@example.org";
        let password = b"Circle of Life";
        let nonce = b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let cnonce = b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                Algorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let first = algorithm.hex(&[user, realm, password]);
            let second = algorithm.hex(&[b"GET", b"/dir/index.html"]);
            let response = algorithm.hex(&[
                first.as_bytes(),
                nonce,
                b"00000001",
                cnonce,
                b"auth",
                second.as_bytes(),
            ]);
            assert_eq!(*response, expected);
            assert_eq!(response.len(), algorithm.hex_length());
        }
        // The hash of nothing, FIPS 180-4.
        assert_eq!(
            *Algorithm::Sha512.hex(&[b""]),
            "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a"
        );
    }

    #[test]
    fn names_in_any_case() {
        assert_eq!(Algorithm::named(b"md5"), Some(Algorithm::Md5));
        assert_eq!(Algorithm::named(b"SHA-512-256"), Some(Algorithm::Sha512));
        assert_eq!(Algorithm::named(b"sha-1"), None);
        assert!(is_same(b"ab", b"ab") && !is_same(b"ab", b"abc") && !is_same(b"ab", b"ac"));
    }
}
