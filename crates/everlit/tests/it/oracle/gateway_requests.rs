//! What is asked where programs and servers answer.

use super::answers::{OF_PROGRAMS, OF_SERVERS};
use super::requests::{Request, get_with, gets};

/// Programs that are files with a suffix, with more path behind them and without; and what is no program.
pub fn scripts() -> Vec<Request> {
    let mut requests = gets(&[
        "/program.php",
        "/program.php?q=1&r=%20",
        "/program.php?",
        "/program.php??",
        "/program.php/",
        "/program.php/info",
        "/program.php/info/more?q",
        "/program.php//info",
        "/program.php/info//more",
        "/program.php/a%20b",
        "/program.php/a%2fb",
        "/program.php/a+b",
        "/program.php/%c3%bc",
        "/program.php/\u{fc}",
        "/program.php/../program.php/x",
        "/program.php/./x",
        "/program.php/x/..",
        "/program.php/x.php",
        "/program.php/x.php/y",
        "/program.php?/x.php",
        "/program%2ephp",
        "/program.php%20",
        "/%70rogram.php?%41",
        "//program.php",
        "/sub/../program.php",
        "/program.PHP",
        "/PROGRAM.php",
        "/missing.php",
        "/missing.php/info",
        "/missing/x.php",
        "/index.php",
        "/index.php/",
        "/index.php/x.txt",
        "/",
        "/?q",
        "/sub",
        "/sub/",
        "/sub/page.html",
        "/sub/page.html/info",
        "/sub/deep/file.txt",
        "/sub/deep/file.txt/info",
        "/sub/missing",
        "/sub/missing.php",
        "/sub/deep",
        "/noindex/one.txt",
        "/noindex/one.txt/info",
        "/unknown.xyz",
        "/unknown.xyz/info",
        "/missing.xyz",
        "/file.inc",
        "/drawing.svg",
        "/backup.txt~",
        "/a.txt",
        "/a.txt/info",
        "/links/dir/page.html",
        "/alias/program.php/info",
        "/alias/sub/page.html",
        "/b/page.html",
        "/b/x.php",
        "/b/deep/file.txt/info",
        "/program.php?answer=404",
        "/program.php?answer=404-empty",
    ]);
    for method in ["HEAD", "OPTIONS", "DELETE"] {
        requests.push(Request::new(&format!("{method} /program.php/info"), &[]));
        requests.push(Request::new(&format!("{method} /missing.php"), &[]));
    }
    requests.push(Request::literal(
        b"POST /program.php HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 5\r\n\r\nhello",
    ));
    requests.push(get_with("/program.php", &["If-None-Match: *"]));
    requests.push(get_with("/program.php", &["Range: bytes=0-4"]));
    requests
}

