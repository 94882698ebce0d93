//! Clients that take their time, or all of it.

use super::transcript::{ok, page, play, row};

#[test]
fn slow() {
    play(
        "
            server.max-read-idle := 1
            server.max-keep-alive-idle := 1
        ",
        vec![
            row("silence", "Who says nothing is told nothing.").gone(),
            row("half a head", "A head that does not go on is given up, with a word.")
                .send("GET /a.txt HTTP/1.1\r\nHost")
                .gets(page(408))
                .closed(),
            row("a head that drips", "A byte now and then is not progress: the whole head has one patience.")
                .drip("GET /a.txt HTTP/1.1\r\nX: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
                .gets(page(408))
                .closed(),
            row("idle", "Kept so long, and then closed without a word.")
                .send("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                .gets(ok("alpha\n"))
                .gone(),
            row("half of the second head", "The second head is no different.")
                .send("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /b")
                .gets(ok("alpha\n"))
                .gets(page(408))
                .closed(),
            row("half a body", "The answer is there already; the connection goes.")
                .send("POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
                .gets(ok("alpha\n"))
                .gone(),
        ],
    );
}
