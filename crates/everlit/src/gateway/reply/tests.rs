//! Answers, whole and in pieces. Where a comment says "lighttpd", it does otherwise.

use proptest::prelude::*;

use super::*;
use crate::http1::head::is_token;

/// What a head means: status, body, persistence, and the fields for the client.
fn read(text: &str, dialect: Dialect) -> Result<(u16, Delimited, Persistence, String), &str> {
    let mut headers = Headers::default();
    headers.add("Left", "over");
    match parse(text.as_bytes(), dialect, &mut headers) {
        Parsed::Head(head) => {
            assert!(text[..head.length].ends_with('\n'));
            let fields = String::from_utf8(headers.text().to_vec()).unwrap();
            Ok((head.status, head.body, head.persistence, fields))
        }
        parsed => {
            assert!(headers.text().is_empty());
            match parsed {
                Parsed::Broken(reason) => Err(reason),
                _ => Err("partial"),
            }
        }
    }
}

fn http(fields: &str) -> Result<(u16, Delimited, Persistence, String), &str> {
    let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\nbody");
    read(&text, Dialect::Http).map_err(|reason| String::from(reason).leak() as &str)
}

fn by_length(length: u64) -> Delimited {
    Delimited::By(body::Framing::Length(length))
}

fn by_chunks() -> Delimited {
    Delimited::By(body::Framing::chunked())
}

#[test]
fn an_answer_of_an_http_server() {
    let text = "HTTP/1.1 404 Not\tFound\r\nContent-Type:text/plain\r\nContent-Length: 5 \r\nSet-Cookie: a\r\nset-cookie:\t b \r\nX:\r\n\r\nhello";
    let fields = "Content-Type: text/plain\r\nSet-Cookie: a\r\nset-cookie: b\r\nX: \r\n";
    assert_eq!(
        read(text, Dialect::Http),
        Ok((404, by_length(5), Persistence::Keep, fields.to_owned()))
    );
    let mut headers = Headers::default();
    let Parsed::Head(head) = parse(text.as_bytes(), Dialect::Http, &mut headers) else {
        panic!()
    };
    assert_eq!(head.length, text.len() - 5);
}

#[test]
fn an_answer_of_a_program() {
    let cgi = |text| {
        let (status, body, persistence, fields) = read(text, Dialect::Cgi)?;
        assert_eq!(persistence, Persistence::Close);
        Ok((status, body, fields))
    };
    let answer = |status, fields: &str| Ok((status, Delimited::ByEnd, fields.to_owned()));
    for (text, expected) in [
        ("A: b\n\nbody", answer(200, "A: b\r\n")),
        ("A: b\r\nC: d\n\r\nbody", answer(200, "A: b\r\nC: d\r\n")),
        ("Status: 404\r\nA: b\r\n\r\n", answer(404, "A: b\r\n")),
        ("A: b\nstatus:404 Not here\n\n", answer(404, "A: b\r\n")),
        ("Location: /x\n\n", answer(302, "Location: /x\r\n")),
        (
            "Location: /x\nStatus: 201\n\n",
            answer(201, "Location: /x\r\n"),
        ),
        ("HTTP/1.0 418 I am\nA: b\n\n", answer(418, "A: b\r\n")),
        ("HTTP/2.0 418\nA: b\n\n", answer(418, "A: b\r\n")),
        ("HTTP/1.1 200 OK\nStatus: 500\n\n", answer(500, "")),
        ("\nbody", answer(200, "")),
        ("Status: 1000\n\n", Err("invalid status")),
        ("Status: 99\n\n", Err("invalid status")),
        ("Status: OK\n\n", Err("invalid status")),
        ("HTTP/4.0 200 OK\n\n", Err("not a status line")),
        // lighttpd: the body of a mod_cgi program that sends no head.
        ("Hello\n\n", Err("header field without colon")),
        ("A: b\n", Err("partial")),
        ("A: b\n\r", Err("partial")),
    ] {
        assert_eq!(cgi(text), expected, "{text:?}");
    }
    assert_eq!(
        cgi("Content-Length: 3\n\n"),
        Ok((200, by_length(3), "".to_owned()))
    );
    assert_eq!(
        cgi("Transfer-Encoding: chunked\n\n"),
        Ok((200, by_chunks(), "".to_owned()))
    );
}

