//! AJP: however the bytes arrive, and whether or not the state travels in between, the same comes out; and whatever state
//! comes from another process, each step gets further.
//!
//! The first three bytes say how long the pieces are, the rest is what a backend sends.
#![no_main]

use everlit::gateway::packets::{Packets, Reuse, What};
use libfuzzer_sys::fuzz_target;

/// What a backend said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    /// A line for each field, the status first.
    heads: Vec<u8>,
    body: Vec<u8>,
    wanted: Vec<u16>,
    over: Option<Reuse>,
    broken: Option<&'static str>,
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, stream)) = input.split_first_chunk::<3>() else {
        return;
    };
    let whole = decode(Packets::default(), &[stream]);
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(decode(Packets::default(), &bytes), whole, "byte by byte");

    let mut pieces = Vec::new();
    let mut rest = stream;
    for cut in cuts.iter().cycle() {
        let (piece, more) = rest.split_at(rest.len().min(usize::from(cut % 16) + 1));
        pieces.push(piece);
        rest = more;
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!(decode(Packets::default(), &pieces), whole, "in pieces");
    // No more of either than was sent, and no field that was not announced as one.
    assert!(whole.body.len() <= stream.len());
    let heads = whole.heads.split(|byte| *byte == b'\n');
    assert!(heads.count() <= stream.len() + 1);

    // A state that nobody but a hostile process would send.
    let mut image = minicbor::Decoder::new(stream);
    if let Ok(packets) = image.decode::<Packets>() {
        decode(packets, &[&stream[image.position()..]]);
    }
});

fn decode(mut packets: Packets, pieces: &[&[u8]]) -> Said {
    let mut said = Said::default();
    for piece in pieces {
        let mut rest = *piece;
        // A state may have come in which nothing is left of what it is in the middle of.
        let mut idle = 0;
        while !rest.is_empty() && said.over.is_none() {
            packets = travelled(packets);
            let step = match packets.decode(rest) {
                Ok(step) => step,
                Err(reason) => {
                    said.broken = Some(reason);
                    // Nobody gets to see it: how much of it there is depends on where the pieces end.
                    said.heads.clear();
                    return said;
                }
            };
            if step.consumed == 0 && step.what == What::Nothing {
                // It came in this state: the exchange was over before.
                return said;
            }
            idle = if step.consumed == 0 { idle + 1 } else { 0 };
            assert!(idle < 3, "stuck");
            let (done, more) = rest.split_at(step.consumed);
            let last = |run: usize| &done[done.len() - run..];
            match step.what {
                What::Nothing => assert!(more.is_empty() || step.consumed == 0, "input is left"),
                What::Status(status) => said.heads.extend(status.to_be_bytes()),
                What::Field => said.heads.push(b'\n'),
                What::Name(name) => {
                    said.heads.push(b'\n');
                    said.heads.extend_from_slice(name.as_bytes());
                    said.heads.push(b':');
                }
                What::Value => said.heads.push(b':'),
                What::Text(run) => {
                    let text = last(run);
                    assert!(!text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                    said.heads.extend_from_slice(text);
                }
                What::HeadOver => said.heads.push(b'.'),
                What::Body(run) => said.body.extend_from_slice(last(run)),
                What::Wanted(size) => said.wanted.push(size),
                What::Over(reuse) => said.over = Some(reuse),
            }
            rest = more;
        }
    }
    said
}

/// The state as it arrives in another process.
fn travelled(packets: Packets) -> Packets {
    let image = minicbor::to_vec(packets).expect("a state can always be written");
    minicbor::decode(&image).expect("what was written can be read")
}
