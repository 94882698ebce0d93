//! mod_ssi: pages as they are written, and expressions piece by piece.

use std::fs;
use std::path::Path;

use super::super::configurations::Case;
use super::super::known::{Known, known};
use super::super::requests::{Request, get_with, gets};
use super::{around, case};

/// Below `/pages`.
const PAGES: &[(&str, &str)] = &[
    (
        "index.shtml",
        "<!--#include virtual=\"/pages/head.shtml\" -->\n<p>main</p>\n<!--#include file=\"foot.html\" -->\n",
    ),
    (
        "head.shtml",
        "<!--#set var=\"title\" value=\"Home\" --><title><!--#echo var=\"title\" --></title><!--#if expr=\"$QUERY_STRING = 'print'\" -->print<!--#else -->screen<!--#endif -->",
    ),
    (
        "foot.html",
        "<hr><!--#echo var=\"DOCUMENT_NAME\" --> <!--#echo var=\"DOCUMENT_URI\" -->",
    ),
    (
        "sizes.shtml",
        "<!--#config sizefmt=\"abbrev\" --><!--#fsize file=\"foot.html\" -->,<!--#fsize file=\"missing\" -->,<!--#config sizefmt=\"bytes\" --><!--#fsize virtual=\"foot.html\" -->,<!--#config sizefmt=\"nonsense\" --><!--#fsize virtual=\"/large.bin\" -->,<!--#fsize virtual=\"/noindex/kilo.bin\" -->,<!--#config sizefmt=\"abbrev\" --><!--#fsize virtual=\"/noindex/kilo.bin\" -->,<!--#fsize virtual=\"/noindex/more.bin\" -->,<!--#fsize virtual=\"/digits.txt\" -->,<!--#fsize virtual=\"/empty.txt\" -->,<!--#fsize -->",
    ),
    (
        "times.shtml",
        "<!--#config timefmt=\"%d %B %Y, %A %H:%M:%S\" --><!--#flastmod virtual=\"/a.txt\" -->,<!--#flastmod file=\"../b.txt\" -->,<!--#flastmod file=\"foot.html\" -->,<!--#config timefmt=\"%s\" --><!--#echo var=\"LAST_MODIFIED\" -->,<!--#config timefmt=\"\" --><!--#flastmod virtual=\"/a.txt\" -->,<!--#config timefmt=\"%j %U %p %%\" --><!--#flastmod virtual=\"/a.txt\" -->,<!--#config timefmt=\"%Y\" sizefmt=\"abbrev\" --><!--#flastmod virtual=\"/a.txt\" --> <!--#fsize virtual=\"/digits.txt\" -->",
    ),
    (
        "echo.shtml",
        "<!--#echo var=\"REMOTE_ADDR\" -->|<!--#echo var=\"HTTP_USER_AGENT\" -->|<!--#echo var=\"HTTP_COOKIE\" -->|<!--#echo var=\"HTTP_REFERER\" -->|<!--#echo var=\"DOCUMENT_URI\" -->|<!--#echo var=\"QUERY_STRING\" -->|<!--#echo encoding=\"none\" var=\"DOCUMENT_NAME\" -->|<!--#echo var=\"DOCUMENT_NAME\" encoding=\"url\" -->|<!--#echo var=\"USER_NAME\" -->|<!--#echo var=\"SERVER_PORT_SECURE\" -->|<!--#echo var=\"PATH_INFO\" -->|<!--#echo var=\"ADDED\" -->",
    ),
    (
        "set.shtml",
        "<!--#set var=\"a\" value=\"1\" --><!--#set var=\"b\" value=\"$a\" --><!--#set var=\"c\" value=\"${a}x$a\" --><!--#set var=\"a\" value=\"2\" --><!--#echo var=\"a\" -->|<!--#echo var=\"b\" -->|<!--#echo var=\"c\" -->|<!--#set var=\"d\" --><!--#echo var=\"d\" -->|<!--#set value=\"x\" --><!--#set var=\"e\" value=\"\" -->(<!--#echo var=\"e\" -->)|<!--#set var=\"QUERY_STRING\" value=\"mine\" --><!--#echo var=\"QUERY_STRING\" -->",
    ),
    (
        "include.shtml",
        "<!--#include file=\"sub/in.html\" -->|<!--#include file=\"/a.txt\" -->|<!--#include file=\"../a.txt\" -->|<!--#include virtual=\"/a.txt?x\" -->|<!--#include virtual=\"sub/in.html\" -->|<!--#include virtual=\"/pages/sub/../foot.html\" -->|<!--#include virtual=\"/%61.txt\" -->|<!--#include file=\"foot.html\" virtual=\"/a.txt\" -->|<!--#include -->",
    ),
    (
        "sub/in.html",
        "(in <!--#echo var=\"DOCUMENT_NAME\" --> <!--#echo var=\"DOCUMENT_URI\" --> <!--#include virtual=\"x.html\" --> <!--#fsize file=\"x.html\" --> <!--#echo var=\"LAST_MODIFIED\" -->)",
    ),
    (
        "sub/deep.shtml",
        "<!--#include virtual=\"in.html\" -->|<!--#include file=\"in.html\" -->|<!--#include virtual=\"/pages/foot.html\" -->|<!--#include file=\"../foot.html\" -->",
    ),
    (
        "comments.shtml",
        "a<!-- plain -->b<!--#-->c<!-- #echo var=\"DOCUMENT_NAME\" -->d<!--#comment anything at all -->e<!--#echo var=\"DOCUMENT_NAME\"-->f<!--#echo\nvar=\"DOCUMENT_NAME\"\n-->g<!--#echo var=DOCUMENT_NAME -->h<!--#echo var=\"DOCUMENT_NAME\" var=\"DOCUMENT_URI\" -->i<!--#Echo var=\"DOCUMENT_NAME\" -->j<!--#echo  var = \"DOCUMENT_NAME\" -->k<!--#printenvx -->l<!--#config errmsg=\"[error]\" --><!--#include file=\"missing\" -->m",
    ),
    ("x.html", "x beside\n"),
    ("sub/x.html", "x in sub\n"),
    (
        "set-again.shtml",
        "<!--#set var=\"QUERY_STRING\" value=\"mine\" --><!--#if expr=\"$QUERY_STRING = mine\" -->mine<!--#else -->theirs<!--#endif -->",
    ),
    (
        "escaped.shtml",
        "<!--#set var=\"f\" value=\"a \\\"b\\\" c\" -->(<!--#echo var=\"f\" -->)",
    ),
    (
        "directories.shtml",
        "a<!--#include virtual=\"/sub/\" -->b<!--#include file=\"sub\" -->c<!--#include virtual=\"\" -->d",
    ),
    (
        "unfinished.shtml",
        "a<!--#if expr=\"1\" -->b<!--#if expr=\"\" -->c<!--#else -->d",
    ),
    (
        "stray.shtml",
        "a<!--#else -->b<!--#endif -->c<!--#elif expr=\"1\" -->d<!--#endif -->e",
    ),
];

