//! One restart after the other while a large upload and a large download are under way.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Condvar, Mutex};

use crate::backends::backend::pattern;
use crate::support::http::Asked;
use crate::support::tls::Offer;
use crate::support::{Built, PATIENCE, Server, Setup};

const UPLOAD: usize = 20_000_000;
const DOWNLOAD: usize = 50_000_000;
/// Restarts that are to happen; the clients take so many parts of their transfers to it, and never get ahead of the
/// restarts by more than two.
const RESTARTS: usize = 100;

/// How many restarts have happened.
#[derive(Default)]
struct Count {
    restarts: Mutex<usize>,
    news: Condvar,
}

impl Count {
    fn one_more(&self) {
        *self.restarts.lock().unwrap() += 1;
        self.news.notify_all();
    }

    /// Waits until a transfer may go on with this part.
    fn wait_for_part(&self, part: usize) {
        let restarts = self.restarts.lock().unwrap();
        let is_early = |restarts: &mut usize| part > *restarts + 2;
        let (_held, waited) = self
            .news
            .wait_timeout_while(restarts, PATIENCE, is_early)
            .unwrap();
        assert!(!waited.timed_out(), "no restart came");
    }
}

/// Reads one request with a body, compares that, and says so.
fn compare(backend: TcpListener, expected: &[u8]) {
    let (mut socket, _) = backend.accept().unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let mut body = vec![0; expected.len()];
    socket.read_exact(&mut body).unwrap();
    let verdict = if body == expected { "same" } else { "else" };
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{verdict}");
    socket.write_all(answer.as_bytes()).unwrap();
}

#[test]
fn while_much_goes_up_and_more_comes_down() {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = backend.local_addr().unwrap().port();
    let (upload, download) = (pattern(UPLOAD), pattern(DOWNLOAD));
    let setup = Setup::new(Built::Everlit).secure().setting(&format!(
        "server.modules += ( \"mod_proxy\" )\nserver.stream-request-body = 1\n\
         proxy.server = ( \"/upload\" => (( \"host\" => \"127.0.0.1\", \"port\" => {port} )) )"
    ));
    std::fs::write(setup.path("www").join("download"), &download).unwrap();
    let server = Server::start(setup);
    let address = server.address();
    let count = Count::default();
    let moved = std::thread::scope(|scope| {
        scope.spawn(|| compare(backend, &upload));
        let up = scope.spawn(|| {
            let mut client = Offer::all().connect(address);
            let length = UPLOAD;
            client.send(
                format!(
                    "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
                )
                .as_bytes(),
            );
            for (part, bytes) in upload.chunks(UPLOAD.div_ceil(RESTARTS)).enumerate() {
                count.wait_for_part(part);
                client.send(bytes);
            }
            assert_eq!(client.response(Asked::ForAnything).unwrap().body, b"same");
        });
        let down = scope.spawn(|| {
            let mut client = Offer::all().connect(address);
            client.send(b"GET /download HTTP/1.1\r\nHost: localhost\r\n\r\n");
            client.head().unwrap();
            for (part, bytes) in download.chunks(DOWNLOAD.div_ceil(RESTARTS)).enumerate() {
                count.wait_for_part(part);
                assert!(client.bytes(bytes.len()).unwrap() == bytes);
            }
        });
        let mut moved = (0, 0);
        while !(up.is_finished() && down.is_finished()) {
            let report = server.reload().unwrap();
            assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
            moved.0 += report.tally.moved.body;
            moved.1 += report.tally.moved.response;
            count.one_more();
        }
        moved
    });
    let restarts = count.restarts.into_inner().unwrap();
    println!(
        "{restarts} restarts: {} moved uploads, {} moved downloads",
        moved.0, moved.1
    );
    // Each transfer has moved in the middle of its body, again and again.
    assert!(restarts >= RESTARTS - 2 && moved.0 > 0 && moved.1 > 0);
    let again = server.reload().unwrap();
    assert_eq!(again.tally.moved.total(), 0);
}
