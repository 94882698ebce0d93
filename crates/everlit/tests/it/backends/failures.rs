//! Restarts that fail, at every step of doc/restart.md, with exchanges in every state and tunnels aboard: they go on.
//!
//! Must hold: what a successor has not taken is not lost; what it has taken ends with it, on both sides, and is told.

use everlit::control::message::{Progress, Reply, Request, Until};

use super::backend::{
    Backend, Peer, access_log, get, goes_on, pattern, prepared, program, response,
};
use super::tunnels::{self, How, client_bytes};
use crate::support::http::{Asked, Client};
use crate::support::{Built, Server, Setup};

/// How far an exchange is when the restart fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Half of the request's body has come, and nobody was asked yet.
    Collecting,
    /// Half of the request's body has come and was passed on.
    Uploading,
    /// The backend was asked.
    Thinking,
    /// Half of the answer's head has come.
    Head,
    /// Half of an answer that is collected has come.
    Held,
    /// Half of an answer has come and was passed on, in chunks.
    Answering,
    /// All of an answer has come, and most of it waits in a file.
    Waiting,
    /// A program has been told, and has answered, a part.
    Program,
    Upgrade,
    Connect,
    /// mod_wstunnel.
    WebSocket,
}

const STATES: [State; 11] = [
    State::Collecting,
    State::Uploading,
    State::Thinking,
    State::Head,
    State::Held,
    State::Answering,
    State::Waiting,
    State::Program,
    State::Upgrade,
    State::Connect,
    State::WebSocket,
];

/// An exchange that is under way.
struct Exchange {
    state: State,
    client: Client,
    /// Whoever was asked, if it is we who play that.
    peer: Option<Peer>,
}

/// More than a kernel holds for a client that does not read.
const MUCH: usize = 8 << 20;

fn server(backend: &Backend) -> Server {
    let setup = prepared(Setup::new(Built::Faulty), "proxy", &[backend.address()], "");
    program(&setup, "cat.cgi", "echo Status: 200\necho\nexec cat\n");
    let port = backend.address().port();
    let host = format!("( ( \"host\" => \"127.0.0.1\", \"port\" => {port} ) )");
    Server::start(setup.setting(tunnels::SETTING).setting(&format!(
        "server.feature-flags = ( \"everlit.ready-timeout\" => 1 )\n\
         server.modules += ( \"mod_cgi\", \"mod_wstunnel\" )\n\
         cgi.assign = ( \".cgi\" => \"/bin/sh\" )\n         static-file.exclude-extensions = ( \".cgi\" )\n\
         wstunnel.server = ( \"/ws\" => {host} )\n\
         server.stream-request-body = 1\nserver.stream-response-body = 1\n\
         $HTTP[\"url\"] == \"/b/collected\" {{\n\
             server.stream-request-body = 0\nserver.stream-response-body = 0\n}}\n\
         $HTTP[\"host\"] =~ \"4443$\" {{ proxy.server = ( \"\" => {host} ) }}"
    )))
}

fn begin(state: State, server: &Server, backend: &Backend) -> Exchange {
    let how = match state {
        State::Upgrade => Some(How::Upgrade),
        State::Connect => Some(How::Connect),
        _ => None,
    };
    if let Some(how) = how {
        let (client, peer) = tunnels::open(server, backend, how);
        return Exchange::new(state, client, Some(peer));
    }
    let mut client = Client::connect(server.address());
    let mut post = |path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
        client.send(head.as_bytes());
        client.send(b"hello");
    };
    let peer = match state {
        State::Collecting => {
            post("/b/collected");
            None
        }
        State::Uploading => {
            post("/b");
            let mut peer = backend.accept();
            peer.head();
            assert_eq!(peer.body(5), b"hello");
            Some(peer)
        }
        State::Program => {
            post("/cat.cgi");
            assert_eq!(client.head().unwrap().status, 200);
            assert_eq!(client.chunks(5).unwrap(), b"hello");
            None
        }
        State::WebSocket => {
            client.send(
                b"GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
                  Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            );
            assert_eq!(response(&mut client).status, 101);
            // In the middle of a frame.
            client.send(b"\x82\x8a\0\0\0\0hello");
            let mut peer = backend.accept();
            assert_eq!(peer.body(5), b"hello");
            Some(peer)
        }
        State::Thinking | State::Head | State::Answering | State::Waiting => {
            get(&mut client);
            let mut peer = backend.accept();
            peer.head();
            Some(peer)
        }
        State::Held => {
            client.send(b"GET /b/collected HTTP/1.1\r\nHost: test\r\n\r\n");
            let mut peer = backend.accept();
            peer.head();
            Some(peer)
        }
        State::Upgrade | State::Connect => unreachable!("begun above"),
    };
    let mut exchange = Exchange::new(state, client, peer);
    let Exchange { client, peer, .. } = &mut exchange;
    let mut says = |bytes: &[u8]| peer.as_mut().unwrap().send(bytes);
    match state {
        State::Head => says(b"HTTP/1.1 200 OK\r\nContent-Le"),
        State::Held => says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
        State::Answering => {
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello");
            assert_eq!(client.head().unwrap().status, 200);
            assert_eq!(client.chunks(5).unwrap(), b"hello");
        }
        State::Waiting => {
            says(
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {MUCH}\r\n\r\n")
                    .as_bytes(),
            );
            says(&pattern(MUCH));
        }
        _ => {}
    }
    exchange
}

