//! What depends on methods, statuses and versions; and connections that are used again.

use super::backend::{Backend, access_log, get, goes_on, proxy, proxy_with, response};
use crate::support::http::{Asked, Client};

#[test]
fn a_connection_is_used_again() {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut clients = [(); 2].map(|()| Client::connect(server.address()));
    get(&mut clients[0]);
    let mut peer = backend.accept();
    for round in 0..6 {
        let client = &mut clients[round % 2];
        if round > 0 {
            get(client);
        }
        peer.head();
        peer.answer("again");
        assert_eq!(response(client).body, b"again");
    }
    assert!(!backend.is_wanted());
}

#[test]
fn a_connection_that_says_close_is_not() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let backend = Backend::new();
        let server = proxy(&backend, "");
        let mut client = Client::connect(server.address());
        for _ in 0..2 {
            get(&mut client);
            let mut peer = backend.accept();
            peer.head();
            peer.send(answer);
            let found = response(&mut client);
            assert_eq!(found.body, b"x");
            // That is between the two of them.
            assert!(!found.ends_connection());
            assert_eq!(peer.until_closed(), b"");
        }
    }
}

#[test]
fn old_clients_get_what_they_understand() {
    for mode in [0, 1, 2] {
        for body in [
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "Connection: close\r\n\r\nhello",
        ] {
            let backend = Backend::new();
            let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
            let mut client = Client::connect(server.address());
            client.send(b"GET /b HTTP/1.0\r\n\r\n");
            let mut peer = backend.accept();
            peer.head();
            peer.send(format!("HTTP/1.1 200 OK\r\n{body}"));
            drop(peer);
            let got = String::from_utf8(client.until_close().unwrap()).unwrap();
            assert!(got.ends_with("\r\n\r\nhello"), "{got}");
            assert!(!got.to_lowercase().contains("transfer-encoding"), "{got}");
        }
    }
}

#[test]
fn an_old_client_that_keeps_its_connection() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "server.stream-response-body = 1");
    let mut client = Client::connect(server.address());
    client.send(b"GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let mut peer = backend.accept();
    peer.head();
    peer.answer("hello");
    let found = response(&mut client);
    assert_eq!(found.body, b"hello");
    assert!(!found.ends_connection());
    // Without a length its connection has to end.
    client.send(b"GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let found = response(&mut client);
    assert_eq!(found.body, b"hello");
    assert!(found.ends_connection());
}

#[test]
fn answers_without_a_body() {
    for mode in [0, 1, 2] {
        for (method, answer) in [
            ("HEAD", "200 OK\r\nContent-Length: 1000"),
            ("HEAD", "200 OK\r\nTransfer-Encoding: chunked"),
            ("HEAD", "200 OK\r\nX: y"),
            ("GET", "204 No Content\r\nX: y"),
            (
                "GET",
                "304 Not Modified\r\nContent-Length: 1000\r\nETag: \"x\"",
            ),
            ("DELETE", "204 No Content\r\nX: y"),
            ("GET", "200 OK\r\nContent-Length: 0"),
        ] {
            let backend = Backend::new();
            let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
            let mut client = Client::connect(server.address());
            let asked = match method {
                "HEAD" => Asked::ForHead,
                _ => Asked::ForAnything,
            };
            client.send(format!("{method} /b HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
            let mut peer = backend.accept();
            peer.head();
            peer.send(format!("HTTP/1.1 {answer}\r\n\r\n"));
            let found = client.response(asked).unwrap();
            assert_eq!(found.status.to_string(), answer[..3]);
            if answer.contains("1000") && method == "HEAD" {
                assert_eq!(found.text("Content-Length").as_deref(), Some("1000"));
            }
            goes_on(&mut client);
            // The connection with the backend is in order, too.
            get(&mut client);
            peer.head();
            peer.answer("next");
            assert_eq!(response(&mut client).body, b"next", "{method} {answer}");
        }
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut client = Client::connect(server.address());
    client.send(
        b"GET /b1 HTTP/1.1\r\nHost: test\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n\
          POST /b2 HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhiGET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n",
    );
    let mut first = backend.accept();
    assert!(first.head().starts_with("GET /b1 "));
    assert!(!backend.is_wanted());
    first.answer("one");
    assert_eq!(response(&mut client).body, b"one");
    assert_eq!(response(&mut client).body, b"first");
    let mut second = backend.accept();
    assert!(second.head().starts_with("POST /b2 "));
    assert_eq!(second.body(2), b"hi");
    second.answer("two");
    assert_eq!(response(&mut client).body, b"two");
    assert_eq!(response(&mut client).body, b"first");
    assert_eq!(access_log(server).len(), 4);
}

#[test]
fn more_pipelined_requests_than_one_read() {
    let backend = Backend::new();
    let server = proxy(&backend, "");
    let mut client = Client::connect(server.address());
    let path = "x".repeat(1000);
    let rounds = 200;
    let requests: String = (0..rounds)
        .map(|n| format!("GET /b{path}{n} HTTP/1.1\r\nHost: test\r\n\r\n"))
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut peer = backend.accept();
            for n in 0..rounds {
                assert!(peer.head().starts_with(&format!("GET /b{path}{n} ")));
                peer.answer(&n.to_string());
            }
        });
        client.send(requests.as_bytes());
        for n in 0..rounds {
            assert_eq!(response(&mut client).body, n.to_string().as_bytes());
        }
    });
}

#[test]
fn trailers_are_left_out() {
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
        let mut client = Client::connect(server.address());
        for _ in 0..2 {
            get(&mut client);
            let mut peer = backend.accept();
            peer.head();
            peer.send(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n\
                 5\r\nhello\r\n0\r\nX-End: yes\r\nX-More: 1\r\n\r\n",
            );
            let found = response(&mut client);
            assert_eq!(found.body, b"hello");
            assert_eq!(found.text("X-End"), None);
        }
        goes_on(&mut client);
    }
}
