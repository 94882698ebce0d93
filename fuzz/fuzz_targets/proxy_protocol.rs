//! The PROXY protocol: however the bytes are cut and wherever the state travels, the same is announced, at the same place.
#![no_main]

use everlit::transport::proxy_protocol::{Awaited, LENGTH_MAX, Parsed, Progress, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[first, second], bytes)) = input.split_first_chunk::<2>() else {
        return;
    };
    let whole = parse(bytes);
    if let Parsed::Header { length, .. } = &whole {
        assert!(*length <= bytes.len() && *length <= LENGTH_MAX);
        // Nothing beyond the header has any influence.
        assert_eq!(parse(&bytes[..*length]), whole);
    }

    let mut awaited = Awaited::default();
    let mut at = 0;
    let mut sizes = [usize::from(first) + 1, usize::from(second) + 1]
        .into_iter()
        .cycle();
    while at < bytes.len() {
        let size = sizes
            .next()
            .expect("a cycle has no end")
            .min(bytes.len() - at);
        let resumed = Awaited::resumed(awaited.held().to_vec());
        awaited = match resumed.receive(&bytes[at..at + size]) {
            Progress::More(awaited) => awaited,
            Progress::Complete(used, announced) => {
                let length = at + used;
                assert_eq!(whole, Parsed::Header { length, announced });
                return;
            }
            Progress::Broken(_) => {
                assert!(matches!(whole, Parsed::Broken(_)));
                return;
            }
        };
        assert!(awaited.held().len() <= LENGTH_MAX);
        at += size;
    }
    assert!(matches!(whole, Parsed::Partial));
});
