//! A connection from its first byte to its last, with real documents and modules, but without a socket: whatever comes,
//! however it is cut, it is answered, and always the same.
//!
//! The first three bytes say how long the pieces are.
#![no_main]

use everlit::http1::machine::Http1;
use everlit_fuzz::{Outcome, drive, with_bench};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((cuts, input)) = input.split_first_chunk::<3>() else {
        return;
    };
    let whole = run([input]);
    let bytes = run(input.chunks(1));
    compare(&whole, &bytes);
    let mut pieces = Vec::new();
    let mut rest = input;
    for cut in cuts.iter().cycle() {
        let (piece, more) = rest.split_at(rest.len().min(usize::from(*cut) + 1));
        pieces.push(piece);
        rest = more;
        if rest.is_empty() {
            break;
        }
    }
    compare(&run(pieces), &bytes);
});

fn run<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
    with_bench(|bench| {
        let mut http = Http1::default();
        let mut outcome = Outcome::default();
        // A head that stops in the middle of a line is looked at again when the line ends: it always does.
        for piece in pieces.into_iter().chain([&b"\n"[..]]) {
            if outcome.ended {
                break;
            }
            drive(&mut http, piece, &mut outcome, bench);
        }
        http.abandon(bench);
        outcome
    })
}

/// The same, except that a body that is broken from the start is refused where its beginning has come with the head.
fn compare(some: &Outcome, bytes: &Outcome) {
    if some == bytes {
        return;
    }
    let common = some
        .sent
        .iter()
        .zip(&bytes.sent)
        .take_while(|(one, other)| one == other)
        .count();
    let start = some.sent[..common]
        .windows(5)
        .rposition(|window| window == b"HTTP/")
        .unwrap_or(0);
    assert!(
        some.ended && some.sent[start..].starts_with(b"HTTP/1.1 400 "),
        "{}\nand byte by byte\n{}",
        some.sent.escape_ascii(),
        bytes.sent.escape_ascii()
    );
}
