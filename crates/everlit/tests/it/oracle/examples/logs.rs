//! mod_accesslog: formats, and what is not logged.

use super::super::configurations::Case;
use super::super::credentials::basic;
use super::super::known::{Known, known};
use super::super::requests::{Request, get_with, gets};
use super::{around, logged};

fn all() -> Vec<Request> {
    let mut requests = around(&["/a.txt", "/missing", "/sub/"]);
    requests.extend(gets(&[
        "/favicon.ico",
        "/health",
        "/image.png",
        "/a.txt?x=%20\"y\"",
        "/%22quoted%22",
        "/a%5cb",
        "/%c3%a9",
    ]));
    for field in [
        "User-Agent: Mozilla/5.0 (X11; \"quoted\" \\ back)",
        "User-Agent: tab\there",
        "Referer: http://other.example/?a=b&c=\"d\"",
        "Cookie: session=abc; other=\"q\"; last=z",
        "Cookie: xsession=no; session=yes",
        "Cookie: session",
        "Cookie: session=",
        "Cookie:session=a=b;c",
        "X-Forwarded-For: 192.0.2.1, 10.0.0.1",
        "Host2: y",
        "X-Latin: caf\u{e9}",
    ] {
        requests.push(get_with("/a.txt", &[field]));
    }
    requests.push(basic("/a.txt", "joe", "secret"));
    requests
}

macro_rules! formats {
    ($format:literal, $more:literal) => {
        concat!(
            "accesslog.filename = \"@DIR@/access.log\"\nindex-file.names = (\"index.html\")\nserver.name = \"name.example\"\n\
             accesslog.format = \"",
            $format,
            "\"\n",
            $more
        )
    };
}

pub const CASES: &[Case] = &[
    logged(
        "logs, combined",
        formats!(
            r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""#,
            ""
        ),
        all,
    ),
    logged(
        "logs, by host",
        formats!(
            r#"%V %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %v:%{canonical}p"#,
            ""
        ),
        all,
    ),
    logged(
        "logs, as documented once",
        formats!(
            r#"%h %l %u %t \"%r\" %b %>s \"%{User-Agent}i\" \"%{Referer}i\" \"%{X-LIGHTTPD-SID}o\""#,
            r#"setenv.add-response-header = ("X-LIGHTTPD-SID" => "abc")"#
        ),
        all,
    ),
    logged(
        "logs, cookies and variables",
        formats!(
            r#"%{session}C ;; %{other}C ;; %{none}C ;; %{ADDED}e ;; %{NONE}e ;; %{X-Forwarded-For}i ;; %{Content-Length}o ;; %{Server}o ;; %{X-Latin}i"#,
            r#"setenv.set-environment = ("ADDED" => "a \"b\"")"#
        ),
        all,
    ),
    logged(
        "logs, the other letters",
        formats!(
            r#"%% ;; %a ;; %A ;; %B ;; %H ;; %m ;; %q ;; %s ;; %<s ;; %X ;; %{local}p ;; %T ;; %k ;; %{Location}o ;; %r%%"#,
            ""
        ),
        all,
    ),
    logged(
        "logs, JSON",
        formats!(
            r#"{ \"ip\": \"%h\", \"request\": \"%r\", \"agent\": \"%{User-Agent}i\", \"referer\": \"%{Referer}i\", \"status\": %s }"#,
            r#"accesslog.escaping = "json""#
        ),
        all,
    ),
    logged(
        "logs, not everything",
        formats!(
            "%h %r %s",
            r#"
            $HTTP["url"] =~ "^/(favicon\.ico|health)$" { accesslog.filename = "" }
            $HTTP["url"] =~ "\.png$" { accesslog.filename = "@DIR@/images.log" }
            $HTTP["user-agent"] =~ "Mozilla" { accesslog.format = "%r by a browser" }
            "#
        ),
        || gets(&["/a.txt", "/missing"]),
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "logs, cookies and variables",
        "*",
        "log",
        "-",
        "a *",
        "variables are there when the line is written",
    ),
    known(
        "logs, the other letters",
        "POST *",
        "log",
        "-",
        "+",
        "a request that can be told from the next one is no reason to close",
    ),
    known(
        "logs, the other letters",
        "GET http:*",
        "log",
        "*",
        "*",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "logs, cookies and variables",
        "HEAD *",
        "log",
        "3*",
        "1*",
        "the length of such a page",
    ),
];
