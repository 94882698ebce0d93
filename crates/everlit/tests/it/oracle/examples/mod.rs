//! The examples of lighttpd's documentation, module by module, and configurations as people write them.
//!
//! In: a file for each subject, with configurations, requests and the reasons for what differs. Out: one run of the
//! oracle. Must hold: what is written in here is what a configuration file has, and not what is convenient for a test.

mod access;
mod accounts;
mod aliases;
mod backends;
mod core;
#[cfg(all(feature = "ldap", feature = "pgsql"))]
mod databases;
mod deflate;
mod errors;
mod fields;
mod forwarded;
mod hosts;
mod includes;
mod language;
mod listings;
mod logs;
mod parsing;
mod redirects;
mod sites;
mod ssi;
mod starts;
mod status;

use std::fs;
use std::path::Path;

use super::configurations::{Case, Log, Types};
use super::known::{EVERYWHERE, KNOWN, Known, known};
use super::known_destinations::OF_DESTINATIONS;
use super::known_gateways::OF_GATEWAYS;
use super::requests::{Request, get_with, gets};
use super::{Standing, credentials, judge, programs, rows};
use crate::support::documents::{Documents, MODIFIED};
use crate::support::servers::lighttpd_is_there;

const fn case(name: &'static str, text: &'static str, requests: fn() -> Vec<Request>) -> Case {
    Case {
        name,
        text,
        requests,
        types: Types::Usual,
        log: Log::None,
    }
}

/// Its access log is compared, too.
const fn logged(name: &'static str, text: &'static str, requests: fn() -> Vec<Request>) -> Case {
    Case {
        log: Log::Compared,
        ..case(name, text, requests)
    }
}

/// It says itself what types there are.
const fn typed(name: &'static str, text: &'static str, requests: fn() -> Vec<Request>) -> Case {
    Case {
        types: Types::Own,
        ..case(name, text, requests)
    }
}

const CASES: &[&[Case]] = &[
    access::CASES,
    accounts::CASES,
    aliases::CASES,
    backends::CASES,
    core::CASES,
    deflate::CASES,
    errors::CASES,
    fields::CASES,
    forwarded::CASES,
    hosts::CASES,
    includes::CASES,
    language::CASES,
    listings::CASES,
    logs::CASES,
    parsing::CASES,
    redirects::CASES,
    sites::CASES,
    ssi::CASES,
    status::CASES,
];

const REASONS: &[&[Known]] = &[
    OFTEN,
    access::KNOWN,
    accounts::KNOWN,
    aliases::KNOWN,
    backends::KNOWN,
    core::KNOWN,
    deflate::KNOWN,
    errors::KNOWN,
    fields::KNOWN,
    forwarded::KNOWN,
    hosts::KNOWN,
    includes::KNOWN,
    language::KNOWN,
    listings::KNOWN,
    logs::KNOWN,
    parsing::KNOWN,
    redirects::KNOWN,
    sites::KNOWN,
    ssi::KNOWN,
    status::KNOWN,
];

/// Of many of the configurations.
const OFTEN: &[Known] = &[
    known(
        "*",
        "*",
        "accept-ranges",
        "bytes",
        "none",
        "whether there are parts of it is for the backend to say",
    ),
    known(
        "*",
        "GET * | Range: *",
        "status",
        "206",
        "200",
        "parts are for the backend to cut, as it knows what it has",
    ),
    known(
        "*",
        "*",
        "told LD_LIBRARY_PATH",
        "/nonexistent",
        "none",
        "programs are told of nothing but their request",
    ),
    known(
        "*",
        "*HTTP/1.0\\r\\n*",
        "told SERVER_NAME",
        "",
        "127.0.0.1",
        "SERVER_NAME is never empty (RFC 3875 4.1.14)",
    ),
    known(
        "*",
        "HEAD *",
        "content-length",
        "none",
        "0",
        "HEAD has the fields of GET (RFC 9110 9.3.2)",
    ),
    known(
        "*",
        "HEAD *",
        "content-length",
        "3*",
        "1*",
        "the length of such a page",
    ),
    known(
        "*",
        "HEAD *",
        "content-length",
        "*",
        "none",
        "the length of a body that is not sent is not told",
    ),
    known(
        "*",
        "GET http://oracle.example*",
        "log",
        "*GET /*",
        "*- - HTTP/1.0*",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "*",
        "* | Range: *",
        "content-range",
        "bytes 0-1/*",
        "bytes 0-1/*",
        "the length of a page that has looks of its own",
    ),
    known(
        "*",
        "*GET /a.txt?q?r",
        "status",
        "404",
        "200",
        "the query begins at the first question mark (RFC 3986 3.4)",
    ),
];

#[test]
fn documented_examples() {
    if !lighttpd_is_there() {
        return;
    }
    let documents = Documents::new();
    install(&documents.root(), &documents.outside());
    let lent = [
        EVERYWHERE,
        KNOWN,
        OF_GATEWAYS,
        OF_DESTINATIONS,
        credentials::KNOWN,
    ];
    let known = [rows(&lent, Standing::Lent), rows(REASONS, Standing::Own)];
    let known: Vec<_> = known.into_iter().flatten().collect();
    judge(CASES, &known, &documents, &[]);
}

fn install(root: &Path, outside: &Path) {
    programs::install(root);
    credentials::install(outside);
    includes::install(outside);
    let files = [
        core::DOCUMENTS,
        errors::DOCUMENTS,
        hosts::DOCUMENTS,
        listings::DOCUMENTS,
        sites::DOCUMENTS,
    ];
    for (path, text) in files.into_iter().flatten() {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a file has a parent")).unwrap();
        fs::write(&path, text).unwrap();
        let modified = httpdate::parse_http_date(MODIFIED).unwrap();
        let file = fs::File::open(&path).unwrap();
        file.set_modified(modified).unwrap();
    }
    ssi::install(root);
    core::mark(root);
}

/// The same documents, asked for in every usual way: with a query, a slash or another encoding, by old clients and those who
/// have it already, by other methods.
fn around(targets: &[&str]) -> Vec<Request> {
    let mut requests = Vec::new();
    for target in targets {
        let path = target.split('?').next().unwrap_or_default();
        requests.extend(gets(&[target]));
        if !target.contains('?') {
            requests.extend(gets(&[&format!("{target}?q=1&r=%20")]));
        }
        if !path.ends_with('/') {
            requests.extend(gets(&[&format!("{path}/")]));
        }
        if let Some(second) = path.as_bytes().get(1) {
            let rest = &path[2..];
            requests.extend(gets(&[&format!("/%{second:02x}{rest}")]));
        }
        for field in [
            &format!("If-Modified-Since: {MODIFIED}"),
            "If-None-Match: \"x\"",
            "Range: bytes=0-1",
            "Connection: close",
        ] {
            requests.push(get_with(target, &[field]));
        }
        for method in ["HEAD", "OPTIONS", "PUT"] {
            requests.push(Request::new(&format!("{method} {target}"), &[]));
        }
        for text in [
            format!(
                "POST {target} HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 2\r\n\r\nab"
            ),
            format!("GET {target} HTTP/1.0\r\n\r\n"),
            format!(
                "GET {target} HTTP/1.0\r\nHost: oracle.example\r\nConnection: keep-alive\r\n\r\n"
            ),
            format!("GET http://oracle.example{target} HTTP/1.1\r\nHost: other.example\r\n\r\n"),
        ] {
            requests.push(Request::literal(text.as_bytes()));
        }
    }
    requests
}
