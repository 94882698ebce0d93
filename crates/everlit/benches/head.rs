//! What a request head costs before anything is done about it: `cargo bench -p everlit --bench head`.
//!
//! For each head: `httparse` alone, our parser around it, and the normalisation of target and host. Each figure is the
//! fastest of many rounds, in nanoseconds, on whatever machine this runs.

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::time::Instant;

use everlit::http1::head::{self, Limits, Parsed};
use everlit::route::uri::{self, ParseOptions};

const WRK: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

const CURL: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";

const CHROME: &[u8] = b"GET /static/js/main.4f2a9c.js?v=20260801 HTTP/1.1\r\n\
Host: www.example.org\r\n\
Connection: keep-alive\r\n\
sec-ch-ua-platform: \"Linux\"\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36\r\n\
sec-ch-ua: \"Not;A=Brand\";v=\"99\", \"Google Chrome\";v=\"139\", \"Chromium\";v=\"139\"\r\n\
sec-ch-ua-mobile: ?0\r\n\
Accept: */*\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: no-cors\r\n\
Sec-Fetch-Dest: script\r\n\
Referer: https://www.example.org/articles/2026/08/an-ordinary-article\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en-US;q=0.9,en;q=0.8\r\n\
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n\
If-None-Match: \"1234567890\"\r\n\r\n";

fn main() {
    let (limits, options) = (Limits::default(), ParseOptions::default());
    println!(
        "{:8} {:>6} {:>10} {:>10} {:>10}",
        "head", "bytes", "httparse", "parse", "uri+host"
    );
    for (name, bytes) in [("wrk", WRK), ("curl", CURL), ("chrome", CHROME)] {
        let httparse = fastest(|| {
            let mut slots = [const { MaybeUninit::uninit() }; head::MAX_FIELDS];
            let mut request = httparse::Request::new(&mut []);
            let length = request.parse_with_uninit_headers(black_box(bytes), &mut slots);
            black_box((length.is_ok(), request.headers.len()));
        });
        let ours = fastest(|| {
            black_box(&head::parse(black_box(bytes), &limits));
        });
        let Parsed::Head(head) = head::parse(bytes, &limits) else {
            panic!("{name} is not a head")
        };
        let (target, host) = (head.target, head.host.expect("all of these have a host"));
        let uri = fastest(|| {
            black_box(uri::parse(black_box(target), &options).is_ok());
            black_box(uri::host(black_box(host), &options).is_ok());
        });
        println!(
            "{name:8} {:6} {httparse:10.1} {ours:10.1} {uri:10.1}",
            bytes.len()
        );
    }
}

/// Nanoseconds of one call, in the fastest round.
fn fastest(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 20_000;
    (0..100)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            start.elapsed().as_nanos() as f64 / f64::from(CALLS)
        })
        .fold(f64::INFINITY, f64::min)
}
