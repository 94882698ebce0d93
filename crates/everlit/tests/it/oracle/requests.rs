//! What both servers are asked.
//!
//! Out: requests, each with a name that is what it sends, as far as that is short. Must hold: each has exactly one
//! response, and none of them leaves a server waiting.

use crate::support::documents::MODIFIED;
use crate::support::http::{Asked, show};

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Unique among those of a configuration.
    pub name: String,
    /// What is sent. `@ETAG@` stands for the server's own tag of `/a.txt`.
    pub bytes: Vec<u8>,
    pub asked: Asked,
}

impl Request {
    pub fn new(line: &str, fields: &[&str]) -> Request {
        let mut bytes = format!("{line} HTTP/1.1\r\nHost: oracle.example\r\n").into_bytes();
        let mut name = line.to_owned();
        for field in fields {
            bytes.extend_from_slice(format!("{field}\r\n").as_bytes());
            name = format!("{name} | {field}");
        }
        bytes.extend_from_slice(b"\r\n");
        Request::raw(&name, &bytes)
    }

    pub fn raw(name: &str, bytes: &[u8]) -> Request {
        let asked = if bytes.starts_with(b"HEAD ") {
            Asked::ForHead
        } else {
            Asked::ForAnything
        };
        Request {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
            asked,
        }
    }

    /// A whole request, its name made of its own bytes.
    pub fn literal(bytes: &[u8]) -> Request {
        Request::raw(&show(bytes), bytes)
    }
}

fn get(target: &str) -> Request {
    Request::new(&format!("GET {target}"), &[])
}

pub fn get_with(target: &str, fields: &[&str]) -> Request {
    Request::new(&format!("GET {target}"), fields)
}

pub fn gets(targets: &[&str]) -> Vec<Request> {
    targets.iter().map(|target| get(target)).collect()
}

