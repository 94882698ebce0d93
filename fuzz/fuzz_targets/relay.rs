//! What a backend says, from its first byte to its last: whatever comes, however it is cut, the client gets one answer, and
//! always the same.
//!
//! The first byte says which request was made, the next two how long the pieces are.
#![no_main]

use everlit::gateway::relay::{Trouble, Used};
use everlit::http1::machine::Http1;
use everlit::http1::relaying::Next;
use everlit_fuzz::{ORIGIN, Outcome, drive, flush, with_bench};
use libfuzzer_sys::fuzz_target;

const REQUESTS: [&[u8]; 6] = [
    b"GET /http HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /http HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /http HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"POST /fastcgi HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /scgi HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /http HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
];

fuzz_target!(|input: &[u8]| {
    let Some(([which, cuts @ ..], answer)) = input.split_first_chunk::<3>() else {
        return;
    };
    let request = REQUESTS[usize::from(*which) % REQUESTS.len()];
    let whole = run(request, [answer]);
    if whole.contains("Transfer-Encoding: chunked") {
        // It is streamed, and its chunks are as large as the pieces.
        return;
    }
    let bytes = run(request, answer.chunks(1));
    assert_eq!(whole, bytes);
    let mut pieces = Vec::new();
    let mut rest = answer;
    for cut in cuts.iter().cycle() {
        let (piece, more) = rest.split_at(rest.len().min(usize::from(*cut) + 1));
        pieces.push(piece);
        rest = more;
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!(run(request, pieces), bytes);
});

fn run<'p>(request: &[u8], pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
    with_bench(|bench| {
        let mut http = Http1::default();
        let mut outcome = Outcome::default();
        drive(&mut http, request, &mut outcome, bench);
        assert!(http.is_relaying());
        let mut next = Next::On;
        for piece in pieces {
            if next != Next::On || piece.is_empty() {
                break;
            }
            next = http.backend_said(piece, ORIGIN, bench);
            assert_eq!(http.is_relaying(), next == Next::On);
        }
        if next == Next::On {
            next = http.backend_failed(Trouble::Ended, Used::Never, ORIGIN, bench);
            assert_ne!(next, Next::Retry);
        }
        flush(&mut http, &mut outcome, bench);
        http.abandon(bench);
        outcome.sent.escape_ascii().to_string()
    })
}
