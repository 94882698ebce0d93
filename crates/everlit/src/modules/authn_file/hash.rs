//! Hashes of passwords, as they are in `htpasswd` files: which of them it is, and whether a password fits.
//!
//! All are computed in Rust: the C library that has the others (`libcrypt`) is not everywhere, is found only when it is
//! needed, and knows neither Apache's nor the plain SHA-1. Must hold: what is not known fits no password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha_crypt::{PasswordVerifier as _, ShaCrypt};
use yescrypt::Yescrypt;

use super::{des, md5_crypt};
use crate::modules::auth::algorithm::is_same;

/// How long it takes to compute one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Well below a millisecond.
    Small,
    /// Milliseconds, or seconds: as much as whoever made it wanted.
    Large,
}

/// Passwords longer than this take their time with any hash: Apache's reads them a thousand times.
const LONG: usize = 64;

/// How long this one takes for a password.
pub fn cost(hash: &[u8], password: &[u8]) -> Cost {
    let slow = [&b"$2"[..], b"$5$", b"$6$", b"$y$"];
    match password.len() > LONG || slow.iter().any(|name| hash.starts_with(name)) {
        true => Cost::Large,
        false => Cost::Small,
    }
}

/// Whether a password has this hash.
pub fn fits(hash: &[u8], password: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(hash) else {
        return false;
    };
    if let Some(sum) = text.strip_prefix("{SHA}") {
        let mut sha1 = sha1_smol::Sha1::new();
        sha1.update(password);
        return is_same(
            STANDARD.encode(sha1.digest().bytes()).as_bytes(),
            sum.as_bytes(),
        );
    }
    for name in ["$apr1$", "$1$"] {
        if let Some(rest) = text.strip_prefix(name) {
            let (salt, sum) = rest.split_once('$').unwrap_or((rest, ""));
            let ours = md5_crypt::crypt(password, name.as_bytes(), salt.as_bytes());
            return is_same(&ours, sum.as_bytes());
        }
    }
    if text.starts_with("$5$") || text.starts_with("$6$") {
        return ShaCrypt::default().verify_password(password, text).is_ok();
    }
    if text.starts_with("$y$") {
        return Yescrypt::default().verify_password(password, text).is_ok();
    }
    if ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|name| text.starts_with(name))
    {
        // It ends where C's strings end, and after 72 bytes.
        let end = memchr::memchr(0, password).unwrap_or(password.len());
        return bcrypt::verify(&password[..end], text).unwrap_or(false);
    }
    match <[u8; 13]>::try_from(hash) {
        Ok(theirs) => {
            let ours = des::crypt(password, [theirs[0], theirs[1]]);
            ours.is_some_and(|ours| is_same(&ours, &theirs))
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `htpasswd` and with `crypt` of libxcrypt.
    const KNOWN: &[(&str, &str)] = &[
        ("abNANd1rDfiNc", "secret"),
        ("./xZjzHv5vzVE", "password"),
        ("zZb64kacvY9KA", "longer than eight"),
        ("Az0KB6cD9Uaag", ""),
        ("$1$saltsalt$9xy1btjgzLYfb7hivXtC//", "secret"),
        (
            "$1$ab$lce1YjOJUdfE.xX4F9vjM1",
            "a rather long password, longer than sixteen",
        ),
        ("$1$x$fwjfZtMwarkdetsjiQreU1", ""),
        (
            "$5$rounds=1000$saltstring$AH5PD0i.riCRu4BNDy9v7OPV7u3dfLBApcXI6khquVA",
            "secret",
        ),
        (
            "$5$saltstringsaltst$fs5bkP34Ya66vag52qIwKHT7mKZC6.7Eyv0HoCr0Jo8",
            "secret",
        ),
        (
            "$6$rounds=1000$saltstring$2BkAo106CG84raQcWpAlhyy6TSSkAsL1nfvBCoezLYyerUzY2l8axTvq6NynEt7SQAx3/cdop9ds0po8uaeHq0",
            "secret",
        ),
        (
            "$6$salt$BXyrstkgSyErowvJGOokNhh9f/aSAl7AWKdxdHfngLkMMVQ2ynbYGLpvtENMNa4bjrDa4JmRjGRd/0nlL9Tj31",
            "p",
        ),
        (
            "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "secret",
        ),
        (
            "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
            "secret",
        ),
        (
            "$2a$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ),
        (
            "$y$j75$saltsalt$0gBD67sgmJgRX3RZ6wHHO7sHimQEWGCWN85o4Twogh2",
            "secret",
        ),
        (
            "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$YP0stL6kdhTxZHyKcn31A0B0eVQQETG9Sia9T6wA4Y9",
            "pass",
        ),
        ("$apr1$.c9vojgf$hPMdweeBvoyUeik9lcvVu0", "secret"),
        ("$apr1$mMe9tIY5$DIhh.fEJT9pPvmpr1vFoq.", ""),
        ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"),
        (
            "$apr1$LfB7TE7E$TxzPk04P13SUxzGqolPYX/",
            "a password that is longer than this",
        ),
        ("IQUtBm6sqQDqM", "secret"),
    ];

    #[test]
    fn hashes_of_others_fit() {
        for (hash, password) in KNOWN {
            assert!(fits(hash.as_bytes(), password.as_bytes()), "{hash}");
            assert!(!fits(hash.as_bytes(), b"another"), "{hash}");
            // One character less, and one that is another.
            assert!(!fits(
                &hash.as_bytes()[..hash.len() - 1],
                password.as_bytes()
            ));
            let mut other = hash.as_bytes().to_vec();
            let last = other.len() - 4;
            other[last] = if other[last] == b'a' { b'b' } else { b'a' };
            assert!(!fits(&other, password.as_bytes()), "{hash}");
        }
    }

    #[test]
    fn what_is_not_known_fits_nothing() {
        for hash in [
            "",
            "*",
            "!",
            "secret",
            "$",
            "$1$",
            "$5$",
            "$6$x",
            "$y$",
            "$2y$",
            "$2y$04$",
            "$9$a$b",
            "{SHA}",
            "{SSHA}x",
            "no-such-salt!",
        ] {
            for password in ["", "secret", hash] {
                assert!(!fits(hash.as_bytes(), password.as_bytes()), "{hash}");
            }
        }
        assert!(!fits(&[0xff; 13], b""));
    }
}
