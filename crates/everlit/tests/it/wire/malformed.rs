//! What is not HTTP, or not quite: refused with the right status, once, and the connection closed.

use super::transcript::{Row, page, play, row};

/// A head that is refused with this status.
fn refused(
    name: &'static str,
    status: u16,
    bytes: impl AsRef<[u8]>,
    sentence: &'static str,
) -> Row {
    row(name, sentence).send(bytes).gets(page(status)).closed()
}

#[test]
fn malformed() {
    let line = |line: &str| format!("{line}\r\nHost: a\r\n\r\n");
    let field = |field: &[u8]| [b"GET /a.txt HTTP/1.1\r\nHost: a\r\n", field, b"\r\n\r\n"].concat();
    play(
        "",
        vec![
            refused(
                "no version",
                400,
                line("GET /a.txt"),
                "HTTP/0.9 is not spoken.",
            ),
            refused(
                "no target",
                400,
                line("GET"),
                "A request line has three parts.",
            ),
            refused(
                "an empty target",
                400,
                line("GET  HTTP/1.1"),
                "Two spaces leave nothing between them.",
            ),
            refused(
                "two spaces",
                400,
                line("GET  /a.txt HTTP/1.1"),
                "One space separates the parts.",
            ),
            refused(
                "a tab",
                400,
                line("GET\t/a.txt HTTP/1.1"),
                "A tab is not a space.",
            ),
            refused(
                "a space in the target",
                400,
                line("GET /a b HTTP/1.1"),
                "Where would it end?",
            ),
            refused(
                "space at the end",
                400,
                line("GET /a.txt HTTP/1.1 "),
                "Nothing follows the version.",
            ),
            refused(
                "version 2.0",
                505,
                line("GET /a.txt HTTP/2.0"),
                "HTTP/2 does not begin like this.",
            ),
            refused(
                "version 0.9",
                505,
                line("GET /a.txt HTTP/0.9"),
                "A version too old.",
            ),
            refused(
                "version 1.2",
                505,
                line("GET /a.txt HTTP/1.2"),
                "A version that never was.",
            ),
            refused(
                "version 1.10",
                400,
                line("GET /a.txt HTTP/1.10"),
                "A version has two digits.",
            ),
            refused(
                "small letters",
                400,
                line("GET /a.txt http/1.1"),
                "The name of the protocol has capitals.",
            ),
            refused(
                "HTTP/2 preface",
                505,
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "HTTP/2 is not spoken (yet), and it is no request.",
            ),
            refused(
                "a TLS hello",
                400,
                b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
                "A client that expects TLS is told at once, not after a timeout.",
            ),
            refused(
                "an unknown method",
                501,
                line("BREW /pot HTTP/1.1"),
                "The server knows no such thing.",
            ),
            refused(
                "a method in small letters",
                501,
                line("get /a.txt HTTP/1.1"),
                "Methods are case-sensitive.",
            ),
            refused(
                "a method that is no token",
                400,
                line("G(T /a.txt HTTP/1.1"),
                "Parentheses are no part of a name.",
            ),
            refused(
                "a target without slash",
                400,
                line("GET a.txt HTTP/1.1"),
                "Not one of the four forms.",
            ),
            refused(
                "an asterisk without OPTIONS",
                400,
                line("GET * HTTP/1.1"),
                "Only OPTIONS may mean the server itself.",
            ),
            refused(
                "another scheme",
                400,
                line("GET ftp://a/ HTTP/1.1"),
                "Not a proxy.",
            ),
            refused(
                "a user in the target",
                400,
                line("GET http://u@a/ HTTP/1.1"),
                "What is before the @ is for browsers only.",
            ),
            refused(
                "a control in the target",
                400,
                line("GET /\x01 HTTP/1.1"),
                "Controls would go into logs and scripts.",
            ),
            refused(
                "an encoded control",
                400,
                line("GET /a%0d%0aX:y HTTP/1.1"),
                "Decoded, it would split a header.",
            ),
            refused(
                "an encoded NUL",
                400,
                line("GET /a.txt%00.html HTTP/1.1"),
                "To a C program the name would end there.",
            ),
            refused(
                "bytes that are not UTF-8",
                400,
                b"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n",
                "A name that different programs read differently.",
            ),
            refused(
                "encoded bytes that are not UTF-8",
                400,
                line("GET /%c0%af HTTP/1.1"),
                "An overlong slash.",
            ),
            refused(
                "no Host",
                400,
                "GET /a.txt HTTP/1.1\r\n\r\n",
                "HTTP/1.1 requires it.",
            ),
            refused(
                "an empty Host",
                400,
                "GET /a.txt HTTP/1.1\r\nHost:\r\n\r\n",
                "As good as none.",
            ),
            refused(
                "two Hosts",
                400,
                "GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                "Who is meant?",
            ),
            refused(
                "the same Host twice",
                400,
                "GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                "RFC 9112 wants this refused, too.",
            ),
            refused(
                "two different hosts",
                400,
                "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
                "Whoever names two hopes that somebody errs.",
            ),
            refused(
                "a Host that is a path",
                400,
                "GET / HTTP/1.1\r\nHost: ../../etc\r\n\r\n",
                "Host-based document roots make it a directory.",
            ),
            refused("no colon", 400, field(b"X y"), "Not a field."),
            refused("no name", 400, field(b": y"), "Not a field."),
            refused(
                "a space before the colon",
                400,
                field(b"X : y"),
                "Some would drop the field, others the space.",
            ),
            refused(
                "a space before the name",
                400,
                field(b" X: y"),
                "The first field cannot be folded.",
            ),
            refused(
                "a NUL in a value",
                400,
                field(b"X: a\0b"),
                "To a C program the value would end there.",
            ),
            refused(
                "a control in a value",
                400,
                field(b"X: \x01"),
                "No control but the tab.",
            ),
            refused(
                "a DEL in a value",
                400,
                field(b"X: \x7f"),
                "No control but the tab.",
            ),
            refused(
                "a name beyond ASCII",
                400,
                field(b"X\xe9: y"),
                "Names are tokens.",
            ),
            row(
                "a value beyond ASCII",
                "Opaque bytes in a value have always been allowed.",
            )
            .send(field(b"X: caf\xe9"))
            .gets(super::transcript::ok("alpha\n"))
            .kept(),
            row(
                "nothing at all",
                "A client that closes without a word gets no word.",
            )
            .half_close()
            .gone(),
            row(
                "half a head",
                "A head that will never be complete is not answered.",
            )
            .send("GET /a.txt HTTP/1.1\r\nHost")
            .half_close()
            .gone(),
            row(
                "what follows a refusal",
                "The rest of a broken connection is not looked at.",
            )
            .send("BROKEN\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
            .gets(page(400))
            .closed(),
        ],
    );
}
