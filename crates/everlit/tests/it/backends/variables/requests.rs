//! What such a backend is told.

use super::{BOTH, GOOD, Wire};
use crate::backends::backend::{Backend, goes_on, pattern, response};
use crate::support::http::Client;

#[test]
fn a_request_and_nothing_behind_it() {
    for wire in BOTH {
        let backend = Backend::new();
        let server = wire.server(&backend, "");
        let mut client = Client::connect(server.address());
        client.send(b"GET /b/more%20path?q=%41 HTTP/1.1\r\nHost: test\r\nX-Some: one\r\nX-Some: two\r\nEmpty:\r\n\r\n");
        let mut peer = backend.accept();
        let (told, body) = wire.request(&mut peer);
        assert_eq!(body, b"");
        for (name, value) in [
            ("CONTENT_LENGTH", "0"),
            ("REQUEST_METHOD", "GET"),
            ("REQUEST_URI", "/b/more%20path?q=%41"),
            ("QUERY_STRING", "q=A"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("SCRIPT_NAME", "/b"),
            ("PATH_INFO", "/more path"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("HTTP_HOST", "test"),
            ("HTTP_X_SOME", "one, two"),
        ] {
            assert_eq!(told.get(name), Some(value), "{name}, {wire:?}");
        }
        peer.send(GOOD);
        assert_eq!(response(&mut client).body, b"good");
        assert_eq!(peer.until_closed(), b"");
        goes_on(&mut client);
    }
}

#[test]
fn names_that_would_be_told_twice() {
    for wire in BOTH {
        for fields in [
            "X-A: 1\r\nX_A: 2",
            "X_A: 1\r\nx-a: 2\r\nX-a: 3",
            "Content-Length: 4\r\nContent_Length: 5",
            "Content_Length: 5",
            "Content-Type: a/b\r\nContent_Type: c/d",
            "Scgi: 2\r\nHTTP-SCGI: 3",
            "Proxy: http://attacker.example/",
            "Remote-Addr: 192.0.2.1\r\nRemote_Addr: 192.0.2.2",
        ] {
            let backend = Backend::new();
            let server = wire.server(&backend, "");
            let mut client = Client::connect(server.address());
            let length = match fields.contains("Content-Length") {
                true => "",
                false => "Content-Length: 4\r\n",
            };
            client.send(
                format!("POST /b HTTP/1.1\r\nHost: test\r\n{length}{fields}\r\n\r\nbody")
                    .as_bytes(),
            );
            let mut peer = backend.accept();
            // It looks for names that are there twice.
            let (told, body) = wire.request(&mut peer);
            assert_eq!(told.get("CONTENT_LENGTH"), Some("4"), "{fields}, {wire:?}");
            assert_eq!(told.get("REMOTE_ADDR"), Some("127.0.0.1"));
            assert_eq!(told.get("HTTP_PROXY"), None);
            assert_eq!(body, b"body");
            peer.send(GOOD);
            assert_eq!(response(&mut client).body, b"good");
            assert_eq!(peer.until_closed(), b"");
        }
    }
}

#[test]
fn a_body_has_a_length_however_it_came() {
    let data = pattern(200_000);
    for wire in BOTH {
        for mode in [0, 1, 2] {
            for framing in ["Content-Length: 200000", "Transfer-Encoding: chunked"] {
                let backend = Backend::new();
                let server = wire.server(&backend, &format!("server.stream-request-body = {mode}"));
                let mut client = Client::connect(server.address());
                let head = format!("POST /b HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n");
                client.send(head.as_bytes());
                std::thread::scope(|scope| {
                    let sender = scope.spawn(|| {
                        for piece in data.chunks(30_000) {
                            if framing.starts_with('T') {
                                client.send(format!("{:x}\r\n", piece.len()).as_bytes());
                            }
                            client.send(piece);
                            if framing.starts_with('T') {
                                client.send(b"\r\n");
                            }
                        }
                        if framing.starts_with('T') {
                            client.send(b"0\r\n\r\n");
                        }
                    });
                    let mut peer = backend.accept();
                    let (told, body) = wire.request(&mut peer);
                    assert_eq!(told.get("CONTENT_LENGTH"), Some("200000"));
                    assert_eq!(told.get("HTTP_TRANSFER_ENCODING"), None);
                    assert!(body == data, "{wire:?}, mode {mode}, {framing}");
                    peer.send(GOOD);
                    sender.join().unwrap();
                    assert_eq!(peer.until_closed(), b"");
                });
                assert_eq!(response(&mut client).body, b"good");
                goes_on(&mut client);
            }
        }
    }
}

/// A request with a field of this length.
fn long(client: &mut Client, length: usize) {
    let value = "x".repeat(length);
    client.send(format!("GET /b HTTP/1.1\r\nHost: test\r\nX-Long: {value}\r\n\r\n").as_bytes());
}

const LARGE: &str = "server.max-request-field-size = 65535";

#[test]
fn scgi_takes_heads_of_any_length() {
    let backend = Backend::new();
    let server = Wire::Scgi.server(&backend, LARGE);
    let mut client = Client::connect(server.address());
    for length in [9_999, 61_440, 65_400] {
        long(&mut client, length);
        let mut peer = backend.accept();
        let (told, _) = Wire::Scgi.request(&mut peer);
        assert_eq!(told.get("HTTP_X_LONG").map(str::len), Some(length));
        peer.send(GOOD);
        assert_eq!(response(&mut client).body, b"good");
    }
}

/// As in lighttpd. A size of 16 bits that has overflown would be read as another request.
#[test]
fn what_does_not_fit_into_a_packet_is_too_large() {
    let backend = Backend::new();
    let server = Wire::Uwsgi.server(&backend, LARGE);
    let mut client = Client::connect(server.address());
    std::thread::scope(|scope| {
        // It answers with the size of the packet.
        scope.spawn(|| {
            loop {
                let mut peer = backend.accept();
                let (told, _) = Wire::Uwsgi.request(&mut peer);
                let sizes = told.0.iter().map(|(a, b)| 4 + a.len() + b.len());
                peer.send(format!("Status: 200\r\n\r\n{}", sizes.sum::<usize>()));
                if told.get("HTTP_X_LONG").unwrap().len() == 1 {
                    break;
                }
            }
        });
        // Some fit, some do not, and there is one border.
        let (mut fits, mut too_long, mut largest) = (50_000, 65_400, String::new());
        while too_long - fits > 1 {
            let length = usize::midpoint(fits, too_long);
            long(&mut client, length);
            let answer = response(&mut client);
            match answer.status {
                200 => (fits, largest) = (length, String::from_utf8(answer.body).unwrap()),
                431 => too_long = length,
                other => panic!("{other} for {length}"),
            }
        }
        // The length of a body takes one digit here, and there is room for twenty.
        assert_eq!(largest, (0xffff - 19).to_string());
        // Two that fit each for itself do not together.
        let y = "y".repeat(32_000);
        let fields = format!("Host: test\r\nX-Long: {y}\r\nContent-Length: 4");
        client.send(format!("POST /b?{y} HTTP/1.1\r\n{fields}\r\n\r\nbody").as_bytes());
        assert_eq!(response(&mut client).status, 431);
        long(&mut client, 1);
        assert_eq!(response(&mut client).status, 200);
    });
    assert!(!backend.is_wanted());
    goes_on(&mut client);
}