impl Exchange {
    fn new(state: State, client: Client, peer: Option<Peer>) -> Exchange {
        Exchange {
            state,
            client,
            peer,
        }
    }

    fn peer(&mut self) -> &mut Peer {
        self.peer.as_mut().expect("one that we play")
    }

    /// What comes next, and then the end. Returns how many lines of the access log all of it takes.
    fn ends(mut self, backend: &Backend) -> usize {
        let state = self.state;
        if state == State::Collecting {
            self.client.send(b"world");
            let mut peer = backend.accept();
            assert_eq!(peer.request(10), b"helloworld");
            self.peer = Some(peer);
        }
        match state {
            State::Collecting | State::Thinking => {
                self.peer().answer("done");
                assert_eq!(response(&mut self.client).body, b"done", "{state:?}");
            }
            State::Uploading => {
                self.client.send(b"world");
                assert_eq!(self.peer().body(5), b"world");
                self.peer().answer("done");
                assert_eq!(response(&mut self.client).body, b"done", "{state:?}");
            }
            State::Head => {
                self.peer().send("ngth: 4\r\n\r\ndone");
                assert_eq!(response(&mut self.client).body, b"done", "{state:?}");
            }
            State::Held => {
                self.peer().send("world");
                assert_eq!(response(&mut self.client).body, b"helloworld", "{state:?}");
            }
            State::Answering => {
                self.peer().send("world\r\n0\r\n\r\n");
                assert_eq!(
                    self.client.chunks(usize::MAX).unwrap(),
                    b"world",
                    "{state:?}"
                );
            }
            State::Waiting => assert!(
                response(&mut self.client).body == pattern(MUCH),
                "{state:?}"
            ),
            State::Program => {
                self.client.send(b"world");
                assert_eq!(
                    self.client.chunks(usize::MAX).unwrap(),
                    b"world",
                    "{state:?}"
                );
            }
            State::Upgrade | State::Connect => {
                self.client.send(b"there");
                assert_eq!(self.peer().body(5), b"there", "{state:?}");
                self.peer().send("back");
                assert_eq!(client_bytes(&mut self.client, 4), b"back", "{state:?}");
                return 1;
            }
            State::WebSocket => {
                self.client.send(b"world");
                assert_eq!(self.peer().body(5), b"world", "{state:?}");
                self.peer().send("back");
                assert_eq!(
                    client_bytes(&mut self.client, 6),
                    b"\x81\x04back",
                    "{state:?}"
                );
                return 1;
            }
        }
        goes_on(&mut self.client);
        2
    }
}

/// Exchanges in every state, more than two batches of them, and a successor with this fault; then one without.
fn survives(fault: &str, why: &str) {
    let backend = Backend::new();
    let server = server(&backend);
    let mut exchanges: Vec<_> = STATES
        .iter()
        .cycle()
        .take(14 * STATES.len())
        .map(|state| begin(*state, &server, &backend))
        .collect();
    server.setup.fault(Some(fault));
    let generation = server.generation();
    let error = server.reload().unwrap_err();
    assert!(error.contains(why), "{error}");
    assert_eq!(server.generation(), generation);
    // Who comes now is served, too.
    exchanges.push(begin(State::Thinking, &server, &backend));
    let rest = exchanges.split_off(5 * STATES.len());
    let mut lines = 0;
    for exchange in exchanges {
        lines += exchange.ends(&backend);
    }
    server.setup.fault(None);
    let report = server.reload().unwrap();
    assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
    for exchange in rest {
        lines += exchange.ends(&backend);
    }
    assert!(!backend.is_wanted(), "somebody was asked twice");
    assert_eq!(access_log(server).len(), lines);
}

#[test]
fn row_5_it_says_why_it_does_not_start() {
    survives("exit-before-ready", "the key is not readable");
}

#[test]
fn row_5_it_is_killed_before_it_is_ready() {
    survives("killed-before-ready", "killed by SIGKILL");
}

