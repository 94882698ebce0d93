//! What the small site consists of: three files whose every byte is known beforehand.
//!
//! In: nothing. Out: [`Page`]s, to be written by the site and checked by the clients. Must hold: a byte that is not in its
//! place is noticed, so the large file repeats nothing.

use std::io::{self, Write};

/// One file of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Its URL; `/` is the index page.
    pub(super) path: &'static str,
    /// Its name on disk.
    pub(super) file: &'static str,
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Text(&'static str),
    /// So many bytes of [`word`]s.
    Words(u64),
}

/// The index page.
pub(super) const INDEX: Page = Page {
    path: "/",
    file: "index.html",
    content: Content::Text(
        "<!doctype html>\n<title>everlit demo</title>\n<p>This page is served while the server restarts.</p>\n",
    ),
};

/// A small file.
pub(super) const SMALL: Page = Page {
    path: "/small.txt",
    file: "small.txt",
    content: Content::Text("A small file, asked for again and again on the same connection.\n"),
};

/// A large file: 64 MiB.
pub(super) const LARGE: Page = Page {
    path: "/large.bin",
    file: "large.bin",
    content: Content::Words(64 << 20),
};

/// All of them.
pub(super) const PAGES: [Page; 3] = [INDEX, SMALL, LARGE];

impl Page {
    /// Its length in bytes.
    pub(super) fn length(&self) -> u64 {
        match self.content {
            Content::Text(text) => text.len() as u64,
            Content::Words(length) => length,
        }
    }

    /// Writes it.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        const CHUNK: usize = 64 * 1024;
        match self.content {
            Content::Text(text) => to.write_all(text.as_bytes()),
            Content::Words(length) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                for index in 0..length / 8 {
                    chunk.extend_from_slice(&word(index));
                    if chunk.len() >= CHUNK {
                        to.write_all(&chunk)?;
                        chunk.clear();
                    }
                }
                to.write_all(&chunk)
            }
        }
    }

    /// The place of the first byte that is not as it should be, if these bytes are said to begin at `offset`.
    pub(super) fn first_wrong(&self, offset: u64, bytes: &[u8]) -> Option<u64> {
        let wrong = match self.content {
            Content::Text(text) => {
                let rest = usize::try_from(offset)
                    .ok()
                    .and_then(|offset| text.as_bytes().get(offset..))
                    .unwrap_or_default();
                let differs = (0..bytes.len()).find(|&at| rest.get(at) != Some(&bytes[at]));
                differs.map(|at| at as u64)
            }
            Content::Words(length) => wrong_word(offset, bytes)
                .or_else(|| (offset + bytes.len() as u64 > length).then(|| length - offset)),
        };
        wrong.map(|at| offset + at)
    }
}

/// Eight bytes of the large file: `index` scrambled, so that no two places look alike (the finalizer of splitmix64).
fn word(index: u64) -> [u8; 8] {
    let mut mixed = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).to_le_bytes()
}

/// Compares word by word, with a part of one at either end.
fn wrong_word(offset: u64, bytes: &[u8]) -> Option<u64> {
    let mut at = 0;
    while at < bytes.len() {
        let place = offset + at as u64;
        let skip = (place % 8) as usize;
        let expected = &word(place / 8)[skip..];
        let got = &bytes[at..bytes.len().min(at + expected.len())];
        if got != &expected[..got.len()] {
            let within = got.iter().zip(expected).take_while(|(a, b)| a == b).count();
            return Some((at + within) as u64);
        }
        at += got.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small_words() -> (Page, Vec<u8>) {
        let page = Page {
            path: "/w",
            file: "w",
            content: Content::Words(4096),
        };
        let mut bytes = Vec::new();
        page.write(&mut bytes).unwrap();
        (page, bytes)
    }

    #[test]
    fn what_is_written_is_as_long_as_said_and_right() {
        for page in [INDEX, SMALL, small_words().0] {
            let mut bytes = Vec::new();
            page.write(&mut bytes).unwrap();
            assert_eq!(bytes.len() as u64, page.length());
            assert_eq!(page.first_wrong(0, &bytes), None);
        }
    }

    #[test]
    fn any_piece_is_right_in_its_place_and_nowhere_else() {
        let (page, bytes) = small_words();
        for (from, to) in [(0, 1), (3, 8), (5, 29), (8, 16), (1000, 4096), (4095, 4096)] {
            assert_eq!(page.first_wrong(from, &bytes[from as usize..to]), None);
        }
        for shift in [1, 8, 64, 512, 1024] {
            assert!(page.first_wrong(shift, &bytes[..2048]).is_some());
        }
    }

    #[test]
    fn the_place_of_a_wrong_byte_is_told() {
        let (page, mut bytes) = small_words();
        bytes[1234] ^= 1;
        assert_eq!(page.first_wrong(0, &bytes), Some(1234));
        assert_eq!(page.first_wrong(1230, &bytes[1230..1240]), Some(1234));
        assert_eq!(page.first_wrong(1235, &bytes[1235..]), None);
    }

    #[test]
    fn more_than_there_is_is_wrong() {
        let (page, bytes) = small_words();
        assert_eq!(page.first_wrong(4090, &bytes[4090..]), None);
        assert_eq!(page.first_wrong(4096, &word(512)), Some(4096));
        assert_eq!(
            SMALL.first_wrong(SMALL.length(), b"x"),
            Some(SMALL.length())
        );
    }
}
