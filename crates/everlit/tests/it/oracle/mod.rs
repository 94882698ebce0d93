//! The same questions to lighttpd and to Everlit: the same answers, or a reason in [`known`].
//!
//! In: configurations, each with requests; both servers serve the same documents. Out: every difference in status, fields
//! and body, and in the access logs. Must hold: the known differences are all there are, and all of them are there.

mod answering;
mod answers;
mod balance;
mod compare;
mod configurations;
mod credentials;
mod destinations;
mod documents;
mod examples;
mod gateway_requests;
mod gateways;
mod known;
mod known_destinations;
mod known_gateways;
mod known_webdav;
mod listing;
mod logs;
mod packed;
mod programs;
mod requests;
mod scripts;
mod told;
mod webdav;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use answering::{Answering, Down};
use compare::{Difference, Side, compare};
use configurations::{CASES, Case, Log};
use known::{EVERYWHERE, KNOWN, Known};
use known_destinations::OF_DESTINATIONS;
use known_gateways::OF_GATEWAYS;
use logs::Exchange;
use requests::Request;
use told::Wire;

use crate::support::documents::Documents;
use crate::support::http::show;
use crate::support::servers::{Configuration, Server, lighttpd_is_there, lighttpd_version};

/// Those whom both servers ask.
struct Backends {
    /// By the name that stands for them in configurations.
    named: Vec<(String, Answering)>,
    down: Down,
}

impl Backends {
    fn new() -> Backends {
        let notes = Arc::default();
        let mut named = Vec::new();
        for (wire, name) in [
            (Wire::Http, "HTTP"),
            (Wire::Scgi, "SCGI"),
            (Wire::Uwsgi, "UWSGI"),
            (Wire::FastCgi, "FASTCGI"),
            (Wire::Ajp, "AJP"),
        ] {
            for number in 1..=3 {
                let backend = Answering::new(wire, number, &notes);
                named.push((format!("@{name}{number}@"), backend));
            }
        }
        let down = Down::new(Ipv4Addr::LOCALHOST);
        Backends { named, down }
    }

    /// A configuration with blocks of `*.server` in place of names.
    fn written_into(&self, text: String) -> String {
        let options = "\"check-local\" => \"disable\"";
        let port = self.down.address.port().to_string();
        let mut text = text.replace(
            "@DOWN@",
            &self
                .down
                .block(&format!("{options}, \"disable-time\" => 600")),
        );
        text = text.replace("@DOWN-PORT@", &port);
        for (name, backend) in &self.named {
            text = text.replace(name, &backend.block(options));
            // Without a number: the first of them, in a block that is written out.
            if let Some(name) = name.strip_suffix("1@") {
                text = text.replace(&format!("{name}@"), &backend.place());
            }
        }
        text
    }
}

/// What a configuration came to.
struct Figures {
    compared: usize,
    differences: Vec<Difference>,
}

/// How bad a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    /// Of [`EVERYWHERE`].
    Everywhere,
    /// Of [`KNOWN`].
    Listed,
    /// Nobody knows why.
    Unknown,
}

/// A row that may explain a difference.
struct Row {
    known: &'static Known,
    standing: Standing,
}

/// What is asked of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is about what is asked here: a difference must fit it.
    Own,
    /// It is somebody else's, and holds here, too.
    Lent,
}

