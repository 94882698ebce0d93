//! Bodies: however the bytes arrive, and whether or not the state travels in between, the same comes out; and what comes
//! out is what a decoder that has the whole body at once finds.
//!
//! The first three bytes say how long the pieces are, the rest is a chunked body and whatever follows it.
#![no_main]

use everlit::http1::body::Framing;
use libfuzzer_sys::fuzz_target;

/// Data and length of a body; `None` if it is not over; `Err` if it breaks the rules.
type Outcome = Result<Option<(Vec<u8>, usize)>, ()>;

fuzz_target!(|input: &[u8]| {
    let Some((cuts, body)) = input.split_first_chunk::<3>() else {
        return;
    };
    let whole = decode(&[body]);
    let bytes: Vec<_> = body.chunks(1).collect();
    assert_eq!(decode(&bytes), whole, "byte by byte");

    let mut pieces = Vec::new();
    let mut rest = body;
    for cut in cuts.iter().cycle() {
        let (piece, more) = rest.split_at(rest.len().min(usize::from(cut % 16) + 1));
        pieces.push(piece);
        rest = more;
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!(decode(&pieces), whole, "in pieces");
    if let Ok(Some((data, length))) = whole {
        assert_eq!(reference(&body[..length]), Some(data));
    }
});

fn decode(pieces: &[&[u8]]) -> Outcome {
    let mut framing = Framing::chunked();
    let (mut data, mut length) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            framing = travelled(framing);
            let step = framing.decode(rest).map_err(|_| ())?;
            assert!(step.data <= step.consumed && step.consumed <= rest.len());
            data.extend_from_slice(&rest[step.consumed - step.data..step.consumed]);
            length += step.consumed;
            rest = &rest[step.consumed..];
            if framing.is_over() {
                return Ok(Some((data, length)));
            }
            if step.consumed == 0 {
                assert!(rest.is_empty(), "stuck");
                break;
            }
        }
    }
    Ok(None)
}

/// The state as it arrives in another process.
fn travelled(framing: Framing) -> Framing {
    let image = minicbor::to_vec(framing).expect("a state can always be written");
    minicbor::decode(&image).expect("what was written can be read")
}

/// The data of a complete chunked body, with trailers and nothing after them.
fn reference(body: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    let mut rest = body;
    loop {
        let httparse::Status::Complete((at, size)) = httparse::parse_chunk_size(rest).ok()? else {
            return None;
        };
        rest = &rest[at..];
        if size == 0 {
            break;
        }
        let (chunk, more) = rest.split_at_checked(usize::try_from(size).ok()?)?;
        data.extend_from_slice(chunk);
        rest = more.strip_prefix(b"\r\n")?;
    }
    let ends = rest == b"\r\n" || rest.ends_with(b"\r\n\r\n");
    ends.then_some(data)
}