#[test]
fn row_5_it_is_never_ready() {
    survives("never-ready", "not ready after 1 s");
}

#[test]
fn row_7_it_is_killed_right_after_it_is_ready() {
    survives("killed-after-ready", "killed by SIGKILL");
}

#[test]
fn row_7_it_closes_the_line() {
    survives("closes-handover", "the handover failed: ");
}

#[test]
fn row_7_it_speaks_gibberish() {
    survives("speaks-gibberish", "the handover failed: ");
}

#[test]
fn row_7_it_speaks_another_version() {
    survives("speaks-another-version", "the handover failed: ");
}

#[test]
fn row_7_it_is_killed_with_everything_in_its_hands() {
    survives("killed-in-batch", "killed by SIGKILL");
}

#[test]
fn row_7_it_is_killed_in_the_middle_of_an_answer() {
    survives("killed-in-answer", "killed by SIGKILL");
}

#[test]
fn row_7_it_is_killed_after_it_has_refused_some() {
    survives("killed-after-refusal", "killed by SIGKILL");
}

/// The promise of row 7 is about what was not answered. What was is the successor's: it ends with it, and the other end
/// of each hears of that; the rest goes on.
fn loses_what_it_has_taken(fault: &str) {
    let backend = Backend::new();
    let server = server(&backend);
    let states = [State::Thinking, State::Upgrade, State::Connect];
    let exchanges: Vec<_> = (0..150)
        .map(|n| begin(states[n % 3], &server, &backend))
        .collect();
    server.setup.fault(Some(fault));
    let error = server.reload().unwrap_err();
    assert!(error.contains("killed by SIGKILL"), "{error}");
    let told: usize = error.rsplit(": ").next().unwrap().parse().unwrap();
    server.setup.fault(None);
    server.reload().unwrap();
    let mut lost = 0;
    for mut exchange in exchanges {
        let peer = exchange.peer.as_mut().unwrap();
        let lives = match exchange.state {
            State::Thinking => {
                // It may be written although nobody reads any more.
                peer.try_send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
                let answer = exchange.client.response(Asked::ForAnything);
                answer.is_ok_and(|answer| answer.body == b"done")
            }
            _ => {
                peer.try_send(b"back");
                (exchange.client.bytes(4)).is_ok_and(|bytes| bytes == b"back")
            }
        };
        if !lives {
            // Neither side waits for the other.
            assert_eq!(peer.ended(), b"");
            lost += 1;
        }
    }
    assert_eq!(lost, told, "{error}");
    // Two descriptors each: all of them do not fit into one batch.
    assert!((1..150).contains(&lost), "{lost}");
    assert!(!backend.is_wanted(), "somebody was asked twice");
}

#[test]
fn row_7_it_is_killed_with_a_batch_of_its_own() {
    loses_what_it_has_taken("killed-after-batch");
}

#[test]
fn row_7_it_is_killed_between_two_batches() {
    loses_what_it_has_taken("killed-in-second-batch");
}

#[test]
fn row_8_it_takes_nothing() {
    let backend = Backend::new();
    let setup = prepared(Setup::new(Built::Faulty), "proxy", &[backend.address()], "");
    let server = Server::start(setup.setting(tunnels::SETTING));
    let (mut client, mut peer) = tunnels::open(&server, &backend, How::Upgrade);
    let mut waiting = Client::connect(server.address());
    get(&mut waiting);
    let mut thinks = backend.accept();
    thinks.head();
    server.setup.fault(Some("refuses-each"));
    let mut caller = server.setup.connect();
    caller.ask(&Request::Reload { until: Until::Gone }).unwrap();
    loop {
        match caller.next_reply().unwrap() {
            Reply::Progress(Progress::Moving { draining: 2, .. }) => break,
            Reply::Progress(_) => {}
            other => panic!("nothing was drained: {other:?}"),
        }
    }
    // They go on where they were.
    client.send(b"there");
    peer.send("back");
    assert_eq!(peer.body(5), b"there");
    assert_eq!(tunnels::client_bytes(&mut client, 4), b"back");
    drop(peer);
    assert_eq!(client.until_close().unwrap(), b"");
    drop(client);
    thinks.answer("thought");
    let answer = response(&mut waiting);
    assert_eq!(answer.body, b"thought");
    drop(waiting);
    loop {
        match caller.next_reply().unwrap() {
            Reply::Progress(_) => {}
            Reply::Reloaded(report) => {
                assert_eq!((report.tally.drained, report.tally.dropped), (2, 0));
                return;
            }
            other => panic!("a reload was asked, not {other:?}"),
        }
    }
}
