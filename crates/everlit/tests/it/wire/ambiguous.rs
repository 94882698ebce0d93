//! Request smuggling: whatever two servers could read differently is refused, never resolved.
//!
//! Each of these has what would be a second request to one of two readers behind it. There must not be an answer to it.

use super::transcript::{Row, ok, page, play, row};

/// What one of two readers would take for a request.
const HIDDEN: &str = "GET /b.txt HTTP/1.1\r\nHost: hidden\r\n\r\n";

/// A request with these fields and this body is refused with this status, and nothing is answered that is hidden in it.
fn refused(
    name: &'static str,
    status: u16,
    fields: impl AsRef<[u8]>,
    body: &str,
    sentence: &'static str,
) -> Row {
    let start = b"POST /a.txt HTTP/1.1\r\nHost: a\r\n";
    let bytes = [
        start,
        fields.as_ref(),
        b"\r\n\r\n",
        body.as_bytes(),
        HIDDEN.as_bytes(),
    ]
    .concat();
    row(name, sentence).send(bytes).gets(page(status)).closed()
}

#[test]
fn ambiguous_lengths() {
    const ZERO: &str = "0\r\n\r\n";
    play(
        "",
        vec![
            refused(
                "CL.TE",
                400,
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                ZERO,
                "The front counts, the back reads chunks.",
            ),
            refused(
                "TE.CL",
                400,
                "Transfer-Encoding: chunked\r\nContent-Length: 5",
                ZERO,
                "The other way round.",
            ),
            refused(
                "CL.0 with chunks",
                400,
                "Content-Length: 0\r\nTransfer-Encoding: chunked",
                ZERO,
                "A length of nothing is a length.",
            ),
            refused(
                "TE.TE",
                400,
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                ZERO,
                "Once is enough.",
            ),
            refused(
                "TE.TE, one not understood",
                400,
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
                ZERO,
                "The front may see one, the back the other.",
            ),
            refused(
                "TE.TE, not understood first",
                501,
                "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
                ZERO,
                "The first is unknown already.",
            ),
            refused(
                "TE not last",
                400,
                "Transfer-Encoding: chunked, identity",
                ZERO,
                "Chunked must be the last coding.",
            ),
            refused(
                "TE x",
                501,
                "Transfer-Encoding: xchunked",
                ZERO,
                "Nearly chunked.",
            ),
            refused(
                "TE quoted",
                501,
                "Transfer-Encoding: \"chunked\"",
                ZERO,
                "Nearly chunked.",
            ),
            refused(
                "TE with parameter",
                501,
                "Transfer-Encoding: chunked;q=1",
                ZERO,
                "Nearly chunked.",
            ),
            refused(
                "TE list",
                400,
                "Transfer-Encoding: chunked,",
                ZERO,
                "Nearly chunked.",
            ),
            refused(
                "TE gzip",
                501,
                "Transfer-Encoding: gzip, chunked",
                ZERO,
                "Understood, but not done here.",
            ),
            refused(
                "TE vertical tab",
                400,
                "Transfer-Encoding: \x0bchunked",
                ZERO,
                "White space to some, a control to others.",
            ),
            refused(
                "TE space before colon",
                400,
                "Transfer-Encoding : chunked",
                ZERO,
                "A field to some, nothing to others.",
            ),
            refused(
                "TE folded",
                400,
                "Transfer-Encoding:\r\n chunked",
                ZERO,
                "Folding is obsolete, and readers differ on it.",
            ),
            refused(
                "TE in a fold",
                400,
                "X: y\r\n Transfer-Encoding: chunked",
                ZERO,
                "A field to some, a value to others.",
            ),
            refused(
                "TE after bare LF",
                400,
                "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked",
                ZERO,
                "A line to some, a value to others.",
            ),
            refused(
                "TE after bare CR",
                400,
                "Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked",
                ZERO,
                "A line to some, a value to others.",
            ),
            refused(
                "CL.CL different",
                400,
                "Content-Length: 0\r\nContent-Length: 40",
                "",
                "Which one?",
            ),
            refused(
                "CL.CL same",
                400,
                "Content-Length: 0\r\nContent-Length: 0",
                "",
                "Whoever says it twice may say it differently next time.",
            ),
            refused(
                "CL list",
                400,
                "Content-Length: 0, 0",
                "",
                "A list of lengths is none.",
            ),
            refused("CL sign", 400, "Content-Length: +0", "", "Digits only."),
            refused("CL negative", 400, "Content-Length: -1", "", "Digits only."),
            refused(
                "CL hexadecimal",
                400,
                "Content-Length: 0x10",
                "",
                "Digits only.",
            ),
            refused(
                "CL with a space",
                400,
                "Content-Length: 1 0",
                "",
                "Digits only.",
            ),
            refused(
                "CL empty",
                400,
                "Content-Length:",
                "",
                "Digits, and at least one.",
            ),
            refused(
                "CL too large",
                400,
                "Content-Length: 18446744073709551616",
                "",
                "In 64 bits, that is nothing.",
            ),
            refused(
                "CL with NUL",
                400,
                b"Content-Length\0: 40",
                "",
                "Another name to some.",
            ),
            refused(
                "neither",
                411,
                "X: y",
                "",
                "A POST without a length has a body to some.",
            ),
            row(
                "GET with a body",
                "To some a GET has no body, and this would be the next request.",
            )
            .send(format!(
                "GET /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{HIDDEN}",
                HIDDEN.len()
            ))
            .gets(page(400))
            .closed(),
            row("GET with chunks", "The same with chunks.")
                .send(
                    "GET /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                )
                .gets(page(400))
                .closed(),
            row("chunks in HTTP/1.0", "A 1.0 reader does not know chunks.")
                .send("POST /a.txt HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                .gets(page(400))
                .closed(),
        ],
    );
}

#[test]
fn ambiguous_line_ends() {
    let refused = |name, bytes: &str, sentence| {
        row(name, sentence)
            .send(format!("{bytes}{HIDDEN}"))
            .gets(page(400))
            .closed()
    };
    play(
        "",
        vec![
            refused("LF after the request line", "GET /a.txt HTTP/1.1\nHost: a\r\n\r\n", "A bare LF ends a line for some only."),
            refused("LF after a field", "GET /a.txt HTTP/1.1\r\nHost: a\n\r\n", "A bare LF ends a line for some only."),
            refused("LF as the empty line", "GET /a.txt HTTP/1.1\r\nHost: a\r\n\n", "A bare LF ends a head for some only."),
            refused("CR CR LF", "GET /a.txt HTTP/1.1\r\nHost: a\r\r\n\r\n", "A CR belongs before an LF and nowhere else."),
            refused("CR in a value", "GET /a.txt HTTP/1.1\r\nHost: a\r\nX: y\rZ: z\r\n\r\n", "A bare CR ends a line for some only."),
            refused("two empty lines before", "\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "One is forgiven."),
            row("one empty line before", "RFC 9112 2.2: some clients send one after a POST.")
                .send("\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                .gets(ok("alpha\n"))
                .kept(),
            row("one empty line between", "The same between two requests.")
                .send("POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx\r\nGET /b.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                .gets(ok("alpha\n"))
                .gets(ok("beta\n"))
                .kept(),
        ],
    );
}

#[test]
fn ambiguous_chunks() {
    // They come together with the head, so that nothing has been answered yet.
    let cut = |name, body: &str, sentence| {
        let start = "POST /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        row(name, sentence)
            .send(format!("{start}{body}{HIDDEN}"))
            .gets(page(400))
            .closed()
    };
    play(
        "",
        vec![
            cut(
                "a size with prefix",
                "0x1\r\nx\r\n0\r\n\r\n",
                "Hexadecimal digits only.",
            ),
            cut(
                "a size with sign",
                "+1\r\nx\r\n0\r\n\r\n",
                "Hexadecimal digits only.",
            ),
            cut(
                "a size after a space",
                " 1\r\nx\r\n0\r\n\r\n",
                "Hexadecimal digits only.",
            ),
            cut(
                "a size before a space",
                "1 \r\nx\r\n0\r\n\r\n",
                "Some would take it, some not.",
            ),
            cut("no size", "\r\nx\r\n0\r\n\r\n", "Not zero: nothing."),
            cut(
                "a size too large",
                "10000000000000001\r\nx\r\n0\r\n\r\n",
                "In 64 bits, that is one.",
            ),
            cut(
                "a size with LF",
                "1\nx\r\n0\r\n\r\n",
                "A bare LF ends a line for some only.",
            ),
            cut(
                "the last size with LF",
                "0\n\r\n",
                "A bare LF ends a line for some only.",
            ),
            cut(
                "a size with CR",
                "1\rx\r\n0\r\n\r\n",
                "A bare CR ends a line for some only.",
            ),
            cut(
                "an extension with LF",
                "1;a\nx\r\n0\r\n\r\n",
                "To some the extension ends there.",
            ),
            cut(
                "an extension with CR",
                "1;a\rb\r\nx\r\n0\r\n\r\n",
                "To some the extension ends there.",
            ),
            cut(
                "a chunk too long",
                "1\r\nxx\r\n0\r\n\r\n",
                "The data end where the size says.",
            ),
            cut(
                "a chunk with LF",
                "1\r\nx\n0\r\n\r\n",
                "A bare LF ends a chunk for some only.",
            ),
            cut(
                "an end with LF",
                "0\r\n\n",
                "A bare LF ends a body for some only.",
            ),
            cut(
                "a trailer folded",
                "0\r\nX: y\r\n z\r\n\r\n",
                "No folding here either.",
            ),
            cut(
                "a trailer without colon",
                "0\r\nX y\r\n\r\n",
                "Not a field.",
            ),
            cut(
                "a trailer with LF",
                "0\r\nX: y\nGET / HTTP/1.1\r\n\r\n",
                "A bare LF ends a line for some only.",
            ),
            row(
                "a chunk that is wrong later",
                "The answer did not depend on the body and is there already; what follows is not taken for a request.",
            )
            .send("POST /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            .gets(ok("alpha\n"))
            .send(format!("x\r\n{HIDDEN}"))
            .gone(),
            row(
                "a chunk that is right",
                "For comparison: what follows is a request.",
            )
            .send(format!("POST /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n{HIDDEN}"))
            .gets(ok("alpha\n"))
            .gets(ok("beta\n"))
            .kept(),
        ],
    );
}
