//! mod_magnet and backends: what a script has decided before an answer came holds when it comes, in whatever process.

use super::backend::{Backend, get, goes_on, prepared, response};
use super::restart::restart;
use crate::support::http::Client;
use crate::support::{Built, Server, Setup};

const URL: &str = "magnet.attract-raw-url-to = ( \"@\" )";
const RESPONSE: &str = "magnet.attract-response-start-to = ( \"@\" )";

/// A proxy whose requests to `/b` a script sees.
fn scripted(backend: &Backend, directive: &str, script: &str) -> Server {
    let setup = Setup::new(Built::Everlit);
    setup.file("s.lua", script);
    let path = setup.path("www/s.lua");
    let line = directive.replace('@', path.to_str().unwrap());
    // Before the module that it decides over.
    let setup = setup.setting("server.modules += ( \"mod_magnet\" )");
    let setup = prepared(setup, "proxy", &[backend.address()], "")
        .setting("server.stat-cache-engine = \"disable\"")
        .setting(&format!("$HTTP[\"url\"] == \"/b\" {{ {line} }}"));
    Server::start(setup)
}

#[test]
fn fields_are_there_after_restarts() {
    let backend = Backend::new();
    let server = scripted(
        &backend,
        URL,
        "lighty.r.req_header['X-Asked'] = 'asked' lighty.r.resp_header['X-Given'] = 'given'\n\
         lighty.r.resp_header['Server'] = 'mine'",
    );
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    assert!(peer.head().contains("X-Asked: asked"));
    // The script that there is now has no say in it.
    server.setup.file("s.lua", "return 403");
    restart(&server);
    restart(&server);
    peer.answer("late");
    let answer = response(&mut client);
    assert_eq!((answer.status, &answer.body[..]), (200, &b"late"[..]));
    assert_eq!(answer.text("X-Given").as_deref(), Some("given"));
    goes_on(&mut client);
    get(&mut client);
    assert_eq!(response(&mut client).status, 403);
    assert!(!backend.is_wanted());
}

#[test]
fn a_target_that_cannot_be_read_takes_nothing_from_the_answer() {
    let backend = Backend::new();
    let server = scripted(
        &backend,
        URL,
        "lighty.r.req_attr['request.uri'] = 'nothing' lighty.r.resp_header['X-Given'] = 'given'",
    );
    let mut client = Client::connect(server.address());
    for restarts in 0..2 {
        get(&mut client);
        let mut peer = backend.accept();
        assert!(peer.head().starts_with("GET nothing HTTP/1.1\r\n"));
        for _ in 0..restarts {
            restart(&server);
        }
        peer.answer("late");
        let answer = response(&mut client);
        assert_eq!((answer.status, &answer.body[..]), (200, &b"late"[..]));
        assert_eq!(answer.text("X-Given").as_deref(), Some("given"));
        goes_on(&mut client);
    }
}

#[test]
fn answers_that_come_after_a_restart_are_changed() {
    let backend = Backend::new();
    let server = scripted(&backend, RESPONSE, "lighty.r.resp_header['X-By'] = 'old'");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    server.setup.file(
        "s.lua",
        "lighty.r.resp_header['X-By'] = lighty.r.resp_header['X-Theirs'] .. lighty.r.req_item.http_status",
    );
    restart(&server);
    peer.send("HTTP/1.1 202 OK\r\nX-Theirs: new\r\nContent-Length: 4\r\n\r\nbody");
    let answer = response(&mut client);
    assert_eq!((answer.status, &answer.body[..]), (202, &b"body"[..]));
    assert_eq!(answer.text("X-By").as_deref(), Some("new202"));
    goes_on(&mut client);
}

#[test]
fn another_body_takes_the_place_of_the_backends() {
    let backend = Backend::new();
    let server = scripted(
        &backend,
        RESPONSE,
        "if lighty.r.req_item.http_status == 500 then lighty.r.resp_body.set('sorry') return 503 end",
    );
    let mut client = Client::connect(server.address());
    for (theirs, status, body) in [
        (
            "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\ntraceback",
            503,
            "sorry",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
            200,
            "fine",
        ),
        (
            "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            503,
            "sorry",
        ),
    ] {
        get(&mut client);
        let mut peer = backend.accept();
        peer.head();
        restart(&server);
        peer.send(theirs);
        let answer = response(&mut client);
        assert_eq!((answer.status, &answer.body[..]), (status, body.as_bytes()));
        goes_on(&mut client);
    }
}
