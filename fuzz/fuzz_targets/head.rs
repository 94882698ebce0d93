//! Heads: any bytes have an answer, a prefix never has another one, and what is accepted reads only one way.
#![no_main]

use std::fmt::Write;

use everlit::http1::body::Framing;
use everlit::http1::head::{GetBody, Head, Limits, Parsed, Version, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for limits in [
        Limits::default(),
        Limits {
            head_bytes: 100,
            get_body: GetBody::Accept,
        },
    ] {
        let whole = show(&parse(bytes, &limits));
        // All prefixes of a short input, some of a long one.
        for end in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
            let part = parse(&bytes[..end], &limits);
            assert!(
                matches!(part, Parsed::Partial) || show(&part) == whole,
                "{end} bytes: {} and then {whole}",
                show(&part)
            );
        }
        if let Parsed::Head(head) = parse(bytes, &limits) {
            judge(&head, &bytes[..head.length], &limits);
        }
    }
});

fn show(parsed: &Parsed<'_>) -> String {
    let mut text = String::new();
    write!(text, "{parsed:?}").expect("writing to a string cannot fail");
    text
}

/// Reads an accepted head again, by the strictest rules there are, and compares.
fn judge(head: &Head<'_>, bytes: &[u8], limits: &Limits) {
    assert!(bytes.len() <= limits.head_bytes);
    let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    let text = bytes
        .strip_suffix(b"\r\n\r\n")
        .expect("ends in an empty line");
    let mut lines = text
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    assert_eq!(
        text.iter().filter(|byte| **byte == b'\n').count(),
        text.windows(2).filter(|pair| pair == b"\r\n").count(),
        "bare LF"
    );
    assert_eq!(
        text.iter().filter(|byte| **byte == b'\r').count(),
        text.windows(2).filter(|pair| pair == b"\r\n").count(),
        "bare CR"
    );
    assert!(!bytes.contains(&0));

    let line = lines.next().expect("a split has a first part");
    let parts: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let version = match head.version {
        Version::Http10 => &b"HTTP/1.0"[..],
        Version::Http11 => b"HTTP/1.1",
    };
    assert_eq!(parts, [head.method_name, head.target, version]);

    let mut lengths = 0;
    let mut codings = 0;
    let mut hosts = 0;
    let mut fields = head.fields.iter();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let field = fields.next().expect("as many fields as lines");
        assert_eq!((field.name, field.value.trim_ascii()), (name, value));
        assert!(!name.is_empty() && name.iter().all(u8::is_ascii_graphic));
        lengths += usize::from(name.eq_ignore_ascii_case(b"content-length"));
        codings += usize::from(name.eq_ignore_ascii_case(b"transfer-encoding"));
        hosts += usize::from(name.eq_ignore_ascii_case(b"host"));
    }
    assert!(fields.next().is_none());
    assert!(lengths + codings <= 1 && hosts <= 1);
    match head.framing {
        Framing::Empty => assert_eq!(codings, 0),
        Framing::Length(_) => assert_eq!(lengths, 1),
        Framing::Chunked(_) => assert_eq!(codings, 1),
    }
    assert!(head.host.is_none_or(|host| !host.is_empty()));
    assert!(head.host.is_some() || head.version == Version::Http10);
}
