//! A configuration, files, requests and answers. What is expected is what lighttpd 1.4.69 answered; the oracle comparison asks it
//! more.

use std::sync::Arc;

use crate::config::tests::support::{ask, load};
use crate::response::Body;
use crate::route::Desk;

const BASE: &str = "server.modules = ( \"mod_setenv\", \"mod_deflate\" )\ndeflate.mimetypes = ( \"text/\" )\n\
                    deflate.allowed-encodings = ( \"gzip\", \"deflate\" )\n";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        for (name, length) in [("a.txt", 1000), ("large.txt", 200_000), ("a.png", 1000)] {
            std::fs::write(
                place.0.path().join(name),
                "line of a text\n".repeat(length / 15),
            )
            .unwrap();
        }
        place
    }

    fn desk(&self, text: &str) -> Desk {
        let path = self.0.path().canonicalize().unwrap();
        let path = path.to_str().unwrap();
        let text = format!("server.document-root = \"{path}\"\n{BASE}{text}");
        Desk::new(Arc::new(load(&text.replace("PLACE", path)).0))
    }
}

/// Status, coding, how the body comes, and the tag's ending.
fn asked(desk: &mut Desk, request: &str) -> String {
    ask(desk, request);
    let response = &desk.response;
    let field =
        |name| String::from_utf8_lossy(response.headers.get(name).unwrap_or(b"-")).into_owned();
    let body = match &response.body {
        Body::Empty => "nothing",
        Body::Bytes(_) => "made",
        Body::Cached(_) => "small file",
        Body::File(_) => "file",
        Body::Packed(_) => "as it is sent",
        Body::Parts(_) | Body::Coming => "other",
    };
    let tag = field("ETag");
    let tag = tag
        .trim_end_matches('"')
        .trim_start_matches(|c: char| c == '"' || c.is_ascii_digit());
    format!(
        "{} {} {body} {tag} {}",
        response.status,
        field("Content-Encoding"),
        field("Vary")
    )
}

#[test]
fn short_ones_at_once_and_long_ones_as_they_are_sent() {
    let place = Place::new();
    let mut desk = place.desk("");
    for (request, expected) in [
        (
            "GET /a.txt HTTP/1.1\nHost: h\nAccept-Encoding: gzip",
            "200 gzip made -gzip Accept-Encoding",
        ),
        (
            "GET /a.txt HTTP/1.0\nAccept-Encoding: gzip",
            "200 gzip made -gzip Accept-Encoding",
        ),
        (
            "GET /a.txt HTTP/1.1\nHost: h\nAccept-Encoding: deflate",
            "200 deflate made -deflate Accept-Encoding",
        ),
        (
            "GET /a.txt HTTP/1.1\nHost: h\nAccept-Encoding: br",
            "200 - small file  -",
        ),
        ("GET /a.txt HTTP/1.1\nHost: h", "200 - small file  -"),
        (
            "HEAD /a.txt HTTP/1.1\nHost: h\nAccept-Encoding: gzip",
            "200 - small file  -",
        ),
        (
            "GET /a.png HTTP/1.1\nHost: h\nAccept-Encoding: gzip",
            "200 - small file  -",
        ),
        (
            "GET /large.txt HTTP/1.1\nHost: h\nAccept-Encoding: gzip",
            "200 gzip as it is sent -gzip Accept-Encoding",
        ),
        (
            "GET /large.txt HTTP/1.1\nHost: h\nRange: bytes=0-5\nAccept-Encoding: gzip",
            "200 gzip as it is sent -gzip Accept-Encoding",
        ),
        // Nobody could tell such a client where the body ends. Differs: lighttpd compresses all of it first.
        (
            "GET /large.txt HTTP/1.0\nAccept-Encoding: gzip",
            "200 - file  Accept-Encoding",
        ),
        (
            "GET /missing HTTP/1.1\nHost: h\nAccept-Encoding: gzip",
            "404 - small file - -",
        ),
    ] {
        assert_eq!(asked(&mut desk, request), expected, "{request}");
    }
    let mut desk = place.desk("deflate.min-compress-size = 100\ndeflate.max-compress-size = 100\n");
    for (path, expected) in [
        ("/missing", "404 gzip made - Accept-Encoding"),
        ("/large.txt", "200 - file  -"),
    ] {
        let request = format!("GET {path} HTTP/1.1\nHost: h\nAccept-Encoding: gzip");
        assert_eq!(asked(&mut desk, &request), expected, "{path}");
    }
}