/// One program, asked in many ways: fields, bodies, methods, versions.
pub fn about(path: &str) -> Vec<Request> {
    let mut requests = Vec::new();
    for fields in [
        &["X-Under_Score: one"][..],
        &["X-Same: one", "X-Same: two", "x-same: three"],
        &["Content-Type: text/plain"],
        &["Content-Length: 0"],
        &["Proxy: http://attacker.example/"],
        &["Proxy-Authorization: Basic eDp5", "Proxy-Connection: close"],
        &["Authorization: Bearer token"],
        &["Cookie: a=b", "Cookie: c=d"],
        &["Accept: a/b", "Accept: c/d"],
        &["X-Long-Name-With-Many-Parts: y", "X1: y", "X--Y: y"],
        &["X-Dot.ted: y"],
        &["X-Odd!#$%&'*+^`|~: y"],
        &["X-Empty:", "X-Spaces: \t a  b \t"],
        &["X-Quote: \"a\\b\"", "X-Semi: a;b=c, d"],
        &["Status: 404", "Location: /x"],
        &["Path-Info: /x", "Script-Name: /x", "Remote-User: x"],
        &["Https: on", "Host-Name: x"],
        &["If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"],
        &["If-None-Match: \"x\""],
        &["Range: bytes=0-4"],
        &["Expect: 100-continue"],
        &["TE: trailers", "Connection: TE"],
        &["Trailer: X-End"],
        // With "h2c", lighttpd would speak HTTP/2 from then on.
        &[
            "Upgrade: other",
            "Connection: Upgrade, HTTP2-Settings",
            "HTTP2-Settings: AAMAAABk",
        ],
        &["Via: 1.1 other", "Forwarded: for=192.0.2.1"],
        &[
            "Accept-Encoding: gzip, br",
            "Accept-Charset: utf-8",
            "Accept-Language: de",
        ],
        &[
            "Origin: http://other.example",
            "Sec-Fetch-Mode: cors",
            "DNT: 1",
        ],
        &[
            "Pragma: no-cache",
            "Cache-Control: no-cache",
            "Max-Forwards: 1",
        ],
        &[
            "From: a@b.example",
            "Referer: http://other.example/?q#x",
            "User-Agent: asks (many) things",
        ],
    ] {
        requests.push(get_with(path, fields));
    }
    for method in [
        "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH", "PROPFIND", "REPORT", "LOCK", "QUERY",
    ] {
        requests.push(Request::new(&format!("{method} {path}?q=1"), &[]));
    }
    for (name, length) in [("200 bytes", 200), ("100000 bytes", 100_000)] {
        let body = "x".repeat(length);
        let head = format!("POST {path} HTTP/1.1\r\nHost: oracle.example\r\n");
        requests.push(Request::raw(
            &format!("POST {path} of {name}"),
            format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes(),
        ));
        requests.push(Request::raw(
            &format!("POST {path} of {name} in chunks"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
                .as_bytes(),
        ));
    }
    for rest in [
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=b&c=d",
        "Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\na\0b",
        "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        "Connection: close\r\nContent-Length: 3\r\n\r\nabc",
    ] {
        for method in ["POST", "PUT"] {
            requests.push(Request::literal(
                format!("{method} {path} HTTP/1.1\r\nHost: oracle.example\r\n{rest}").as_bytes(),
            ));
        }
    }
    for head in [
        format!("GET {path}?q HTTP/1.0\r\n\r\n"),
        format!("GET {path} HTTP/1.0\r\nHost: ORACLE.example:80\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: oracle.example:8080\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        format!("GET http://absolute.example{path}?q HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        format!("GET {path}?a=b?c&d=%41%zz+e%20f HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        format!("GET {path}?a=\"b'<c> HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        format!("GET {path}?[a]|{{b}}\\^` HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        format!("GET {path}#fragment HTTP/1.1\r\nHost: oracle.example\r\n\r\n"),
        format!("POST {path} HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"),
    ] {
        requests.push(Request::literal(head.as_bytes()));
    }
    requests
}

/// A request for an answer. The connection ends with some of them: where the answer is shorter than it says, lighttpd would
/// leave the client waiting for the rest; where HEAD is redirected locally, it sends a body.
fn named(line: &str, name: &str) -> Request {
    let ends = matches!(name, "length-long" | "x-sendfile-length")
        || (line.starts_with("HEAD ") && name.starts_with("location"));
    let fields = if ends {
        &["Connection: close"][..]
    } else {
        &[]
    };
    Request::new(&format!("{line}?answer={name}"), fields)
}

/// All answers of programs, to GET and HEAD, and some to other requests.
pub fn answers(path: &str) -> Vec<Request> {
    let mut requests = Vec::new();
    for answer in OF_PROGRAMS {
        requests.push(named(&format!("GET {path}"), answer.name));
        requests.push(named(&format!("HEAD {path}"), answer.name));
    }
    for name in ["200", "404", "500-empty", "length", "nothing", "location"] {
        let target = format!("{path}?answer={name}");
        requests.push(Request::literal(
            format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes(),
        ));
        requests.push(Request::literal(
            format!("GET {target} HTTP/1.1\r\nHost: oracle.example\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        ));
        requests.push(Request::literal(
            format!(
                "POST {target} HTTP/1.1\r\nHost: oracle.example\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
            )
            .as_bytes(),
        ));
    }
    for (name, fields) in [
        ("validators", &["If-None-Match: \"x\""][..]),
        ("validators", &["If-None-Match: \"y\""]),
        (
            "validators",
            &["If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"],
        ),
        ("200", &["If-None-Match: *"]),
        ("x-sendfile-digits", &["Range: bytes=0-4"]),
        ("x-sendfile-digits", &["Range: bytes=5-"]),
        ("x-sendfile-digits", &["Range: bytes=-5"]),
        ("x-sendfile-digits", &["Range: bytes=2000-"]),
        ("x-sendfile", &["If-None-Match: @ETAG@"]),
        (
            "x-sendfile",
            &["If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"],
        ),
        ("x-sendfile-404", &["Range: bytes=0-2"]),
        ("x-sendfile-missing", &["Range: bytes=0-2"]),
    ] {
        requests.push(get_with(&format!("{path}?answer={name}"), fields));
    }
    requests
}

/// Those that name files, below `/b`.
pub fn files() -> Vec<Request> {
    let mut requests = answers("/b/x");
    requests.retain(|request| request.name.contains("x-sendfile"));
    requests
}

/// All answers of servers that speak HTTP, below `/b`.
pub fn server_answers() -> Vec<Request> {
    let mut requests = Vec::new();
    for (name, _) in OF_SERVERS {
        let target = format!("/b/x?answer={name}");
        // To HEAD, the answer would be none.
        requests.push(named("GET /b/x", name));
        requests.push(Request::literal(
            format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes(),
        ));
        requests.push(Request::literal(
            format!(
                "POST {target} HTTP/1.1\r\nHost: oracle.example\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
            )
            .as_bytes(),
        ));
    }
    requests
}

/// Files and programs behind an authorizer, whose answer is in the query.
pub fn authorized() -> Vec<Request> {
    let mut requests = Vec::new();
    for name in [
        "yes",
        "yes-body",
        "yes-length",
        "yes-no-status",
        "yes-cookie",
        "none",
        "204",
        "location-301",
        "304",
        "401",
        "403",
        "403-empty",
        "404",
        "500",
        "location",
        "location-local",
        "nothing",
        "no-head",
        "cut",
        "cut-after-head",
        "complaint",
        "status-1",
        "refused-2",
        "length-long",
        "x-sendfile",
    ] {
        for path in [
            "/a.txt",
            "/page.html",
            "/sub",
            "/missing",
            "/program.php",
            "/b/x",
        ] {
            requests.push(named(&format!("GET {path}"), name));
        }
        requests.push(named("HEAD /a.txt", name));
        requests.push(Request::literal(
            format!("POST /program.php?answer={name} HTTP/1.1\r\nHost: oracle.example\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
                .as_bytes(),
        ));
    }
    // What it is told.
    requests.extend(gets(&[
        "/a.txt",
        "/a.txt/info?q",
        "/b/x?q",
        "/program.php/info",
    ]));
    requests.push(get_with("/a.txt?answer=yes", &["Range: bytes=0-2"]));
    requests.push(get_with("/a.txt?answer=yes", &["If-None-Match: @ETAG@"]));
    requests
}

/// CGI programs, those that do not work among them.
pub fn programs() -> Vec<Request> {
    let mut requests = gets(&[
        "/cgi/tell.sh",
        "/cgi/tell.sh?q=1&r=%20",
        "/cgi/tell.sh?words+and+more",
        "/cgi/tell.sh?words%20a%3db",
        "/cgi/tell.sh?",
        "/cgi/tell.sh/",
        "/cgi/tell.sh/info",
        "/cgi/tell.sh/info/more?q",
        "/cgi/tell.sh//info",
        "/cgi/tell.sh/a%20b",
        "/cgi/tell.sh/a%2fb",
        "/cgi/tell.sh/x.sh",
        "/cgi/tell.sh/../tell.cgi/x",
        "/cgi//tell.sh",
        "/cgi/%74ell.sh",
        "/cgi/tell.cgi",
        "/cgi/tell.cgi/info?q",
        "/cgi/with%20space.cgi",
        "/cgi/with%20space.cgi/a%20b",
        "/cgi/tell.SH",
        "/cgi/missing.sh",
        "/cgi/missing.cgi/info",
        "/cgi/fails.cgi",
        "/cgi/silent.cgi",
        "/cgi/complains.cgi",
        "/cgi/killed.cgi",
        "/cgi/killed-late.cgi",
        "/cgi/fails-late.cgi",
        "/cgi/reads-nothing.cgi",
        "/cgi/counts.cgi",
        "/cgi/nph-tell.cgi",
        "/cgi/plain.cgi",
        "/cgi/plain.sh",
        "/cgi/no-shebang.cgi",
        "/cgi/bad-shebang.cgi",
        "/cgi/empty.cgi",
        "/cgi/program.lost",
        "/cgi/directory.cgi",
        "/cgi/directory.cgi/",
        "/cgi/directory.cgi/x.txt",
        "/cgi",
        "/cgi/",
        "/a.txt",
    ]);
    for name in [
        "tell.cgi",
        "fails.cgi",
        "silent.cgi",
        "plain.cgi",
        "bad-shebang.cgi",
        "missing.cgi",
        "directory.cgi",
        "nph-tell.cgi",
        "reads-nothing.cgi",
        "counts.cgi",
    ] {
        let path = format!("/cgi/{name}");
        requests.push(Request::new(&format!("HEAD {path}"), &[]));
        requests.push(Request::literal(
            format!(
                "POST {path} HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 5\r\n\r\nhello"
            )
            .as_bytes(),
        ));
        requests.push(Request::literal(
            format!("POST {path} HTTP/1.1\r\nHost: oracle.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
                .as_bytes(),
        ));
        requests.push(Request::literal(
            format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes(),
        ));
    }
    requests
}
