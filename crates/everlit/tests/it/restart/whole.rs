//! Reloads under load while the configuration changes in every respect: documents, hosts, rewrites, redirects, logins.
//!
//! In: two configurations that alternate, and clients that ask without a pause. Out: every answer. Must hold: each request is
//! answered wholly by the one or wholly by the other, none is lost, and once a reload is reported the old one answers no more.

mod place;
mod storm;

use std::time::{Duration, Instant};

use everlit::transport::pace::TICK;

use crate::auth::restart::proof;
use crate::backends::backend::pattern;
use crate::support::http::{Asked, Client};
use crate::support::unpack::unpacked;
use place::{LARGE, PACED, Place, RATE, Which};
use storm::{Course, Tally};

/// Reloads of each test.
const RELOADS: usize = 20;

#[test]
fn every_answer_is_wholly_the_ones_or_the_others() {
    let place = Place::start();
    let known = place.answers();
    let course = Course::default();
    let total = std::thread::scope(|scope| {
        let clients: Vec<_> = storm::HABITS
            .iter()
            .map(|habit| scope.spawn(|| storm::ask(&place, &known, &course, *habit)))
            .collect();
        let _ends = course.ends_with_this();
        for number in 0..RELOADS {
            // Somebody was answered since the last one.
            course.wait_for_answers();
            let next = Which::after(number);
            place.write(next);
            course.begin();
            let report = place.server.reload().unwrap();
            course.is_done();
            // Those that hang up meanwhile are not there to be moved.
            assert_eq!(report.tally.dropped, 0);
        }
        course.wait_for_answers();
        course.end();
        let tallies = clients.into_iter().map(|client| client.join().unwrap());
        tallies.fold(Tally::default(), Tally::plus)
    });
    println!("{RELOADS} reloads: {total}");
    // Both have answered while one took over from the other, or this says nothing.
    assert!(
        total.settled > 0 && total.later > 0 && total.between > total.later,
        "{total}"
    );
    assert_eq!(place.generations(), 1);
}

/// A request for this path, with these fields.
fn request(path: &str, fields: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n").into_bytes()
}

#[test]
fn what_takes_long_ends_as_it_began() {
    let place = Place::start();
    let connect = || Client::connect(place.server.address());
    let ask = |client: &mut Client, path: &str, fields: &str| client.send(&request(path, fields));
    let answer = |client: &mut Client| client.response(Asked::ForAnything).unwrap();

    // Downloads that begin under the first configuration: one is compressed, one may only go so fast.
    let mut packed = connect();
    ask(&mut packed, "/large.txt", "Accept-Encoding: gzip\r\n");
    let mut unpacking = packed.head().unwrap();
    assert_eq!(unpacking.text("Content-Encoding").as_deref(), Some("gzip"));
    let mut answered_late = 0;
    let mut paced = connect();
    let begun = Instant::now();
    ask(&mut paced, "/paced", "");
    let head = paced.head().unwrap();
    assert_eq!(head.text("X-Config").as_deref(), Some("one"));
    let downloading = std::thread::spawn(move || {
        assert!(paced.bytes(PACED).unwrap() == pattern(PACED));
        (paced, begun.elapsed())
    });
    // A login that goes on.
    let mut digest = connect();
    ask(&mut digest, "/digest.txt", "");
    let challenge = answer(&mut digest).text("WWW-Authenticate").unwrap();

    for number in 0..RELOADS {
        // Logins that are being found out when the next configuration comes.
        let (old, next) = (Which::after(number + 1), Which::after(number));
        let mut waiting: Vec<Client> = place::SLOW.map(|_| connect()).into();
        for (client, (user, password, _)) in waiting.iter_mut().zip(place::SLOW) {
            let field = crate::auth::basic(user, password);
            let field = format!("Authorization: {field}\r\n");
            ask(client, "/slow.txt", &field);
        }
        place.write(next);
        let report = place.server.reload().unwrap();
        assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
        for (client, (user, ..)) in waiting.iter_mut().zip(place::SLOW) {
            let response = answer(client);
            assert_eq!(response.status, 200, "{user}: {response:?}");
            let config = response.text("X-Config").unwrap();
            assert!([old.name(), next.name()].contains(&&config[..]));
            let expected = format!("slow of {config}");
            assert_eq!(response.body, expected.as_bytes());
            answered_late += usize::from(config == next.name());
        }
        let count = u32::try_from(number).unwrap() + 1;
        let field = proof(&challenge, "/digest.txt", count);
        let field = format!("Authorization: {field}\r\n");
        ask(&mut digest, "/digest.txt", &field);
        let response = answer(&mut digest);
        assert_eq!(response.status, 200, "{response:?}");
        let expected = format!("digest of {}", next.name());
        assert_eq!(response.body, expected.as_bytes());
        unpacking
            .body
            .extend(packed.chunks(LARGE / (2 * RELOADS)).unwrap());
    }
    unpacking.body.extend(packed.chunks(usize::MAX).unwrap());
    assert!(unpacked(&unpacking) == pattern(LARGE));
    let (paced, took) = downloading.join().unwrap();
    let full = Duration::from_secs_f64(PACED as f64 / 1024.0 / f64::from(RATE));
    println!(
        "{RELOADS} reloads: {answered_late} of {} slow logins asked again by the successor; a download of {full:?} took {took:?}",
        RELOADS * place::SLOW.len()
    );
    // Each generation begins with a tick of its own.
    assert!(took >= full - TICK * (RELOADS as u32 + 2), "{took:?}");
    assert!(answered_late > 0);
    // All go on.
    for mut client in [packed, paced, digest] {
        ask(&mut client, "/doc.txt", "");
        assert_eq!(answer(&mut client).body, b"document of one");
    }
}
