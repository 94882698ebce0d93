//! mod_extforward behind proxies: whom conditions, logs, passwords and programs take for the client.

use super::super::configurations::Case;
use super::super::known::{Known, known};
use super::super::requests::{Request, get_with};
use super::logged;

fn through_proxies() -> Vec<Request> {
    let mut requests = Vec::new();
    for target in ["/a.txt", "/sub", "/cgi/tell.sh", "/missing"] {
        for fields in [
            &["X: y"][..],
            &["X-Forwarded-For: 192.0.2.1"],
            &["X-Forwarded-For: 192.0.2.1, 10.0.0.1"],
            &["X-Forwarded-For: 2001:db8::1"],
            &["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"],
            &["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http"],
            &["X-Real-IP: 192.0.2.7"],
            &["X-Cluster-Client-Ip: 192.0.2.8"],
            &["Forwarded: by=10.0.0.1;for=192.0.2.9;host=public.example;proto=https"],
            &[
                "Forwarded: by=10.0.0.1;for=192.0.2.9;host=\"public.example:8443\";remote_user=\"joe\"",
            ],
            &["X-Forwarded-Proto: https"],
            &[
                "X-Forwarded-Host: public.example",
                "X-Forwarded-For: 192.0.2.1",
            ],
        ] {
            // lighttpd 1.4.69 would remember the scheme for the next request of the connection.
            requests.push(get_with(target, &[fields, &["Connection: close"]].concat()));
        }
    }
    requests
}

macro_rules! behind {
    ($text:literal) => {
        concat!(
            r#"
            server.modules += ("mod_extforward", "mod_redirect", "mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%h %a %V %u %s"
            $HTTP["remote-ip"] == "192.0.2.0/24" { setenv.add-response-header = ("X-Client" => "known") }
            $HTTP["scheme"] == "https" { setenv.set-response-header = ("Strict-Transport-Security" => "max-age=600") }
            $HTTP["host"] == "public.example" { setenv.add-environment = ("PUBLIC" => "y") }
            "#,
            $text
        )
    };
}

pub const CASES: &[Case] = &[
    logged(
        "forwarded, one proxy",
        behind!(r#"extforward.forwarder = ("127.0.0.1" => "trust")"#),
        through_proxies,
    ),
    logged(
        "forwarded, all proxies",
        behind!(
            r#"
            extforward.forwarder = ("all" => "trust")
            extforward.headers = ("X-Cluster-Client-Ip", "X-Real-IP")
            "#
        ),
        through_proxies,
    ),
    logged(
        "forwarded, networks",
        behind!(
            r#"
            extforward.forwarder = ("127.0.0.0/8" => "trust", "10.0.0.0/8" => "trust")
            extforward.headers = ("Forwarded", "X-Forwarded-For")
            extforward.params = ("host" => 1, "remote_user" => 1)
            "#
        ),
        through_proxies,
    ),
    logged(
        "forwarded, nobody is believed",
        behind!(r#"extforward.forwarder = ("10.0.0.232" => "trust", "10.0.0.233" => "trust")"#),
        through_proxies,
    ),
    logged(
        "forwarded, to https",
        behind!(
            r#"
            extforward.forwarder = ("127.0.0.1" => "trust")
            $REQUEST_HEADER["X-Forwarded-Proto"] == "http" {
                url.redirect = ("" => "https://${url.authority}${url.path}${qsa}")
                url.redirect-code = 308
            }
            "#
        ),
        through_proxies,
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "forwarded, networks",
        "*Forwarded: by=*",
        "told HTTP_HOST",
        "*",
        "public.example*",
        "lighttpd 1.4.69 takes extforward.params and does not heed it",
    ),
    known(
        "forwarded, networks",
        "*Forwarded: by=*",
        "told SERVER_NAME",
        "*",
        "public.example",
        "lighttpd 1.4.69 takes extforward.params and does not heed it",
    ),
    known(
        "forwarded, networks",
        "*Forwarded: by=*",
        "told PUBLIC",
        "*",
        "y",
        "lighttpd 1.4.69 takes extforward.params and does not heed it",
    ),
    known(
        "forwarded, networks",
        "*Forwarded: by=*",
        "told REMOTE_USER",
        "*",
        "joe",
        "lighttpd 1.4.69 takes extforward.params and does not heed it",
    ),
    known(
        "forwarded, networks",
        "*Forwarded: by=*",
        "log",
        "*",
        "* public.example*",
        "lighttpd 1.4.69 takes extforward.params and does not heed it",
    ),
];
