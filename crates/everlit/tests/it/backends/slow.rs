//! Backends and clients that send byte by byte.

use super::backend::{Backend, access_log, get, goes_on, proxy_with, response};
use crate::support::http::Client;

#[test]
fn an_answer_byte_by_byte() {
    for mode in [0, 1, 2] {
        for (answer, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n",
                "hello!",
            ),
            ("HTTP/1.0 200 OK\r\n\r\nhello", "hello"),
        ] {
            let backend = Backend::new();
            let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            peer.head();
            for byte in answer.as_bytes() {
                peer.send([*byte]);
            }
            drop(peer);
            let found = response(&mut client);
            assert_eq!(found.body, body.as_bytes(), "mode {mode}: {answer:?}");
            goes_on(&mut client);
            assert_eq!(access_log(server).len(), 2);
        }
    }
}

#[test]
fn a_request_byte_by_byte() {
    for mode in [0, 1, 2] {
        for (fields, sent, read) in [
            ("Content-Length: 5", "hello", "hello"),
            (
                "Transfer-Encoding: chunked",
                "4;a=b\r\nhell\r\n1\r\no\r\n0\r\nX: y\r\n\r\n",
                "hello",
            ),
        ] {
            let backend = Backend::new();
            let server = proxy_with(&backend, &format!("server.stream-request-body = {mode}"));
            let mut client = Client::connect(server.address());
            let text = format!("POST /b HTTP/1.1\r\nHost: test\r\n{fields}\r\n\r\n{sent}");
            for byte in text.as_bytes() {
                client.send(&[*byte]);
            }
            let mut peer = backend.accept();
            let head = peer.head();
            if head.contains("Content-Length: 5\r\n") {
                assert_eq!(peer.body(5), read.as_bytes());
            } else {
                assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
                let body = String::from_utf8(peer.until(b"0\r\n\r\n")).unwrap();
                let data: String = body.split("\r\n").skip(1).step_by(2).collect();
                assert_eq!(data, read, "{body:?}");
            }
            peer.answer("fine");
            assert_eq!(response(&mut client).body, b"fine");
            goes_on(&mut client);
        }
    }
}
