//! mod_status: pages of its kind. Numbers differ, so bodies are compared by their names alone.

use super::super::compare::Outcome;
use super::super::configurations::Case;
use super::super::known::{Known, known};
use super::super::requests::{Request, gets};
use super::{around, case};
use crate::support::documents::Documents;
use crate::support::servers::{Configuration, Server, lighttpd_is_there};

const PAGES: &[&str] = &[
    "/server-status",
    "/server-status?auto",
    "/server-status?json",
    "/server-status?jsonp=call",
    "/server-status?jsonp=x%3bevil",
    "/server-status?refresh=5",
    "/server-config",
    "/server-statistics",
];

pub const CASES: &[Case] = &[
    case(
        "status",
        r#"
            server.modules += ("mod_status")
            status.status-url = "/server-status"
            status.config-url = "/server-config"
            status.statistics-url = "/server-statistics"
            status.enable-sort = "disable"
        "#,
        || {
            let paths: Vec<&str> = PAGES
                .iter()
                .copied()
                .filter(|page| !page.contains("="))
                .collect();
            [
                around(&paths),
                gets(PAGES),
                gets(&["/server-status/x", "/server-statusx", "/x/server-status"]),
            ]
            .concat()
        },
    ),
    case(
        "status, from here only",
        r#"
            server.modules += ("mod_status")
            $HTTP["remoteip"] == "10.0.0.0/8" { status.status-url = "/server-status" }
            $HTTP["remoteip"] == "127.0.0.1" { status.config-url = "/server-config" }
            url.access-deny = ("/server-statistics")
            status.statistics-url = "/server-statistics"
        "#,
        || gets(PAGES),
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "status*",
        "*",
        "body",
        "*",
        "*",
        "figures are of the moment, and the page has looks of its own; names are compared below",
    ),
    known(
        "status*",
        "HEAD *",
        "content-length",
        "*",
        "*",
        "the length of such a page",
    ),
    known(
        "status*",
        "*",
        "cache-control",
        "none",
        "no-store",
        "figures are of the moment, and not to be kept",
    ),
    known(
        "status",
        "* /*server-statistics*",
        "status",
        "204",
        "20*",
        "there are always figures; lighttpd has none unless a module counts",
    ),
    known(
        "status",
        "* /%73erver-statistics*",
        "status",
        "204",
        "20*",
        "the same",
    ),
];

/// What is said, but for figures.
fn names(body: &str) -> Vec<String> {
    let is_name = |line: &&str| !line.starts_with("Scoreboard") && !line.is_empty();
    let mut names: Vec<String> = body
        .lines()
        .filter(is_name)
        .map(|line| {
            line.replace(|c: char| c.is_ascii_digit(), "")
                .replace([' ', '\t', '.'], "")
        })
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn texts_for_programs_have_the_same_names() {
    if !lighttpd_is_there() {
        return;
    }
    let documents = Documents::new();
    let root = documents.root();
    let text = "server.modules = (\"mod_status\")\nstatus.status-url = \"/server-status\"\n";
    let configuration = Configuration { text, root: &root };
    let servers = [
        Server::lighttpd(&configuration),
        Server::everlit(&configuration),
    ];
    let mut sides = servers.map(super::super::compare::Side::new);
    for query in ["?auto", "?json", "?jsonp=call"] {
        let target = format!("GET /server-status{query}");
        let [theirs, ours] = sides.each_mut().map(|side| {
            let outcome = side.ask(&Request::new(&target, &[]));
            let Outcome::Answered(response) = outcome else {
                panic!("no answer to {target}");
            };
            names(&String::from_utf8(response.body).unwrap())
        });
        assert_eq!(theirs, ours, "{query}");
    }
}