/// Documents, directories, names that need encoding, and targets that are not what they seem.
pub fn targets() -> Vec<Request> {
    let mut requests = gets(&[
        "/",
        "/a.txt",
        "/b.txt",
        "/empty.txt",
        "/digits.txt",
        "/large.bin",
        "/page.html",
        "/.hidden",
        "/noextension",
        "/sub/index.html",
        "/sub/deep/file.txt",
        "/missing",
        "/missing/",
        "/missing/more",
        "/sub/missing.html",
        // Directories, with the slash and without.
        "/sub",
        "/sub/",
        "/sub/deep",
        "/sub/deep/",
        "/noindex",
        "/noindex/",
        "/emptydir",
        "/emptydir/",
        "/alt",
        "/alt/",
        "/sub?query",
        "/sub/?query",
        "/sub?",
        "/noindex?a=b&c=%20",
        "/index.php",
        "/index.php/",
        "/names",
        // More path behind a file.
        "/a.txt/",
        "/a.txt/more",
        "/a.txt/more/still",
        "/a.txt/?q",
        "/sub/page.html/x",
        "/a.txt/..",
        "/a.txt/../b.txt",
        "/missing/../a.txt",
        // Queries and fragments.
        "/a.txt?",
        "/a.txt?q",
        "/a.txt?q=1&r=2",
        "/a.txt?q?r",
        "/a.txt?/../b",
        "/a.txt#fragment",
        "/a.txt?q#f",
        "/a.txt?%41%zz%",
        "/missing?q",
        // Dots and slashes.
        "//a.txt",
        "///a.txt",
        "/sub//page.html",
        "/./a.txt",
        "/sub/./page.html",
        "/sub/../a.txt",
        "/../a.txt",
        "/sub/../../a.txt",
        "/..",
        "/.",
        "/sub/..",
        "/sub/.",
        "/sub/deep/..",
        "/...",
        "/..a",
        "/sub/...",
        "/../outside/secret.txt",
        "/%2e%2e/outside/secret.txt",
        "/..%2foutside/secret.txt",
        "/%2e%2e%2foutside%2fsecret.txt",
        "/..%5coutside%5csecret.txt",
        "/sub/%2e%2e/a.txt",
        "/sub%2fpage.html",
        "/sub%2Fpage.html",
        "/%2fa.txt",
        "/sub/%2e",
        "/sub%2f..%2fa.txt",
        "/a.txt%2f",
        "/a.txt%2fmore",
        // Encodings.
        "/%61.txt",
        "/%61%2e%74%78%74",
        "/a%2Etxt",
        "/a.txt%20",
        "/a.txt%",
        "/a.txt%2",
        "/a.txt%zz",
        "/%",
        "/a.txt%00",
        "/a.txt%0a",
        "/a.txt%0d%0a",
        "/a.txt%7f",
        "/a%00.txt",
        "/%c0%af",
        "/%ff",
        "/%e2%82",
        "/%e2%82%ac",
        "/%25",
        "/%2561.txt",
        "/a.txt%3fq",
        "/a.txt%23f",
        // Names that need it, or might.
        "/names/with%20space.txt",
        "/names/with+space.txt",
        "/names/%C3%BCmlaut.txt",
        "/names/%c3%bcmlaut.txt",
        "/names/\u{fc}mlaut.txt",
        "/names/plus+plus.txt",
        "/names/plus%2Bplus.txt",
        "/names/percent%2541.txt",
        "/names/percent%41.txt",
        "/names/hash%23.txt",
        "/names/hash#.txt",
        "/names/question%3F.txt",
        "/names/question?.txt",
        "/names/semi;colon.txt",
        "/names/semi%3Bcolon.txt",
        "/names/quote'%22.txt",
        "/names/quote%27%22.txt",
        "/names/quote'\".txt",
        "/names/amp&ersand.txt",
        "/names/amp%26ersand.txt",
        "/names/back%5Cslash.txt",
        "/names/back\\slash.txt",
        "/names/col:on.txt",
        "/names/%3Ctag%3E.txt",
        "/names/<tag>.txt",
        "/names/comma,.txt",
        "/names/~tilde.txt",
        "/names/%7Etilde.txt",
        "/names/..dots.txt",
        "/names/...",
        "/names/star*.txt",
        "/names/dollar$.txt",
        "/names/at@.txt",
        "/names/(parens).txt",
        "/names/[brackets].txt",
        "/names/%5Bbrackets%5D.txt",
        "/names/{braces}.txt",
        "/names/equals=.txt",
        "/names/!.txt",
        "/names/^.txt",
        "/names/`.txt",
        "/names/|.txt",
        // Links.
        "/links/inside.txt",
        "/links/dir/page.html",
        "/links/dir",
        "/links/dir/",
        "/links/outside/secret.txt",
        "/links/outside",
        "/links/outside/",
        "/links/dangling",
        "/links/circle",
        "/links/circle/x",
        // Cases.
        "/A.TXT",
        "/a.TXT",
        "/SUB/",
        "/Upper.txt",
        "/upper.txt",
    ]);
    requests.extend(by_suffix());
    let long = "x".repeat(300);
    requests.push(get(&format!("/{long}")));
    requests.push(get(&format!("/{long}/more")));
    requests.push(get(&format!("/a.txt/{long}")));
    requests.push(get(&format!("/a.txt?{long}")));
    let deep = "/d".repeat(1500);
    requests.push(Request {
        name: "GET /d/d... (1500 deep)".to_owned(),
        ..get(&deep)
    });
    let up = "/sub/..".repeat(500);
    requests.push(Request {
        name: "GET /sub/../sub/.. (500 times)/a.txt".to_owned(),
        ..get(&format!("{up}/a.txt"))
    });
    requests
}

/// Documents whose names end in all sorts of ways.
pub fn by_suffix() -> Vec<Request> {
    gets(&[
        "/style.css",
        "/script.js",
        "/module.mjs",
        "/image.png",
        "/photo.JPG",
        "/archive.tar.gz",
        "/archive.gz",
        "/data.json",
        "/drawing.svg",
        "/UPPER.TXT",
        "/unknown.xyz",
        "/file.inc",
        "/backup.txt~",
        "/program.php",
        "/program.PHP",
        "/README",
        "/dots...",
        "/trailing.",
        "/x.html.de",
        "/names/..dots.txt",
    ])
}

