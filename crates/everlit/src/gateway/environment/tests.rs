//! Variables as programs see them. What is expected is what lighttpd 1.4.69 gives them, unless a comment says otherwise.

use super::super::Protocol;
use super::super::Upgrade;
use super::super::host::Script;
use super::super::preface::tests::Asked;
use super::super::preface::{Length, Terms};
use crate::net::Peer;

/// All variables, sorted.
fn variables(asked: &Asked<'_>, terms: &Terms<'_>) -> Vec<String> {
    let block = asked
        .preface(Protocol::Cgi, terms, Length::Nothing)
        .unwrap();
    let block = String::from_utf8(block).unwrap();
    let mut lines: Vec<_> = block.split_terminator('\0').map(str::to_owned).collect();
    lines.sort();
    let names = lines.iter().map(|line| line.split('=').next().unwrap());
    let names: Vec<_> = names.collect();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    lines
}

/// Those of these names.
fn some(asked: &Asked<'_>, terms: &Terms<'_>, names: &[&str]) -> Vec<String> {
    let lines = variables(asked, terms).into_iter();
    lines
        .filter(|line| names.contains(&line.split('=').next().unwrap()))
        .collect()
}

fn program() -> Terms<'static> {
    Terms::of_program(Upgrade::No)
}

#[test]
fn a_request_in_variables() {
    let asked = Asked {
        overrides: &[("X-Added", "y")],
        environment: &[("foo-bar", "baz"), ("HTTP_X_ENV", "mine")],
        path_info: "/a/c d",
        ..Asked::new(
            "GET /cgi/env.cgi/a%2fb/../c%20d?x=%41 HTTP/1.1\nHost: H.Example:9810\nConnection: close\nX-A: 1\nx-a: 2\n\
             X_A: 3\nX.A: 4\nProxy: evil\nAuthorization: Basic YTpi\nContent-Type: t/p\nTE: trailers\nKeep-Alive: 5\n\
             X-Empty:\nX-Env: client\nUpgrade: h2c\nCookie: a=b\nCookie: c=d",
        )
    };
    // lighttpd: X_A and X.A come as well, each as HTTP_X_A, and so does the client's X-Env.
    assert_eq!(
        variables(&asked, &program()),
        [
            "CONTENT_LENGTH=0",
            "CONTENT_TYPE=t/p",
            "DOCUMENT_ROOT=/srv/www",
            "FOO_BAR=baz",
            "GATEWAY_INTERFACE=CGI/1.1",
            "HTTP_AUTHORIZATION=Basic YTpi",
            "HTTP_CONNECTION=close",
            "HTTP_COOKIE=a=b; c=d",
            "HTTP_HOST=h.example:9810",
            "HTTP_KEEP_ALIVE=5",
            "HTTP_TE=trailers",
            "HTTP_X_A=1, 2",
            "HTTP_X_ADDED=y",
            "HTTP_X_ENV=mine",
            "PATH_INFO=/a/c d",
            "PATH_TRANSLATED=/srv/www/a/c d",
            "QUERY_STRING=x=A",
            "REDIRECT_STATUS=200",
            "REDIRECT_URI=/cgi/env.cgi/a/c%20d?x=A",
            "REMOTE_ADDR=192.0.2.7",
            "REMOTE_PORT=1234",
            "REQUEST_METHOD=GET",
            "REQUEST_SCHEME=http",
            "REQUEST_URI=/cgi/env.cgi/a%2fb/../c%20d?x=%41",
            "SCRIPT_FILENAME=/srv/www/cgi/env.cgi",
            "SCRIPT_NAME=/cgi/env.cgi",
            "SERVER_ADDR=198.51.100.1",
            "SERVER_NAME=h.example",
            "SERVER_PORT=80",
            "SERVER_PROTOCOL=HTTP/1.1",
            "SERVER_SOFTWARE=Everlit",
        ]
    );
}

