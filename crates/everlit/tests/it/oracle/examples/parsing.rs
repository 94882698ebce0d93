//! `server.http-parseopts`, key by key.

use super::super::configurations::Case;
use super::super::known::{Known, known};
use super::super::requests::{Request, connections, gets, malformed, targets};
use super::case;

fn all() -> Vec<Request> {
    [
        targets(),
        connections(),
        gets(&[
            "/a.txt?a+b%20c",
            "/a.txt?a%2bb+c",
            "/a.txt?%ff",
            "/a.txt?%41%2f%5c",
            "/a.txt?a\\b",
            "/a.txt?%00",
            "/a.txt?%7f",
            "/a.txt?<x>",
            "/sub\\page.html",
            "/sub%5cpage.html",
            "/sub\\..\\a.txt",
            "/sub/%2E/page.html",
            "/sub/.%2e/a.txt",
            "/a.txt%3Bx",
            "/names/%28parens%29.txt",
            "/names/%21.txt",
            "/sub%252fpage.html",
            "/%e9",
            "/%C3%A9",
            "/%ed%a0%80",
            "/%f8%88%80%80%80",
            "/%01",
            "/%1f",
        ]),
    ]
    .concat()
}

macro_rules! option {
    ($name:literal, $options:literal) => {
        case(
            concat!("parseopts, ", $name),
            concat!(
                "server.http-parseopts = (",
                $options,
                ")\nserver.modules += (\"mod_redirect\")\n\
                 $HTTP[\"query-string\"] != \"\" { setenv.add-response-header = (\"X-Query\" => \"y\") }\n\
                 $HTTP[\"url\"] =~ \"\\x5c\" { setenv.add-response-header += (\"X-Backslash\" => \"y\") }\n\
                 $HTTP[\"url\"] =~ \"%2[fF]\" { setenv.add-response-header += (\"X-Encoded\" => \"y\") }\n\
                 url.redirect = (\"^/sub\\?(.*)$\" => \"/other?$1\")\n"
            ),
            all,
        )
    };
}

pub const CASES: &[Case] = &[
    option!(
        "as Debian has them",
        r#""header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable",
        "url-normalize-unreserved" => "enable", "url-normalize-required" => "enable", "url-ctrls-reject" => "enable",
        "url-path-2f-decode" => "enable", "url-path-dotseg-remove" => "enable""#
    ),
    option!(
        "url-normalize-unreserved",
        r#""url-normalize-unreserved" => "enable""#
    ),
    option!(
        "url-normalize-required",
        r#""url-normalize-required" => "enable""#
    ),
    option!("url-ctrls-reject off", r#""url-ctrls-reject" => "disable""#),
    option!(
        "url-path-backslash-trans",
        r#""url-path-backslash-trans" => "enable""#
    ),
    option!(
        "url-path-2f-decode off",
        r#""url-path-2f-decode" => "disable""#
    ),
    option!(
        "url-path-2f-reject",
        r#""url-path-2f-decode" => "disable", "url-path-2f-reject" => "enable""#
    ),
    option!(
        "url-path-dotseg-remove off",
        r#""url-path-dotseg-remove" => "disable""#
    ),
    option!(
        "url-path-dotseg-reject",
        r#""url-path-dotseg-remove" => "disable", "url-path-dotseg-reject" => "enable""#
    ),
    option!("url-query-20-plus", r#""url-query-20-plus" => "enable""#),
    option!(
        "url-invalid-utf8-reject off",
        r#""url-invalid-utf8-reject" => "disable""#
    ),
    option!("url-normalize off", r#""url-normalize" => "disable""#),
    option!("host-strict off", r#""host-strict" => "disable""#),
    option!(
        "host-normalize",
        r#""host-normalize" => "enable", "host-strict" => "disable""#
    ),
    case(
        "parseopts, method-get-body",
        r#"server.http-parseopts = ("method-get-body" => "enable", "url-normalize" => "enable")"#,
        malformed,
    ),
    case(
        "parseopts, old names",
        r#"
            server.http-parseopt-header-strict = "enable"
            server.http-parseopt-host-strict = "enable"
            server.http-parseopt-host-normalize = "enable"
        "#,
        connections,
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "parseopts, host-strict off",
        "*Host: a/b*",
        "status",
        "*",
        "400",
        "a host that is a path is refused under all options",
    ),
    known(
        "parseopts, host-strict off",
        "*Host: .*",
        "status",
        "*",
        "400",
        "a host that is a path is refused under all options",
    ),
    known(
        "parseopts, host-normalize",
        "*Host: a/b*",
        "status",
        "*",
        "400",
        "a host that is a path is refused under all options",
    ),
    known(
        "parseopts, host-normalize",
        "*Host: .*",
        "status",
        "*",
        "400",
        "a host that is a path is refused under all options",
    ),
];
