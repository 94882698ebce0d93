//! Pages for errors: files, handlers, and those of backends.

use super::super::configurations::Case;
use super::super::gateway_requests::answers;
use super::super::known::{Known, known};
use super::super::requests::{Request, errors, gets, malformed};
use super::{around, case};

pub const DOCUMENTS: &[(&str, &str)] = &[
    ("errors/status-404.html", "<p>not found</p>\n"),
    ("errors/status-403.html", "<p>forbidden</p>\n"),
    ("errors/status-500.html", "<p>broken</p>\n"),
    ("errors/status-503.html", "<p>later</p>\n"),
    ("errors/status-401.html", "<p>who are you</p>\n"),
    ("errors/status-405.html", "<p>not so</p>\n"),
    ("errors/status-501.html", "<p>cannot</p>\n"),
    ("errors/status-400.html", "<p>what?</p>\n"),
    ("errors/sub-404.html", "<p>not found in sub</p>\n"),
];

fn all() -> Vec<Request> {
    [
        errors(),
        malformed(),
        around(&["/missing", "/sub/missing", "/file.inc", "/noindex/"]),
    ]
    .concat()
}

pub const CASES: &[Case] = &[
    case(
        "errors, files",
        r#"
            server.errorfile-prefix = "@ROOT@/errors/status-"
            url.access-deny = (".inc")
            $HTTP["url"] =^ "/sub/" { server.errorfile-prefix = "@ROOT@/errors/sub-" }
            $HTTP["host"] == "other.example" { server.errorfile-prefix = "" }
        "#,
        all,
    ),
    case(
        "errors, files and a password",
        r#"
            server.modules += ("mod_auth", "mod_authn_file")
            server.feature-flags += ("auth.delay-invalid-creds" => "disable")
            server.errorfile-prefix = "@ROOT@/errors/status-"
            auth.backend = "plain"
            auth.backend.plain.userfile = "@OUTSIDE@/plain"
            auth.require = ("/sub/" => ("method" => "basic", "realm" => "r", "require" => "valid-user"))
        "#,
        || around(&["/sub/page.html", "/missing"]),
    ),
    case(
        "fastcgi, answers, intercepted with pages",
        r#"
            server.modules += ("mod_fastcgi", "mod_proxy")
            fastcgi.server = ("/b" => (@FASTCGI1@))
            proxy.server = ("/p" => (@HTTP1@), "/down" => (@DOWN@))
            server.errorfile-prefix = "@ROOT@/errors/status-"
            server.error-intercept = "enable"
        "#,
        || [answers("/b/x"), gets(&["/down/x", "/p/x"])].concat(),
    ),
    case(
        "errors, a page for 404",
        r#"
            server.error-handler-404 = "/errors/status-404.html"
            url.access-deny = (".inc")
            $HTTP["url"] =^ "/sub/" { server.error-handler-404 = "/index.html" }
        "#,
        || around(&["/missing", "/sub/missing", "/file.inc", "/noindex/"]),
    ),
    case(
        "cgi, error handler for everything",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            server.error-handler = "/cgi/tell.sh"
            url.access-deny = (".inc")
        "#,
        || [errors(), around(&["/missing", "/file.inc"])].concat(),
    ),
    case(
        "errors, a front controller",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (".php" => ((@FASTCGI@)))
            server.error-handler-404 = "/program.php"
            server.errorfile-prefix = "@ROOT@/errors/status-"
        "#,
        || [errors(), around(&["/missing", "/a/pretty/url"])].concat(),
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "fastcgi, answers, intercepted with pages",
        "*?answer=503",
        "retry-after",
        "none",
        "5",
        "a client is told when to come back, whatever the page looks like (RFC 9110 10.2.3)",
    ),
    known(
        "cgi, error handler for everything",
        "GET /%00",
        "status",
        "200",
        "*",
        "what cannot be read is refused, and no program asked",
    ),
    known(
        "cgi, error handler for everything",
        "*GET /missing HTTP/1.1\\r\\n\\r\\n",
        "status",
        "200",
        "*",
        "what cannot be read is refused, and no program asked",
    ),
    known(
        "cgi, error handler for everything",
        "GET http:*",
        "status",
        "200",
        "*",
        "what cannot be read is refused, and no program asked",
    ),
    known(
        "cgi, error handler for everything",
        "POST /missing HTTP/1.1\\r\\nHost: oracle.example\\r\\n\\r\\n",
        "status",
        "200",
        "*",
        "what cannot be read is refused, and no program asked",
    ),
    known(
        "cgi, error handler for everything",
        "FOO / *",
        "status",
        "200",
        "*",
        "what cannot be read is refused, and no program asked",
    ),
    known(
        "cgi, error handler for everything",
        "GET / HTTP/9.9*",
        "status",
        "200",
        "*",
        "what cannot be read is refused, and no program asked",
    ),
    known(
        "cgi, error handler for everything",
        "* | If-*",
        "told HTTP_IF_*",
        "*",
        "none",
        "conditions are about what was asked for, not about the handler's page",
    ),
    known(
        "cgi, error handler for everything",
        "GET /digits.txt | If-Match: \"x\"",
        "*",
        "*",
        "*",
        "If-Match is heeded (RFC 9110 13.1.1)",
    ),
    known(
        "cgi, error handler for everything",
        "GET /file.inc/",
        "told PATH_*",
        "*",
        "none",
        "what stood behind the file that is not there is not for the handler",
    ),
    known(
        "errors, a page for 404",
        "PUT *",
        "status",
        "501",
        "40*",
        "an error of the handler's own is not shown",
    ),
];
