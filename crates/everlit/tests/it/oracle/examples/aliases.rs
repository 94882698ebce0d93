//! mod_alias: directories that are somewhere else.

use super::super::configurations::Case;
use super::super::known::Known;
use super::super::requests::gets;
use super::{around, case};

pub const CASES: &[Case] = &[
    case(
        "alias, programs and pictures",
        r#"
            server.modules += ("mod_cgi")
            alias.url = ("/cgi-bin/" => "@ROOT@/cgi/")
            alias.url += ("/javascript" => "@ROOT@/noindex")
            alias.url += ("/favicon.ico" => "@ROOT@/image.png", "/robots.txt" => "@ROOT@/a.txt")
            $HTTP["url"] =~ "^/cgi-bin/" { cgi.assign = ("" => "") }
        "#,
        || {
            [
                around(&[
                    "/cgi-bin/tell.cgi",
                    "/javascript/one.txt",
                    "/favicon.ico",
                    "/javascript",
                    "/cgi-bin/",
                ]),
                gets(&[
                    "/cgi-bin",
                    "/cgi-bin/missing",
                    "/cgi-bin/tell.cgi/path/info?q",
                    "/cgi-bin/../a.txt",
                    "/cgi-bin/%2e%2e/a.txt",
                    "/javascript/../a.txt",
                    "/javascript../a.txt",
                    "/javascriptone.txt",
                    "/javascript/nested/",
                    "/javascript/nested",
                    "/robots.txt.bak",
                    "/favicon.ico/x",
                    "/favicon.icon",
                ]),
            ]
            .concat()
        },
    ),
    case(
        "alias, longest first",
        r#"
            alias.url = ("/docs" => "@ROOT@/noindex", "/doc/sub" => "@ROOT@/sub", "/doc" => "@OUTSIDE@")
        "#,
        || {
            gets(&[
                "/doc/secret.txt",
                "/doc/sub/page.html",
                "/docs/one.txt",
                "/docs",
                "/docs/",
                "/doc",
                "/doc/sub",
                "/doc/subpage.html",
            ])
        },
    ),
    case(
        "alias, conditions",
        r#"
            alias.url = ("/x/" => "@OUTSIDE@/")
            $HTTP["url"] =~ "^/y($|/)" {
                alias.url = ("/y" => "@ROOT@/noindex")
                dir-listing.activate = "enable"
            }
            $HTTP["host"] == "other.example" { alias.url += ("/z" => "@ROOT@/sub") }
            $HTTP["host"] == "oracle.example" { alias.url += ("/w" => "@ROOT@/sub") index-file.names = ("page.html") }
            $HTTP["query-string"] == "none" { alias.url = () }
            $HTTP["query-string"] == "here" { alias.url := ("/x/" => "@ROOT@/noindex/") }
        "#,
        || {
            let mut requests = around(&["/x/secret.txt", "/w"]);
            requests.extend(gets(&[
                "/y",
                "/y/",
                "/y/one.txt",
                "/yes",
                "/z/page.html",
                "/w/",
                "/w/page.html",
                "/x/secret.txt?none",
                "/x/one.txt?here",
                "/x/secret.txt?here",
                "/z/page.html?none",
            ]));
            requests
        },
    ),
    case(
        "alias, without a slash at either end",
        r#"alias.url = ("/a/" => "@OUTSIDE@", "/b" => "@OUTSIDE@/", "/c/" => "@ROOT@/sub/deep/..", "/d" => "@ROOT@/links/outside")"#,
        || {
            gets(&[
                "/a/secret.txt",
                "/a//secret.txt",
                "/a/",
                "/a",
                "/b/secret.txt",
                "/bsecret.txt",
                "/b../secret.txt",
                "/c/page.html",
                "/c/",
                "/d/secret.txt",
                "/d",
            ])
        },
    ),
    case(
        "alias, the root",
        r#"
            alias.url = ("/" => "@ROOT@/sub/")
            index-file.names = ("index.html")
        "#,
        || around(&["/", "/page.html", "/deep", "/a.txt"]),
    ),
];

pub const KNOWN: &[Known] = &[];
