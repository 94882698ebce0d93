//! The same questions to lighttpd and to Everlit: the same answers, or a reason in [`known`].
//!
//! In: configurations, each with requests; both servers serve the same documents. Out: every difference in status, fields
//! and body, and in the access logs. Must hold: the known differences are all there are, and all of them are there.

mod compare;
mod configurations;
mod known;
mod listing;
mod logs;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use compare::{Difference, Side, compare};
use configurations::{CASES, Case, Log};
use known::KNOWN;
use logs::Exchange;
use requests::Request;

use crate::support::documents::Documents;
use crate::support::http::show;
use crate::support::servers::{Configuration, Server, lighttpd_is_there, lighttpd_version};

/// What a configuration came to.
struct Figures {
    compared: usize,
    /// Requests that had no difference.
    equal: usize,
    differences: Vec<Difference>,
}

#[test]
fn oracle() {
    if !lighttpd_is_there() {
        return;
    }
    let documents = Documents::new();
    let begun = std::time::Instant::now();
    let figures: Vec<_> = CASES
        .iter()
        .map(|case| {
            let figures = run(case, &documents);
            println!(
                "{:>6} compared, {:>5} equal: {}",
                figures.compared, figures.equal, case.name
            );
            figures
        })
        .collect();

    let mut uses = vec![0; KNOWN.len()];
    let mut unknown = Vec::new();
    for difference in figures.iter().flat_map(|figures| &figures.differences) {
        match KNOWN.iter().position(|known| known.explains(difference)) {
            Some(index) => uses[index] += 1,
            None => unknown.push(difference),
        }
    }
    println!("\nknown differences:");
    for (known, uses) in KNOWN.iter().zip(&uses) {
        println!("{uses:>6} {} : {}", known.show(), known.reason);
    }
    for difference in &unknown {
        println!("\n{}: {}", difference.case, difference.request);
        let what = &difference.what;
        println!("  {what} lighttpd: {}", show(difference.theirs.as_bytes()));
        println!("  {what} everlit:  {}", show(difference.ours.as_bytes()));
    }
    let unused: Vec<_> = KNOWN
        .iter()
        .zip(&uses)
        .filter(|(_, uses)| **uses == 0)
        .map(|(known, _)| known.show())
        .collect();
    let sum = |figure: fn(&Figures) -> usize| figures.iter().map(figure).sum::<usize>();
    let (compared, equal) = (
        sum(|figures| figures.compared),
        sum(|figures| figures.equal),
    );
    let unlisted: BTreeSet<_> = unknown
        .iter()
        .map(|difference| (difference.case, &difference.request))
        .collect();
    println!(
        "\n{}: {compared} answers compared, {equal} equal, {} different as listed, {} different; {} s",
        lighttpd_version(),
        compared - equal - unlisted.len(),
        unlisted.len(),
        begun.elapsed().as_secs(),
    );
    assert!(unknown.is_empty(), "differences that nobody has explained");
    assert!(
        unused.is_empty(),
        "known differences that do not occur: {unused:#?}"
    );
}

fn run(case: &'static Case, documents: &Documents) -> Figures {
    let outside = documents.outside();
    let text =
        configurations::text(case).replace("@OUTSIDE@", outside.to_str().expect("a path in UTF-8"));
    let root = documents.root();
    let configuration = Configuration {
        text: &text,
        root: &root,
    };
    let mut theirs = Side::new(Server::lighttpd(&configuration));
    let mut ours = Side::new(Server::everlit_on_a_socket(&configuration));

    let requests = once_each((case.requests)());
    let mut differences = Vec::new();
    let mut different = BTreeSet::new();
    let mut exchanges = Vec::new();
    for request in &requests {
        let (their_outcome, our_outcome) = (theirs.ask(request), ours.ask(request));
        // Both connections have the same past.
        if !theirs.is_connected() || !ours.is_connected() {
            theirs.disconnect();
            ours.disconnect();
        }
        let found = compare(case.name, request, &their_outcome, &our_outcome);
        if !found.is_empty() {
            different.insert(request.name.clone());
        }
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
        different.extend(
            found
                .iter()
                .map(|difference| format!("log of {}", difference.request)),
        );
        differences.extend(found);
    }
    Figures {
        compared,
        equal: compared - different.len(),
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
