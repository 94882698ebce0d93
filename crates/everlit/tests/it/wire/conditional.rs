//! Only if it has changed, or has not.

use super::transcript::{Row, answer, head, ok, page, play, row};
use crate::support::documents::MODIFIED;

fn get(
    name: &'static str,
    fields: &str,
    expected: super::transcript::Answer,
    sentence: &'static str,
) -> Row {
    row(name, sentence)
        .send(format!(
            "GET /a.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"
        ))
        .gets(expected)
        .kept()
}

#[test]
fn conditional() {
    let not_modified = || {
        answer(304, "")
            .with("Last-Modified", MODIFIED)
            .without("Content-Length")
    };
    play(
        "",
        vec![
            get(
                "no condition",
                "X: y",
                ok("alpha\n").with("Last-Modified", MODIFIED),
                "For comparison.",
            ),
            get(
                "not since then",
                &format!("If-Modified-Since: {MODIFIED}"),
                not_modified(),
                "The client's copy is good.",
            ),
            get(
                "not since later",
                "If-Modified-Since: Thu, 02 Jan 2020 00:00:00 GMT",
                not_modified(),
                "Better still.",
            ),
            get(
                "since earlier",
                "If-Modified-Since: Tue, 31 Dec 2019 00:00:00 GMT",
                ok("alpha\n"),
                "It has changed.",
            ),
            get(
                "since no time",
                "If-Modified-Since: yesterday",
                ok("alpha\n"),
                "What is not a date means nothing.",
            ),
            get(
                "in an old form",
                "If-Modified-Since: Wednesday, 01-Jan-20 00:00:00 GMT",
                not_modified(),
                "Three forms of dates must be understood.",
            ),
            get(
                "any tag",
                "If-None-Match: *",
                not_modified(),
                "There is one.",
            ),
            get(
                "another tag",
                "If-None-Match: \"x\"",
                ok("alpha\n"),
                "It is not the same.",
            ),
            get(
                "a tag goes before a date",
                &format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {MODIFIED}"),
                ok("alpha\n"),
                "The better validator counts.",
            ),
            get("must match", "If-Match: \"x\"", page(412), "It does not."),
            get(
                "must match any",
                "If-Match: *",
                ok("alpha\n"),
                "There is one.",
            ),
            get(
                "unmodified since then",
                &format!("If-Unmodified-Since: {MODIFIED}"),
                ok("alpha\n"),
                "It is.",
            ),
            get(
                "unmodified since earlier",
                "If-Unmodified-Since: Tue, 31 Dec 2019 00:00:00 GMT",
                page(412),
                "It is not.",
            ),
            row("HEAD", "The same as GET.")
                .send(format!(
                    "HEAD /a.txt HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: {MODIFIED}\r\n\r\n"
                ))
                .gets(head(304))
                .kept(),
            row("of what is missing", "What is not there has no validators.")
                .send("GET /missing HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n")
                .gets(page(404))
                .kept(),
        ],
    );
}
