//! The file that is downloaded: at each position a byte that stands nowhere else in that neighbourhood.
//!
//! In: a length. Out: bytes that are a function of their position. Must hold: a byte that is missing, doubled or from
//! another place is found out within a few bytes.

/// Length of the file.
pub(crate) const BYTES: usize = 64 * 1024 * 1024;

/// All of it.
pub(crate) fn make() -> Vec<u8> {
    (0..BYTES as u64 / 8)
        .flat_map(|word| mix(word).to_le_bytes())
        .collect()
}

/// The finalizer of SplitMix64: a bijection, so no two words are alike.
pub(crate) fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
