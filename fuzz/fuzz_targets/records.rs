//! FastCGI: however the bytes arrive, and whether or not the state travels in between, the same comes out; and what comes
//! out is what a reader that has all records at once finds.
//!
//! The first three bytes say how long the pieces are, the rest is what a backend sends.
#![no_main]

use everlit::gateway::records::{Records, What};
use libfuzzer_sys::fuzz_target;

/// What a backend said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    output: Vec<u8>,
    complaints: Vec<u8>,
    end: Option<u32>,
    broken: Option<&'static str>,
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, stream)) = input.split_first_chunk::<3>() else {
        return;
    };
    let whole = decode(&[stream]);
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(decode(&bytes), whole, "byte by byte");

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
    assert_eq!(decode(&pieces), whole, "in pieces");
    let (output, complaints) = reference(stream);
    assert_eq!(whole.output, output);
    assert_eq!(whole.complaints, complaints);
});

fn decode(pieces: &[&[u8]]) -> Said {
    let (mut records, mut said) = (Records::default(), Said::default());
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            records = travelled(records);
            let step = match records.decode(rest) {
                Ok(step) => step,
                Err(reason) => {
                    said.broken = Some(reason);
                    return said;
                }
            };
            assert!(step.consumed > 0, "stuck");
            let (done, more) = rest.split_at(step.consumed);
            match step.what {
                What::Nothing => assert!(more.is_empty(), "input is left"),
                What::Output(run) => said.output.extend_from_slice(&done[done.len() - run..]),
                What::Complaint(run) => {
                    said.complaints.extend_from_slice(&done[done.len() - run..])
                }
                What::End(status) => assert_eq!(said.end.replace(status), None, "two ends"),
            }
            rest = more;
        }
    }
    said
}

/// The state as it arrives in another process.
fn travelled(records: Records) -> Records {
    let image = minicbor::to_vec(records).expect("a state can always be written");
    minicbor::decode(&image).expect("what was written can be read")
}

/// Output and complaints of records up to END_REQUEST, or to where they are no records any more; the last may be cut.
fn reference(mut rest: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut output, mut complaints) = (Vec::new(), Vec::new());
    while let Some((&[1, kind, _, _, high, low, padding, _], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let content = &after[..length.min(after.len())];
        match kind {
            3 => break,
            6 => output.extend_from_slice(content),
            7 => complaints.extend_from_slice(content),
            _ => {}
        }
        rest = &after[(length + usize::from(padding)).min(after.len())..];
    }
    (output, complaints)
}
