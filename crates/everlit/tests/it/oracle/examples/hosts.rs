//! Many hosts: mod_evhost, mod_simple_vhost, mod_userdir, and conditions.

use super::super::configurations::Case;
use super::super::destinations::{at, without_host};
use super::super::known::Known;
use super::super::requests::{Request, get_with};
use super::{around, case, logged};

/// Below the document root.
pub const DOCUMENTS: &[(&str, &str)] = &[
    ("servers/www.example.org/pages/index.html", "<p>www</p>"),
    ("servers/www.example.org/pages/a.txt", "www"),
    ("servers/www.example.org/lib/secret.txt", "lib"),
    ("servers/mail.example.org/pages/a.txt", "mail"),
    ("servers/news2.example.org/pages/a.txt", "news2"),
    ("servers/example.org/htdocs/a.txt", "example.org"),
    ("servers/example.org/www/a.txt", "www of example.org"),
    ("servers/e/x/example/a.txt", "by letters"),
    ("servers/localhost/pages/a.txt", "localhost"),
    ("servers/pages/a.txt", "no name at all"),
    ("users/jan/htdocs/index.html", "<p>jan</p>"),
    ("users/jan/htdocs/a.txt", "jan"),
    ("users/root/htdocs/a.txt", "root"),
    ("users/p/peter/htdocs/a.txt", "peter"),
    ("users/j/jan/htdocs/a.txt", "jan by letter"),
];

const HOSTS: &[&str] = &[
    "www.example.org",
    "WWW.Example.ORG",
    "www.example.org:8080",
    "www.example.org.",
    "mail.example.org",
    "news.example.org",
    "example.org",
    "unknown.example.org",
    "a.b.example.org",
    "localhost",
    "192.0.2.1",
    "[::1]",
    "..",
    "www..example.org",
];

fn sites() -> Vec<Request> {
    [
        at(HOSTS, &["/", "/a.txt", "/lib/secret.txt", "/missing"]),
        without_host(&["/a.txt", "/"]),
        vec![get_with("/a.txt", &["X: y"])],
    ]
    .concat()
}

fn users() -> Vec<Request> {
    let mut requests = around(&["/~jan/a.txt", "/~jan/", "/~jan"]);
    requests.extend(at(
        &[
            "oracle.example",
            "letters.example",
            "some.example",
            "off.example",
        ],
        &[
            "/~root/a.txt",
            "/~peter/a.txt",
            "/~jan/../peter/a.txt",
            "/~jan%2fa.txt",
            "/%7ejan/a.txt",
            "/~nobody-here/a.txt",
            "/~JAN/a.txt",
            "/~jan?q",
            "/x/~jan/a.txt",
            "/~jan/missing",
        ],
    ));
    requests
}

pub const CASES: &[Case] = &[
    logged(
        "hosts, evhost as documented",
        r#"
            server.modules += ("mod_evhost")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s %V %v"
            evhost.path-pattern = "@ROOT@/servers/%_/pages/"
            index-file.names = ("index.html")
        "#,
        sites,
    ),
    case(
        "hosts, evhost by parts",
        r#"
            server.modules += ("mod_evhost")
            evhost.path-pattern = "@ROOT@/servers/%0/%3/"
            $HTTP["host"] =~ "^(mail|news)\." { evhost.path-pattern = "@ROOT@/servers/%3.%0/pages/" }
            $HTTP["host"] == "example.org" { evhost.path-pattern = "@ROOT@/servers/%2.%1/htdocs" }
            $HTTP["host"] =^ "a.b." { evhost.path-pattern = "@ROOT@/servers/%{2.1}/%{2.2}/%{2.0}/" }
            $HTTP["host"] == "unknown.example.org" { evhost.path-pattern = "@ROOT@/servers/%4%5www.%2.%1/pages/" }
        "#,
        sites,
    ),
    case(
        "hosts, simple-vhost as documented",
        r#"
            server.modules += ("mod_simple_vhost")
            simple-vhost.server-root = "@ROOT@/servers/"
            simple-vhost.default-host = "www.example.org"
            simple-vhost.document-root = "pages"
            simple-vhost.debug = 1
            index-file.names = ("index.html")
            $HTTP["host"] == "news.example.org" { server.document-root = "@ROOT@/servers/news2.example.org/pages/" }
        "#,
        sites,
    ),
    case(
        "hosts, simple-vhost but for one",
        r#"
            server.modules += ("mod_simple_vhost")
            $HTTP["host"] !~ "^(news\.example\.org)$" {
                simple-vhost.server-root = "@ROOT@/servers/"
                simple-vhost.default-host = "www.example.org"
                simple-vhost.document-root = "pages"
            }
            $HTTP["host"] == "news.example.org" { server.document-root = "@ROOT@/servers/news2.example.org/pages/" }
        "#,
        sites,
    ),
    case(
        "hosts, by hand",
        r#"
            $HTTP["host"] =~ "(^|\.)example\.org$" {
                server.document-root = "@ROOT@/servers/example.org/htdocs"
                server.name = "example.org"
                $HTTP["host"] =~ "^www\." { server.document-root = "@ROOT@/servers/www.example.org/pages" index-file.names = ("index.html") }
                else $HTTP["host"] =~ "^(mail)\." { server.document-root = "@ROOT@/servers/mail.example.org/pages" }
                $HTTP["url"] =^ "/lib/" { server.document-root = "@ROOT@/servers/www.example.org" }
            }
            else $HTTP["host"] == "localhost" { server.document-root = "@ROOT@/servers/localhost/pages/" }
            else $HTTP["host"] =~ "^\d+\.\d+\.\d+\.\d+$" { url.access-deny = ("") }
        "#,
        sites,
    ),
    case(
        "hosts, users",
        r#"
            server.modules += ("mod_userdir")
            userdir.path = "htdocs"
            userdir.basepath = "@ROOT@/users/"
            userdir.exclude-user = ("root", "postmaster")
            index-file.names = ("index.html")
            $HTTP["host"] == "letters.example" { userdir.letterhomes = "enable" }
            $HTTP["host"] == "some.example" { userdir.include-user = ("jan") userdir.exclude-user = () }
            $HTTP["host"] == "off.example" { userdir.active = "disable" }
        "#,
        users,
    ),
    case(
        "hosts, users as Debian has them",
        r#"
            server.modules += ("mod_userdir")
            userdir.path = "public_html"
            userdir.exclude-user = ("root", "postmaster")
        "#,
        users,
    ),
];

pub const KNOWN: &[Known] = &[];
