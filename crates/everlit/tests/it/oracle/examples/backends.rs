//! mod_proxy, mod_fastcgi, mod_scgi, mod_cgi: blocks as the documentation has them.

use super::super::configurations::Case;
use super::super::destinations::at;
use super::super::gateway_requests::about;
use super::super::known::{Known, known};
use super::super::requests::{Request, get_with, gets};
use super::{around, case};

fn pages() -> Vec<Request> {
    [
        around(&["/program.php", "/program.php/info", "/sub/", "/"]),
        gets(&[
            "/missing.php",
            "/index.jsp",
            "/app/",
            "/app",
            "/app/x/y?z=1",
            "/application",
            "/a.txt",
            "/rails/show/1",
            "/x.fcgi",
            "/unknown.xyz",
        ]),
    ]
    .concat()
}

/// Answers with addresses in them.
fn with_addresses() -> Vec<Request> {
    let mut requests = gets(&["/app/x?answer=404", "/app/x", "/app/", "/app", "/other/x"]);
    requests.extend(at(
        &[
            "www.example.org",
            "www.example.org:8080",
            "internal.example",
        ],
        &["/app/x?q=%20", "/app/a%20b"],
    ));
    for field in [
        "X-Forwarded-For: 192.0.2.1",
        "X-Forwarded-Proto: https",
        "Forwarded: for=192.0.2.1;proto=https",
        "Destination: http://oracle.example/app/y",
        "Upgrade: websocket | Connection: upgrade",
        "Accept-Encoding: gzip",
        "Connection: close",
    ] {
        requests.push(get_with("/app/x", &field.split(" | ").collect::<Vec<_>>()));
    }
    requests
}