#[test]
fn the_path_is_divided_where_its_info_begins() {
    const NAMES: &[&str] = &[
        "SCRIPT_NAME",
        "PATH_INFO",
        "PATH_TRANSLATED",
        "SCRIPT_FILENAME",
        "DOCUMENT_ROOT",
        "REQUEST_URI",
    ];
    let plain = Script::default();
    let fixed = Script {
        fix_root: true,
        ..Script::default()
    };
    let elsewhere = Script {
        docroot: "/far/".to_owned(),
        ..Script::default()
    };
    let broken = Script {
        broken_filename: true,
        strip_request_uri: "/p/".to_owned(),
        ..Script::default()
    };
    // Target, path info as it was divided before, script: name, info, translated, file, root, target.
    type Row<'r> = (&'r str, &'r str, &'r Script, [&'r str; 6]);
    let rows: &[Row<'_>] = &[
        (
            "/fc",
            "",
            &plain,
            ["/fc", "", "", "/srv/www/fc", "/srv/www", "/fc"],
        ),
        (
            "/fcx",
            "",
            &plain,
            ["/fcx", "", "", "/srv/www/fcx", "/srv/www", "/fcx"],
        ),
        (
            "/fc/a/b",
            "/a/b",
            &plain,
            [
                "/fc",
                "/a/b",
                "/srv/www/a/b",
                "/srv/www/fc",
                "/srv/www",
                "/fc/a/b",
            ],
        ),
        (
            "/a/b/c",
            "/b/c",
            &plain,
            [
                "/a",
                "/b/c",
                "/srv/www/b/c",
                "/srv/www/a",
                "/srv/www",
                "/a/b/c",
            ],
        ),
        (
            "/a/b/c",
            "/a/b/c",
            &fixed,
            [
                "",
                "/a/b/c",
                "/srv/www/a/b/c",
                "/srv/www",
                "/srv/www",
                "/a/b/c",
            ],
        ),
        (
            "/",
            "/",
            &fixed,
            ["", "/", "/srv/www/", "/srv/www", "/srv/www", "/"],
        ),
        (
            "/sl/foo/bar",
            "/bar",
            &elsewhere,
            [
                "/sl/foo",
                "/bar",
                "/far/bar",
                "/far/sl/foo",
                "/far/",
                "/sl/foo/bar",
            ],
        ),
        (
            "/p/a.x/info",
            "/info",
            &broken,
            [
                "/p/a.x",
                "/info",
                "/srv/www/info",
                "/srv/www/p/a.x/info",
                "/srv/www",
                "/a.x/info",
            ],
        ),
        (
            "/p/a.x/info",
            "/info",
            &plain,
            [
                "/p/a.x",
                "/info",
                "/srv/www/info",
                "/srv/www/p/a.x",
                "/srv/www",
                "/p/a.x/info",
            ],
        ),
        (
            "/p/a.x",
            "",
            &plain,
            ["/p/a.x", "", "", "/srv/www/p/a.x", "/srv/www", "/p/a.x"],
        ),
        (
            "http://h/abs?z",
            "/abs",
            &fixed,
            ["", "/abs", "/srv/www/abs", "/srv/www", "/srv/www", "/abs?z"],
        ),
    ];
    for (target, path_info, script, expected) in rows {
        let asked = Asked {
            path_info,
            ..Asked::new(format!("GET {target} HTTP/1.1\nHost: h"))
        };
        let terms = Terms {
            script,
            ..program()
        };
        let mut expected: Vec<_> = NAMES
            .iter()
            .zip(expected)
            .filter(|(name, value)| !value.is_empty() || **name == "SCRIPT_NAME")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        expected.sort();
        assert_eq!(some(&asked, &terms, NAMES), expected, "{target}");
    }
}

#[test]
fn both_ends_are_told() {
    const NAMES: &[&str] = &[
        "HTTPS",
        "SERVER_ADDR",
        "SERVER_NAME",
        "REMOTE_ADDR",
        "REMOTE_PORT",
    ];
    let mapped = Peer::V6 {
        ip: "::ffff:192.0.2.9"
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets(),
        port: 9,
    };
    let mut asked = Asked {
        peer: mapped,
        listener: "[2001:db8::1]:443",
        scheme: "https",
        ..Asked::new("GET / HTTP/1.1\nHost: [::1]:8443")
    };
    assert_eq!(
        some(&asked, &program(), NAMES),
        [
            "HTTPS=on",
            "REMOTE_ADDR=192.0.2.9",
            "REMOTE_PORT=9",
            "SERVER_ADDR=[2001:db8::1]",
            "SERVER_NAME=[::1]"
        ]
    );
    asked.settings.core.name = "www.example:80".to_owned();
    assert_eq!(
        some(&asked, &program(), &["SERVER_NAME"]),
        ["SERVER_NAME=www.example"]
    );
    let asked = Asked {
        peer: Peer::Unix,
        listener: "/run/everlit.sock",
        ..Asked::new("GET / HTTP/1.0")
    };
    assert_eq!(
        some(&asked, &program(), NAMES),
        [
            "REMOTE_ADDR=",
            "REMOTE_PORT=0",
            "SERVER_ADDR=",
            "SERVER_NAME="
        ]
    );
}

/// lighttpd lets all of them through, and a program takes the first or the last.
#[test]
fn a_variable_comes_once() {
    let header = |fields: &str| {
        let asked = Asked {
            environment: &[
                ("HTTP_MINE", "module"),
                ("REMOTE_ADDR", "first"),
                ("remote-addr", "last"),
                ("CONTENT_LENGTH", "7"),
                ("", "nameless"),
            ],
            ..Asked::new(format!("GET / HTTP/1.1\nHost: a\n{fields}"))
        };
        some(
            &asked,
            &program(),
            &["HTTP_X_A", "HTTP_MINE", "REMOTE_ADDR", "CONTENT_LENGTH"],
        )
        .join(" ")
    };
    const REST: &str = "REMOTE_ADDR=last";
    for (fields, expected) in [
        ("X-A: 1\nX_A: 2", "HTTP_X_A=1"),
        ("X_A: 2\nX-A: 1", "HTTP_X_A=1"),
        ("X.A: 3\nX_A: 2", "HTTP_X_A=3"),
        ("X_A: 2\nX_A: 3", "HTTP_X_A=2, 3"),
        ("x_a: 2\nX.A: 4\nX_A: 3", "HTTP_X_A=4"),
    ] {
        let expected = format!("CONTENT_LENGTH=0 HTTP_MINE=module {expected} {REST}");
        assert_eq!(header(fields), expected, "{fields:?}");
    }
    assert_eq!(
        header("Mine: client"),
        format!("CONTENT_LENGTH=0 HTTP_MINE=module {REST}")
    );
}

#[test]
fn what_is_ours_to_know_is_not_told() {
    let asked = Asked::new(
        "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer_Encoding: x\nProxy: x\nExpect: 100-continue\n\
         Connection: upgrade\nUpgrade: websocket\nHTTP2-Settings: x\nHTTP2_Settings: y",
    );
    let of_client = |terms| {
        let lines = variables(&asked, &terms).into_iter();
        let names = lines.filter(|line| line.starts_with("HTTP_"));
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        of_client(program()),
        ["HTTP_CONNECTION=upgrade", "HTTP_HOST=a"]
    );
    assert_eq!(
        of_client(Terms::of_program(Upgrade::Asked)),
        [
            "HTTP_CONNECTION=upgrade",
            "HTTP_HOST=a",
            "HTTP_UPGRADE=websocket"
        ]
    );
}
