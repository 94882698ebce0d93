//! Answers of backends: any bytes are understood or explained, a prefix never has another answer, and what reaches the
//! client reads only one way.
#![no_main]

use everlit::gateway::reply::{
    Delimited, Dialect, Head, MAX_HEAD_BYTES, Parsed, Persistence, parse,
};
use everlit::http1::body::Framing;
use everlit::response::Headers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for dialect in [Dialect::Http, Dialect::Cgi] {
        let mut of_whole = Headers::default();
        let whole = parse(input, dialect, &mut of_whole);
        // All prefixes of a short input, some of a long one.
        let mut of_part = Headers::default();
        for end in (0..input.len()).step_by(input.len() / 64 + 1) {
            let part = parse(&input[..end], dialect, &mut of_part);
            if part != Parsed::Partial {
                assert_eq!(part, whole, "{end} bytes");
                assert_eq!(of_part.text(), of_whole.text(), "{end} bytes");
            }
        }
        match whole {
            Parsed::Head(head) => judge(&head, &input[..head.length], dialect, &of_whole),
            Parsed::Partial | Parsed::Broken(_) => assert!(of_whole.text().is_empty()),
        }
    }
});

/// Reads an accepted head again, by the strictest rules there are, and compares.
fn judge(head: &Head, bytes: &[u8], dialect: Dialect, headers: &Headers) {
    assert!(bytes.len() <= MAX_HEAD_BYTES);
    assert!((100..1000).contains(&head.status));
    let mut text = b"HTTP/1.1 200 OK\r\n".to_vec();
    text.extend_from_slice(headers.text());
    text.extend_from_slice(b"\r\n");
    let mut slots = [httparse::EMPTY_HEADER; 1000];
    let mut again = httparse::Response::new(&mut slots);
    let read = again.parse(&text).expect("what was accepted can be read");
    assert_eq!(read, httparse::Status::Complete(text.len()));
    let mut found = headers.iter();
    for field in again.headers.iter() {
        let (name, value) = found.next().expect("as many fields");
        assert_eq!((field.name.as_bytes(), field.value), (name, value));
        for hidden in [
            "Connection",
            "Content-Length",
            "HTTP2-Settings",
            "Keep-Alive",
            "Proxy-Connection",
            "TE",
            "Trailer",
            "Transfer-Encoding",
        ] {
            assert!(!field.name.eq_ignore_ascii_case(hidden), "{hidden}");
        }
        assert!(head.status == 101 || !field.name.eq_ignore_ascii_case("Upgrade"));
    }
    assert!(found.next().is_none());

    let lines = || {
        let lines = bytes.split(|byte| *byte == b'\n');
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    };
    let has = |name: &str| {
        lines().any(|line| {
            line.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    match head.body {
        Delimited::ByEnd => {
            assert!(!has("Content-Length:") && !has("Transfer-Encoding:"));
        }
        Delimited::By(Framing::Chunked(_)) => assert!(has("Transfer-Encoding:")),
        Delimited::By(Framing::Empty | Framing::Length(_)) => {
            assert!(has("Content-Length:") && !has("Transfer-Encoding:"));
        }
    }
    if dialect == Dialect::Cgi || (has("Content-Length:") && has("Transfer-Encoding:")) {
        assert_eq!(head.persistence, Persistence::Close);
    }
    if dialect == Dialect::Http {
        let lone = bytes.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(
            lone,
            bytes.windows(2).filter(|pair| pair == b"\r\n").count()
        );
        assert!(bytes.starts_with(b"HTTP/1."));
    }
}
