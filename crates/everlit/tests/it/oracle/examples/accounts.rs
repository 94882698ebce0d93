//! mod_auth: rules as they are written.

use super::super::configurations::Case;
use super::super::credentials::basic;
use super::super::known::Known;
use super::super::requests::{Request, get_with};
use super::{around, case, logged};

/// What is asked for, by nobody and by several users.
fn by_users(targets: &[&str]) -> Vec<Request> {
    let mut requests = around(targets);
    for target in targets {
        for (user, password) in [
            ("joe", "secret"),
            ("joe", "wrong"),
            ("last", "secret"),
            ("apr", "secret"),
            ("sha", "secret"),
            ("nobody", "secret"),
            ("JOE", "secret"),
        ] {
            requests.push(basic(target, user, password));
        }
    }
    requests
}

macro_rules! backed {
    ($name:literal, $text:literal) => {
        concat!(
            r#"
            server.modules += ("mod_auth", "mod_authn_file")
            server.feature-flags += ("auth.delay-invalid-creds" => "disable")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%h %u %s"
            auth.backend = ""#,
            $name,
            r#""
            auth.backend.plain.userfile = "@OUTSIDE@/plain"
            auth.backend.htpasswd.userfile = "@OUTSIDE@/htpasswd"
            auth.backend.htdigest.userfile = "@OUTSIDE@/htdigest"
            "#,
            $text
        )
    };
}

pub const CASES: &[Case] = &[
    logged(
        "accounts, places",
        backed!(
            "plain",
            r#"
            auth.require = (
                "/sub/" => ("method" => "basic", "realm" => "download archive", "require" => "user=joe|user=last"),
                "/noindex" => ("method" => "basic", "realm" => "Password protected area", "require" => "valid-user"),
                "/a.txt" => ("method" => "basic", "realm" => "a", "require" => "user=last|group=nobody"),
                "/page" => ("realm" => "pages", "require" => "valid-user", "method" => "basic"),
            )
            "#
        ),
        || {
            by_users(&[
                "/sub/page.html",
                "/sub",
                "/noindex/one.txt",
                "/noindex",
                "/a.txt",
                "/page.html",
                "/b.txt",
                "/missing",
            ])
        },
    ),
    logged(
        "accounts, everywhere but",
        backed!(
            "htpasswd",
            r#"
            auth.require = ("" => ("method" => "basic", "realm" => "all of it", "require" => "valid-user"))
            $HTTP["url"] =~ "^/(page\.html|names/)" { auth.require = () }
            $HTTP["remote-ip"] == "127.0.0.0/8" {
                $HTTP["url"] == "/b.txt" { auth.require = () }
            }
            $HTTP["request-method"] == "OPTIONS" { auth.require = () }
            "#
        ),
        || by_users(&["/a.txt", "/page.html", "/b.txt", "/missing", "/"]),
    ),
    logged(
        "accounts, hosts of their own",
        backed!(
            "plain",
            r#"
            $HTTP["host"] == "oracle.example" {
                auth.backend = "htpasswd"
                auth.require = ("/" => ("method" => "basic", "realm" => "oracle", "require" => "user=apr|user=sha"))
            }
            $HTTP["url"] =~ "^/sub($|/)" {
                auth.require = ("" => ("method" => "basic", "realm" => "sub", "require" => "valid-user"))
            }
            $HTTP["remote-ip"] != "10.0.0.0/8" {
                $HTTP["url"] == "/b.txt" {
                    auth.require = ("/b.txt" => ("method" => "basic", "realm" => "b", "require" => "valid-user"))
                }
            }
            "#
        ),
        || by_users(&["/a.txt", "/sub/page.html", "/b.txt", "/sub"]),
    ),
    logged(
        "accounts, longest place",
        backed!(
            "plain",
            r#"
            auth.require = (
                "/sub" => ("method" => "basic", "realm" => "outer", "require" => "valid-user"),
                "/sub/deep" => ("method" => "basic", "realm" => "inner", "require" => "user=last"),
                "/noindex/nested" => ("method" => "basic", "realm" => "nested", "require" => "user=last"),
                "/noindex" => ("method" => "basic", "realm" => "noindex", "require" => "user=joe"),
            )
            "#
        ),
        || {
            by_users(&[
                "/sub/page.html",
                "/sub/deep/file.txt",
                "/noindex/nested/x.txt",
                "/noindex/one.txt",
                "/subx",
            ])
        },
    ),
    case(
        "accounts, told to programs",
        backed!(
            "plain",
            r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            auth.require = ("/cgi/" => ("method" => "basic", "realm" => "programs", "require" => "valid-user"))
            "#
        ),
        || {
            vec![
                get_with("/cgi/tell.sh", &[]),
                basic("/cgi/tell.sh", "joe", "secret"),
                basic("/cgi/tell.sh/info?q", "joe", "secret"),
                basic("/cgi/tell.sh", "joe", "wrong"),
            ]
        },
    ),
    logged(
        "accounts, in requests that are changed",
        backed!(
            "plain",
            r#"
            server.modules := ("mod_rewrite", "mod_redirect", "mod_alias", "mod_auth", "mod_authn_file", "mod_accesslog")
            url.rewrite-once = ("^/free/(.*)" => "/sub/$1", "^/sub/open" => "/a.txt")
            url.redirect = ("^/old/(.*)" => "/sub/$1")
            alias.url = ("/elsewhere/" => "@ROOT@/sub/")
            auth.require = ("/sub/" => ("method" => "basic", "realm" => "sub", "require" => "valid-user"))
            "#
        ),
        || {
            by_users(&[
                "/free/page.html",
                "/sub/open",
                "/old/page.html",
                "/elsewhere/page.html",
                "/sub//page.html",
            ])
        },
    ),
];

pub const KNOWN: &[Known] = &[];
