//! Whole sites, as people run them.

use super::super::configurations::Case;
use super::super::destinations::{at, with_methods, without_host};
use super::super::known::{Known, known};
use super::super::requests::{Request, get_with, gets};
use super::{around, case};

pub const DOCUMENTS: &[(&str, &str)] = &[
    ("site/index.html", "<div id=app></div>\n"),
    ("site/assets/app.1234.js", "run()\n"),
    ("site/assets/app.1234.js.map", "{}\n"),
    ("site/robots.txt", "User-agent: *\n"),
    ("site/admin/index.php", "<?php\n"),
    ("site/admin/scripts/x.js", "x\n"),
    ("site/admin/.git/config", "[core]\n"),
    ("site/.well-known/acme-challenge/token", "proof\n"),
    (
        "site/cgi-bin/luci",
        "#!/bin/sh\nprintf 'Content-Type: text/x\\r\\n\\r\\nluci %s' \"$PATH_INFO\"\n",
    ),
    ("site/dav/file.txt", "file\n"),
    ("site/uploads/x.php", "evil\n"),
    ("site/wp-content/x.css", "x{}\n"),
    ("site/page.php", "<?php\n"),
    ("site/feed.xml", "<rss/>\n"),
];

const TARGETS: &[&str] = &[
    "/",
    "/index.html",
    "/robots.txt",
    "/assets/app.1234.js",
    "/assets/app.1234.js.map",
    "/assets/",
    "/users/7/edit?tab=1",
    "/admin",
    "/admin/",
    "/admin/index.php?login",
    "/admin/scripts/x.js",
    "/admin/.git/config",
    "/.well-known/acme-challenge/token",
    "/.well-known/acme-challenge/missing",
    "/cgi-bin/luci",
    "/cgi-bin/luci/admin/status",
    "/dav/file.txt",
    "/uploads/x.php",
    "/wp-content/x.css?ver=6",
    "/page.php/info",
    "/feed.xml",
    "/api/v1/items?limit=5",
    "/api",
    "/missing.png",
    "/generate_204",
    "/phpmyadmin/index.php",
    "/git/project.git/info/refs?service=git-upload-pack",
];

fn visits() -> Vec<Request> {
    [
        at(
            &["site.example", "www.site.example", "pi.hole", "192.0.2.1"],
            TARGETS,
        ),
        without_host(&["/", "/admin/"]),
        with_methods(&["/", "/admin/", "/api/v1/items", "/dav/file.txt"]),
        around(&["/robots.txt", "/users/7", "/admin/"]),
        vec![
            get_with(
                "/",
                &["Accept-Encoding: gzip, br", "User-Agent: Mozilla/5.0"],
            ),
            get_with(
                "/assets/app.1234.js",
                &["If-None-Match: \"x\"", "Cache-Control: max-age=0"],
            ),
        ],
    ]
    .concat()
}

macro_rules! site {
    ($text:literal) => {
        concat!(
            "server.document-root := \"@ROOT@/site\"\nindex-file.names = (\"index.php\", \"index.html\")\n",
            $text
        )
    };
}