pub const CASES: &[Case] = &[
    case(
        "proxy, by suffix",
        r#"
            server.modules += ("mod_proxy")
            proxy.server = (".jsp" => (@HTTP1@), ".php" => ("name" => @HTTP2@), "/app/" => (("host" => "127.0.0.1", "port" => @DOWN-PORT@)))
            proxy.debug = 1
        "#,
        pages,
    ),
    case(
        "proxy, of a host",
        r#"
            server.modules += ("mod_proxy")
            $HTTP["host"] == "www.example.org" {
                proxy.balance = "hash"
                proxy.server = ("" => (@HTTP1@))
            }
            else $HTTP["host"] =~ "(^|\.)internal\.example$" { proxy.server = ("/" => (@HTTP2@)) }
        "#,
        || [with_addresses(), pages()].concat(),
    ),
    case(
        "proxy, what is mapped",
        r#"
            server.modules += ("mod_proxy")
            proxy.server = ("/app/" => (@HTTP1@))
            proxy.forwarded = ("for" => 1, "proto" => 1, "by" => 1, "host" => 1, "remote_user" => 1)
            proxy.header = (
                "https-remap" => "enable",
                "map-host-request" => ("-" => "internal.example", "www.example.org" => "www.internal.example"),
                "map-host-response" => ("internal.example" => "-", "other.example" => "public.example"),
                "map-urlpath" => ("/app/" => "/", "/app" => "/"),
                "upgrade" => "enable",
            )
        "#,
        with_addresses,
    ),
    case(
        "proxy, host and path",
        r#"
            server.modules += ("mod_proxy")
            $HTTP["url"] =^ "/app" {
                proxy.server = ("" => (@HTTP2@))
                proxy.header = ("map-urlpath" => ("/app" => "/base/app"), "map-host-request" => ("oracle.example" => "oracle.internal"))
                proxy.forwarded = ("for" => 1)
            }
            $HTTP["url"] =^ "/other" {
                proxy.server = ("" => (@HTTP3@))
                proxy.header = ("force-http10" => "enable", "map-host-request" => ("-" => "other.internal"))
                proxy.replace-http-host = "enable"
            }
        "#,
        with_addresses,
    ),
    case(
        "fastcgi, for PHP",
        r#"
            server.modules += ("mod_fastcgi")
            index-file.names += ("index.php", "program.php", "index.html")
            static-file.exclude-extensions = (".php", ".fcgi")
            fastcgi.server += (".php" => ((@FASTCGI@, "broken-scriptfilename" => "enable")))
            fastcgi.server += (".fcgi" => ("localhost" => (@FASTCGI@, "check-local" => "disable", "bin-environment" => ("A" => "b"))))
            fastcgi.debug = 1
        "#,
        pages,
    ),
    case(
        "fastcgi, for an application",
        r#"
            server.modules += ("mod_fastcgi", "mod_rewrite")
            fastcgi.server = ("/app" => ((@FASTCGI@, "check-local" => "disable", "strip-request-uri" => "/app", "fix-root-scriptname" => "enable")))
            url.rewrite-once = ("^/static/.*" => "$0", "^/rails(/.*)$" => "/app$1")
            server.error-handler-404 = "/app/not-found"
        "#,
        pages,
    ),
    case(
        "fastcgi, Rails",
        r#"
            server.modules += ("mod_fastcgi", "mod_rewrite")
            server.error-handler-404 = "/dispatch.fcgi"
            url.rewrite = ("^/$" => "index.html", "^([^.]+)$" => "$1.html")
            fastcgi.server = (".fcgi" => ("app" => (@FASTCGI@, "check-local" => "disable")))
        "#,
        pages,
    ),
    case(
        "scgi, as documented",
        r#"
            server.modules += ("mod_scgi")
            scgi.server = ("/app" => ("127.0.0.1" => (@SCGI@, "check-local" => "disable")), ".xyz" => (@SCGI2@))
            $HTTP["host"] == "internal.example" { scgi.server = ("/" => ((@SCGI@, "check-local" => "disable", "fix-root-scriptname" => "enable"))) }
        "#,
        || [pages(), with_addresses()].concat(),
    ),
    case(
        "cgi, as documented",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh", "/tell.cgi" => "", ".pl" => "/usr/bin/perl", ".py" => "/usr/bin/python3")
            $HTTP["url"] =~ "^/cgi/with" { cgi.assign = ("" => "") }
            $HTTP["url"] == "/cgi/nph-tell.cgi" { cgi.assign = ("nph-tell.cgi" => "/bin/sh") }
            $HTTP["query-string"] == "off" { cgi.assign = () }
            $HTTP["query-string"] == "add" { cgi.assign += (".cgi" => "") }
            static-file.exclude-extensions = (".sh", ".cgi")
        "#,
        || {
            [
                around(&["/cgi/tell.sh", "/cgi/tell.cgi"]),
                about("/cgi/tell.sh"),
                gets(&[
                    "/cgi/tell.cgi/info",
                    "/cgi/with%20space.cgi",
                    "/cgi/nph-tell.cgi",
                    "/cgi/tell.sh?off",
                    "/cgi/plain.cgi?add",
                    "/cgi/plain.cgi",
                    "/cgi/missing.sh",
                    "/cgi/tell.sh?a+b+c",
                    "/cgi/tell.sh?a=b+c",
                    "/cgi/",
                    "/tell.cgi",
                ]),
            ]
            .concat()
        },
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "fastcgi, for PHP",
        "*",
        "told SCRIPT_FILENAME",
        "*/",
        "*",
        "a path is not made longer by a slash",
    ),
    known(
        "scgi, as documented",
        "*",
        "told SCRIPT_FILENAME",
        "*/root/",
        "*/root",
        "a path is not made longer by a slash",
    ),
    known(
        "fastcgi, Rails",
        "* /*",
        "status",
        "none",
        "500",
        "a rule that makes no URL is answered with an error",
    ),
    known(
        "fastcgi, for PHP",
        "HEAD *",
        "content-length",
        "*",
        "*",
        "the same, of a body that is not sent",
    ),
    known(
        "scgi, as documented",
        "*Upgrade: websocket*",
        "told HTTP_UPGRADE",
        "websocket",
        "none",
        "who may not change the protocol is not told of the wish (RFC 9110 7.8)",
    ),
];
