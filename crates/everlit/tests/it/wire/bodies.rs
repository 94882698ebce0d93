//! Request bodies that nobody needs: read and thrown away, so that the next request is found.

use super::transcript::{Row, ok, page, play, row};

const NEXT: &str = "GET /b.txt HTTP/1.1\r\nHost: a\r\n\r\n";

fn post(fields: &str, body: &str) -> String {
    format!("POST /a.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
}

#[test]
fn bodies() {
    let chunked = |name, body: &str, sentence| -> Row {
        row(name, sentence)
            .send(format!(
                "{}{NEXT}",
                post("Transfer-Encoding: chunked", body)
            ))
            .gets(ok("alpha\n"))
            .gets(ok("beta\n"))
            .kept()
    };
    let long = "x".repeat(500_000);
    play(
        "",
        vec![
            row("a length", "Counted.")
                .send(format!("{}{NEXT}", post("Content-Length: 5", "hello")))
                .gets(ok("alpha\n"))
                .gets(ok("beta\n"))
                .kept(),
            row("no length", "Nothing to count.")
                .send(format!("{}{NEXT}", post("Content-Length: 0", "")))
                .gets(ok("alpha\n"))
                .gets(ok("beta\n"))
                .kept(),
            row("half a megabyte", "Thrown away as it comes.")
                .send(format!("{}{NEXT}", post("Content-Length: 500000", &long)))
                .gets(ok("alpha\n"))
                .gets(ok("beta\n"))
                .kept(),
            row("ten gigabytes", "Not read to its end: the answer is sent, and the connection closed without a reset.")
                .send(post("Content-Length: 10000000000", &long))
                .gets(ok("alpha\n"))
                .closed(),
            chunked("chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "Read to the last one."),
            chunked("no chunks", "0\r\n\r\n", "The last one is the first."),
            chunked("capital digits", "A\r\n0123456789\r\n0\r\n\r\n", "Hexadecimal in either case."),
            chunked("zeros before", "0005\r\nhello\r\n000\r\n\r\n", "They change nothing."),
            chunked("extensions", "5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n", "Known to nobody, and allowed."),
            chunked("trailers", "5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 99\r\n\r\n", "They say nothing about what follows."),
            chunked("line ends as data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "The size says where data are."),
            row("chunks in pieces", "However they arrive.")
                .send(post("Transfer-Encoding: chunked", "5"))
                .send("\r")
                .send("\nhe")
                .send("llo\r\n0\r\n")
                .send(format!("\r\n{NEXT}"))
                .gets(ok("alpha\n"))
                .gets(ok("beta\n"))
                .kept(),
            row("extensions without end", "Bounded: they would be a way to send without ever being done.")
                .send(post("Transfer-Encoding: chunked", ""))
                .gets(ok("alpha\n"))
                .send("1;xxxxxxxxxxxxxxxx\r\nx\r\n".repeat(2000))
                .gone(),
            row("trailers without end", "The same.")
                .send(post("Transfer-Encoding: chunked", ""))
                .gets(ok("alpha\n"))
                .send(format!("0\r\n{}", "X: y\r\n".repeat(2000)))
                .gone(),
            row("PUT", "Nobody takes it, and its body is not a request.")
                .send(format!("PUT /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello{NEXT}"))
                .gets(page(501))
                .gets(ok("beta\n"))
                .kept(),
            row("DELETE with a body", "Unusual, and allowed.")
                .send(format!("DELETE /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello{NEXT}"))
                .gets(page(501))
                .gets(ok("beta\n"))
                .kept(),
        ],
    );
}

#[test]
fn too_large() {
    play(
        "server.max-request-size = 1",
        vec![
            row("at the limit", "1 KiB is allowed.")
                .send(format!(
                    "{}{NEXT}",
                    post("Content-Length: 1024", &"x".repeat(1024))
                ))
                .gets(ok("alpha\n"))
                .gets(ok("beta\n"))
                .kept(),
            row("beyond it", "Refused before it is sent.")
                .send(post("Content-Length: 1025", ""))
                .gets(page(413))
                .closed(),
            row("far beyond it", "Refused by a number alone.")
                .send(post("Content-Length: 9223372036854775807", ""))
                .gets(page(413))
                .closed(),
            row(
                "chunks beyond it",
                "Known only when they are there, and the answer too: it does not need them. The connection ends.",
            )
            .send(post(
                "Transfer-Encoding: chunked",
                &format!("401\r\n{}\r\n0\r\n\r\n", "x".repeat(0x401)),
            ))
            .gets(ok("alpha\n"))
            .gone(),
        ],
    );
}

#[test]
fn expectations() {
    play(
        "",
        vec![
            row("the answer is known", "Nobody needs the body: it is answered at once, and whoever sends the body anyway finds the connection closed.")
                .send(post("Expect: 100-continue\r\nContent-Length: 5", ""))
                .gets(ok("alpha\n"))
                .closed(),
            row("the answer is an error", "The same.")
                .send("POST /missing HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
                .gets(page(404))
                .closed(),
            row("chunks", "The same.")
                .send(post("Expect: 100-continue\r\nTransfer-Encoding: chunked", ""))
                .gets(ok("alpha\n"))
                .closed(),
            row("nothing to continue with", "Without a body there is nothing to wait for.")
                .send(post("Expect: 100-continue\r\nContent-Length: 0", ""))
                .gets(ok("alpha\n"))
                .kept(),
            row("GET", "Without a body there is nothing to wait for.")
                .send("GET /a.txt HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n")
                .gets(ok("alpha\n"))
                .kept(),
            row("1.0", "To be ignored there (RFC 9110 10.1.1).")
                .send("POST /a.txt HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
                .gets(ok("alpha\n"))
                .kept(),
            row("something else", "There is no other expectation.")
                .send(post("Expect: cookies\r\nContent-Length: 5", "hello"))
                .gets(page(417))
                .closed(),
        ],
    );
}
