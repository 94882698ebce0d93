//! Documents and pages. What is expected is what lighttpd 1.4.69 made of the same documents, unless a comment says `differs`.

use std::sync::Arc;

use super::order::{Content, Order};
use crate::config::tests::support::{ask, load};
use crate::gateway::Target;
use crate::response::{Body, Part};
use crate::route::Desk;
use crate::settings::Settings;

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            directory: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(place.directory.path().join("sub")).unwrap();
        for (name, content) in [
            ("inc.txt", "INC"),
            ("sub/inc.txt", "SUBINC"),
            ("nested.shtml", "N[<!--#include file=\"inc.txt\"-->]"),
            ("self.shtml", "R[<!--#include file=\"self.shtml\"-->]"),
            ("a1.shtml", "1(<!--#include file=\"a2.shtml\"-->)"),
            ("a2.shtml", "2(<!--#include file=\"inc.txt\"-->)"),
            (
                "vars.shtml",
                "[<!--#echo var=\"v\"--><!--#set var=\"w\" value=\"2\"-->]",
            ),
        ] {
            place.write(name, content);
        }
        place.write("three.txt", &"x".repeat(3000));
        place.write("large.txt", &"y".repeat(40_000));
        place
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.directory.path().join(name), content).unwrap();
    }

    fn desk(&self) -> Desk {
        let path = self.directory.path().canonicalize().unwrap();
        let text = format!(
            "server.document-root = \"{}\"\nserver.modules = ( \"mod_ssi\" )\nssi.extension = ( \".shtml\" )\n\
             server.tag = \"tag\"\nserver.stat-cache-engine = \"disable\"\n\
             $HTTP[\"query-string\"] == \"deep\" {{ ssi.recursion-max = 3 }}\n\
             $HTTP[\"query-string\"] == \"off\" {{ ssi.exec = \"disable\" }}\n\
             $HTTP[\"query-string\"] == \"cond\" {{ ssi.conditional-requests = \"enable\" ssi.content-type = \"text/x\" }}\n",
            path.to_str().unwrap()
        );
        Desk::new(Arc::new(load(&text).0))
    }
}

