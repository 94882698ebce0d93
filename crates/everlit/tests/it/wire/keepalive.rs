//! How long a connection lives, and who ends it.

use super::transcript::{head, ok, page, play, row};

fn get(version: &str, fields: &str) -> String {
    format!("GET /a.txt HTTP/{version}\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn versions() {
    play(
        "",
        vec![
            row("1.1", "Kept unless somebody says otherwise.")
                .send(get("1.1", ""))
                .gets(ok("alpha\n").without("Connection"))
                .kept(),
            row("1.1, close", "The client says otherwise.")
                .send(get("1.1", "Connection: close\r\n"))
                .gets(ok("alpha\n").with("Connection", "close"))
                .closed(),
            row(
                "1.1, close in a list",
                "Wherever it stands, in whatever case.",
            )
            .send(get("1.1", "Connection: x, CLOSE ,y\r\n"))
            .gets(ok("alpha\n"))
            .closed(),
            row("1.1, close and keep-alive", "Close wins (RFC 9112 9.3).")
                .send(get("1.1", "Connection: close, keep-alive\r\n"))
                .gets(ok("alpha\n"))
                .closed(),
            row("1.1, close and then keep-alive", "In one field or two.")
                .send(get(
                    "1.1",
                    "Connection: close\r\nConnection: keep-alive\r\n",
                ))
                .gets(ok("alpha\n"))
                .closed(),
            row("1.1, closed", "Another word is another word.")
                .send(get("1.1", "Connection: closed\r\n"))
                .gets(ok("alpha\n"))
                .kept(),
            row("1.0", "Closed unless the client says otherwise.")
                .send(get("1.0", ""))
                .gets(ok("alpha\n"))
                .closed(),
            row("1.0, keep-alive", "And the answer says so, too.")
                .send(get("1.0", "Connection: keep-alive\r\n"))
                .gets(ok("alpha\n").with("Connection", "keep-alive"))
                .kept(),
            row("1.0, keep-alive and close", "Close wins.")
                .send(get("1.0", "Connection: keep-alive, close\r\n"))
                .gets(ok("alpha\n"))
                .closed(),
            row("1.0 without Host", "It was not invented.")
                .send("GET /a.txt HTTP/1.0\r\n\r\n")
                .gets(ok("alpha\n"))
                .closed(),
            row("HEAD", "The fields of GET, and nothing behind them.")
                .send("HEAD /a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                .gets(
                    head(200)
                        .with("Content-Length", "6")
                        .with("Content-Type", "text/plain"),
                )
                .kept(),
            row("HEAD, 1.0", "The same.")
                .send("HEAD /a.txt HTTP/1.0\r\n\r\n")
                .gets(head(200).with("Content-Length", "6"))
                .closed(),
            row("HEAD of a large file", "Not a byte of it.")
                .send("HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
                .gets(head(200).with("Content-Length", "307200"))
                .kept(),
            row("an error", "It is no reason to close.")
                .send("GET /missing HTTP/1.1\r\nHost: a\r\n\r\n")
                .gets(page(404))
                .kept(),
            row("OPTIONS *", "Asks the server itself.")
                .send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
                .gets(ok("").with("Allow", "OPTIONS, GET, HEAD, POST"))
                .kept(),
            row(
                "an absolute target",
                "As proxies get it; every server takes it.",
            )
            .send("GET http://a.example/a.txt HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .gets(ok("alpha\n"))
            .kept(),
            row("a tunnel", "CONNECT asks for what this server is not.")
                .send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")
                .gets(page(405))
                .kept(),
        ],
    );
}

#[test]
fn half_closed() {
    play(
        "",
        vec![
            row("after the request", "The client has said all, and still wants its answer.")
                .send(get("1.1", ""))
                .half_close()
                .gets(ok("alpha\n"))
                .gone(),
            row("after two requests", "Both answers.")
                .send(format!("{}{}", get("1.1", ""), get("1.1", "")))
                .half_close()
                .gets(ok("alpha\n"))
                .gets(ok("alpha\n"))
                .gone(),
            row("before a large answer", "All of it.")
                .send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
                .half_close()
                .gets(ok(crate::support::documents::large()))
                .gone(),
            row("after close", "It would have been closed anyway.")
                .send(get("1.1", "Connection: close\r\n"))
                .half_close()
                .gets(ok("alpha\n"))
                .closed(),
            row("after a request and a half", "The half is not answered.")
                .send(format!("{}GET /a", get("1.1", "")))
                .half_close()
                .gets(ok("alpha\n"))
                .gone(),
            row("in the middle of a body", "A request whose body is missing has an answer all the same here: it does not depend on it.")
                .send("POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
                .half_close()
                .gets(ok("alpha\n"))
                .gone(),
        ],
    );
}

#[test]
fn as_many_requests_as_configured() {
    let three = [
        get("1.1", ""),
        get("1.1", ""),
        get("1.1", ""),
        get("1.1", ""),
    ]
    .concat();
    play(
        "server.max-keep-alive-requests = 3",
        vec![
            row("the third is the last", "And its answer says so.")
                .send(&three)
                .gets(ok("alpha\n").without("Connection"))
                .gets(ok("alpha\n").without("Connection"))
                .gets(ok("alpha\n").with("Connection", "close"))
                .closed(),
            row("one at a time", "The same.")
                .send(get("1.1", ""))
                .gets(ok("alpha\n"))
                .send(get("1.1", ""))
                .gets(ok("alpha\n"))
                .send(get("1.1", ""))
                .gets(ok("alpha\n"))
                .closed(),
            row("two", "One is left.")
                .send(get("1.1", ""))
                .gets(ok("alpha\n"))
                .kept(),
        ],
    );
}

#[test]
fn not_at_all() {
    play(
        "server.max-keep-alive-idle := 0",
        vec![
            row("1.1", "Idle for no time is not kept.")
                .send(get("1.1", ""))
                .gets(ok("alpha\n").with("Connection", "close"))
                .closed(),
            row("1.0, keep-alive", "Whatever the client would like.")
                .send(get("1.0", "Connection: keep-alive\r\n"))
                .gets(ok("alpha\n"))
                .closed(),
        ],
    );
}