/// What holds, or not.
const EXPRESSIONS: &[&str] = &[
    "a",
    "",
    "''",
    "'a'",
    "0",
    "$QUERY_STRING",
    "$NONE",
    "${QUERY_STRING}",
    "${NONE}",
    "!a",
    "! $NONE",
    "!!a",
    "!''",
    "a = a",
    "a = b",
    "a == a",
    "a != b",
    "a != a",
    "'a b' = 'a b'",
    "a b = 'a b'",
    "'a' 'b' = 'a b'",
    "a=a",
    "a!=b",
    "1 < 2",
    "2 < 1",
    "10 < 9",
    "9 < 10",
    "1 <= 1",
    "2 >= 1",
    "1 => 1",
    "a < b",
    "b > a",
    "a > ''",
    "$QUERY_STRING = q=1",
    "$QUERY_STRING = 'q=1'",
    "$QUERY_STRING != ''",
    "'$QUERY_STRING' = 'q=1'",
    "$QUERY_STRING = /q/",
    "$QUERY_STRING = /^x/",
    "a && b",
    "a && ''",
    "'' && a",
    "a || ''",
    "'' || a",
    "'' || ''",
    "a && b && ''",
    "'' || a && ''",
    "a || a && ''",
    "(a || a) && ''",
    "a || (a && '')",
    "(a)",
    "((a))",
    "(a",
    "a)",
    "()",
    "!(a)",
    "!(a && '')",
    "!a || a",
    "! a = b",
    "!(a = b)",
    "!a = ''",
    "a &&",
    "&& a",
    "a & b",
    "a | b",
    "a = ",
    "= a",
    "a = b = c",
    "a <",
    "'unfinished",
    "$",
    "${",
    "${NONE",
    "$ QUERY_STRING",
    "$REMOTE_ADDR = 127.0.0.1",
    "$REMOTE_ADDR = '127.0.0.1' && $QUERY_STRING = 'q=1'",
    "$REQUEST_METHOD = GET",
    "$HTTP_X_FOO",
    "$HTTP_X_FOO = bar",
    "'it''s' = its",
    "'a\\'b'",
    "\\a",
    "a\\ b = 'a b'",
    "$QUERY_STRING$QUERY_STRING",
    "x$QUERY_STRING = xq=1",
    "'<' < '='",
    "a AND b",
    "a OR ''",
    "not a",
];