#[test]
fn a_body_has_one_length() {
    use Persistence::{Close, Keep};
    for (fields, expected) in [
        ("", Ok((Delimited::ByEnd, Keep))),
        ("Content-Length: 7\r\n", Ok((by_length(7), Keep))),
        (
            "Content-Length: 0\r\n",
            Ok((Delimited::By(body::Framing::Empty), Keep)),
        ),
        (
            "Content-Length: 9223372036854775807\r\n",
            Ok((by_length(i64::MAX as u64), Keep)),
        ),
        ("Transfer-Encoding: Chunked\r\n", Ok((by_chunks(), Keep))),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
            Ok((by_chunks(), Close)),
        ),
        (
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            Ok((by_chunks(), Close)),
        ),
        (
            "Content-Length: 3\r\nContent-Length: 3\r\n",
            Ok((by_length(3), Keep)),
        ),
        // lighttpd: the first one counts.
        (
            "Content-Length: 3\r\nContent-Length: 4\r\n",
            Err("more than one Content-Length"),
        ),
        // lighttpd: until the end.
        ("Content-Length: x\r\n", Err("invalid Content-Length")),
        ("Content-Length: -1\r\n", Err("invalid Content-Length")),
        ("Content-Length: 3, 3\r\n", Err("invalid Content-Length")),
        ("Content-Length:\r\n", Err("invalid Content-Length")),
        (
            "Content-Length: 9223372036854775808\r\n",
            Err("invalid Content-Length"),
        ),
        ("Content-Length: +3\r\n", Err("invalid Content-Length")), // lighttpd: 3
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Err("more than one Transfer-Encoding"),
        ),
        // lighttpd: any coding is chunked.
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            Err("unknown transfer coding"),
        ),
    ] {
        let found = http(fields).map(|(_, body, persistence, fields)| {
            assert_eq!(fields, "");
            (body, persistence)
        });
        assert_eq!(found, expected, "{fields:?}");
    }
}

#[test]
fn a_connection_is_kept_if_the_backend_wants_it() {
    for (text, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n", Persistence::Keep),
        (
            "HTTP/1.1 200\r\nConnection: close\r\n\r\n",
            Persistence::Close,
        ),
        (
            "HTTP/1.1 200 \r\nConnection: a, CLOSE\r\n\r\n",
            Persistence::Close,
        ),
        ("HTTP/1.0 200 OK\r\n\r\n", Persistence::Close),
        (
            "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n",
            Persistence::Keep,
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
            Persistence::Close,
        ),
    ] {
        assert_eq!(read(text, Dialect::Http).unwrap().2, expected, "{text:?}");
    }
}

#[test]
fn what_concerns_the_connection_stays_here() {
    let fields = "X-Named: 1\r\nA: b\r\nConnection: x-named, keep-alive, Later\r\nKeep-Alive: timeout=5\r\n\
                  Proxy-Connection: x\r\nTrailer: T\r\nTE: x\r\nUpgrade: h2c\r\nLater: 1\r\nStatus: 3\r\nx-named: 2\r\n";
    assert_eq!(http(fields).unwrap().3, "A: b\r\nStatus: 3\r\n");
    let text =
        "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-X: y\r\n\r\nframe";
    assert_eq!(
        read(text, Dialect::Http).unwrap(),
        (
            101,
            Delimited::ByEnd,
            Persistence::Keep,
            "Upgrade: websocket\r\nSec-X: y\r\n".to_owned()
        )
    );
    let text = "Upgrade: websocket\nStatus: 101\n\nframe";
    assert_eq!(
        read(text, Dialect::Cgi).unwrap().3,
        "Upgrade: websocket\r\n"
    );
}

#[test]
fn what_may_be_taken_for_something_else_is_refused() {
    for (fields, expected) in [
        ("A: b\r\n c\r\n", "folded header field"),
        (" A: b\r\n", "folded header field"),
        ("A: b\nC: d\r\n", "line ends in a bare LF"), // lighttpd: accepted
        ("A\r\n", "header field without colon"),      // lighttpd: skipped
        (": b\r\n", "invalid character in field name"),
        ("A : b\r\n", "invalid character in field name"),
        ("A b: c\r\n", "invalid character in field name"),
        ("\u{e4}: c\r\n", "invalid character in field name"),
        ("A: b\rC: d\r\n", "control character in field value"),
        ("A: b\r\r\n", "control character in field value"),
        ("A: \0\r\n", "control character in field value"),
        ("A: \x7f\r\n", "control character in field value"),
        ("A: a\x1b[2J\r\n", "control character in field value"),
    ] {
        assert_eq!(http(fields), Err(expected), "{fields:?}");
    }
    assert_eq!(http("A: \u{e4}\tb\r\n").unwrap().3, "A: \u{e4}\tb\r\n");
    for text in [
        "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 +20 OK\r\n",
        "HTTP/1.1200 OK\r\n",
        "HTTP/1.2 200 OK\r\n",
        "HTTP/1.1\r\n",
        "HTTP/2.0 200 OK\r\n",
        "Status: 200\r\n",
        "\r\n",
        "H2",
        "ICY 200 OK",
        "<html>",
        "\x15\x03\x01",
    ] {
        assert!(!matches!(read(text, Dialect::Http), Ok(_) | Err("partial")));
    }
    assert_eq!(read("HTTP/1.", Dialect::Http), Err("partial"));
    assert_eq!(read("", Dialect::Http), Err("partial"));
}

