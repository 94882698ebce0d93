//! Requests and answers. What is expected was noted from lighttpd 1.4.69 with the same files and settings, unless a
//! comment says `differs`.
//!
//! In the tables: status, length of the body in brackets (or `page`), media type, `->Location`, `v` for validators, `r`
//! for `Accept-Ranges`.

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
            ("CONNECT example.org:8080", "405 page"),
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
            ),
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
fn conditions() {
    let root = Root::new();
    let mut desk = root.desk("");
    ask(&mut desk, "GET /hello.txt");
    let tag = field(&desk, "ETag").unwrap();
    assert!(tag.len() > 4 && tag.starts_with('"') && tag.ends_with('"'));
    assert_eq!(field(&desk, "Last-Modified").as_deref(), Some(DATE));
    for (method, conditions, expected) in [
        (
            "GET",
            format!("If-None-Match: {tag}"),
            "304 [0] text/plain v",
        ),
        (
            "HEAD",
            format!("If-None-Match: {tag}"),
            "304 [0] text/plain v",
        ),
        (
            "GET",
            format!("If-None-Match: \"x\", W/{tag}"),
            "304 [0] text/plain v",
        ),
        (
            "GET",
            "If-None-Match: \"x\"".to_owned(),
            "200 [13] text/plain v r",
        ),
        (
            "GET",
            format!("If-Modified-Since: {DATE}"),
            "304 [0] text/plain v",
        ),
        (
            "GET",
            format!("If-None-Match: \"x\"|If-Modified-Since: {DATE}"),
            "200 [13] text/plain v r",
        ),
        (
            "GET",
            format!("If-None-Match: {tag}|Range: bytes=0-4"),
            "304 [0] text/plain v",
        ),
        (
            "POST",
            format!("Content-Length: 0|If-None-Match: {tag}"),
            "412 page",
        ),
        (
            "POST",
            format!("Content-Length: 0|If-Modified-Since: {DATE}"),
            "200 [13] text/plain v",
        ),
        ("GET", "If-Match: \"x\"".to_owned(), "412 page"), // differs: not looked at there
    ] {
        table(
            &mut desk,
            &[(&format!("{method} /hello.txt|{conditions}"), expected)],
        );
    }
    let mut untagged = root.desk(r#"static-file.etags = "disable""#);
    ask(&mut untagged, "GET /hello.txt");
    assert_eq!(field(&untagged, "ETag"), None);
    assert_eq!(field(&untagged, "Last-Modified").as_deref(), Some(DATE));
}

#[test]
fn ranges() {
    let root = Root::new();
    let mut desk = root.desk("");
    ask(&mut desk, "GET /alpha.txt");
    let tag = field(&desk, "ETag").unwrap();
    for (request, expected, content) in [
        (
            "Range: bytes=0-4".to_owned(),
            "206 [5] text/plain bytes 0-4/26 v r",
            "abcde",
        ),
        (
            "Range: bytes=-5".to_owned(),
            "206 [5] text/plain bytes 21-25/26 v r",
            "vwxyz",
        ),
        (
            "Range: bytes=0-1,3-4".to_owned(),
            "206 [5] text/plain bytes 0-4/26 v r",
            "abcde",
        ),
        (
            format!("Range: bytes=0-1|If-Range: {tag}"),
            "206 [2] text/plain bytes 0-1/26 v r",
            "ab",
        ),
        (
            format!("Range: bytes=0-1|If-Range: {DATE}"),
            "206 [2] text/plain bytes 0-1/26 v r",
            "ab",
        ),
    ] {
        table(
            &mut desk,
            &[(&format!("GET /alpha.txt|{request}"), expected)],
        );
        assert_eq!(body(&desk), content.as_bytes());
    }
    let whole = "200 [26] text/plain v r";
    table(
        &mut desk,
        &[
            ("GET /alpha.txt|Range: bytes=26-", "416 page bytes */26"), // differs: no Content-Range there
            ("GET /alpha.txt|Range: lines=0-4", whole),
            ("GET /alpha.txt|Range: bytes=0-4|If-Range: \"x\"", whole),
            (
                &format!("GET /alpha.txt|Range: bytes=0-4|If-Range: W/{tag}"),
                whole,
            ),
            ("GET /alpha.txt|Range: bytes=0-4|If-Range: garbage", whole),
            (
                "GET /alpha.txt|Range: bytes=0-4|If-Range: Tue, 14 Nov 2023 22:13:21 GMT",
                whole,
            ),
            ("HEAD /alpha.txt|Range: bytes=0-4", whole),
            (
                "GET /alpha.txt 1.0|Range: bytes=0-4",
                "200 [26] text/plain v",
            ),
            (
                "POST /alpha.txt|Content-Length: 0|Range: bytes=0-4",
                "200 [26] text/plain v",
            ),
            ("GET /zero.txt|Range: bytes=0-4", "200 [0] text/plain v r"),
            ("GET /nothing|Range: bytes=0-4", "404 page"),
        ],
    );
    let mut without = root.desk(r#"server.range-requests = "disable""#);
    table(
        &mut without,
        &[("GET /alpha.txt|Range: bytes=0-4", "200 [26] text/plain v")],
    );
}

#[test]
fn several_ranges_of_a_large_file() {
    let root = Root::new();
    let mut desk = root.desk("");
    ask(&mut desk, "GET /big.bin|Range: bytes=0-1,200-201,100-101");
    assert_eq!(desk.response.status, 206);
    assert_eq!(
        field(&desk, "Content-Type").as_deref(),
        Some("multipart/byteranges; boundary=fkj49sn38dcn3")
    );
    let part = |range: &str| {
        format!(
            "--fkj49sn38dcn3\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {range}/262144\r\n\r\n"
        )
    };
    let expected = [
        part("0-1").as_bytes(),
        &[0, 1],
        b"\r\n",
        part("200-201").as_bytes(),
        &[200, 201],
        b"\r\n",
        part("100-101").as_bytes(),
        &[100, 101],
        b"\r\n--fkj49sn38dcn3--\r\n",
    ]
    .concat();
    assert_eq!(body(&desk), expected);
    assert_eq!(expected.len(), 315, "as lighttpd's");
}

#[test]
fn error_handlers() {
    let root = Root::new();
    let handled = "200 [14] text/html v r";
    let mut only_404 = root.desk(r#"server.error-handler-404 = "/404.html""#);
    table(
        &mut only_404,
        &[
            ("GET /nothing", handled),
            ("HEAD /nothing", handled),
            ("GET /back.txt~", handled),
            ("GET /script.php", handled),
            ("POST /nothing|Content-Length: 2", "200 [14] text/html v"),
            ("PUT /hello.txt|Content-Length: 2", "501 page"),
        ],
    );
    let mut any = root.desk(
        r#"server.error-handler = "/404.html"
           server.error-handler-404 = "/hello.txt""#,
    );
    table(
        &mut any,
        &[
            ("GET /nothing?q=1", "404 [14] text/html v"),
            ("HEAD /nothing", "404 [14] text/html v"),
            ("GET /nothing|If-None-Match: *", "404 [14] text/html v"),
            ("GET /back.txt~", "403 [14] text/html v"),
            ("POST /nothing|Content-Length: 2", "404 [14] text/html v"),
            ("PUT /hello.txt|Content-Length: 2", "501 [14] text/html v"),
            ("GET /hello.txt|Range: bytes=90-", "416 page bytes */13"),
            ("GET /a%00", "400 page"),
            ("GET /dir", "301 [0] ->/dir/"),
        ],
    );
    for handler in [
        "/missing.html",
        "/script.php",
        "/fifo",
        "not a path",
        "/../secret.txt",
    ] {
        let mut general = root.desk(&format!("server.error-handler = \"{handler}\""));
        table(
            &mut general,
            &[("GET /nothing", "404 page"), ("GET /back.txt~", "403 page")],
        );
        let mut only_404 = root.desk(&format!("server.error-handler-404 = \"{handler}\""));
        table(
            &mut only_404,
            &[("GET /nothing", "404 page"), ("GET /back.txt~", "403 page")],
        );
    }
    let mut directory = root.desk(r#"server.error-handler-404 = "/dir""#);
    table(&mut directory, &[("GET /nothing", "301 [0] ->/dir/")]);
}

#[test]
fn error_files() {
    let root = Root::new();
    let mut desk = root.desk(r#"server.errorfile-prefix = "{top}/e-""#);
    table(
        &mut desk,
        &[
            ("GET /back.txt~", "403 [13] text/html"),
            ("GET /nothing", "404 page"),
            ("GET /a%00", "400 page"),
        ],
    );
}

#[test]
fn modules_see_every_response_but_those_to_no_request() {
    let root = Root::new();
    let mut desk = root.desk("");
    for (request, marked) in [
        ("GET /hello.txt", true),
        ("GET /nothing", true),
        ("GET /dir", true),
        ("GET /hello.txt|If-None-Match: *", true),
        ("GET /hello.txt|Range: bytes=0-1", true),
        ("GET /%00", false),
        ("BREW /", false),
    ] {
        ask(&mut desk, request);
        assert_eq!(field(&desk, "X-Mark").is_some(), marked, "{request}");
    }
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
fn flags() {
    let root = Root::new();
    let absolute = r#"server.feature-flags = ("server.absolute-dir-redirect" => "enable")"#;
    table(
        &mut root.desk(&format!("{absolute}\nserver.name = \"named.example\"")),
        &[
            ("GET /dir?x", "301 [0] ->http://example.org:8080/dir/?x"),
            ("GET /dir 1.0", "301 [0] ->http://named.example/dir/"),
        ],
    );
    table(
        &mut root.desk(absolute),
        &[("GET /dir 1.0", "301 [0] ->/dir/")],
    );
    table(
        &mut root.desk(r#"server.feature-flags = ("server.http-pathinfo" => "disable")"#),
        &[
            ("GET /hello.txt/x", "404 page"),
            ("GET /hello.txt", "200 [13] text/plain v r"),
        ],
    );
    table(
        &mut root.desk(r#"server.feature-flags = ("http10.range" => "enable")"#),
        &[(
            "GET /alpha.txt 1.0|Range: bytes=0-1",
            "206 [2] text/plain bytes 0-1/26 v r",
        )],
    );
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

#[test]
fn an_unreadable_file_is_forbidden() {
    use std::os::unix::fs::PermissionsExt;
    // Root may read everything.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let root = Root::new();
    let mode = std::fs::Permissions::from_mode(0o0);
    std::fs::set_permissions(root.path("root/hello.txt"), mode).unwrap();
    let mut desk = root.desk("");
    table(
        &mut desk,
        &[
            ("GET /hello.txt", "403 page"),
            ("HEAD /hello.txt", "403 page"),
            ("GET /hello.txt|If-None-Match: *", "403 page"),
            (
                "OPTIONS /hello.txt",
                "200 [0] allowOPTIONS, GET, HEAD, POST",
            ),
        ],
    );
}
