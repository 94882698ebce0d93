//! The hash of passwords that began with FreeBSD 2: a thousand times MD5. Apache's differs in its name only.

use md5::{Digest as _, Md5};

const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The last part of the hash. `name`: `$1$` or `$apr1$`. `salt`: up to eight characters count.
pub(super) fn crypt(password: &[u8], name: &[u8], salt: &[u8]) -> [u8; 22] {
    let salt = &salt[..salt.len().min(8)];
    let inner = md5(&[password, salt, password]);
    let mut first = Md5::new();
    for part in [password, name, salt] {
        first.update(part);
    }
    for at in (0..password.len()).step_by(16) {
        first.update(&inner[..(password.len() - at).min(16)]);
    }
    // One byte for each bit of the length, from the lowest: 0, or the first of the password.
    let mut length = password.len();
    while length > 0 {
        first.update(match length & 1 {
            1 => &[0],
            _ => &password[..1],
        });
        length >>= 1;
    }
    let mut sum: [u8; 16] = first.finalize().into();
    for round in 0..1000 {
        let [before, after] = match round % 2 {
            1 => [password, &sum[..]],
            _ => [&sum[..], password],
        };
        let salt = if round % 3 == 0 { &[][..] } else { salt };
        let again = if round % 7 == 0 { &[][..] } else { password };
        sum = md5(&[before, salt, again, after]);
    }
    let mut hash = [0; 22];
    let mut digits = hash.iter_mut();
    let mut put = |value: u32, count: usize| {
        for (index, digit) in digits.by_ref().take(count).enumerate() {
            *digit = DIGITS[(value >> (6 * index) & 63) as usize];
        }
    };
    for at in 0..5 {
        let last = if at == 4 { 5 } else { at + 12 };
        put(u32::from_be_bytes([0, sum[at], sum[at + 6], sum[last]]), 4);
    }
    put(sum[11].into(), 2);
    hash
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut md5 = Md5::new();
    parts.iter().for_each(|part| md5.update(part));
    md5.finalize().into()
}
