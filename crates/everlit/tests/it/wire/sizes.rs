//! Limits of a head.

use super::transcript::{Row, ok, page, play, row};

/// A head of just so many bytes.
fn sized(length: usize) -> String {
    let (start, end) = ("GET /a.txt HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n");
    format!(
        "{start}{}{end}",
        "x".repeat(length - start.len() - end.len())
    )
}

fn fields(count: usize) -> String {
    format!(
        "GET /a.txt HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X: y\r\n".repeat(count - 1)
    )
}

fn accepted(name: &'static str, bytes: impl AsRef<[u8]>, sentence: &'static str) -> Row {
    row(name, sentence).send(bytes).gets(ok("alpha\n")).kept()
}

fn refused(name: &'static str, bytes: impl AsRef<[u8]>, sentence: &'static str) -> Row {
    row(name, sentence).send(bytes).gets(page(431)).closed()
}

#[test]
fn sizes() {
    play(
        "",
        vec![
            accepted("at the limit", sized(8192), "8 KiB are allowed by default."),
            refused("beyond it", sized(8193), "Not a byte more."),
            refused(
                "far beyond it",
                sized(1_000_000),
                "What is still on its way is thrown away; there is no reset.",
            ),
            refused(
                "a target too long",
                format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(10_000)),
                "All of the head counts.",
            ),
            refused(
                "never a line end",
                format!("GET /{}", "x".repeat(10_000)),
                "One line without end.",
            ),
            accepted("many fields", fields(128), "As many as there is room for."),
            refused("too many fields", fields(129), "Not one more."),
            row("in two pieces", "The limit is the same however it arrives.")
                .send(&sized(8192)[..4000])
                .send(&sized(8192)[4000..])
                .gets(ok("alpha\n"))
                .kept(),
            row(
                "the second one",
                "Each head has the whole limit, whatever stands before it.",
            )
            .send(format!("{}{}", sized(8000), sized(8192)))
            .gets(ok("alpha\n"))
            .gets(ok("alpha\n"))
            .kept(),
        ],
    );
}

#[test]
fn configured_sizes() {
    play(
        "server.max-request-field-size = 200",
        vec![
            accepted("at the limit", sized(200), "As configured."),
            refused("beyond it", sized(201), "As configured."),
        ],
    );
}
