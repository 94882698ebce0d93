//! Compressed answers: what is asked, and how two of them are compared.
//!
//! Must hold: bodies are compared as they were before; that they are compressed, and into what, is a field like others.

use super::requests::{Request, get_with};

/// What bodies are compared as they were before; others are somebody else's.
pub const CODINGS: &[&str] = &["gzip", "x-gzip", "deflate", "br", "zstd"];

/// What clients say they can read.
const ACCEPTED: &[&str] = &[
    "gzip",
    "gzip, deflate",
    "gzip, deflate, br",
    "gzip, deflate, br, zstd",
    "deflate,bzip2, x-gzip",
    "deflate",
    "br;q=1,gzip",
    "x-gzip",
    "x-gzip, gzip",
    "bzip2",
    "*",
    "identity",
    "gzip;q=0",
    "gzip;q=0.1, deflate;q=0.9",
    "GZIP",
    "xgzip",
    "x gzip",
    ",,gzip",
    "x,\tgzip",
    "x;gzip",
    "",
];

/// What clients can read, and what they get of it.
pub fn codings() -> Vec<Request> {
    let mut requests = Vec::new();
    for accepted in ACCEPTED {
        let field = format!("Accept-Encoding: {accepted}");
        requests.push(get_with("/digits.txt", &[&field]));
        requests.push(get_with("/digits.txt?one", &[&field]));
        requests.push(get_with("/digits.txt?two", &[&field]));
        requests.push(get_with("/digits.txt?unset", &[&field]));
    }
    requests
}

/// Everything else, for a client that can read gzip.
pub fn bodies() -> Vec<Request> {
    const GZIP: &str = "Accept-Encoding: gzip";
    let mut requests = Vec::new();
    for path in [
        "/a.txt",
        "/a.txt?least",
        "/empty.txt?least",
        "/digits.txt",
        "/digits.txt?short",
        "/digits.txt?endless",
        "/digits.txt?none",
        "/digits.txt?all",
        "/digits.txt?vary",
        "/digits.txt?varies",
        "/digits.txt?packed",
        "/large.bin",
        "/large.bin?all",
        "/noindex/kilo.bin?star",
        "/noindex/kilo.bin",
        "/noindex/more.bin?all",
        "/noextension?all",
    ] {
        for field in [
            "X: y",
            "Range: bytes=0-9",
            "If-None-Match: \"x\"",
            "If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT",
        ] {
            requests.push(get_with(path, &[GZIP, field]));
        }
        for line in [format!("HEAD {path}"), format!("POST {path}")] {
            let length: &[&str] = match line.starts_with('P') {
                true => &[GZIP, "Content-Length: 0"],
                false => &[GZIP],
            };
            requests.push(Request::new(&line, length));
        }
        requests.push(Request::literal(
            format!("GET {path} HTTP/1.0\r\nHost: oracle.example\r\n{GZIP}\r\n\r\n").as_bytes(),
        ));
    }
    requests.push(Request::new("OPTIONS /digits.txt", &[GZIP]));
    requests
}

/// Answers of programs: complete when they are compressed.
pub fn programs() -> Vec<Request> {
    let mut requests = vec![get_with("/missing", &["Accept-Encoding: gzip"])];
    for name in [
        "200",
        "404",
        "204",
        "304",
        "206",
        "location-body",
        "duplicates",
    ] {
        let path = format!("/cgi/answer.sh?answer={name}");
        requests.push(get_with(&path, &["Accept-Encoding: gzip"]));
        requests.push(get_with(&path, &["Accept-Encoding: br"]));
    }
    requests
}

/// What follows the tag of the body as it is.
pub fn ending(tag: &str) -> &str {
    match tag.trim_end_matches('"').split_once('-') {
        Some((_, ending)) if tag.starts_with('"') => ending,
        _ => "",
    }
}