#[test]
fn what_the_client_has_is_not_sent() {
    let place = Place::new();
    let mut desk =
        place.desk("$HTTP[\"query-string\"] == \"busy\" { deflate.max-loadavg = \"0.0000001\" }");
    ask(
        &mut desk,
        "GET /a.txt HTTP/1.1\nHost: h\nAccept-Encoding: gzip",
    );
    let tag = String::from_utf8(desk.response.headers.get("ETag").unwrap().to_vec()).unwrap();
    let request = |method: &str, list: &str, coding: &str, query: &str| {
        format!(
            "{method} /a.txt{query} HTTP/1.1\nHost: h\nContent-Length: 0\nIf-None-Match: {list}\nAccept-Encoding: {coding}"
        )
    };
    let other = format!("\"x\", W/{tag}");
    for (request, expected) in [
        (
            request("GET", &tag, "gzip", ""),
            "304 - nothing -gzip Accept-Encoding",
        ),
        (
            request("GET", &tag, "gzip", "?busy"),
            "304 - nothing -gzip Accept-Encoding",
        ),
        (
            request("POST", &tag, "gzip", ""),
            "412 - nothing  Accept-Encoding",
        ),
        (
            request("GET", &tag, "deflate", ""),
            "200 deflate made -deflate Accept-Encoding",
        ),
        (request("GET", &tag, "br", ""), "200 - small file  -"),
        // Differs: lighttpd sees a tag only if it is the only one, and strong.
        (
            request("GET", &other, "gzip", ""),
            "304 - nothing -gzip Accept-Encoding",
        ),
    ] {
        assert_eq!(asked(&mut desk, &request), expected, "{request}");
    }
    let busy = std::fs::read_to_string("/proc/loadavg").unwrap();
    if !busy.starts_with("0.00") {
        let request = "GET /a.txt?busy HTTP/1.1\nHost: h\nAccept-Encoding: gzip";
        assert_eq!(
            asked(&mut desk, request),
            "200 - small file  Accept-Encoding"
        );
    }
}

#[test]
fn what_was_compressed_once_is_kept() {
    let place = Place::new();
    let text = "deflate.cache-dir = \"PLACE/cache\"\n$HTTP[\"query-string\"] == \"v\" { setenv.add-response-header = ( \"Vary\" => \"Cookie\" ) }";
    let mut desk = place.desk(text);
    let request = "GET /a.txt HTTP/1.1\nHost: h\nAccept-Encoding: gzip";
    assert_eq!(
        asked(&mut desk, request),
        "200 gzip made -gzip Accept-Encoding"
    );
    // What it depends on besides is not in its name.
    let other = "GET /a.txt?v HTTP/1.1\nHost: h\nAccept-Encoding: gzip";
    assert_eq!(
        asked(&mut desk, other),
        "200 gzip made -gzip Cookie,Accept-Encoding"
    );
    // Another worker, or another process.
    let mut desk = place.desk(text);
    assert_eq!(
        asked(&mut desk, request),
        "200 gzip small file -gzip Accept-Encoding"
    );
    let Body::Cached(kept) = &desk.response.body else {
        panic!("a small file");
    };
    assert!(kept.starts_with(b"\x1f\x8b"));
    let again = desk.response.headers.get("ETag").unwrap().to_vec();
    std::fs::write(place.0.path().join("a.txt"), "changed ".repeat(100)).unwrap();
    let mut desk = place.desk(text);
    assert_eq!(
        asked(&mut desk, request),
        "200 gzip made -gzip Accept-Encoding"
    );
    assert_ne!(desk.response.headers.get("ETag"), Some(&again[..]));
}

#[test]
fn the_old_name_of_the_module_and_its_directives_work() {
    let place = Place::new();
    let path = place.0.path().canonicalize().unwrap();
    let text = format!(
        "server.document-root = \"{}\"\nserver.modules = ( \"mod_compress\" )\n\
         compress.filetype = ( \"text/\" )\ncompress.allowed-encodings = ( \"gzip\" )",
        path.to_str().unwrap()
    );
    let mut desk = Desk::new(Arc::new(load(&text).0));
    let request = "GET /a.txt HTTP/1.1\nHost: h\nAccept-Encoding: gzip";
    assert_eq!(
        asked(&mut desk, request),
        "200 gzip made -gzip Accept-Encoding"
    );
}
