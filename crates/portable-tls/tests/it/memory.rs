//! After a session has moved, its keys are nowhere in this process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;

use portable_tls::{Arrived, Suite, Whole};

use crate::support::Link;

/// What the keys are in these tests is never written down in memory as it is, but with these bits turned.
const MASK: u8 = 0xa5;

/// Where in an image the secrets of both directions are, and how long.
fn secrets(suite: Suite) -> [std::ops::Range<usize>; 2] {
    // Map, version, suite; then for each direction: field, map, field, head of the bytes; number.
    let length = match suite {
        Suite::EcdheRsaAes128Gcm => 16 + 12,
        _ => 32,
    };
    let tx = 3 + 4 + 5;
    let rx = tx + length + 2 + 5;
    [tx..tx + length, rx..rx + length]
}

/// Number of places in this process's memory where bytes are that are these when the mask is taken off.
fn count(masked: &[u8]) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found = 0;
    for line in BufReader::new(File::open("/proc/self/maps").unwrap()).lines() {
        let line = line.unwrap();
        let mut words = line.split(' ');
        let (range, mode) = (words.next().unwrap(), words.next().unwrap());
        if !mode.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let from = u64::from_str_radix(from, 16).unwrap();
        let to = u64::from_str_radix(to, 16).unwrap();
        // A little at a time, and masked at once: the copies must not be found.
        let mut at = from;
        let mut piece = vec![0; 4096 + masked.len() - 1];
        while at < to {
            let length = piece.len().min((to - at) as usize);
            let Ok(length) = memory.read_at(&mut piece[..length], at) else {
                break;
            };
            if length == 0 {
                break;
            }
            piece[..length].iter_mut().for_each(|byte| *byte ^= MASK);
            found += piece[..length]
                .windows(masked.len())
                .filter(|window| *window == masked)
                .count();
            at += 4096;
        }
        piece.fill(0);
    }
    found
}

/// A session of which rustls has never heard: what its handshakes leave behind is not the question here. Its secrets come
/// back masked.
fn session(suite: Suite) -> (Whole, [Vec<u8>; 2]) {
    let link = Link::new(suite);
    let mut image = link.session.freeze(Vec::new(), link.facts).image();
    let masked = secrets(suite).map(|range| {
        let mut masked = vec![0; range.len()];
        let number = range.start as u64;
        for (at, byte) in masked.iter_mut().enumerate() {
            let mixed = (number << 8 | at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *byte = (mixed >> 40) as u8;
        }
        for (byte, masked) in image[range].iter_mut().zip(&masked) {
            *byte = masked ^ MASK;
        }
        masked
    });
    (Arrived::decode(&image).unwrap().begin(), masked)
}

#[test]
fn nothing_is_left_of_a_session_that_has_moved() {
    for suite in [Suite::Aes128GcmSha256, Suite::EcdheRsaAes128Gcm] {
        let (mut whole, masked) = session(suite);
        whole.session.seal(&[b"here"], &mut whole.unsent).unwrap();
        for masked in &masked {
            assert!(count(masked) > 0, "{suite:?}: it would be found");
        }
        let frozen = whole.session.freeze(whole.unsent, whole.facts);
        let image = frozen.image();
        let Whole { mut session, .. } = Arrived::decode(&image).unwrap().begin();
        drop(image);
        frozen.gone();
        session.seal(&[b"there"], &mut Vec::new()).unwrap();
        session.rest();
        for masked in &masked {
            assert_eq!(
                count(&masked[..16]),
                1,
                "{suite:?}: only in the one that lives"
            );
            assert_eq!(
                count(&masked[16..]),
                1,
                "{suite:?}: only in the one that lives"
            );
        }
        drop(session);
        for masked in &masked {
            // Either half alone: allocators write over the beginning of what is freed, and a key may be without its IV.
            assert_eq!(count(&masked[..16]), 0, "{suite:?}");
            assert_eq!(count(&masked[16..]), 0, "{suite:?}");
        }
    }
}
