//! mod_redirect and mod_rewrite: rules as they are written.

use super::super::configurations::Case;
use super::super::destinations::{at, without_host};
use super::super::known::Known;
use super::super::requests::{Request, gets};
use super::{around, case, logged};

fn visits() -> Vec<Request> {
    [
        around(&["/show/12/34", "/id/7", "/wishlist/a%20b", "/sub", "/a.txt"]),
        at(
            &[
                "www.example.org",
                "example.org",
                "www.example.org:8080",
                "WWW.EXAMPLE.ORG",
                "any.domain.com",
                "old.example.org",
            ],
            &[
                "/",
                "/a.txt?q=1",
                "/show/1/2",
                "/url/",
                "/get/3/4",
                "/id/x",
                "/link/abc?d",
                "/missing",
            ],
        ),
        without_host(&["/", "/show/1/2"]),
    ]
    .concat()
}

pub const CASES: &[Case] = &[
    case(
        "redirects, as documented",
        r#"
            server.modules += ("mod_redirect")
            url.redirect = (
                "^/show/([0-9]+)/([0-9]+)$" => "http://www.example.org/show.php?isdn=$1&page$2",
                "^/get/([0-9]+)/([0-9]+)$" => "http://www.example.org/get.php?isdn=$1&page$2",
                "^/wishlist/(.+)" => "http://www.example.org/$1",
            )
            $HTTP["host"] =~ "^www\.(.*)" { url.redirect = ("^/(.*)" => "http://%1/$1") }
        "#,
        visits,
    ),
    case(
        "redirects, to another scheme and host",
        r#"
            server.modules += ("mod_redirect")
            $HTTP["scheme"] == "http" {
                $HTTP["host"] =~ "^www\." { url.redirect = ("" => "https://${url.authority}${url.path}${qsa}") }
                else $HTTP["host"] =~ ".*" { url.redirect = (".*" => "https://%0$0") }
            }
            url.redirect-code = 308
        "#,
        visits,
    ),
    case(
        "redirects, exceptions",
        r#"
            server.modules += ("mod_redirect")
            url.redirect = ("^/(?:a\.txt|sub)" => "", "^/id/(\d+)$" => "/show/$1/", "^/(?!show/)(.*)$" => "/show/$1")
            $HTTP["host"] == "old.example.org" { url.redirect-code = 302 url.redirect += ("^/show/(.*)" => "http://example.org/$1") }
            $HTTP["host"] == "any.domain.com" { url.redirect := () }
        "#,
        visits,
    ),
    logged(
        "rewrites, as documented",
        r#"
            server.modules += ("mod_rewrite")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%r %U %q %s"
            url.rewrite-once = (
                "^/id/([0-9]+)$" => "/a.txt?id=$1", "^/link/([a-zA-Z]+)" => "/a.txt?link=$1",
                "^/show/([0-9]+)/([0-9]+)$" => "/program.php?isdn=$1&page=$2",
            )
            $HTTP["host"] =~ "^.*\.([^.]+\.com)$" { url.rewrite-once = ("^/(.*)" => "/%0/$1") }
            $HTTP["host"] =^ "www." { url.rewrite-repeat = ("^/show/(.*)" => "/id/$1", "^/id/.*/(.*)" => "/sub/$1", "^/sub/2$" => "/b.txt") }
        "#,
        visits,
    ),
    logged(
        "rewrites, front controllers",
        r#"
            server.modules += ("mod_rewrite", "mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%r %U %q %s"
            url.rewrite-if-not-file = ("^/(?!cgi/)([^?]*)(?:\?(.*))?$" => "/cgi/tell.sh?q=$1&$2")
            $HTTP["host"] == "example.org" { url.rewrite-repeat-if-not-file = ("^/[^?]*(\?.*)?$" => "/cgi/tell.sh$1") }
            $HTTP["host"] == "old.example.org" { url.rewrite-if-not-file = ("" => "/cgi/tell.sh${url.path}${qsa}") }
            $HTTP["host"] == "any.domain.com" { url.rewrite-final = ("^/a\.txt" => "/b.txt", "^/(.*)$" => "/cgi/tell.sh/$1") }
        "#,
        || {
            [
                visits(),
                gets(&[
                    "/sub/page.html",
                    "/noindex/",
                    "/names/",
                    "/x/y/z?a=b&c=d",
                    "/cgi/tell.sh?x",
                ]),
            ]
            .concat()
        },
    ),
    case(
        "rewrites, before redirects and after",
        r#"
            server.modules += ("mod_rewrite", "mod_redirect")
            url.rewrite-once = ("^/id/(.*)" => "/moved/$1", "^/link/(.*)" => "/sub")
            url.redirect = ("^/moved/(.*)" => "/here/$1", "^/id/(.*)" => "/never/$1")
            $HTTP["url"] =^ "/sub" { setenv.add-response-header = ("X-Url" => "sub") }
        "#,
        visits,
    ),
];

pub const KNOWN: &[Known] = &[];