fn rows(tables: &[&'static [Known]], standing: Standing) -> Vec<Row> {
    let row = |known| Row { known, standing };
    tables.iter().copied().flatten().map(row).collect()
}

#[test]
fn oracle() {
    if !lighttpd_is_there() {
        return;
    }
    let documents = Documents::new();
    programs::install(&documents.root());
    credentials::install(&documents.outside());
    self::documents::install(&documents.root());
    scripts::install(&documents.root(), &documents.outside());
    let cases = [
        CASES,
        gateways::CASES,
        destinations::CASES,
        credentials::CASES,
        scripts::CASES,
    ];
    let tables = [
        EVERYWHERE,
        KNOWN,
        OF_GATEWAYS,
        OF_DESTINATIONS,
        credentials::KNOWN,
        scripts::KNOWN,
    ];
    judge(&cases, &rows(&tables, Standing::Own), &documents, &[]);
}

/// Asks everything, and fails if there is a difference without a reason, or a reason without a difference.
/// `places`: names in configurations, and what they stand for.
fn judge(cases: &[&'static [Case]], known: &[Row], documents: &Documents, places: &[(&str, &str)]) {
    let backends = Backends::new();
    let figures: Vec<_> = cases
        .iter()
        .copied()
        .flatten()
        .map(|case| {
            let text = places
                .iter()
                .fold(configurations::text(case), |text, (name, place)| {
                    text.replace(name, place)
                });
            let figures = run(case, &text, documents, &backends);
            println!("{:>6} compared: {}", figures.compared, case.name);
            figures
        })
        .collect();
    let mut uses = vec![0; known.len()];
    let mut unknown = Vec::new();
    // Answers and log lines with a difference, by the worst of them.
    let mut answers: BTreeMap<(&str, &str, bool), Gravity> = BTreeMap::new();
    for difference in figures.iter().flat_map(|figures| &figures.differences) {
        let gravity = match known.iter().position(|row| row.known.explains(difference)) {
            Some(index) => {
                uses[index] += 1;
                if index < EVERYWHERE.len() {
                    Gravity::Everywhere
                } else {
                    Gravity::Listed
                }
            }
            None => {
                unknown.push(difference);
                Gravity::Unknown
            }
        };
        let answer = answers
            .entry((
                difference.case,
                &difference.request,
                difference.what == "log",
            ))
            .or_insert(gravity);
        *answer = gravity.max(*answer);
    }
    println!("\nknown differences:");
    for (row, uses) in known.iter().zip(&uses) {
        if row.standing == Standing::Own || *uses > 0 {
            println!("{uses:>6} {} : {}", row.known.show(), row.known.reason);
        }
    }
    for difference in &unknown {
        println!("\n{}: {}", difference.case, difference.request);
        let what = &difference.what;
        println!("  {what} lighttpd: {}", show(difference.theirs.as_bytes()));
        println!("  {what} everlit:  {}", show(difference.ours.as_bytes()));
    }
    let unused: Vec<_> = known
        .iter()
        .zip(&uses)
        .filter(|(row, uses)| row.standing == Standing::Own && **uses == 0)
        .map(|(row, _)| row.known.show())
        .collect();
    println!("\n{} configurations", figures.len());
    let compared: usize = figures.iter().map(|figures| figures.compared).sum();
    let count = |gravity| answers.values().filter(|found| **found == gravity).count();
    println!(
        "\n{}: {compared} answers compared: {} equal, {} but for tags and error pages; {} different as listed; {} different",
        lighttpd_version(),
        compared - answers.len(),
        count(Gravity::Everywhere),
        count(Gravity::Listed),
        count(Gravity::Unknown),
    );
    assert!(unknown.is_empty(), "differences that nobody has explained");
    assert!(
        unused.is_empty(),
        "known differences that do not occur: {unused:#?}"
    );
}

fn run(case: &'static Case, text: &str, documents: &Documents, backends: &Backends) -> Figures {
    let outside = documents.outside();
    let text = text.replace("@OUTSIDE@", outside.to_str().expect("a path in UTF-8"));
    let text = backends.written_into(text);
    let root = documents.root();
    let configuration = Configuration {
        text: &text,
        root: &root,
    };
    let mut theirs = Side::new(Server::lighttpd(&configuration));
    let mut ours = Side::new(Server::everlit(&configuration));

    let requests = once_each((case.requests)());
    let mut differences = Vec::new();
    let mut exchanges = Vec::new();
    for request in &requests {
        let (their_outcome, our_outcome) = (theirs.ask(request), ours.ask(request));
        // Both connections have the same past.
        if !theirs.is_connected() || !ours.is_connected() {
            theirs.disconnect();
            ours.disconnect();
        }
        let found = compare(case.name, request, &their_outcome, &our_outcome);
        differences.extend(found);
        exchanges.push(Exchange {
            name: request.name.clone(),
            theirs: their_outcome,
            ours: our_outcome,
        });
    }
    let mut compared = requests.len();
    if case.log == Log::Compared {
        let found = logs::compare(case.name, &exchanges, theirs.server, ours.server);
        compared += requests.len();
        differences.extend(found);
    }
    Figures {
        compared,
        differences,
    }
}

/// Without those that are in several tables.
fn once_each(requests: Vec<Request>) -> Vec<Request> {
    let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut kept = Vec::new();
    for request in requests {
        match seen.get(&request.name) {
            None => {
                seen.insert(request.name.clone(), request.bytes.clone());
                kept.push(request);
            }
            Some(bytes) => assert_eq!(*bytes, request.bytes, "two are called {}", request.name),
        }
    }
    kept
}

/// The tool itself: lighttpd differs from lighttpd where it is configured otherwise, and nowhere else.
#[test]
fn differences_are_seen() {
    if !lighttpd_is_there() {
        return;
    }
    let documents = Documents::new();
    let root = documents.root();
    let start = |text: &str| {
        let text = [text, "server.modules = (\"mod_setenv\")\n"].concat();
        Side::new(Server::lighttpd(&Configuration {
            text: &text,
            root: &root,
        }))
    };
    let mut plain = start("");
    let mut same = start("");
    let mut other = start(
        "
            index-file.names = (\"page.html\")
            $HTTP[\"url\"] =^ \"/sub/\" { setenv.add-response-header = (\"X-Sub\" => \"y\") }
            $HTTP[\"url\"] == \"/b.txt\" { server.document-root = \"/nonexistent\" }
            $HTTP[\"url\"] == \"/page.html\" { server.document-root = \"@ROOT@/sub\" }
        ",
    );
    let mut found = Vec::new();
    for request in once_each(requests::targets()) {
        let outcome = plain.ask(&request);
        assert!(compare("same", &request, &outcome, &same.ask(&request)).is_empty());
        for difference in compare("other", &request, &outcome, &other.ask(&request)) {
            found.push((difference.request, difference.what));
        }
    }
    let expected = |request: &str, what: &str| {
        let found = found
            .iter()
            .any(|found| found.0 == request && found.1 == what);
        assert!(found, "{request}: {what}");
    };
    expected("GET /b.txt", "status");
    expected("GET /sub//page.html", "x-sub");
    expected("GET /sub/", "status");
    expected("GET /page.html", "body");
    assert!(!found.iter().any(|(request, _)| request == "GET /a.txt"));
}
