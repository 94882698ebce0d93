//! Requests and answers. What is expected was noted from lighttpd 1.4.69 with the same files and settings, unless a
//! comment says `differs`.
//!
//! In the tables: status, length of the body in brackets (or `page`), media type, `->Location`, `v` for validators, `r`
//! for `Accept-Ranges`.

mod backends;
mod errors;
mod partial;
mod support;

use crate::clock::Now;
use std::time::Duration;
use support::*;

fn table(desk: &mut super::Desk, rows: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (request, expected) in rows {
        ask(desk, request);
        let answer = summary(desk);
        if answer != *expected {
            wrong.push(format!(
                "{request}\n  expected {expected}\n  got      {answer}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_and_directories() {
    let root = Root::new();
    let mut desk = root.desk("");
    let long = "a".repeat(300);
    let deep = "a/".repeat(1500);
    table(
        &mut desk,
        &[
            ("GET /hello.txt", "200 [13] text/plain v r"),
            ("HEAD /hello.txt", "200 [13] text/plain v r"),
            ("GET /hello.txt 1.0", "200 [13] text/plain v"),
            ("GET /hello.txt?x=y", "200 [13] text/plain v r"),
            ("GET /hello%2Etxt", "200 [13] text/plain v r"),
            ("GET /zero.txt", "200 [0] text/plain v r"),
            ("GET /odd%20%26%20%3Cb%3E.txt", "200 [3] text/plain v r"),
            ("GET /link.txt", "200 [13] text/plain v r"),
            ("GET /dir/file.css", "200 [3] text/css v r"),
            ("GET /big.bin", "200 [262144] application/octet-stream v r"), // differs: no validators there
            ("GET /noext", "200 [5] application/octet-stream v r"), // differs: no validators there
            ("GET /dir", "301 [0] ->/dir/"),
            ("GET /dir?a=b%20c&d", "301 [0] ->/dir/?a=b%20c&d"),
            ("GET /dir?", "301 [0] ->/dir/"),
            ("GET //dir", "301 [0] ->/dir/"),
            ("GET /deep%2fa", "301 [0] ->/deep/a/"),
            ("GET /deep/%61", "301 [0] ->/deep/a/"),
            ("HEAD /dir", "301 [0] ->/dir/"),
            ("DELETE /dir", "301 [0] ->/dir/"),
            ("GET /dir/", "200 [12] text/html v r"),
            ("GET /dlink/", "200 [12] text/html v r"),
            ("GET /", "403 page"),
            ("GET /empty/", "403 page"),
            ("GET /nothing", "404 page"),
            ("HEAD /nothing", "404 page"),
            ("GET /nothing/", "404 page"),
            ("GET /dir/nothing/x", "404 page"),
            ("GET /HELLO.TXT", "404 page"),
            ("GET /dangling", "404 page"),
            ("GET /fifo", "403 page"),
            ("GET /fifo/x", "404 page"),
            ("GET /loop", "403 page"),   // differs: 500 there
            ("GET /loop/x", "403 page"), // differs: 500 there
            ("GET /script.php", "403 page"),
            ("GET /script.php/a", "403 page"),
            ("GET /back.txt~", "403 page"),
            (&format!("GET /{long}"), "404 page"),
            (&format!("GET /{long}/b"), "404 page"),
            (&format!("GET /{deep}"), "404 page"),
        ],
    );
}

#[test]
fn paths_that_go_on_after_a_file() {
    let root = Root::new();
    let mut desk = root.desk("");
    let long = "a".repeat(300);
    table(
        &mut desk,
        &[
            ("GET /hello.txt/", "200 [13] text/plain v r"),
            ("GET /hello.txt/x/y", "200 [13] text/plain v r"),
            ("GET /link.txt/x", "200 [13] text/plain v r"),
            ("GET /dir/file.css/", "200 [3] text/css v r"),
            (&format!("GET /hello.txt/{long}"), "200 [13] text/plain v r"),
            (
                "OPTIONS /hello.txt/info",
                "200 [0] allowOPTIONS, GET, HEAD, POST",
            ),
        ],
    );
    let mut strict = root.desk(r#"static-file.disable-pathinfo = "enable""#);
    table(
        &mut strict,
        &[
            ("GET /hello.txt/x", "403 page"),
            ("GET /hello.txt/", "403 page"),
            ("POST /hello.txt/x|Content-Length: 0", "403 page"),
            ("GET /hello.txt", "200 [13] text/plain v r"),
        ],
    );
}

#[test]
fn methods() {
    let root = Root::new();
    let mut desk = root.desk("server.max-request-size = 1");
    let allow = "200 [0] allowOPTIONS, GET, HEAD, POST";
    table(
        &mut desk,
        &[
            ("POST /hello.txt|Content-Length: 3", "200 [13] text/plain v"),
            ("POST /dir/|Content-Length: 3", "200 [12] text/html v"),
            ("POST /nothing|Content-Length: 3", "404 page"),
            ("POST /listed/|Content-Length: 3", "403 page"),
            ("POST /hello.txt|Content-Length: 3000", "413 page"),
            (
                "POST /hello.txt|Content-Length: 1024",
                "200 [13] text/plain v",
            ),
            ("GET /hello.txt|Content-Length: 3", "400 page"),
            ("PUT /hello.txt|Content-Length: 3", "501 page"),
            ("PUT /nothing|Content-Length: 3", "404 page"),
            ("PUT /back.txt~|Content-Length: 3", "403 page"),
            ("DELETE /hello.txt", "501 page"),
            ("DELETE /listed/", "501 page"),
            ("TRACE /hello.txt", "501 page"),
            ("TRACE /nothing", "404 page"),
            ("PROPFIND /hello.txt", "501 page"),
            ("PATCH /hello.txt|Content-Length: 0", "501 page"),
            ("BREW /hello.txt", "501 page"),
            ("BREW /nothing", "501 page"),
            ("get /hello.txt", "501 page"),
            ("OPTIONS *", allow),
            ("OPTIONS /", allow),
            ("OPTIONS /hello.txt", allow),
            ("OPTIONS /dir/", allow),
            ("OPTIONS /script.php", allow),
            ("OPTIONS /dir", "301 [0] ->/dir/"),
            ("OPTIONS /nothing", "404 page"),
            ("OPTIONS /back.txt~", "403 page"),
            ("GET *", "400 page"),
            ("CONNECT /hello.txt", "400 page"), // differs: 405 there
            (
                // differs: 400 there
                "CONNECT example.org:8080",
                "405 page allowOPTIONS, GET, HEAD, POST",
            ),
        ],
    );
}

#[test]
fn nothing_outside_is_reached() {
    let root = Root::new();
    let mut desk = root.desk("");
    table(
        &mut desk,
        &[
            ("GET /../secret.txt", "404 page"),
            ("GET /dir/../../secret.txt", "404 page"),
            ("GET /%2e%2e/secret.txt", "404 page"),
            ("GET /..%2fsecret.txt", "404 page"),
            ("GET /dir/..%5c..%5csecret.txt", "404 page"),
            ("GET /dir/../hello.txt", "200 [13] text/plain v r"),
            ("GET /./hello.txt", "200 [13] text/plain v r"),
            (
                "GET /hello.txt/../noext",
                "200 [5] application/octet-stream v r",
            ), // differs: no validators there
            ("GET /hello.txt%00", "400 page"),
            ("GET /a%00b", "400 page"),
            ("GET /al/one.txt", "200 [7] text/plain v r"),
            ("GET /al/", "403 page"),
            ("GET /al", "404 page"),
            ("GET /al/..%2fsecret.txt", "404 page"),
            ("GET /al../x", "404 page"),
            ("GET /open../secret.txt", "403 page"),
            ("GET /open..", "403 page"),
        ],
    );
}

#[test]
fn links_are_refused_if_so_configured() {
    let root = Root::new();
    let mut desk = root.desk(r#"server.follow-symlink = "disable""#);
    table(
        &mut desk,
        &[
            ("GET /hello.txt", "200 [13] text/plain v r"),
            ("GET /link.txt", "403 page"),
            ("GET /link.txt/x", "403 page"),
            ("GET /dlink", "403 page"),
            ("GET /dlink/", "403 page"),
            ("GET /dlink/index.html", "403 page"),
            ("GET /dangling", "403 page"), // differs: 404 there
        ],
    );
}

#[test]
fn names_in_lower_case() {
    let root = Root::new();
    let mut desk = root.desk(r#"server.force-lowercase-filenames = "enable""#);
    table(
        &mut desk,
        &[
            ("GET /LOWER.txt", "200 [3] text/plain v r"),
            ("GET /DIR", "301 [0] ->/DIR/"),
        ],
    );
}

#[test]
fn listings() {
    let root = Root::new();
    let mut desk = root.desk(r#"dir-listing.activate = "enable""#);
    ask(&mut desk, "GET /listed/");
    let page = String::from_utf8(body(&desk)).unwrap();
    assert!(page.contains("<a href=\"b.txt\">b.txt</a>"), "{page}");
    let whole = format!("200 [{}] text/html;charset=utf-8 r", page.len());
    assert_eq!(summary(&desk), whole);
    table(
        &mut desk,
        &[
            ("HEAD /listed/", &whole),
            ("GET /listed/?C=N", &whole),
            ("GET /listed", "301 [0] ->/listed/"),
            ("GET /dir/", "200 [12] text/html v r"),
            ("POST /listed/|Content-Length: 3", "403 page"),
            ("PUT /listed/|Content-Length: 3", "501 page"),
            ("GET /nowhere/", "404 page"),
            ("GET /hello.txt/", "200 [13] text/plain v r"),
        ],
    );
    ask(&mut desk, "GET /listed/|Range: bytes=0-4");
    assert_eq!(body(&desk), b"<!DOC");
    ask(&mut desk, "GET /listed/|Accept: application/json");
    assert_eq!(
        field(&desk, "Content-Type").as_deref(),
        Some("application/json")
    );
    let list: serde_json::Value = serde_json::from_slice(&body(&desk)).unwrap();
    assert_eq!(list[0]["name"], "sub");
    assert_eq!(list[1]["size"], 1);
    let mut around = root.desk(
        r#"server.dir-listing = "enable"
           dir-listing.show-header = "b.txt"
           dir-listing.hide-header-file = "enable"
           dir-listing.show-readme = "{top}/e-403.html"
           dir-listing.encode-readme = "disable"
           dir-listing.exclude = ("^s")
           dir-listing.set-footer = "<i>foot</i>"
           dir-listing.encoding = """#,
    );
    ask(&mut around, "GET /listed/");
    let page = String::from_utf8(body(&around)).unwrap();
    assert!(page.contains("<pre class=\"header\">b</pre>"), "{page}");
    assert!(page.contains("<p>custom</p>"), "{page}");
    assert!(page.contains("<footer><i>foot</i></footer>"), "{page}");
    assert!(!page.contains("b.txt") && !page.contains("sub"), "{page}");
    assert_eq!(field(&around, "Content-Type").as_deref(), Some("text/html"));
}

#[test]
fn a_file_that_was_replaced_is_sent_as_it_is_now() {
    let root = Root::new();
    let mut desk = root.desk("");
    let now = Now::read();
    // Looked at, but not opened.
    ask_at(&mut desk, "OPTIONS /hello.txt", now);
    root.file("root/other", b"other");
    std::fs::rename(root.path("root/other"), root.path("root/hello.txt")).unwrap();
    ask_at(&mut desk, "GET /hello.txt", now);
    assert_eq!(body(&desk), b"other");
    // Opened: good for this second, and no longer.
    root.file("root/other", b"another");
    std::fs::rename(root.path("root/other"), root.path("root/hello.txt")).unwrap();
    ask_at(&mut desk, "GET /hello.txt", now);
    assert_eq!(body(&desk), b"other");
    let later = Now {
        monotonic: now.monotonic + Duration::from_secs(1),
        unix: now.unix + Duration::from_secs(1),
    };
    ask_at(&mut desk, "GET /hello.txt", later);
    assert_eq!(body(&desk), b"another");
}

#[test]
fn without_a_document_root_nothing_is_found() {
    let root = Root::new();
    let mut desk = root.desk(r#"server.document-root := "{top}/nowhere""#);
    table(
        &mut desk,
        &[("GET /hello.txt", "404 page"), ("GET /", "404 page")],
    );
}