#[test]
fn everything_is_bounded() {
    let of = |length: usize| {
        let value = "x".repeat(length - "HTTP/1.1 200 OK\r\nA: \r\n\r\n".len());
        format!("HTTP/1.1 200 OK\r\nA: {value}\r\n\r\n")
    };
    assert!(read(&of(65536), Dialect::Http).is_ok());
    assert_eq!(read(&of(65537), Dialect::Http), Err("head too long"));
    assert_eq!(read(&"x".repeat(65535), Dialect::Cgi), Err("partial"));
    assert_eq!(read(&"x".repeat(65536), Dialect::Cgi), Err("head too long"));
    assert!(http(&"A:\r\n".repeat(1000)).is_ok());
    assert_eq!(http(&"A:\r\n".repeat(1001)), Err("too many header fields"));
    let named = |count| format!("Connection: {}\r\n", "a,".repeat(count));
    assert!(http(&named(32)).is_ok());
    assert_eq!(http(&named(33)), Err("too many elements of Connection"));
}

#[test]
fn names_are_tokens() {
    for byte in 0..=255 {
        assert_eq!(TOKEN[usize::from(byte)], is_token(byte));
    }
}

/// The bytes in which these go to another process, which may be of another version.
#[test]
fn heads_travel() {
    for (body, persistence, golden) in [
        (
            Delimited::ByEnd,
            Persistence::Keep,
            &b"\x84\x18\x64\x18\xc8\x82\x01\x80\x82\x00\x80"[..],
        ),
        (
            by_length(7),
            Persistence::Close,
            b"\x84\x18\x64\x18\xc8\x82\x00\x81\x82\x01\x81\x07\x82\x01\x80",
        ),
    ] {
        let head = Head {
            length: 100,
            status: 200,
            body,
            persistence,
        };
        assert_eq!(minicbor::to_vec(head).unwrap(), golden);
        assert_eq!(minicbor::decode::<Head>(golden).unwrap(), head);
    }
    assert_eq!(minicbor::to_vec(Dialect::Http).unwrap(), b"\x82\x00\x80");
    assert_eq!(minicbor::to_vec(Dialect::Cgi).unwrap(), b"\x82\x01\x80");
}

/// Bytes that are often an answer.
fn nearly_a_head() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 304\r\n",
        "Status: 404\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close, A\r\n",
        "A: b\r\n",
        "Upgrade: x\r\n",
        "Location: /\n",
        "Long-Name: with some value\n",
        "\r\n",
        "\n",
    ];
    let piece = prop_oneof![
        12 => prop::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A prefix says nothing, or what the whole says.
    #[test]
    fn prefixes_have_no_other_answer(input in nearly_a_head(), cgi in any::<bool>()) {
        let dialect = if cgi { Dialect::Cgi } else { Dialect::Http };
        let (mut of_whole, mut of_part) = (Headers::default(), Headers::default());
        let whole = parse(&input, dialect, &mut of_whole);
        for end in 0..input.len() {
            match parse(&input[..end], dialect, &mut of_part) {
                Parsed::Partial => {}
                part => {
                    prop_assert_eq!(part, whole);
                    prop_assert_eq!(of_part.text(), of_whole.text());
                }
            }
        }
        if let Parsed::Head(head) = whole {
            prop_assert!(input[..head.length].ends_with(b"\n"));
            prop_assert!((100..1000).contains(&head.status));
            for line in of_whole.text().split_inclusive(|byte| *byte == b'\n') {
                prop_assert!(line.ends_with(b"\r\n") && line.contains(&b':'));
            }
        }
    }
}
