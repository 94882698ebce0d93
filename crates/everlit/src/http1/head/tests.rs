//! Tables of heads and what becomes of them. Where a comment says "oracle", lighttpd 1.4.69 answers otherwise.

use proptest::prelude::*;

use super::*;

fn limits() -> Limits {
    Limits::default()
}

/// The answer in short: `200` and what matters of the head, or the status of the reject.
fn verdict(bytes: &[u8]) -> String {
    match parse(bytes, &limits()) {
        Parsed::Head(head) => format!(
            "{:?} {:?} {:?}",
            head.method, head.framing, head.persistence
        ),
        Parsed::Partial => "partial".into(),
        Parsed::Reject(reject) => reject.status.to_string(),
    }
}

fn status(bytes: &[u8]) -> u16 {
    match parse(bytes, &limits()) {
        Parsed::Head(_) => 200,
        Parsed::Partial => 0,
        Parsed::Reject(reject) => reject.status,
    }
}

fn head(bytes: &[u8]) -> Head<'_> {
    match parse(bytes, &limits()) {
        Parsed::Head(head) => head,
        other => panic!("{other:?}"),
    }
}

/// `POST / HTTP/1.1` with these fields after `Host`.
fn post(fields: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").into_bytes()
}

#[test]
fn a_browser_head() {
    let bytes = b"GET /index.html?q=1 HTTP/1.1\r\nHost: Example.org:8080\r\nUser-Agent: x\r\naccept:  */* \r\n\
        X-Empty:\r\nX-Latin: caf\xe9\r\n\r\nGET /next";
    let head = head(bytes);
    assert_eq!((head.method, head.method_name), (Method::Get, &b"GET"[..]));
    assert_eq!(head.target, b"/index.html?q=1");
    assert_eq!(head.version, Version::Http11);
    assert_eq!(head.host, Some(&b"Example.org:8080"[..]));
    assert_eq!(head.persistence, Persistence::KeepAlive);
    assert_eq!(head.framing, Framing::Empty);
    assert_eq!(&bytes[head.length..], b"GET /next");
    assert_eq!(head.fields.find("Accept"), Some(&b"*/*"[..]));
    assert_eq!(head.fields.find("x-empty"), Some(&b""[..]));
    assert_eq!(head.fields.find("x-latin"), Some(&b"caf\xe9"[..]));
    assert_eq!(head.fields.find("x-none"), None);
    let names: Vec<_> = head.fields.iter().map(|field| field.name).collect();
    assert_eq!(
        names,
        [
            &b"Host"[..],
            b"User-Agent",
            b"accept",
            b"X-Empty",
            b"X-Latin"
        ]
    );
}

