//! Conditional requests, ranges, and feature flags.

use super::support::*;
use super::table;

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
            ("GET /hello.txt/x", "404 page"), // there only in newer versions
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
