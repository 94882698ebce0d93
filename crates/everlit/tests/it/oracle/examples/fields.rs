//! mod_setenv and mod_expire: fields, variables, and how long things keep.

use super::super::configurations::Case;
use super::super::destinations::at;
use super::super::known::{Known, known};
use super::super::requests::{Request, get_with, gets};
use super::{around, case, typed};

const PAGES: &[&str] = &[
    "/",
    "/a.txt",
    "/page.html",
    "/style.css",
    "/script.js",
    "/image.png",
    "/photo.JPG",
    "/archive.tar.gz",
    "/drawing.svg",
    "/sub/page.html",
    "/sub",
    "/noindex/one.txt",
    "/missing.png",
    "/missing",
];

fn pages() -> Vec<Request> {
    [
        gets(PAGES),
        around(&["/a.txt", "/image.png", "/sub/page.html", "/missing"]),
    ]
    .concat()
}

pub const CASES: &[Case] = &[
    case(
        "fields, security",
        r#"
            setenv.add-response-header = (
                "X-Frame-Options" => "SAMEORIGIN", "X-Content-Type-Options" => "nosniff",
                "Content-Security-Policy" => "default-src 'self'; img-src *", "Referrer-Policy" => "no-referrer",
            )
            $HTTP["scheme"] == "https" { setenv.add-response-header += ("Strict-Transport-Security" => "max-age=31536000; includeSubDomains") }
            else $HTTP["host"] == "oracle.example" { setenv.add-response-header += ("X-Plain" => "y") }
            $HTTP["url"] =~ "\.(?:png|jpe?g|JPG)$" { setenv.add-response-header += ("Cross-Origin-Resource-Policy" => "cross-origin") }
        "#,
        pages,
    ),
    case(
        "fields, other origins",
        r#"
            $HTTP["url"] =^ "/sub/" {
                setenv.add-response-header = ("Access-Control-Allow-Origin" => "*", "Access-Control-Allow-Methods" => "GET, OPTIONS")
                $HTTP["request-method"] == "OPTIONS" { setenv.add-response-header += ("Access-Control-Max-Age" => "86400") }
            }
            $REQUEST_HEADER["Origin"] =~ "(.*)" { setenv.set-response-header = ("Vary" => "Origin") }
        "#,
        || {
            let mut requests = around(&["/sub/page.html", "/a.txt"]);
            for line in ["OPTIONS /sub/page.html", "GET /sub/page.html"] {
                requests.push(Request::new(
                    line,
                    &[
                        "Origin: https://app.example",
                        "Access-Control-Request-Method: GET",
                    ],
                ));
            }
            requests
        },
    ),
    typed(
        "fields, downloads",
        r#"
            server.stat-cache-engine = "disable"
            mimetype.assign = (".txt" => "text/plain", ".gz" => "application/gzip", "README" => "text/plain")
            $HTTP["url"] =~ "(README|ChangeLog|archive)\.(tar\.)?gz$" {
                setenv.add-response-header = ("Content-Encoding" => "compress")
                mimetype.assign = ("" => "text/plain")
            }
            $HTTP["url"] =~ "([^/]+\.(?:txt|tar\.gz))$" {
                $HTTP["query-string"] == "download" {
                    setenv.set-response-header = ("Content-Disposition" => "attachment; filename=%1", "Content-Type" => "application/octet-stream")
                }
            }
            $HTTP["url"] =~ "\.gz$" { static-file.etags = "disable" }
        "#,
        || {
            [
                around(&["/archive.tar.gz", "/archive.gz"]),
                gets(&[
                    "/archive.tar.gz?download",
                    "/a.txt?download",
                    "/a.txt",
                    "/README",
                ]),
            ]
            .concat()
        },
    ),
    case(
        "fields, taken away",
        r#"
            setenv.set-response-header = (
                "Server" => "", "Last-Modified" => "", "ETag" => "", "Accept-Ranges" => "", "X-None" => "",
                "Content-Type" => "text/replaced", "Date" => "Wed, 01 Jan 2020 00:00:00 GMT", "X-Spaces" => " a  b ",
            )
            setenv.add-response-header = ("X-None" => "y")
        "#,
        pages,
    ),
    case(
        "fields, lengths and connections",
        r#"
            $HTTP["url"] == "/a.txt" { setenv.set-response-header = ("Content-Length" => "") }
            $HTTP["url"] == "/page.html" { setenv.add-response-header = ("Set-Cookie" => "a=b; Path=/") }
            $HTTP["url"] == "/style.css" { setenv.set-response-header = ("Location" => "/elsewhere") }
            $HTTP["url"] == "/script.js" { setenv.set-response-header = ("Status" => "404") }
        "#,
        || gets(&["/a.txt", "/b.txt", "/page.html", "/style.css", "/script.js"]),
    ),
    case(
        "fields, told to programs",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            setenv.add-environment = ("TRAC_ENV" => "lighttpd", "RAILS_ENV" => "production", "PATH" => "/my/bin")
            setenv.set-environment = ("RAILS_ENV" => "test", "X" => "")
            setenv.add-request-header = ("X-Proxy" => "my.server.name", "X-Kind" => "added", "Cookie" => "ours=1")
            setenv.set-request-header = ("User-Agent" => "set", "Accept-Language" => "", "X-Some" => "set", "Host" => "set.example")
            $HTTP["user-agent"] == "set" { setenv.add-response-header = ("X-Agent" => "set") }
            $HTTP["url"] =~ "/tell" { setenv.add-environment = ("OTHER" => "y") }
        "#,
        || {
            let mut requests = around(&["/cgi/tell.sh"]);
            for field in [
                "User-Agent: own",
                "Accept-Language: de",
                "X-Some: own",
                "X-Kind: own",
                "Cookie: a=b",
                "X-Proxy: own",
                "Host2: x",
            ] {
                requests.push(get_with("/cgi/tell.sh", &[field]));
            }
            requests
        },
    ),
    case(
        "expire, as documented",
        r#"
            server.modules += ("mod_expire")
            expire.url = (
                "/sub/" => "access plus 1 hours", "/image.png" => "access 7 days", "/style.css" => "modification plus 1 years",
                "/noindex/" => "access plus 1 seconds 2 minutes", "/a.txt" => "now plus 0 seconds", "" => "access plus 3 months",
            )
            $HTTP["url"] =~ "\.(js|JPG)$" { expire.url = ("" => "access plus 30 days") }
            $HTTP["url"] =^ "/archive" { expire.url = () }
        "#,
        pages,
    ),
    case(
        "expire, types",
        r#"
            server.modules += ("mod_expire")
            expire.mimetypes = ("image/*" => "access plus 3 months", "text/css" => "access 1 years", "text/html" => "modification 0 seconds", "application/x-*" => "access 1 days")
            $HTTP["url"] =^ "/sub/" { expire.url = ("/sub/page" => "access 5 minutes") }
            $HTTP["host"] == "none.example" { expire.mimetypes = () }
        "#,
        || {
            [
                pages(),
                at(
                    &["none.example", "other.example"],
                    &["/image.png", "/sub/page.html"],
                ),
            ]
            .concat()
        },
    ),
    case(
        "expire, programs, and others who say it",
        r#"
            server.modules += ("mod_expire", "mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            expire.url = ("" => "access plus 1 days")
            $HTTP["url"] == "/b.txt" { setenv.set-response-header = ("Expires" => "0") }
            $HTTP["url"] == "/page.html" { setenv.set-response-header = ("Cache-Control" => "no-store") }
            $HTTP["url"] == "/style.css" { setenv.add-response-header = ("Expires" => "0", "Cache-Control" => "private") }
        "#,
        || {
            [
                around(&["/b.txt", "/page.html", "/style.css"]),
                gets(&[
                    "/cgi/answer.sh?answer=200",
                    "/cgi/answer.sh?answer=404",
                    "/cgi/answer.sh?answer=cache",
                    "/cgi/answer.sh?answer=location",
                ]),
            ]
            .concat()
        },
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "fields, downloads",
        "* | If-Modified-Since: *",
        "content-encoding",
        "none",
        "compress",
        "what a module adds is also in a 304",
    ),
    known(
        "fields, downloads",
        "GET /archive.*gz/",
        "etag",
        "none",
        "\"*\"",
        "conditions are about the URL that was asked for, for all modules alike; mod_staticfile's see it without what stands behind the file",
    ),
];
