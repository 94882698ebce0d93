//! Modules at work: a configuration, files, requests and answers. What is expected is what lighttpd 1.4.69 answered with the
//! same configuration and files, unless a comment says `differs`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::config::tests::support::{ask, load};
use crate::logline::{ConnectionAfter, Ending};
use crate::route::Desk;

/// A directory with `www` (the document root), `b` (for aliases) and `secret` in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        for directory in ["www/dir", "www/sub", "www/closed", "b/in"] {
            std::fs::create_dir_all(place.0.path().join(directory)).unwrap();
        }
        for (name, content) in [
            ("www/a.html", "hi\n"),
            ("www/a.inc", "x\n"),
            ("www/A.INC", "x\n"),
            ("www/root.html", "root\n"),
            ("www/dir/index.html", "index\n"),
            ("b/f", "b/f\n"),
            ("b/in/f", "b/in/f\n"),
            ("secret", "secret\n"),
            ("f2", "f2\n"),
        ] {
            std::fs::write(place.0.path().join(name), content).unwrap();
        }
        place
    }

    /// A desk for a configuration in which `PLACE` stands for the directory.
    fn desk(&self, text: &str) -> Desk {
        let path = self.0.path().canonicalize().unwrap();
        let text = format!("server.document-root = \"PLACE/www\"\n{text}");
        let text = text.replace("PLACE", path.to_str().unwrap());
        Desk::new(Arc::new(load(&text).0))
    }

    fn path(&self, name: &str) -> String {
        let path = self.0.path().canonicalize().unwrap().join(name);
        path.to_str().unwrap().to_owned()
    }
}