/// Makes them, in `pages` below this root.
pub fn install(root: &Path) {
    let pages = root.join("pages");
    fs::create_dir_all(pages.join("sub")).unwrap();
    for (name, text) in PAGES {
        fs::write(pages.join(name), text).unwrap();
    }
    for (number, expression) in EXPRESSIONS.iter().enumerate() {
        let text = format!("<!--#if expr=\"{expression}\" -->yes<!--#else -->no<!--#endif -->.");
        fs::write(pages.join(format!("if-{number}.shtml")), text).unwrap();
    }
    let modified = httpdate::parse_http_date(super::MODIFIED).unwrap();
    for file in fs::read_dir(&pages)
        .unwrap()
        .chain(fs::read_dir(pages.join("sub")).unwrap())
    {
        let path = file.unwrap().path();
        fs::File::open(path)
            .unwrap()
            .set_modified(modified)
            .unwrap();
    }
}

fn pages() -> Vec<Request> {
    let mut requests = around(&["/pages/", "/pages/head.shtml"]);
    for (name, _) in PAGES {
        requests.extend(gets(&[
            &format!("/pages/{name}"),
            &format!("/pages/{name}?print"),
            &format!("/pages/{name}/info?x"),
        ]));
        requests.push(get_with(
            &format!("/pages/{name}"),
            &[
                "User-Agent: <b>&",
                "Cookie: a=\"b\"",
                "Referer: http://other.example/",
            ],
        ));
    }
    requests
}

pub const CASES: &[Case] = &[
    case(
        "ssi, pages",
        r#"
            server.modules += ("mod_ssi")
            ssi.extension = (".shtml")
            index-file.names = ("index.shtml", "index.html")
            setenv.add-environment = ("ADDED" => "added")
        "#,
        pages,
    ),
    case(
        "ssi, every page",
        r#"
            server.modules += ("mod_ssi")
            ssi.extension = (".shtml", ".html")
            ssi.content-type = "text/html; charset=utf-8"
            ssi.recursion-max = 3
            ssi.conditional-requests = "enable"
            index-file.names = ("index.shtml")
            $HTTP["query-string"] == "print" { ssi.extension = () }
        "#,
        pages,
    ),
    case(
        "ssi, expressions",
        r#"
            server.modules += ("mod_ssi")
            ssi.extension = (".shtml")
        "#,
        || {
            let of =
                |(number, _)| get_with(&format!("/pages/if-{number}.shtml?q=1"), &["X-Foo: bar"]);
            EXPRESSIONS.iter().enumerate().map(of).collect()
        },
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "ssi, *",
        "OPTIONS *",
        "*",
        "*",
        "*",
        "OPTIONS asks what can be done with a document, not for the document (RFC 9110 9.3.7)",
    ),
    known(
        "ssi, *",
        "PUT *",
        "status",
        "200",
        "501",
        "PUT does not ask for a document",
    ),
    known(
        "ssi, *",
        "* /pages/directories.shtml*",
        "status",
        "cut off: in the body",
        "200",
        "where a file cannot be included, the rest of the page is there; lighttpd breaks off",
    ),
    known(
        "ssi, *",
        "* /pages/escaped.shtml*",
        "body",
        "*(<!--#echo*",
        "*((none))",
        "lighttpd takes everything behind a backslash in a directive for text",
    ),
    known(
        "ssi, expressions",
        "GET /pages/if-*",
        "body",
        "<!--#if*",
        "*",
        "lighttpd takes everything behind a backslash in a directive for text",
    ),
    known(
        "ssi, *",
        "* /pages/echo.shtml*",
        "body",
        "*",
        "*|(none)|*",
        "the owner of a file is not told",
    ),
    known(
        "ssi, *",
        "* /pages/stray.shtml*",
        "body",
        "acde",
        "ace",
        "an elif without an if does not hold",
    ),
];