pub const CASES: &[Case] = &[
    case(
        "sites, an application of one page",
        site!(
            r#"
            server.modules += ("mod_rewrite", "mod_expire")
            url.rewrite-if-not-file = ("^/(?!api/|assets/)[^?]*" => "/index.html")
            $HTTP["url"] =^ "/assets/" { expire.url = ("" => "access plus 1 years") setenv.add-response-header = ("Vary" => "Accept-Encoding") }
            $HTTP["url"] == "/index.html" { setenv.set-response-header = ("Cache-Control" => "no-cache") }
            url.access-deny = (".map")
            "#
        ),
        visits,
    ),
    case(
        "sites, an application of one page, by its handler",
        site!(
            r#"
            server.error-handler-404 = "/index.html"
            $HTTP["url"] =~ "^/(api|assets)/" { server.error-handler-404 = "" }
            "#
        ),
        visits,
    ),
    case(
        "sites, an advertisement blocker",
        site!(
            r#"
            server.modules += ("mod_redirect", "mod_expire", "mod_fastcgi")
            fastcgi.server = (".php" => ((@FASTCGI@, "broken-scriptfilename" => "enable")))
            server.error-handler-404 = "/admin/index.php"
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%{%s}t|%V|%r|%s|%b"
            static-file.exclude-extensions = (".php", ".pl", ".fcgi")
            $HTTP["url"] =~ "^/admin/" {
                setenv.add-response-header = ("X-Pi-hole" => "The Pi-hole Web interface is working!", "X-Frame-Options" => "DENY")
            }
            $HTTP["url"] =~ "^/admin/\.(.*)" { url.access-deny = ("") }
            $HTTP["url"] =~ "(teleporter|api_token)\.php$" { setenv.set-response-header = ("X-Frame-Options" => "SAMEORIGIN") }
            $HTTP["host"] == "pi.hole" {
                $HTTP["url"] == "/" { url.redirect = ("" => "/admin/") url.redirect-code = 302 }
            }
            expire.url = ("" => "access plus 0 seconds")
            "#
        ),
        visits,
    ),
    case(
        "sites, a router",
        site!(
            r#"
            server.modules += ("mod_cgi", "mod_redirect")
            $HTTP["url"] =^ "/cgi-bin/luci" { cgi.assign = ("luci" => "/bin/sh") }
            cgi.assign = (".cgi" => "/bin/sh")
            server.errorfile-prefix = "@ROOT@/errors/status-"
            $HTTP["host"] !~ "^(192\.0\.2\.1|site\.example|oracle\.example)(:\d+)?$" {
                url.redirect = ("" => "http://192.0.2.1/cgi-bin/luci")
                url.redirect-code = 302
            }
            "#
        ),
        visits,
    ),
    case(
        "sites, behind and before others",
        site!(
            r#"
            server.modules += ("mod_proxy", "mod_redirect", "mod_fastcgi")
            alias.url = ("/.well-known/acme-challenge/" => "@ROOT@/site/.well-known/acme-challenge/", "/phpmyadmin" => "@ROOT@/site/admin")
            $HTTP["url"] !~ "^/\.well-known/acme-challenge/" {
                $HTTP["host"] == "www.site.example" { url.redirect = ("" => "http://site.example${url.path}${qsa}") url.redirect-code = 301 }
            }
            $HTTP["url"] =~ "^/api(/|$)" {
                proxy.server = ("" => ((@HTTP@)))
                proxy.header = ("map-urlpath" => ("/api/" => "/"), "upgrade" => "enable")
                proxy.forwarded = ("for" => 1, "proto" => 1)
            }
            $HTTP["url"] =^ "/git/" { proxy.server = ("" => (@HTTP2@)) }
            $HTTP["url"] !~ "^/uploads/" { fastcgi.server = (".php" => ((@FASTCGI@))) }
            $HTTP["url"] =^ "/uploads/" { static-file.exclude-extensions = () }
            else $HTTP["host"] =~ "." { static-file.exclude-extensions = (".php") }
            "#
        ),
        visits,
    ),
    case(
        "sites, a mirror",
        site!(
            r#"
            server.modules += ("mod_deflate", "mod_expire")
            dir-listing.activate = "enable"
            dir-listing.exclude = ("^\.", "^cgi-bin$")
            index-file.names := ("index.html")
            deflate.mimetypes = ("text/")
            $HTTP["url"] =~ "\.(xml|html)$" { expire.url = ("" => "modification plus 10 minutes") }
            $HTTP["url"] =~ "^/(dav|uploads)/" { dir-listing.activate = "disable" index-file.names := () }
            $HTTP["request-method"] !~ "^(GET|HEAD|OPTIONS)$" { url.access-deny = ("") }
            "#
        ),
        || gets(TARGETS),
    ),
    case(
        "sites, closed for work",
        site!(
            r#"
            server.modules += ("mod_rewrite")
            $HTTP["remote-ip"] != "192.168.0.0/16" {
                url.rewrite-once = ("^/(assets/.*)$" => "/$1", "" => "/robots.txt")
                setenv.add-response-header = ("Retry-After" => "3600")
            }
            "#
        ),
        visits,
    ),
    case(
        "sites, WordPress",
        site!(
            r#"
            server.modules += ("mod_rewrite", "mod_fastcgi")
            fastcgi.server = (".php" => ((@FASTCGI@)))
            $HTTP["url"] =~ "^/uploads/" { fastcgi.server = () static-file.exclude-extensions = (".php") }
            url.rewrite-once = (
                "^/(.*/)?files/$" => "/page.php",
                "^/(wp-.+|admin|robots\.txt|sitemap\.xml|favicon\.ico|.*\.(?:css|js|png|xml|html))/?(.*)" => "$0",
                "^/([^?]*)(\?.*)?$" => "/page.php$2",
            )
            "#
        ),
        visits,
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "sites, an application of one page",
        "GET /assets/app.1234.js.map*",
        "vary",
        "none",
        "Accept-Encoding",
        "mod_setenv has its say even if mod_access, before it, has refused",
    ),
    known(
        "sites, an application of one page, by its handler",
        "PUT *",
        "status",
        "501",
        "404",
        "an error of the handler's own is not shown",
    ),
    known(
        "sites, a mirror",
        "GET /",
        "cache-control",
        "max-age=0",
        "none",
        "conditions are about the URL that was asked for, for all modules alike; mod_expire's see the index file's name",
    ),
    known(
        "sites, a mirror",
        "*",
        "content-type",
        "text/html",
        "text/html;charset=utf-8",
        "dir-listing.encoding is utf-8 by default",
    ),
    known(
        "sites, a mirror",
        "*",
        "vary",
        "none",
        "Accept",
        "directories are told in JSON, too",
    ),
    known(
        "sites, a mirror",
        "*",
        "body",
        "*<title>Index of *",
        "*<title>Index of *",
        "a directory's page has its own looks; its rows are compared",
    ),
    known(
        "sites, an advertisement blocker",
        "*",
        "told SCRIPT_FILENAME",
        "*/",
        "*",
        "a path is not made longer by a slash",
    ),
    known(
        "sites, an advertisement blocker",
        "HEAD *",
        "content-length",
        "*",
        "*",
        "the same, of a body that is not sent",
    ),
];
