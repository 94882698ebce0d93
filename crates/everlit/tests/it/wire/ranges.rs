//! Parts of a document.

use super::transcript::{Row, answer, head, ok, page, play, row};
use crate::support::documents::{MODIFIED, large};

fn part(range: &'static str, body: &str, content_range: &str, sentence: &'static str) -> Row {
    row(range, sentence)
        .send(format!(
            "GET /digits.txt HTTP/1.1\r\nHost: a\r\nRange: {range}\r\n\r\n"
        ))
        .gets(
            answer(206, body)
                .with("Content-Range", content_range)
                .with("Accept-Ranges", "bytes"),
        )
        .kept()
}

fn whole(range: &'static str, sentence: &'static str) -> Row {
    row(range, sentence)
        .send(format!(
            "GET /digits.txt HTTP/1.1\r\nHost: a\r\nRange: {range}\r\n\r\n"
        ))
        .gets(ok("0123456789".repeat(100)).without("Content-Range"))
        .kept()
}

fn none(range: &'static str, sentence: &'static str) -> Row {
    row(range, sentence)
        .send(format!(
            "GET /digits.txt HTTP/1.1\r\nHost: a\r\nRange: {range}\r\n\r\n"
        ))
        .gets(page(416).with("Content-Range", "bytes */1000"))
        .kept()
}

#[test]
fn ranges() {
    let if_range = |name, validator: &str, expected, sentence| {
        row(name, sentence)
            .send(format!("GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0\r\nIf-Range: {validator}\r\n\r\n"))
            .gets(expected)
            .kept()
    };
    let multipart = "--fkj49sn38dcn3\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/1000\r\n\r\n01\r\n\
        --fkj49sn38dcn3\r\nContent-Type: text/plain\r\nContent-Range: bytes 500-501/1000\r\n\r\n01\r\n--fkj49sn38dcn3--\r\n";
    play(
        "",
        vec![
            part("bytes=0-4", "01234", "bytes 0-4/1000", "The first five."),
            part("bytes=0-0", "0", "bytes 0-0/1000", "The first one."),
            part(
                "bytes=995-",
                "56789",
                "bytes 995-999/1000",
                "From there on.",
            ),
            part("bytes=-3", "789", "bytes 997-999/1000", "The last three."),
            part(
                "bytes=998-5000",
                "89",
                "bytes 998-999/1000",
                "As many as there are.",
            ),
            part(
                "bytes=0-4,2-6",
                "0123456",
                "bytes 0-6/1000",
                "Two that overlap are one.",
            ),
            part(
                "bytes=0-1,2000-",
                "01",
                "bytes 0-1/1000",
                "What does not exist is left out.",
            ),
            none("bytes=1000-", "There is nothing from there on."),
            none("bytes=-0", "The last none."),
            none("bytes=5-2", "Backwards."),
            whole("lines=0-4", "Another unit is ignored."),
            whole("0-4", "Not a range at all."),
            row("two", "Parts, with their headings.")
                .send("GET /digits.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,500-501\r\n\r\n")
                .gets(
                    answer(206, multipart)
                        .with(
                            "Content-Type",
                            "multipart/byteranges; boundary=fkj49sn38dcn3",
                        )
                        .without("Content-Range"),
                )
                .kept(),
            row("a part of a large file", "Not from memory, but the same.")
                .send("GET /large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=100000-299999\r\n\r\n")
                .gets(
                    answer(206, &large()[100_000..300_000])
                        .with("Content-Range", "bytes 100000-299999/307200"),
                )
                .kept(),
            row("of an empty file", "There is nothing to take a part of.")
                .send("GET /empty.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\n")
                .gets(ok(""))
                .kept(),
            row("HEAD", "Only GET has parts.")
                .send("HEAD /digits.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-4\r\n\r\n")
                .gets(
                    head(200)
                        .with("Content-Length", "1000")
                        .with("Accept-Ranges", "bytes"),
                )
                .kept(),
            row("1.0", "Ranges came with 1.1.")
                .send("GET /digits.txt HTTP/1.0\r\nRange: bytes=0-4\r\n\r\n")
                .gets(ok("0123456789".repeat(100)).without("Accept-Ranges"))
                .closed(),
            if_range(
                "if unchanged since",
                MODIFIED,
                answer(206, "a"),
                "It is the same document.",
            ),
            if_range(
                "if unchanged since another day",
                "Tue, 31 Dec 2019 00:00:00 GMT",
                ok("alpha\n"),
                "It may not be the same: the whole one.",
            ),
            if_range(
                "if another tag",
                "\"other\"",
                ok("alpha\n"),
                "It is not the same: the whole one.",
            ),
        ],
    );
}
