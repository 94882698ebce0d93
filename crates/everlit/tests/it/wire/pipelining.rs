//! Several requests without waiting: as many answers, in their order, and never one too many.

use super::transcript::{head, ok, page, play, row};
use crate::support::documents::large;

const A: &str = "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
const B: &str = "GET /b.txt HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn pipelining() {
    let many = (0..200).fold(
        row("two hundred", "More than fits one turn of anything."),
        |row, index| {
            if index == 0 {
                row.send([A, B].concat().repeat(100))
            } else {
                row
            }
            .gets(ok(if index % 2 == 0 { "alpha\n" } else { "beta\n" }))
        },
    );
    play(
        "",
        vec![
            row("two", "Both are answered, in their order.").send(format!("{A}{B}")).gets(ok("alpha\n")).gets(ok("beta\n")).kept(),
            row("two, cut in the second", "The first is answered before the second is complete.")
                .send(format!("{A}{}", &B[..20]))
                .gets(ok("alpha\n"))
                .send(&B[20..])
                .gets(ok("beta\n"))
                .kept(),
            row("a byte at a time", "However it arrives.")
                .send(&A[..1]).send(&A[1..2]).send(&A[2..10]).send(&A[10..A.len() - 1]).send(&A[A.len() - 1..])
                .gets(ok("alpha\n"))
                .kept(),
            many.kept(),
            row("a POST between", "Its body is neither a request nor lost.")
                .send(format!("{A}POST /page.html HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{B}{B}", B.len()))
                .gets(ok("alpha\n"))
                .gets(ok("<!DOCTYPE html><title>page</title>\n"))
                .gets(ok("beta\n"))
                .kept(),
            row("chunks between", "A chunk may contain what looks like a request.")
                .send(format!(
                    "{A}POST /page.html HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{B}\r\n0\r\n\r\n{B}",
                    B.len()
                ))
                .gets(ok("alpha\n"))
                .gets(ok("<!DOCTYPE html><title>page</title>\n"))
                .gets(ok("beta\n"))
                .kept(),
            row("a body that comes later", "The next request is where the body ends, not where the packet does.")
                .send("POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
                .send(format!("56789{B}"))
                .gets(ok("alpha\n"))
                .gets(ok("beta\n"))
                .kept(),
            row("a large one between", "What follows waits until it is sent.")
                .send(format!("{A}GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n{B}"))
                .gets(ok("alpha\n"))
                .gets(ok(large()))
                .gets(ok("beta\n"))
                .kept(),
            row("an error between", "A request that fails is still a request.")
                .send(format!("{A}GET /missing HTTP/1.1\r\nHost: a\r\n\r\n{B}"))
                .gets(ok("alpha\n"))
                .gets(page(404))
                .gets(ok("beta\n"))
                .kept(),
            row("a broken one between", "What follows it cannot be trusted.")
                .send(format!("{A}BROKEN\r\n\r\n{B}"))
                .gets(ok("alpha\n"))
                .gets(page(400))
                .closed(),
            row("the last one first", "What follows a request that asks for the end is not answered.")
                .send(format!("{A}GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{B}"))
                .gets(ok("alpha\n"))
                .gets(ok("alpha\n"))
                .closed(),
            row("HEAD between", "Its answer has no body, and the next answer follows at once.")
                .send(format!("{A}HEAD /a.txt HTTP/1.1\r\nHost: a\r\n\r\n{B}"))
                .gets(ok("alpha\n"))
                .gets(head(200).with("Content-Length", "6"))
                .gets(ok("beta\n"))
                .kept(),
            row("404 for HEAD between", "Not even the error page.")
                .send(format!("HEAD /missing HTTP/1.1\r\nHost: a\r\n\r\n{B}"))
                .gets(head(404))
                .gets(ok("beta\n"))
                .kept(),
            row("304 between", "Nor here.")
                .send(format!("GET /a.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n{B}"))
                .gets(super::transcript::answer(304, ""))
                .gets(ok("beta\n"))
                .kept(),
        ],
    );
}