fn page(desk: &mut Desk, target: &str) -> String {
    ask(
        desk,
        &format!("GET {target} HTTP/1.1\nHost: h.example:81\nX-Foo: bar<>"),
    );
    assert_eq!(desk.response.status, 200, "{target}");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match &desk.response.body {
        Body::Empty => String::new(),
        Body::Bytes(bytes) => text(bytes),
        Body::Parts(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Bytes(bytes) => text(bytes),
                Part::File(range) => format!("{{{} bytes}}", range.length),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn commands_are_for_threads() {
    let place = Place::new();
    let mut desk = place.desk();
    place.write("case.shtml", "[<!--#exec cmd=\"echo $A\"-->]");
    let head = "GET /case.shtml?a HTTP/1.1\nHost: h.example";
    ask(&mut desk, head);
    let forward = desk.forwarded.take().expect("somebody else makes it");
    assert!(matches!(forward.forward.target, Target::Chore));
    let order = Order::from_bytes(&forward.forward.preface.bytes).unwrap();
    let text = |text: &str| text.as_bytes().to_vec().into();
    assert_eq!(
        order.contents,
        [
            Content::Text(text("[")),
            Content::Command(text("echo $A")),
            Content::Text(text("]"))
        ]
    );
    // Where they are not allowed nobody is asked, and a page is made without them.
    assert_eq!(page(&mut desk, "/case.shtml?off"), "[]");
    let allowed = super::work(&order.to_bytes(), &Settings::default()).unwrap();
    assert!(allowed().ends_with(b"\r\n\r\n[\n]"));
    let mut settings = Settings::default();
    settings.ssi.exec = false;
    let without = super::work(&order.to_bytes(), &settings).unwrap();
    assert!(without().ends_with(b"\r\n\r\n[]"));
    assert!(super::work(b"", &settings).is_err());
}

#[test]
fn directives_are_carried_out() {
    let place = Place::new();
    let mut desk = place.desk();
    for (document, expected) in [
        ("plain", "plain"),
        ("<!--#echo var=\"DOCUMENT_NAME\"-->", "case.shtml"),
        ("<!--#echo var='DOCUMENT_URI'-->", "/case.shtml"),
        ("<!--#echo var=\"NOPE\"-->", "(none)"),
        ("<!--#echo var=\"QUERY_STRING\"-->", "q=1"),
        (
            "<!--#echo var=\"HTTP_HOST\"-->|<!--#echo var=\"REQUEST_URI\"-->",
            "h.example:81|/case.shtml?q=1",
        ),
        (
            "<!--#echo var=\"REQUEST_METHOD\"-->|<!--#echo var=\"SERVER_SOFTWARE\"-->",
            "GET|tag",
        ),
        ("<!--#echo var=\"HTTP_X_FOO\"-->", "bar<>"),
        // Differs: lighttpd knows the attribute and does nothing about it.
        (
            "<!--#echo encoding=\"entity\" var=\"HTTP_X_FOO\"-->",
            "bar&lt;&gt;",
        ),
        (
            "<!--#set var=\"a\" value=\"b\"--><!--#echo var=\"a\"-->",
            "b",
        ),
        (
            "<!--#set value=\"$QUERY_STRING\" var=\"a\"--><!--#echo var=\"a\"-->",
            "$QUERY_STRING",
        ),
        // What the request says goes first.
        (
            "<!--#set var=\"QUERY_STRING\" value=\"mine\"--><!--#echo var=\"QUERY_STRING\"-->",
            "q=1",
        ),
        ("<!--#include file=\"inc.txt\"-->", "INC"),
        ("<!--#include virtual=\"/inc.txt\"-->", "INC"),
        ("<!--#include virtual=\"sub/inc.txt\"-->", "SUBINC"),
        ("<!--#include file=\"sub/inc.txt\"-->", "SUBINC"),
        ("<!--#include file=\"in%63.txt\"-->", "INC"),
        ("<!--#include file=\"../inc.txt\"-->", "INC"),
        ("<!--#include virtual=\"../../etc/passwd\"-->x", "x"),
        (
            "<!--#include virtual=\"/%2e%2e/%2e%2e/etc/passwd\"-->x",
            "x",
        ),
        ("<!--#include file=\"nope\"-->x", "x"),
        ("<!--#include file=\"sub\"-->x", "x"),
        ("<!--#include-->x", "x"),
        (
            "<!--#include file=\"nested.shtml\"-->",
            "N[<!--#include file=\"inc.txt\"-->]",
        ),
        ("a<!--#include file=\"large.txt\"-->b", "a{40000 bytes}b"),
        ("<!--#fsize file=\"three.txt\"-->", "3000"),
        (
            "<!--#config sizefmt=\"abbrev\"--><!--#fsize virtual=\"/three.txt\"-->",
            "2 kB",
        ),
        ("<!--#exec cgi=\"/x\"-->x", "x"),
        ("<!--#nope x=\"y\"-->Z", "Z"),
        ("<!--#ECHO var=\"DOCUMENT_NAME\"-->", ""),
        ("<!--#comment hello -->Z", "Z"),
        ("<!--#if expr=\"a\"-->Y<!--#else-->N<!--#endif-->", "Y"),
        (
            "<!--#if expr=\"$QUERY_STRING = 'q=1'\"-->Y<!--#else-->N<!--#endif-->",
            "Y",
        ),
        (
            "<!--#if expr=\"a = b\"-->1<!--#elif expr=\"a = a\"-->2<!--#elif expr=\"a\"-->3<!--#else-->4<!--#endif-->",
            "2",
        ),
        (
            "<!--#if expr=\"x\"-->a<!--#if expr=\"$NO\"-->b<!--#else-->c<!--#endif-->d<!--#else-->e<!--#if expr=\"x\"-->f<!--#endif-->g<!--#endif-->h",
            "acdh",
        ),
        (
            "<!--#if expr=\"$N\"--><!--#include file=\"inc.txt\"--><!--#set var=\"a\" value=\"1\"--><!--#endif--><!--#echo var=\"a\"-->",
            "(none)",
        ),
        ("<!--#if-->Y<!--#endif-->Z", "YZ"),
        ("<!--#else-->Y", ""),
        ("<!--#endif-->Y", "Y"),
        ("<!--#if expr=\"a\"-->Y", "Y"),
    ] {
        place.write("case.shtml", document);
        assert_eq!(page(&mut desk, "/case.shtml?q=1"), expected, "{document}");
    }
    place.write("case.shtml", "<!--#printenv-->");
    assert!(page(&mut desk, "/case.shtml").contains("HTTP_X_FOO=bar&lt;&gt;\n"));
    let years = "<!--#config timefmt=\"%Y\"--><!--#echo var=\"DATE_GMT\"-->|<!--#flastmod file=\"inc.txt\"-->|<!--#echo var=\"LAST_MODIFIED\"-->";
    place.write("case.shtml", years);
    let years = page(&mut desk, "/case.shtml");
    let is_year = |year: &str| year.len() == 4 && year.parse::<u16>().is_ok();
    assert_eq!(
        years.split('|').filter(|year| is_year(year)).count(),
        3,
        "{years}"
    );
    place.write("case.shtml", "<!--#echo var=\"DATE_GMT\"-->");
    assert!(page(&mut desk, "/case.shtml").ends_with(" GMT"));
}

#[test]
fn what_is_included_is_carried_out_as_deep_as_configured() {
    let place = Place::new();
    for (name, content) in [
        ("a1.shtml", "1(<!--#include virtual=\"a2.shtml\"-->)"),
        ("a2.shtml", "2(<!--#include virtual=\"a3.shtml\"-->)"),
        ("a3.shtml", "3(<!--#include virtual=\"a4.shtml\"-->)"),
        ("a4.shtml", "4"),
    ] {
        place.write(name, content);
    }
    let mut desk = place.desk();
    for (document, expected) in [
        ("<!--#include virtual=\"nested.shtml\"-->", "N[INC]"),
        (
            "<!--#include file=\"nested.shtml\"-->",
            "N[<!--#include file=\"inc.txt\"-->]",
        ),
        (
            "<!--#include virtual=\"/a1.shtml\"-->",
            "1(2(3((error: include directives recurse deeper than pre-defined ssi.recursion-max))))",
        ),
        (
            "<!--#include virtual=\"/case.shtml\"-->x",
            "(error: include directives create an infinite loop)x",
        ),
        (
            "<!--#set var=\"v\" value=\"1\"--><!--#include virtual=\"vars.shtml\"--><!--#echo var=\"w\"-->",
            "[1]2",
        ),
    ] {
        place.write("case.shtml", document);
        assert_eq!(page(&mut desk, "/case.shtml?deep"), expected, "{document}");
    }
    // Not for ever.
    place.write(
        "case.shtml",
        &"<!--#include file=\"inc.txt\"-->".repeat(2000),
    );
    assert_eq!(page(&mut desk, "/case.shtml").len(), 3000);
    let sets: String = (0..2000)
        .map(|number| format!("<!--#set var=\"{number}\" value=\"v\"-->"))
        .collect();
    let echoes = "<!--#echo var=\"999\"-->|<!--#echo var=\"1000\"-->";
    place.write("case.shtml", &format!("{sets}{echoes}"));
    assert_eq!(page(&mut desk, "/case.shtml"), "v|(none)");
}

#[test]
fn a_page_has_validators_if_it_is_to_have_them() {
    let place = Place::new();
    let mut desk = place.desk();
    page(&mut desk, "/nested.shtml");
    assert_eq!(
        desk.response.headers.get("Content-Type"),
        Some(&b"text/html"[..])
    );
    assert_eq!(desk.response.headers.get("ETag"), None);
    page(&mut desk, "/nested.shtml?cond");
    assert_eq!(
        desk.response.headers.get("Content-Type"),
        Some(&b"text/x"[..])
    );
    let tag = String::from_utf8(desk.response.headers.get("ETag").unwrap().to_vec()).unwrap();
    let again = format!("GET /nested.shtml?cond HTTP/1.1\nHost: h\nIf-None-Match: {tag}");
    ask(&mut desk, &again);
    assert_eq!(desk.response.status, 304);
    // What is included has changed.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(10);
    let file = std::fs::File::options()
        .append(true)
        .open(place.directory.path().join("inc.txt"));
    file.unwrap().set_modified(later).unwrap();
    let mut desk = place.desk();
    ask(&mut desk, &again);
    assert_eq!(desk.response.status, 200);
    ask(
        &mut desk,
        "PUT /nested.shtml HTTP/1.1\nHost: h\nContent-Length: 0",
    );
    assert_eq!(desk.response.status, 501);
}

#[test]
fn a_document_that_is_included_has_a_name_and_a_place_of_its_own() {
    let place = Place::new();
    let named = "<!--#echo var=\"DOCUMENT_NAME\"-->|<!--#echo var=\"DOCUMENT_URI\"-->";
    let inner = format!("({named}|<!--#include virtual=\"inc.txt\"-->)");
    place.write("sub/in.shtml", &inner);
    place.write(
        "out.shtml",
        &format!(
            "<!--#include virtual=\"sub/in.shtml\"-->{named}<!--#include virtual=\"inc.txt\"-->"
        ),
    );
    let mut desk = place.desk();
    for target in ["/out.shtml?deep", "/out.shtml/info?deep"] {
        assert_eq!(
            page(&mut desk, target),
            "(in.shtml|/sub/in.shtml|SUBINC)out.shtml|/out.shtmlINC"
        );
    }
}