/// Asks for paths and compares the status of each.
fn statuses(desk: &mut Desk, expected: &[(&str, u16)]) {
    let mut wrong = String::new();
    for (path, status) in expected {
        ask(desk, &format!("GET {path} HTTP/1.1\nHost: h"));
        let found = desk.response.status;
        if found != *status {
            let _ = writeln!(wrong, "{path}: expected {status}, got {found}");
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn access_is_denied_by_ending() {
    let place = Place::new();
    let modules = "server.modules = ( \"mod_access\" )\n";
    let mut desk = place.desk(&format!("{modules}url.access-deny = ( \"~\", \".inc\" )"));
    statuses(
        &mut desk,
        &[
            ("/a.html", 200),
            ("/a.inc", 403),
            ("/A.INC", 200),
            ("/a.INC", 404),
            ("/a.inc/x", 403),
            ("/a.html/x.inc", 403),
            ("/nope.txt", 404),
            ("/nope.inc", 403),
        ],
    );
    let mut desk = place.desk(&format!(
        "{modules}url.access-deny = ( \"~\", \".inc\" )\nurl.access-allow = ( \".html\", \".inc\" )"
    ));
    statuses(
        &mut desk,
        &[
            ("/a.html", 200),
            ("/a.inc", 200),
            ("/A.INC", 403),
            ("/a.inc/x", 403),
            ("/nope.txt", 403),
            ("/nope.html", 404),
        ],
    );
    let mut desk = place.desk(&format!(
        "{modules}server.force-lowercase-filenames = \"enable\"\nurl.access-deny = ( \".inc\" )"
    ));
    statuses(
        &mut desk,
        &[("/a.inc", 403), ("/A.INC", 403), ("/A.HTML", 200)],
    );
}

#[test]
fn aliases_lead_outside_and_no_further() {
    let place = Place::new();
    let modules = "server.modules = ( \"mod_alias\" )\n";
    let mut desk = place.desk(&format!(
        "{modules}alias.url = ( \"/a\" => \"PLACE/b/\", \"/c/\" => \"PLACE/b/\", \"/e\" => \"PLACE/b\", \
         \"/n/\" => \"PLACE/b\" )"
    ));
    statuses(
        &mut desk,
        &[
            ("/a/f", 200),
            ("/a../secret", 403),
            ("/a..", 403),
            ("/a../", 403),
            ("/a./f", 403),
            ("/a%2e%2e/secret", 403),
            ("/a...", 404),
            ("/a.f", 404),
            ("/af", 200),
            ("/a", 301),
            ("/c", 404),
            ("/c/f", 200),
            ("/c/../secret", 404),
            ("/c..%2fsecret", 404),
            ("/e/f", 200),
            ("/e../secret", 404),
            ("/ef", 404),
            ("/e..", 404),
            ("/n/f", 404),
            ("/nf", 404),
            ("/A/f", 404),
        ],
    );
    let mut desk = place.desk(&format!(
        "{modules}alias.url = ( \"/a/b\" => \"PLACE/b/in\", \"/a\" => \"PLACE/b\" )"
    ));
    statuses(
        &mut desk,
        &[("/a/f", 200), ("/a/b/f", 200), ("/a/in/f", 200)],
    );
    ask(&mut desk, "GET /a/b/f HTTP/1.0");
    assert_eq!(desk.response.body.length(), Some(7));

    let mut desk = place.desk(&format!(
        "{modules}server.force-lowercase-filenames = \"enable\"\nalias.url = ( \"/A\" => \"PLACE/b\" )"
    ));
    statuses(&mut desk, &[("/a/f", 200), ("/A/f", 200), ("/A/F", 200)]);
}

#[test]
fn index_files_answer_for_directories() {
    let place = Place::new();
    let log = "server.modules = ( \"mod_accesslog\" )\naccesslog.filename = \"/tmp/x\"\naccesslog.format = \"%U|%f|%s\"\n";
    let mut desk = place.desk(&format!(
        "{log}index-file.names = ( \"no.html\", \"index.html\", \"/root.html\" )"
    ));
    for (path, expected) in [
        (
            "/dir/",
            format!("/dir/|{}|200", place.path("www/dir/index.html")),
        ),
        ("/dir", format!("/dir|{}|301", place.path("www/dir"))),
        (
            "/sub/",
            format!("/sub/|{}|200", place.path("www/root.html")),
        ),
        ("/", format!("/|{}|200", place.path("www/root.html"))),
        (
            "/dir/?a=b",
            format!("/dir/|{}|200", place.path("www/dir/index.html")),
        ),
        (
            "/a.html/x/y",
            format!("/a.html/x/y|{}|200", place.path("www/a.html")),
        ),
        ("/nope/", "/nope/|-|404".to_owned()),
    ] {
        ask(&mut desk, &format!("GET {path} HTTP/1.0"));
        assert_eq!(line(&desk), expected);
    }
}

#[test]
fn a_program_for_all_directories_knows_which() {
    let place = Place::new();
    let index = "index-file.names = ( \"index.html\", \"/root.html\" )\n";
    for (path, expected) in [("/sub/", place.path("www/sub/")), ("/dir/", "-".to_owned())] {
        let format = "%{PATH_TRANSLATED_DIRINDEX}e";
        let head = format!("GET {path} HTTP/1.0");
        assert_eq!(logged(&place, format, index, &head), expected);
    }
}

#[test]
fn an_index_file_obeys_the_rules_for_its_name() {
    let place = Place::new();
    let mut desk = place.desk(
        "server.modules = ( \"mod_indexfile\", \"mod_access\" )\nindex-file.names = ( \"index.html\" )\n\
         url.access-deny = ( \".html\" )",
    );
    statuses(&mut desk, &[("/dir/", 403), ("/dir", 301)]);
    let mut desk = place.desk(
        "server.modules = ( \"mod_alias\" )\nindex-file.names = ( \"/root.html\" )\nalias.url = ( \"/a/\" => \"PLACE/b/\" )",
    );
    statuses(&mut desk, &[("/a/", 200), ("/a/in/", 200)]);
}

#[test]
fn fields_are_added_set_and_removed() {
    let place = Place::new();
    let mut desk = place.desk(
        r#"server.modules = ( "mod_setenv", "mod_accesslog" )
setenv.add-request-header = ( "X-A" => "1", "X-Foo" => "f", "Host" => "q", "cookie" => "c=d" )
setenv.set-request-header = ( "X-B" => "2", "User-Agent" => "", "X-C" => "" )
setenv.add-response-header = ( "X-R" => "1", "Cache-Control" => "private" )
setenv.set-response-header = ( "X-S" => "1", "Last-Modified" => "", "Content-Type" => "z/z", "etag" => "W" )
setenv.add-environment = ( "E1" => "a", "E2" => "b" )
setenv.set-environment = ( "E2" => "c", "REMOTE_USER" => "joe" )
accesslog.filename = "/tmp/x"
accesslog.format = "%{X-A}i|%{Cookie}i|%{X-Foo}i|%{X-B}i|%{User-Agent}i|%{X-C}i|%{Host}i|%{E1}e|%{E2}e|%u|%{X-R}o|%{X-S}o|%{content-type}o"
"#,
    );
    ask(
        &mut desk,
        "GET /a.html HTTP/1.1\nHost: h:99\nX-A: 0\nX-B: q\nX-C: q\nUser-Agent: u\nCookie: a=b",
    );
    // differs: the variables, which lighttpd sets only for backends
    assert_eq!(line(&desk), "0, 1|a=b; c=d|f|2|-|-|h:99, q|a|c|joe|1|1|z/z");
    let headers = &desk.response.headers;
    assert_eq!(headers.get("ETag"), Some(&b"W"[..]));
    assert_eq!(headers.get("Last-Modified"), None);
    assert_eq!(headers.get("Cache-Control"), Some(&b"private"[..]));
    assert_eq!(headers.get("Content-Type"), Some(&b"z/z"[..]));

    ask(&mut desk, "GET /nope HTTP/1.0");
    assert_eq!(desk.response.status, 404);
    assert_eq!(desk.response.headers.get("X-R"), Some(&b"1"[..]));
}

#[test]
fn the_handler_of_an_error_does_not_change_what_is_added() {
    let place = Place::new();
    let mut desk = place.desk(
        "server.modules = ( \"mod_setenv\" )\nserver.error-handler-404 = \"/a.html\"\n\
         $HTTP[\"url\"] == \"/a.html\" { setenv.add-response-header = ( \"X-Handler\" => \"1\" ) }\n\
         $HTTP[\"url\"] == \"/nope\" { setenv.add-response-header = ( \"X-Nope\" => \"1\" ) }",
    );
    for (path, expected) in [
        ("/nope", [Some(&b"1"[..]), None]),
        ("/a.html", [None, Some(b"1")]),
    ] {
        ask(&mut desk, &format!("GET {path} HTTP/1.0"));
        assert_eq!(desk.response.status, 200);
        let headers = &desk.response.headers;
        assert_eq!(
            ["X-Nope", "X-Handler"].map(|name| headers.get(name)),
            expected
        );
    }
}

/// The line for the log, finished as if the response had been sent, without its end.
fn line(desk: &Desk) -> String {
    let ending = Ending {
        earlier: 3,
        body: desk.response.body.length().unwrap(),
        sent: 494,
        received: 172,
        took: Duration::from_micros(1_234_567),
        connection: ConnectionAfter::Closed,
    };
    let mut out = Vec::new();
    desk.line.finish(&ending, &mut out);
    assert_eq!(out.pop(), Some(b'\n'));
    String::from_utf8(out).unwrap()
}

/// The line that a format gives for a request.
fn logged(place: &Place, format: &str, more: &str, head: &str) -> String {
    let mut desk = place.desk(&format!(
        "server.modules = ( \"mod_accesslog\" )\naccesslog.filename = \"/tmp/x\"\naccesslog.format = \"{format}\"\n{more}"
    ));
    ask(&mut desk, head);
    line(&desk)
}

#[test]
fn every_part_of_a_line() {
    let place = Place::new();
    let head = "GET /q1/%41b%22c%C3%A9?x=%20y&z HTTP/1.1\nHost: h.example:99\nCookie: foo=bar; bar=baz\n\
                X-Q: a\"b\tc\\dé\nUser-Agent: ua";
    for (format, expected) in [
        ("%% %A %D", "% 127.0.0.1 1234567"),
        ("%a %h", "192.0.2.7 192.0.2.7"),
        ("%{mask}a", "192.0.2.0"),
        ("%C", ""),
        ("%e", "-"),
        ("%f", "-"),
        ("%H %m", "HTTP/1.1 GET"),
        ("%I %O", "172 494"),
        ("%l %u %n", "- - -"),
        (
            "%p %{canonical}p %{local}p %{remote}p",
            "8080 8080 8080 1234",
        ),
        ("%P", ""),
        ("%q", "x=%20y&z"),
        ("%r", "GET /q1/%41b%22c%C3%A9?x=%20y&z HTTP/1.1"),
        ("%s %<s %>s", "404 404 404"),
        (
            "%T %{s}T %{ms}T %{us}T %{ns}T",
            "1 1 1234 1234567 1234567000",
        ),
        ("%U", "/q1/Ab%22c%C3%A9"),
        ("%v %V", "h.example:99 h.example:99"),
        ("%X", "-"),
        ("%{foo}C %{bar}C %{nope}C", "bar baz "),
        ("%{X-Q}n|%{X-Q}i|%{X-Q}o", r#"-|a\"b\tc\\d\xC3\xA9|-"#),
        ("%{Server}o|%{Date}o|%{foo}e", "-|-|-"),
        (r"\t|\n|\x|\\|", "\t|\n|x|\\|"),
    ] {
        assert_eq!(logged(&place, format, "", head), expected, "{format}");
    }
    assert_eq!(
        logged(
            &place,
            "%v %V",
            "server.name = \"n\"",
            "GET http://h:8/a.html?x HTTP/1.1\nHost: h:8"
        ),
        "n h:8"
    );
    let absolute = "GET http://h:8/a.html?x HTTP/1.1\nHost: h:8";
    assert_eq!(
        logged(&place, "%r %U %q", "", absolute),
        "GET /a.html?x HTTP/1.1 /a.html x"
    );
    let nobody = "GET /a.html HTTP/1.0";
    let (length, file) = ("3", place.path("www/a.html"));
    assert_eq!(
        logged(&place, "%f|%b|%B|%s|%v|%q|%{Content-Length}o", "", nobody),
        format!("{file}|{length}|{length}|200|-||{length}")
    );
}

#[test]
fn dates_are_local_and_numbers_are_not() {
    let place = Place::new();
    let head = "GET /a.html HTTP/1.0";
    let date = logged(&place, "%t", "", head);
    let shape: String = date
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' | 'a'..='z' => 'a',
            '-' => '+',
            other => other,
        })
        .collect();
    assert_eq!(shape, "[99/aaa/9999:99:99:99 +9999]");
    let year = logged(&place, "%{%Y}t %{begin:%Y}t %{end:%Y}t", "", head);
    assert_eq!(
        year.split(' ')
            .collect::<std::collections::HashSet<_>>()
            .len(),
        1
    );

    let numbers = logged(
        &place,
        "%{sec}t %{msec}t %{usec}t %{nsec}t %{msec_frac}t %{nsec_frac}t",
        "",
        head,
    );
    let digits: Vec<usize> = numbers.split(' ').map(str::len).collect();
    assert_eq!(digits, [10, 13, 16, 19, 3, 9], "{numbers}");
}

#[test]
fn a_json_template_gives_json() {
    let place = Place::new();
    let line = logged(
        &place,
        r#"{ \"agent\": \"%{User-Agent}i\", \"line\": \"%r\", \"bytes\": %b }"#,
        "accesslog.escaping = \"json\"",
        "GET /a.html?\" HTTP/1.0\nUser-Agent: é\t\"\\",
    );
    let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(parsed["agent"], "é\t\"\\");
    assert_eq!(parsed["line"], "GET /a.html?\" HTTP/1.0");
    assert_eq!(parsed["bytes"], 3);
}

#[test]
fn without_a_log_nothing_is_written() {
    let place = Place::new();
    let mut desk = place.desk("server.modules = ( \"mod_accesslog\" )\naccesslog.filename = \"\"");
    ask(&mut desk, "GET /a.html HTTP/1.0");
    assert!(desk.line.text.is_empty());
    // A condition decides which log it is, or whether there is one.
    let mut desk = place.desk(
        "server.modules = ( \"mod_accesslog\" )\naccesslog.filename = \"/tmp/x\"\n\
         $HTTP[\"url\"] == \"/a.html\" { accesslog.filename = \"/tmp/y\" }\n\
         $HTTP[\"url\"] == \"/a.inc\" { accesslog.filename = \"\" }",
    );
    ask(&mut desk, "GET / HTTP/1.0");
    assert_eq!(desk.line.log.0, 0);
    ask(&mut desk, "GET /a.html HTTP/1.0");
    assert_eq!(desk.line.log.0, 1);
    ask(&mut desk, "GET /a.inc HTTP/1.0");
    assert!(desk.line.text.is_empty());
}

#[test]
fn the_default_format_is_the_usual_one() {
    let place = Place::new();
    let mut desk =
        place.desk("server.modules = ( \"mod_accesslog\" )\naccesslog.filename = \"/tmp/x\"");
    ask(
        &mut desk,
        "GET /a.html HTTP/1.1\nHost: h\nReferer: http://r/\nUser-Agent: ua",
    );
    let line = line(&desk);
    let (start, rest) = line.split_once('[').unwrap();
    let (_, end) = rest.split_once(']').unwrap();
    assert_eq!(start, "192.0.2.7 h - ");
    assert_eq!(end, " \"GET /a.html HTTP/1.1\" 200 3 \"http://r/\" \"ua\"");
}

#[test]
fn an_attribute_of_the_file_tells_its_media_type() {
    let place = Place::new();
    let path = place.path("www/a.html");
    let flags = rustix::fs::XattrFlags::empty();
    let set = |value: &[u8]| rustix::fs::setxattr(&*path, "user.Content-Type", value, flags);
    if set(b"text/x-own").is_err() {
        eprintln!("skipped: this file system has no attributes");
        return;
    }
    for (switch, value, expected) in [
        ("disable", &b"text/x-own"[..], "text/html"),
        ("enable", b"text/x-own", "text/x-own"),
        ("enable", b"text/x-own\0", "text/x-own"),
        ("enable", b"text/x\r\nOwn: x", "text/html"),
        ("enable", b"", "text/html"),
    ] {
        set(value).unwrap();
        let mut desk = place.desk(&format!(
            "mimetype.assign = ( \".html\" => \"text/html\" )\nmimetype.use-xattr = \"{switch}\""
        ));
        ask(&mut desk, "GET /a.html HTTP/1.1\nHost: h");
        let found = desk.response.headers.get("Content-Type");
        assert_eq!(found, Some(expected.as_bytes()), "{switch}, {value:?}");
    }
}