#[test]
fn request_lines() {
    for (line, expected) in [
        ("GET / HTTP/1.1", 200),
        ("GET / HTTP/1.0", 200),
        ("PROPFIND / HTTP/1.1", 200),
        ("VERSION-CONTROL / HTTP/1.1", 200),
        ("QUERY / HTTP/1.1", 200),
        ("OPTIONS * HTTP/1.1", 200),
        ("OPTIONS / HTTP/1.1", 200),
        ("FOO / HTTP/1.1", 501),
        ("BREW / HTTP/1.1", 501),
        ("get / HTTP/1.1", 501),
        ("* / HTTP/1.1", 501),
        ("G(T / HTTP/1.1", 400),  // oracle: 501
        ("GET\t/ HTTP/1.1", 400), // oracle: 501
        (" GET / HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET /  HTTP/1.1", 400), // oracle: 200
        ("GET / HTTP/1.1 ", 400),
        ("GET /a b HTTP/1.1", 400), // oracle: 200, the target being "/a b"
        ("GET /\x01 HTTP/1.1", 400),
        ("GET /\x7f HTTP/1.1", 400),
        ("GET /", 400),
        ("GET", 400),
        ("GET / HTTP/1.2", 505),
        ("GET / HTTP/0.9", 505),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/1.11", 400),
        ("GET / HTTP/1", 400), // oracle: 505
        ("GET / HTTX/1.1", 400),
        ("GET / http/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET a HTTP/1.1", 400),
        ("GET ?a HTTP/1.1", 400),
        ("PRI / HTTP/1.1", 501),
        ("CONNECT / HTTP/1.1", 400), // oracle: 200
        ("CONNECT a HTTP/1.1", 400),
    ] {
        assert_eq!(
            status(format!("{line}\r\nHost: a\r\n\r\n").as_bytes()),
            expected,
            "{line:?}"
        );
    }
    // oracle: 200 for single bytes of 0x80 and above that occur in UTF-8
    assert_eq!(status(b"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_eq!(status("GET /é HTTP/1.1\r\nHost: a\r\n\r\n".as_bytes()), 200);
}

#[test]
fn the_http2_preface_is_recognised() {
    for bytes in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"PRI * HTTP/2.0"] {
        assert!(matches!(
            parse(bytes, &limits()),
            Parsed::Reject(Reject::HTTP2_PREFACE)
        ));
    }
    assert_eq!(status(b"PRI * HTTP/2"), 0);
}

#[test]
fn hosts() {
    for (head, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", None),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", None),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", None),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", None), // oracle: accepted
        ("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", None),
        ("GET / HTTP/1.0\r\n\r\n", Some("")),
        ("GET / HTTP/1.0\r\nHost:\r\n\r\n", Some("")),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", None), // oracle: accepted
        ("GET http://b/ HTTP/1.1\r\nHost: b\r\n\r\n", Some("b")),
        (
            "GET HTTPS://b:1/ HTTP/1.1\r\nHost: B:1\r\n\r\n",
            Some("b:1"),
        ),
        ("GET http://b HTTP/1.1\r\nHost: b\r\n\r\n", Some("b")), // oracle: 400, but RFC 9112 3.2.2 wants it accepted
        ("GET http://b?c HTTP/1.1\r\nHost: b\r\n\r\n", Some("b")), // oracle: 400
        ("GET http://b/ HTTP/1.0\r\n\r\n", Some("b")),
        ("GET http://b/ HTTP/1.1\r\n\r\n", None), // oracle: accepted; RFC 9112 3.2 wants a Host all the same
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", None),
        ("GET http://b:80/ HTTP/1.1\r\nHost: b\r\n\r\n", None),
        ("GET http://u@b/ HTTP/1.1\r\nHost: u@b\r\n\r\n", None),
        ("GET http:///x HTTP/1.1\r\nHost: b\r\n\r\n", None),
        ("GET ftp://b/ HTTP/1.1\r\nHost: b\r\n\r\n", None),
        (
            "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n",
            Some("b:443"),
        ), // oracle: 400
        ("GET b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", None),
    ] {
        let got = match parse(head.as_bytes(), &limits()) {
            Parsed::Head(head) => Some(str::from_utf8(head.host.unwrap_or_default()).unwrap()),
            Parsed::Reject(Reject { status: 400, .. }) => None,
            other => panic!("{head:?}: {other:?}"),
        };
        assert_eq!(got, expected, "{head:?}");
    }
}