/// Methods, on documents, directories and what is not there.
pub fn methods() -> Vec<Request> {
    let mut requests = Vec::new();
    for method in [
        "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND", "MKCOL", "TRACE", "QUERY", "LOCK",
    ] {
        for target in ["/a.txt", "/missing", "/noindex/", "/noindex", "/.hidden"] {
            requests.push(Request::new(&format!("{method} {target}"), &[]));
        }
    }
    for target in [
        "/large.bin",
        "/empty.txt",
        "/sub/",
        "/a.txt?q",
        "/a.txt/more",
    ] {
        requests.push(Request::new(&format!("HEAD {target}"), &[]));
    }
    for (target, body) in [
        ("/a.txt", ""),
        ("/a.txt", "hello"),
        ("/missing", "hello"),
        ("/noindex/", "x=y"),
        ("/noindex", "x"),
    ] {
        let length = body.len();
        requests.push(Request::literal(
            format!("POST {target} HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes(),
        ));
    }
    for (method, target) in [("POST", "/a.txt"), ("PUT", "/a.txt"), ("POST", "/missing")] {
        requests.push(Request::literal(
            format!(
                "{method} {target} HTTP/1.1\r\nHost: oracle.example\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n"
            )
            .as_bytes(),
        ));
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        requests.push(Request::literal(
            format!(
                "{method} /a.txt HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 3\r\n\r\nabc"
            )
            .as_bytes(),
        ));
    }
    requests.push(Request::new("OPTIONS *", &[]));
    requests
}

/// Versions, `Connection`, `Host`, and other fields that say how to go on.
pub fn connections() -> Vec<Request> {
    let mut requests = vec![
        Request::literal(b"GET /a.txt HTTP/1.0\r\n\r\n"),
        Request::literal(b"GET /a.txt HTTP/1.0\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        Request::literal(b"GET /missing HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        Request::literal(b"GET /sub HTTP/1.0\r\n\r\n"),
        Request::literal(b"HEAD /a.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
        Request::literal(b"GET /digits.txt HTTP/1.0\r\nRange: bytes=0-4\r\n\r\n"),
        Request::literal(b"GET http://oracle.example/a.txt HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"GET HTTP://oracle.example/a.txt HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"GET https://oracle.example/a.txt HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"GET http://other.example/a.txt HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"GET http://oracle.example HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"GET http://oracle.example/sub HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"GET ftp://oracle.example/ HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"OPTIONS http://oracle.example/a.txt HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"CONNECT oracle.example:80 HTTP/1.1\r\nHost: oracle.example:80\r\n\r\n"),
        Request::literal(b"CONNECT / HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        Request::literal(b"POST /a.txt HTTP/1.1\r\nHost: oracle.example\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"),
        Request::literal(b"GET /a.txt HTTP/1.1\r\nHost: oracle.example\r\nExpect: 100-continue\r\n\r\n"),
        Request::literal(b"GET /a.txt HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 0\r\n\r\n"),
    ];
    for field in [
        "Connection: close",
        "Connection: CLOSE",
        "Connection: keep-alive",
        "Connection: keep-alive, close",
        "Connection: close, keep-alive",
        "Connection: x",
        "Connection: Upgrade",
        "Connection: upgrade\r\nUpgrade: websocket",
        "Keep-Alive: 300",
        "Proxy-Connection: close",
        "TE: trailers",
        "Upgrade-Insecure-Requests: 1",
        "Accept-Encoding: gzip, deflate, br",
        "Accept: nothing/known",
        "Expect: 100-continue",
        "X-Empty:",
        "X-Latin: caf\u{e9}",
        "Cookie: a=b; c=d",
        "Authorization: Basic dXNlcjpwYXNz",
    ] {
        requests.push(get_with("/a.txt", &[field]));
    }
    for host in [
        "oracle.example:80",
        "oracle.example:8080",
        "ORACLE.example",
        "oracle.example.",
        "127.0.0.1",
        "[::1]",
        "[::1]:80",
        "localhost",
        "a-b.c",
        "1.2.3",
        "256.1.1.1",
        "a_b",
        "a b",
        "a/b",
        "user@a",
        "a,b",
        "[::1",
        "a:b",
        "a:99999",
        "-a",
        "..",
        ".a",
        "a..b",
        "*",
        "%41",
        "\u{e9}",
        "",
    ] {
        for target in ["/a.txt", "/sub"] {
            requests.push(Request::literal(
                format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes(),
            ));
        }
    }
    requests
}

/// `Range`, on documents of 1000 bytes, 300 KiB and none.
pub fn ranges() -> Vec<Request> {
    let mut requests = Vec::new();
    for range in [
        "0-4",
        "0-0",
        "5-",
        "-5",
        "999-",
        "999-999",
        "1000-",
        "1000-1001",
        "990-2000",
        "-2000",
        "-0",
        "-",
        "",
        "5-2",
        "0-999",
        "0-",
        "0-99999999999999999999",
        "99999999999999999999-",
        "-99999999999999999999",
        "a-b",
        "0x0-4",
        "+0-4",
        " 0-4",
        "0 - 4",
        "0-4 ",
        "0-4,",
        ",0-4",
        "0-4,5-2",
        "0-4,a",
        "0-4, 10-14",
        "0-1,100-101,200-201",
        "0-4,0-4",
        "0-4,4-8",
        "0-4,5-9",
        "0-4,85-89",
        "0-4,84-88",
        "100-101,0-1",
        "0-1,-1",
        "-1,0-1",
        "0-,-1",
        "0-4,2000-",
        "2000-,0-4",
        "2000-,3000-",
        "500-501,400-600,0-1",
        "0-0,100-100,200-200,300-300,400-400",
        "0-0,100-100,200-200,300-300,400-400,500-500,600-600,700-700,800-800,900-900,999-999",
    ] {
        requests.push(get_with("/digits.txt", &[&format!("Range: bytes={range}")]));
    }
    for field in [
        "Range: bytes 0-4",
        "Range: 0-4",
        "Range: lines=0-4",
        "Range: BYTES=0-4",
        "Range: bytes=0-4\r\nRange: bytes=5-9",
        "Range:",
        "Range: bytes = 0-4",
        "Range: bytes=0-4;x",
        "Range: none",
    ] {
        requests.push(get_with("/digits.txt", &[field]));
    }
    for (target, range) in [
        ("/large.bin", "0-9"),
        ("/large.bin", "307190-"),
        ("/large.bin", "-10"),
        ("/large.bin", "0-9,200000-200009"),
        ("/large.bin", "307200-"),
        ("/empty.txt", "0-0"),
        ("/empty.txt", "-1"),
        ("/empty.txt", "0-"),
        ("/missing", "0-4"),
        ("/sub", "0-4"),
        ("/noindex/", "0-4"),
        ("/sub/", "0-4"),
        ("/page.html", "0-0,-1"),
        ("/unknown.xyz", "0-0,2-2"),
    ] {
        requests.push(get_with(target, &[&format!("Range: bytes={range}")]));
    }
    requests.push(Request::new("HEAD /digits.txt", &["Range: bytes=0-4"]));
    requests.push(Request::literal(
        b"POST /digits.txt HTTP/1.1\r\nHost: oracle.example\r\nRange: bytes=0-4\r\nContent-Length: 0\r\n\r\n",
    ));
    for validator in [
        MODIFIED,
        "Wed, 01 Jan 2020 00:00:01 GMT",
        "Tue, 31 Dec 2019 23:59:59 GMT",
        "@ETAG@",
        "W/@ETAG@",
        "\"x\"",
        "x",
        "*",
        "",
        "Wednesday, 01-Jan-20 00:00:00 GMT",
    ] {
        requests.push(get_with(
            "/a.txt",
            &["Range: bytes=0-1", &format!("If-Range: {validator}")],
        ));
    }
    requests
}

/// Conditions, alone and together.
pub fn conditional() -> Vec<Request> {
    let (before, after) = (
        "Tue, 31 Dec 2019 23:59:59 GMT",
        "Wed, 01 Jan 2020 00:00:01 GMT",
    );
    let mut requests = Vec::new();
    for value in [
        "@ETAG@",
        "W/@ETAG@",
        "*",
        "\"x\"",
        "\"x\", @ETAG@",
        "@ETAG@, \"x\"",
        "\"x\",@ETAG@,\"y\"",
        "x",
        "",
        "\"",
        "W/",
        "\"x\", *",
        "w/@ETAG@",
        "\"x\" @ETAG@",
        "W/\"x\", W/@ETAG@",
    ] {
        for name in ["If-None-Match", "If-Match"] {
            requests.push(get_with("/a.txt", &[&format!("{name}: {value}")]));
        }
    }
    for value in [
        MODIFIED,
        before,
        after,
        "Wednesday, 01-Jan-20 00:00:00 GMT",
        "Wed Jan  1 00:00:00 2020",
        "Wed, 01 Jan 2020 00:00:00 GMT; length=6",
        "Wed, 01 Jan 2020 00:00:00",
        "Wed, 01 Jan 2020 00:00:00 +0000",
        "garbage",
        "",
        "0",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 01 Jan 2100 00:00:00 GMT",
        "Mon, 32 Foo 2020 00:00:00 GMT",
    ] {
        for name in ["If-Modified-Since", "If-Unmodified-Since"] {
            requests.push(get_with("/a.txt", &[&format!("{name}: {value}")]));
        }
    }
    for (one, other) in [
        (
            "If-None-Match: @ETAG@",
            format!("If-Modified-Since: {MODIFIED}"),
        ),
        (
            "If-None-Match: @ETAG@",
            format!("If-Modified-Since: {before}"),
        ),
        (
            "If-None-Match: \"x\"",
            format!("If-Modified-Since: {MODIFIED}"),
        ),
        (
            "If-None-Match: \"x\"",
            format!("If-Modified-Since: {before}"),
        ),
        ("If-Match: @ETAG@", format!("If-Unmodified-Since: {before}")),
        ("If-Match: \"x\"", format!("If-Unmodified-Since: {after}")),
        ("If-Match: @ETAG@", "If-None-Match: @ETAG@".to_owned()),
        ("If-None-Match: \"x\"", "If-None-Match: @ETAG@".to_owned()),
        ("If-None-Match: @ETAG@", "Range: bytes=0-1".to_owned()),
        ("If-None-Match: \"x\"", "Range: bytes=0-1".to_owned()),
        ("If-None-Match: @ETAG@", "Connection: close".to_owned()),
    ] {
        requests.push(get_with("/a.txt", &[one, &other]));
    }
    for method in ["HEAD", "POST", "PUT"] {
        for field in [
            "If-None-Match: @ETAG@".to_owned(),
            format!("If-Modified-Since: {MODIFIED}"),
            "If-Match: \"x\"".to_owned(),
        ] {
            requests.push(Request::raw(
                &format!("{method} /a.txt | {field}"),
                format!("{method} /a.txt HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 0\r\n{field}\r\n\r\n").as_bytes(),
            ));
        }
    }
    for target in [
        "/missing",
        "/sub",
        "/noindex/",
        "/empty.txt",
        "/sub/",
        "/large.bin",
    ] {
        requests.push(get_with(
            target,
            &[&format!("If-Modified-Since: {MODIFIED}")],
        ));
        requests.push(get_with(target, &["If-None-Match: *"]));
    }
    requests
}

/// Heads that are wrong, or nearly.
pub fn malformed() -> Vec<Request> {
    let lines: &[&[u8]] = &[
        b"GET /a.txt",
        b"GET",
        b"GET /a.txt HTTP/1.2",
        b"GET /a.txt HTTP/0.9",
        b"GET /a.txt HTTP/2.0",
        b"GET /a.txt HTTP/1.11",
        b"GET /a.txt HTTP/1",
        b"GET /a.txt HTTP/",
        b"GET /a.txt HTTX/1.1",
        b"GET /a.txt http/1.1",
        b"GET  /a.txt HTTP/1.1",
        b"GET /a.txt  HTTP/1.1",
        b" GET /a.txt HTTP/1.1",
        b"GET\t/a.txt HTTP/1.1",
        b"GET /a.txt HTTP/1.1 ",
        b"GET /a b HTTP/1.1",
        b"get /a.txt HTTP/1.1",
        b"Get /a.txt HTTP/1.1",
        b"FOO /a.txt HTTP/1.1",
        b"G(T /a.txt HTTP/1.1",
        b"* /a.txt HTTP/1.1",
        b"GET a.txt HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET ?q HTTP/1.1",
        b"GET \\a.txt HTTP/1.1",
        b"GET /a\x01b HTTP/1.1",
        b"GET /a\x7fb HTTP/1.1",
        b"GET /a\x80b HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1",
        b"PRI / HTTP/1.1",
        b"VERSION-CONTROL /a.txt HTTP/1.1",
        b"GET http:///a.txt HTTP/1.1",
        b"GET http://u@oracle.example/ HTTP/1.1",
    ];
    let mut requests: Vec<_> = lines
        .iter()
        .map(|line| {
            Request::raw(
                &format!("line {}", show(line)),
                &[line, &b"\r\nHost: oracle.example\r\n\r\n"[..]].concat(),
            )
        })
        .collect();
    let fields: &[&[u8]] = &[
        b"X: y\nZ: z",
        b"X : y",
        b"X\t: y",
        b" X: y",
        b"X",
        b"X y",
        b": y",
        b"X: \x01",
        b"X: \x7f",
        b"X: a\0b",
        b"X\0: y",
        b"X: a\rb",
        b"X: y\r\n folded",
        b"X: y\r\n\tfolded",
        b"X(: y",
        b"X\xe9: y",
        b"Host: oracle.example",
        b"Host: other.example",
        b"X:",
        b"X:y",
        b"X: \xff",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length: -5",
        b"Content-Length: 0x5",
        b"Content-Length: 5 5",
        b"Content-Length: 9223372036854775808",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked;q=1",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: \x0bchunked",
    ];
    for field in fields {
        for method in ["GET", "POST"] {
            if method == "POST"
                && !field
                    .to_ascii_lowercase()
                    .windows(6)
                    .any(|at| at == b"length" || at == b"encodi")
            {
                continue;
            }
            let start = format!("{method} /a.txt HTTP/1.1\r\nHost: oracle.example\r\n");
            requests.push(Request::raw(
                &format!("{method} | {}", show(field)),
                &[start.as_bytes(), field, b"\r\n\r\n"].concat(),
            ));
        }
    }
    for bytes in [
        &b"POST /a.txt HTTP/1.1\r\nHost: oracle.example\r\n\r\n"[..],
        b"POST /a.txt HTTP/1.0\r\n\r\n",
        b"GET /a.txt HTTP/1.1\r\n\r\n",
        b"GET /a.txt HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET /a.txt HTTP/1.1\nHost: oracle.example\r\n\r\n",
        b"GET /a.txt HTTP/1.1\r\nHost: oracle.example\n\r\n",
        b"GET /a.txt HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /a.txt HTTP/1.1\r\nHost: oracle.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /a.txt HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /a.txt HTTP/1.1\r\nHost: oracle.example\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
        b"\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: oracle.example\r\n\r\n",
    ] {
        requests.push(Request::literal(bytes));
    }
    let long = "x".repeat(9000);
    requests.push(Request::raw(
        "a target of 9000 bytes",
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(),
    ));
    requests.push(Request::raw(
        "a field of 9000 bytes",
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n").as_bytes(),
    ));
    let many = |count: usize| {
        format!(
            "GET /a.txt HTTP/1.1\r\nHost: oracle.example\r\n{}\r\n",
            "X: y\r\n".repeat(count)
        )
    };
    requests.push(Request::raw("100 fields", many(100).as_bytes()));
    requests.push(Request::raw("200 fields", many(200).as_bytes()));
    requests
}

/// Requests on which conditions of each kind differ.
pub fn conditions() -> Vec<Request> {
    let mut requests = gets(&[
        "/a.txt",
        "/sub/page.html",
        "/sub/",
        "/page.html",
        "/%61.txt",
        "/a.txt?q=1",
        "/a.txt?secret",
        "/a.txt?x=1&y=2",
        "/missing",
        "/style.css",
        "/sub/deep/file.txt",
        "/SUB/page.html",
        "/a.txt?",
        "/b.txt",
        "/page.html?q=1#f",
        "/a%2etxt",
    ]);
    for host in [
        "oracle.example",
        "ORACLE.EXAMPLE",
        "oracle.example:80",
        "oracle.example:8080",
        "www.oracle.example",
        "other.example",
        "oracle.example.",
        "a.b.c.example",
        "127.0.0.1",
        "[::1]",
        "wwworacle.example",
    ] {
        requests.push(Request::literal(
            format!("GET /a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes(),
        ));
    }
    requests.push(Request::literal(b"GET /a.txt HTTP/1.0\r\n\r\n"));
    for fields in [
        &["User-Agent: Mozilla/5.0 (X11)"][..],
        &["User-Agent: curl/8.0"],
        &["User-Agent: "],
        &["Referer: http://oracle.example/x"],
        &["Referer: https://other.example/"],
        &["Cookie: session=abc; b=c"],
        &["Cookie: b=c"],
        &["Cookie: b=c", "Cookie: session=abc"],
        &["Accept-Language: de-DE,de;q=0.9"],
        &["Accept-Language: en"],
        &["X-Kind: special"],
        &["x-kind: SPECIAL"],
        &["X-Kind: "],
        &["X-Kind: one", "X-Kind: two"],
        &["X-Forwarded-For: 192.0.2.1"],
        &["X-Number: 42"],
    ] {
        requests.push(get_with("/a.txt", fields));
    }
    for method in ["HEAD", "OPTIONS", "PUT", "DELETE"] {
        requests.push(Request::new(&format!("{method} /a.txt"), &[]));
    }
    requests.push(Request::literal(
        b"POST /a.txt HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 0\r\n\r\n",
    ));
    requests
}

/// Directories, for listings and index files.
pub fn directories() -> Vec<Request> {
    let mut requests = gets(&[
        "/",
        "/sub",
        "/sub/",
        "/sub/deep/",
        "/noindex",
        "/noindex/",
        "/noindex/?C=M&O=D",
        "/noindex/?json",
        "/emptydir/",
        "/emptydir",
        "/alt/",
        "/texts/",
        "/names/",
        "/links/",
        "/links/dir/",
        "/links/outside/",
        "/index.php",
        "/index.php/",
        "/missing/",
        "/a.txt",
        "/a.txt/",
        "/noindex//",
        "/noindex/./",
        "/noindex/nested/..",
        "/sub/emptydir/",
        "/sub/index.html",
        "/noindex/.dot",
        "/%6eoindex/",
    ]);
    for fields in [
        &["If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"][..],
        &["If-None-Match: *"],
        &["Range: bytes=0-4"],
        &["Accept: application/json"],
        &["Connection: close"],
    ] {
        requests.push(get_with("/noindex/", fields));
        requests.push(get_with("/sub/", fields));
    }
    for method in ["HEAD", "OPTIONS", "PUT", "DELETE"] {
        for target in ["/noindex/", "/sub/", "/noindex"] {
            requests.push(Request::new(&format!("{method} {target}"), &[]));
        }
    }
    requests.push(Request::literal(
        b"POST /noindex/ HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 0\r\n\r\n",
    ));
    requests.push(Request::literal(
        b"POST /sub/ HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 0\r\n\r\n",
    ));
    requests.push(Request::literal(b"GET /noindex/ HTTP/1.0\r\n\r\n"));
    requests
}

/// Errors of every kind, for pages and handlers.
pub fn errors() -> Vec<Request> {
    let mut requests = gets(&[
        "/missing",
        "/missing/",
        "/missing?q",
        "/noindex/",
        "/a.txt",
        "/a.txt/more",
        "/file.inc",
        "/%00",
        "/sub",
        "/missing.html",
        "/handler.html",
        "/alias/missing",
        "/sub/missing/deeper",
    ]);
    for fields in [
        &["Range: bytes=0-4"][..],
        &["If-None-Match: *"],
        &["If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"],
        &["Connection: close"],
    ] {
        requests.push(get_with("/missing", fields));
    }
    requests.push(get_with("/digits.txt", &["Range: bytes=2000-"]));
    requests.push(get_with("/digits.txt", &["If-Match: \"x\""]));
    for method in ["HEAD", "OPTIONS", "PUT", "DELETE"] {
        requests.push(Request::new(&format!("{method} /missing"), &[]));
        requests.push(Request::new(&format!("{method} /noindex/"), &[]));
    }
    for bytes in [
        &b"POST /missing HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 5\r\n\r\nhello"[..],
        b"POST /missing HTTP/1.1\r\nHost: oracle.example\r\n\r\n",
        b"GET /missing HTTP/1.0\r\n\r\n",
        b"GET /missing HTTP/1.1\r\n\r\n",
        b"FOO / HTTP/1.1\r\nHost: oracle.example\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: oracle.example\r\n\r\n",
    ] {
        requests.push(Request::literal(bytes));
    }
    requests
}

/// Paths that an alias maps elsewhere.
pub fn aliases() -> Vec<Request> {
    let mut requests = gets(&[
        "/alias",
        "/alias/",
        "/alias/secret.txt",
        "/alias/missing",
        "/aliased",
        "/aliased/secret.txt",
        "/aliasx/secret.txt",
        "/alias/../a.txt",
        "/alias/./secret.txt",
        "/alias//secret.txt",
        "/alias/../../outside/secret.txt",
        "/alias..",
        "/alias../",
        "/alias../root/a.txt",
        "/alias/..",
        "/alias%2fsecret.txt",
        "/%61lias/secret.txt",
        "/ALIAS/secret.txt",
        "/file",
        "/file/",
        "/file/x",
        "/filex",
        "/file.txt",
        "/plain/secret.txt",
        "/plain/",
        "/plain",
        "/plainsecret.txt",
        "/deep/er/secret.txt",
        "/deep/er",
        "/deep/",
        "/deep",
        "/a.txt",
        "/",
        "/sub/",
        "/alias?q",
        "/alias/?q",
        "/alias/secret.txt?q",
        "/alias/secret.txt/more",
        "/nowhere/x",
        "/nowhere",
        "/alias/.",
        "/alias/...",
    ]);
    requests.push(Request::new("HEAD /alias/secret.txt", &[]));
    requests.push(get_with("/alias/secret.txt", &["Range: bytes=0-2"]));
    requests.push(Request::literal(b"GET /alias HTTP/1.0\r\n\r\n"));
    requests
}

/// Requests that a backend answers, all below `/b`; several of each, so that all hosts get some.
pub fn for_backends() -> Vec<Request> {
    let mut requests = gets(&[
        "/b",
        "/b/",
        "/b/more",
        "/b/more/still?q=1&r=2",
        "/b?",
        "/b?q",
        "/b%20c",
        "/b/%61%2f%62",
        "/b/../b/x",
        "/b//x",
        "/b/%c3%bc",
        "/b/\u{fc}",
        "/b.txt",
        "/bx",
        "/a.txt",
        "/missing",
    ]);
    for fields in [
        &["X-Some: one"][..],
        &["X-Some: one", "X-Some: two"],
        &["X-Empty:"],
        &["Cookie: a=b", "Cookie: c=d"],
        &["Authorization: Basic dXNlcjpwYXNz"],
        &["Proxy: http://attacker.example/"],
        &["User-Agent: asks", "Referer: http://oracle.example/"],
        &[
            "Accept: text/html",
            "Accept-Encoding: gzip",
            "Accept-Language: de",
        ],
        &["Connection: x-mine", "X-Mine: y"],
        &["Connection: close"],
        &["TE: trailers"],
        &["Keep-Alive: 300"],
        &["Upgrade: websocket", "Connection: upgrade"],
        &["Forwarded: for=192.0.2.1"],
        &["X-Forwarded-For: 192.0.2.1"],
        &[
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: other.example",
        ],
        &["Via: 1.1 other"],
        &["Range: bytes=0-4"],
        &["If-None-Match: *"],
        &["X-Latin: caf\u{e9}"],
        &["Content-Type: text/plain"],
    ] {
        requests.push(get_with("/b/fields", fields));
    }
    for method in ["HEAD", "OPTIONS", "DELETE", "PROPFIND", "REPORT", "TRACE"] {
        requests.push(Request::new(&format!("{method} /b/method"), &[]));
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for fields in [
            "Content-Length: 5\r\n\r\nhello",
            "Content-Length: 0\r\n\r\n",
            "Content-Type: a/b\r\nContent-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            requests.push(Request::literal(
                format!("{method} /b/body HTTP/1.1\r\nHost: oracle.example\r\n{fields}").as_bytes(),
            ));
        }
    }
    for bytes in [
        &b"GET /b HTTP/1.0\r\n\r\n"[..],
        b"GET /b HTTP/1.0\r\nHost: oracle.example\r\nConnection: keep-alive\r\n\r\n",
        b"GET /b HTTP/1.1\r\nHost: oracle.example:8080\r\n\r\n",
        b"GET /b HTTP/1.1\r\nHost: ORACLE.example\r\n\r\n",
        b"GET http://oracle.example/b HTTP/1.1\r\nHost: oracle.example\r\n\r\n",
    ] {
        requests.push(Request::literal(bytes));
    }
    requests
}

/// Tunnels, asked for in several ways. Whoever opens one says something in it at once, and the other end closes it.
pub fn tunnels() -> Vec<Request> {
    let mut requests = Vec::new();
    for (target, host) in [
        ("oracle.example:443", "oracle.example:443"),
        ("oracle.example:443", "oracle.example"),
        ("other.example:443", "oracle.example:443"),
        ("127.0.0.1:443", "127.0.0.1:443"),
        ("192.0.2.1:443", "192.0.2.1:443"),
        ("192.0.2.1:8443", "oracle.example:443"),
        ("[::1]:443", "[::1]:443"),
        ("oracle.example", "oracle.example"),
        ("oracle.example:80", "oracle.example:80"),
        ("/b", "oracle.example:443"),
        ("*", "oracle.example:443"),
        ("http://oracle.example/b", "oracle.example"),
    ] {
        for version in ["1.1", "1.0"] {
            requests.push(Request::literal(
                format!("CONNECT {target} HTTP/{version}\r\nHost: {host}\r\n\r\ntunnel\r\n\r\n")
                    .as_bytes(),
            ));
        }
    }
    requests
}

/// Heads that are nearly as large as a backend's protocol allows, or larger.
pub fn large() -> Vec<Request> {
    let mut requests = Vec::new();
    for length in [1000, 30_000, 60_000, 64_000, 65_400] {
        let value = "x".repeat(length);
        requests.push(Request::raw(
            &format!("a field of {length} bytes"),
            format!("GET /b HTTP/1.1\r\nHost: oracle.example\r\nX-Long: {value}\r\n\r\n")
                .as_bytes(),
        ));
    }
    let half = "y".repeat(32_000);
    requests.push(Request::raw(
        "a query and a field of 32000 bytes each",
        format!("GET /b?{half} HTTP/1.1\r\nHost: oracle.example\r\nX-Long: {half}\r\n\r\n")
            .as_bytes(),
    ));
    requests
}
