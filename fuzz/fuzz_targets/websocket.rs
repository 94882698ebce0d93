//! WebSocket frames: however the bytes are cut and wherever the state travels, the same data, control frames and flaws.
#![no_main]

use everlit::gateway::websocket::{Control, Flaw, Frames, What};
use libfuzzer_sys::fuzz_target;

type Outcome = (Vec<u8>, Vec<(Control, Vec<u8>)>, Option<Flaw>);

fuzz_target!(|input: &[u8]| {
    let Some((&[size], bytes)) = input.split_first_chunk::<1>() else {
        return;
    };
    let (data, controls, flaw) = read(bytes, bytes.len().max(1));
    assert!(data.len() <= bytes.len());
    assert!(controls.iter().all(|(_, payload)| payload.len() <= 125));
    assert_eq!(read(bytes, usize::from(size) + 1), (data, controls, flaw));
});

fn read(bytes: &[u8], size: usize) -> Outcome {
    let (mut frames, mut data, mut controls) = (Frames::default(), Vec::new(), Vec::new());
    for mut piece in bytes.chunks(size) {
        while !piece.is_empty() {
            assert!(frames.is_sane());
            let travelled = minicbor::to_vec(&frames).expect("it can be written");
            frames = minicbor::decode(&travelled).expect("and read");
            match frames.decode(piece, &mut data) {
                Ok((used, what)) => {
                    assert!(used > 0);
                    if let What::Control(kind, payload) = what {
                        controls.push((kind, payload));
                    }
                    piece = &piece[used..];
                }
                Err(flaw) => return (data, controls, Some(flaw)),
            }
        }
    }
    (data, controls, None)
}
