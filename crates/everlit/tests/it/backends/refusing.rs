//! Backends that refuse connections.

use super::backend::{Backend, Refusing, get, goes_on, program, response, setup};
use crate::support::Server;
use crate::support::http::Client;

#[test]
fn the_next_host_is_asked() {
    let (refusing, good) = (Refusing::new(), Backend::new());
    let hosts = [refusing.address(), good.address()];
    let server = Server::start(setup("proxy", &hosts, ""));
    let mut client = Client::connect(server.address());
    for request in [
        "GET /b HTTP/1.1\r\nHost: test\r\n\r\n",
        "POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi",
    ] {
        client.send(request.as_bytes());
        let mut peer = good.accept();
        let head = peer.head();
        if head.starts_with("POST") {
            assert_eq!(peer.body(2), b"hi");
        }
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ngood");
        assert_eq!(response(&mut client).body, b"good");
    }
    let said = server.said();
    let name = refusing.address().to_string();
    assert!(
        !said.contains(&name) || said.contains("cannot be reached"),
        "{said}"
    );
}

#[test]
fn nobody_is_left() {
    let (one, two) = (Refusing::new(), Refusing::new());
    let server = Server::start(setup("proxy", &[one.address(), two.address()], ""));
    let mut client = Client::connect(server.address());
    for _ in 0..2 {
        get(&mut client);
        assert_eq!(response(&mut client).status, 503);
    }
    goes_on(&mut client);
    let said = server.said();
    assert!(said.contains("cannot be reached"), "{said}");
}

#[test]
fn a_host_that_was_down_is_asked_again_later() {
    let refusing = Refusing::new();
    let setup = setup("proxy", &[refusing.address()], "\"disable-time\" => 1");
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    get(&mut client);
    assert_eq!(response(&mut client).status, 503);
    let back = refusing.listen(8);
    // Refused until its time is over: somebody answers, in the end.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut peer = back.accept();
            peer.head();
            peer.answer("back");
        });
        let found = std::iter::repeat_with(|| {
            let mut client = Client::connect(server.address());
            get(&mut client);
            response(&mut client)
        })
        .find(|found| found.status != 503)
        .unwrap();
        assert_eq!((found.status, &found.body[..]), (200, &b"back"[..]));
    });
}

#[test]
fn a_body_on_its_way_finds_another_host() {
    for mode in [0, 1, 2] {
        let (refusing, good) = (Refusing::new(), Backend::new());
        let hosts = [refusing.address(), good.address()];
        let setup =
            setup("proxy", &hosts, "").setting(&format!("server.stream-request-body = {mode}"));
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\nabc");
        client.send(b"def");
        let mut peer = good.accept();
        peer.head();
        assert_eq!(peer.body(6), b"abcdef");
        peer.answer("good");
        assert_eq!(response(&mut client).body, b"good");
    }
}

#[test]
fn an_error_handler_that_is_a_backend_itself_is_not_asked() {
    let refusing = Refusing::new();
    let setup = setup("proxy", &[refusing.address()], "").setting(
        "server.modules += ( \"mod_cgi\" )\ncgi.assign = ( \".cgi\" => \"/bin/sh\" )\n\
         static-file.exclude-extensions = ( \".cgi\" )\nserver.error-handler = \"/e.cgi\"",
    );
    program(&setup, "e.cgi", "printf 'Status: 200\\r\\n\\r\\nasked'\n");
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    get(&mut client);
    let answer = response(&mut client);
    assert_eq!(answer.status, 503);
    assert!(answer.body.starts_with(b"<!DOCTYPE html>"), "{answer:?}");
    goes_on(&mut client);
}
