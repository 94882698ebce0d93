//! Frozen connections: any bytes are read or refused, and what was read is written as it was.
//!
//! The first byte is the number of descriptors that come along, the rest is the image.
#![no_main]

use everlit::freeze::examine;
use everlit::freeze::image::Image;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((fds, bytes)) = input.split_first() else {
        return;
    };
    let Ok(image) = Image::from_bytes(bytes) else {
        assert!(examine(bytes, usize::from(*fds)).is_err());
        return;
    };
    let written = image.to_bytes();
    assert_eq!(Image::from_bytes(&written).ok(), Some(image));
    // The number of descriptors must be right, and no other is.
    let good = (0..=256).filter(|fds| examine(bytes, *fds).is_ok()).count();
    assert!(good <= 1);
});