/// What makes two servers disagree about where a request ends.
#[test]
fn smuggling() {
    const CHUNKED: &str = "Transfer-Encoding: chunked";
    let chunked = format!("Post {:?} KeepAlive", Framing::chunked());
    let accepted = |framing: &str| format!("Post {framing} KeepAlive");
    let table: &[(&str, String, &str)] = &[
        ("length", accepted("Length(5)"), "Content-Length: 5"),
        ("length zero", accepted("Empty"), "Content-Length: 0"),
        (
            "length with zeros",
            accepted("Length(5)"),
            "Content-Length: 0005",
        ),
        (
            "longest length",
            accepted("Length(9223372036854775807)"),
            "Content-Length: 9223372036854775807",
        ),
        ("chunked", chunked.clone(), CHUNKED),
        (
            "chunked, any case",
            chunked,
            "transfer-encoding:\tChUnKeD \t",
        ),
        ("neither", "411".into(), "X: y"),
        (
            "CL.TE",
            "400".into(),
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
        ),
        (
            "TE.CL",
            "400".into(),
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
        ),
        (
            "CL.CL, different",
            "400".into(),
            "Content-Length: 5\r\nContent-Length: 6",
        ),
        (
            "CL.CL, same",
            "400".into(),
            "Content-Length: 5\r\nContent-Length: 5",
        ),
        ("CL list", "400".into(), "Content-Length: 5, 5"),
        ("CL plus", "400".into(), "Content-Length: +5"),
        ("CL minus", "400".into(), "Content-Length: -5"),
        ("CL minus zero", "400".into(), "Content-Length: -0"),
        ("CL hex", "400".into(), "Content-Length: 0x5"),
        ("CL inner space", "400".into(), "Content-Length: 5 5"),
        ("CL empty", "400".into(), "Content-Length:"), // oracle: 411
        (
            "CL beyond 63 bits",
            "400".into(),
            "Content-Length: 9223372036854775808",
        ),
        (
            "CL beyond 64 bits",
            "400".into(),
            "Content-Length: 18446744073709551621",
        ),
        (
            "TE.TE, chunked twice",
            "400".into(),
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        ), // oracle: 200
        (
            "TE.TE, identity second",
            "400".into(),
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        ),
        (
            "TE.TE, identity first",
            "501".into(),
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        ),
        (
            "TE list, chunked twice",
            "400".into(),
            "Transfer-Encoding: chunked, chunked",
        ), // oracle: 501
        (
            "TE list, chunked not last",
            "400".into(),
            "Transfer-Encoding: chunked, gzip",
        ), // oracle: 501
        (
            "TE list, chunked last",
            "501".into(),
            "Transfer-Encoding: gzip, chunked",
        ),
        (
            "TE list, empty element",
            "400".into(),
            "Transfer-Encoding: chunked,",
        ), // oracle: 501
        ("TE empty", "400".into(), "Transfer-Encoding:"), // oracle: 411
        ("TE identity", "501".into(), "Transfer-Encoding: identity"),
        ("TE xchunked", "501".into(), "Transfer-Encoding: xchunked"),
        ("TE quoted", "501".into(), "Transfer-Encoding: \"chunked\""),
        (
            "TE parameter",
            "501".into(),
            "Transfer-Encoding: chunked;q=1",
        ),
        (
            "TE vertical tab",
            "400".into(),
            "Transfer-Encoding: \x0bchunked",
        ),
        (
            "TE space before colon",
            "400".into(),
            "Transfer-Encoding : chunked",
        ),
        ("TE folded", "400".into(), "Transfer-Encoding:\r\n chunked"), // oracle: unfolds
        (
            "TE hidden in a fold",
            "400".into(),
            "X: y\r\n Transfer-Encoding: chunked",
        ), // oracle: unfolds
        (
            "TE after bare LF",
            "400".into(),
            "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked",
        ),
        (
            "TE after bare CR",
            "400".into(),
            "Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked",
        ),
        (
            "TE after NUL",
            "400".into(),
            "Content-Length: 5\r\nX: y\0Transfer-Encoding: chunked",
        ),
        ("name with NUL", "400".into(), "Content-Length\0: 5"),
        ("name empty", "400".into(), ": 5"),
        ("line without colon", "400".into(), "Content-Length 5"),
        ("space first", "400".into(), " X: y"),
        ("control in value", "400".into(), "X: \x01"),
        ("DEL in value", "400".into(), "X: \x7f"),
    ];
    for (name, expected, fields) in table {
        assert_eq!(verdict(&post(fields)), *expected, "{name}");
    }
    assert_eq!(
        status(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        400
    );
}

#[test]
fn line_ends() {
    for bytes in [
        &b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n", // oracle: accepted
        b"GET / HTTP/1.0\n\r\n",
        b"GET / HTTP/1.0\r\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX:\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", // oracle: accepted between requests
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(status(bytes), 400, "{:?}", bytes.escape_ascii().to_string());
    }
    // oracle: not before the first request of a connection
    assert_eq!(head(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").length, 29);
}

#[test]
fn bodies_that_methods_do_not_have() {
    for method in ["GET", "HEAD"] {
        for field in ["Content-Length: 1", "Transfer-Encoding: chunked"] {
            let bytes = format!("{method} / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
            assert_eq!(status(bytes.as_bytes()), 400);
            let lenient = Limits {
                get_body: GetBody::Accept,
                ..limits()
            };
            assert!(matches!(parse(bytes.as_bytes(), &lenient), Parsed::Head(_)));
        }
        assert_eq!(
            status(
                format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").as_bytes()
            ),
            200
        );
    }
    assert_eq!(
        verdict(b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n"),
        "Put Empty KeepAlive"
    );
    assert_eq!(
        verdict(b"DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"),
        "Delete Length(1) KeepAlive"
    );
    assert_eq!(status(b"POST / HTTP/1.0\r\n\r\n"), 411);
}

#[test]
fn persistence() {
    use Persistence::*;
    for (version, fields, expected) in [
        ("1.1", "X: y", KeepAlive),
        ("1.1", "Connection: close", Close),
        ("1.1", "Connection: foo, CLOSE", Close),
        ("1.1", "Connection: keep-alive ,\tClose", Close),
        ("1.1", "Connection: close\r\nConnection: keep-alive", Close), // oracle: the last one counts
        ("1.1", "Connection: closed", KeepAlive),
        ("1.0", "X: y", Close),
        ("1.0", "Connection: Keep-Alive", KeepAlive),
        ("1.0", "Connection: keep-alive, close", Close),
    ] {
        let bytes = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n\r\n");
        assert_eq!(
            head(bytes.as_bytes()).persistence,
            expected,
            "{version} {fields}"
        );
    }
}

#[test]
fn expectations() {
    assert!(head(&post("Expect: 100-Continue\r\nContent-Length: 1")).expects_continue);
    assert!(!head(&post("Expect: 100-continue\r\nContent-Length: 0")).expects_continue);
    assert!(
        !head(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
            .expects_continue
    );
    assert_eq!(status(&post("Expect: more\r\nContent-Length: 1")), 417); // oracle: ignores it
    assert_eq!(
        status(&post("Expect: 100-continue, more\r\nContent-Length: 1")),
        417
    );
}

#[test]
fn sizes() {
    let sized = |length: usize| {
        let (start, end) = ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n");
        format!(
            "{start}{}{end}",
            "x".repeat(length - start.len() - end.len())
        )
        .into_bytes()
    };
    assert_eq!(head(&sized(8192)).length, 8192);
    assert_eq!(status(&sized(8193)), 431);
    assert_eq!(status(&[b'G'; 8191]), 0);
    assert_eq!(status(&[b'G'; 8192]), 431); // oracle: at one byte more, when nothing else can come of it either
    assert_eq!(
        status(format!("GET /{} HTTP/1.1\r\n", "x".repeat(9000)).as_bytes()),
        431
    );
    // What follows a head does not count.
    let mut long = sized(8000);
    long.resize(100_000, b'x');
    assert_eq!(head(&long).length, 8000);
    // No limit is larger than positions in a head can be.
    let unlimited = Limits {
        head_bytes: usize::MAX,
        ..limits()
    };
    assert!(
        matches!(parse(&sized(MAX_HEAD_BYTES), &unlimited), Parsed::Head(head) if head.fields.iter().count() == 2)
    );
    assert!(matches!(
        parse(&sized(MAX_HEAD_BYTES + 1), &unlimited),
        Parsed::Reject(Reject { status: 431, .. })
    ));

    let many = |count: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "X: y\r\n".repeat(count - 1)
        )
        .into_bytes()
    };
    assert_eq!(head(&many(MAX_FIELDS)).fields.iter().count(), MAX_FIELDS);
    assert_eq!(status(&many(MAX_FIELDS + 1)), 431); // oracle: no limit
}

/// What is wrong is said before the head is complete.
#[test]
fn early_rejects() {
    for (bytes, expected) in [
        (&b""[..], 0),
        (b"\r", 0),
        (b"G", 0),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r", 0),
        (b"FOO ", 501),
        (b"G(", 400),
        (b"GET / HTTX", 400),
        (b"GET / HTTP/3.0", 505),
        (b"GET / HTTP/1.1\nH", 400),
        (b"GET / HTTP/1.1\r\n X", 400),
        (b"GET / HTTP/1.1\r\nHost ", 400),
        (b"GET / HTTP/1.1\r\nHost: a\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\0", 400),
        (b"\x16\x03\x01", 400), // a TLS hello
    ] {
        assert_eq!(
            status(bytes),
            expected,
            "{:?}",
            bytes.escape_ascii().to_string()
        );
    }
}

/// Bytes that are often nearly a head.
fn nearly_a_head() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "GET / HTTP/1.1\r\n",
            "POST /a HTTP/1.0\r\n",
            "GET ",
            "PRI ",
            "FOO ",
            "* ",
            "/ ",
            "http://a/ ",
            "a:1 ",
            "HTTP/1.1",
            "HTTP/2.0",
            "\r\n",
            "\r\n\r\n",
            "\n",
            "\r",
            " ",
            "\t",
            ":",
            "\0",
            "\x7f",
            "Host: a\r\n",
            "Host:",
            "X",
            "X: y\r\n",
            "X:\r\n",
            "é",
            "Content-Length: 1\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Connection: close\r\n",
            "Expect: 100-continue\r\n",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    let pieces = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    let start = prop::sample::select(vec![
        "",
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n",
        "\r\n",
    ]);
    let end = prop::sample::select(vec!["", "\r\n", "\r\n\r\n"]);
    (start, pieces, end)
        .prop_map(|(start, pieces, end)| [start.as_bytes(), &pieces, end.as_bytes()].concat())
}

/// Everything a caller can see of an answer.
fn seen(bytes: &[u8], limits: &Limits) -> String {
    format!("{:?}", parse(bytes, limits))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300), head_bytes in 0usize..400) {
        parse(&bytes, &Limits { head_bytes, ..limits() });
    }

    #[test]
    fn a_prefix_is_partial_or_has_the_same_answer(bytes in nearly_a_head(), head_bytes in 20usize..200) {
        let limits = Limits { head_bytes, ..limits() };
        let whole = seen(&bytes, &limits);
        for end in 0..bytes.len() {
            match parse(&bytes[..end], &limits) {
                Parsed::Partial => {}
                _ => prop_assert_eq!(&seen(&bytes[..end], &limits), &whole, "{} bytes of {:?}", end, bytes.escape_ascii().to_string()),
            }
        }
    }

    #[test]
    fn what_follows_a_head_does_not_matter(bytes in nearly_a_head(), more in prop::collection::vec(any::<u8>(), 0..40)) {
        if !matches!(parse(&bytes, &limits()), Parsed::Partial) {
            prop_assert_eq!(seen(&[bytes.clone(), more].concat(), &limits()), seen(&bytes, &limits()));
        }
    }

    /// The fast reader and the slow one are of one mind.
    #[test]
    fn what_is_accepted_has_no_flaw(bytes in nearly_a_head()) {
        match parse(&bytes, &limits()) {
            Parsed::Head(_) => prop_assert!(matches!(flaw::find(&bytes), Ok(flaw::Sound::Complete))),
            Parsed::Reject(reject) => prop_assert_ne!(reject.reason, "malformed head"),
            Parsed::Partial => {}
        }
    }
}
