//! Restarts in the middle of exchanges with FastCGI servers and CGI programs.

use super::backend::{
    Backend, Peer, access_log, goes_on, pattern, program, response, setup, with_programs,
};
use super::restart::restart;
use crate::support::http::{Asked, Client};
use crate::support::{Server, Setup};

/// A FastCGI record (FastCGI 1.0, section 3.3), with so much padding.
pub(super) fn record(kind: u8, data: &[u8], padding: u8) -> Vec<u8> {
    let [high, low] = u16::try_from(data.len()).unwrap().to_be_bytes();
    let mut out = vec![1, kind, 0, 1, high, low, padding, 0];
    out.extend_from_slice(data);
    out.extend(std::iter::repeat_n(0xff, padding.into()));
    out
}

/// Reads a FastCGI request; its parameters, undone, and its input.
pub(super) fn request(peer: &mut Peer) -> (Vec<u8>, Vec<u8>) {
    let (mut parameters, mut input) = (Vec::new(), Vec::new());
    loop {
        let head = peer.body(8);
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let data = peer.body(length);
        peer.body(head[6].into());
        match head[1] {
            1 => assert!(matches!(data[..2], [0, 1 | 2]), "{data:?}"),
            4 => parameters.extend(data),
            5 if length == 0 => return (parameters, input),
            5 => input.extend(data),
            kind => panic!("a record of kind {kind}"),
        }
    }
}

/// An answer in many records.
fn answer() -> (Vec<u8>, &'static [u8]) {
    let mut out = record(6, b"Status: 200 OK\r\nContent-T", 3);
    out.extend(record(7, b"a complaint", 1));
    out.extend(record(6, b"ype: text/plain\r\n\r\nhel", 0));
    out.extend(record(6, b"lo", 7));
    out.extend(record(6, b"", 0));
    out.extend(record(3, &[0; 8], 0));
    (out, b"hello")
}

fn fastcgi(backend: &Backend, mode: u8) -> Server {
    let setup = setup("fastcgi", &[backend.address()], "").setting(&format!(
        "server.stream-response-body = {mode}\nserver.stream-request-body = {mode}"
    ));
    Server::start(setup)
}

#[test]
fn records_may_be_cut_anywhere() {
    let (wire, body) = answer();
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = fastcgi(&backend, mode);
        let mut client = Client::connect(server.address());
        for cut in 0..wire.len() {
            client.send(b"GET /b HTTP/1.1\r\nHost: test\r\n\r\n");
            let mut peer = backend.accept();
            request(&mut peer);
            peer.send(&wire[..cut]);
            peer.send(&wire[cut..]);
            assert_eq!(response(&mut client).body, body, "mode {mode}, cut {cut}");
        }
        assert!(server.said().contains("a complaint"));
    }
}

#[test]
fn restarts_between_pieces_of_records() {
    let (wire, body) = answer();
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = fastcgi(&backend, mode);
        let mut client = Client::connect(server.address());
        client.send(b"GET /b HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut peer = backend.accept();
        request(&mut peer);
        for piece in wire.chunks(7) {
            peer.send(piece);
            restart(&server);
        }
        assert_eq!(response(&mut client).body, body, "mode {mode}");
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 2);
    }
}

#[test]
fn a_fastcgi_request_is_forwarded() {
    let data = pattern(200_000);
    let (wire, body) = answer();
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = fastcgi(&backend, mode);
        let mut client = Client::connect(server.address());
        client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n");
        for piece in data.chunks(70_000) {
            client.send(piece);
            restart(&server);
        }
        let mut peer = backend.accept();
        let (parameters, input) = request(&mut peer);
        assert!(parameters.windows(6).any(|six| six == b"200000"));
        assert!(input == data, "mode {mode}");
        peer.send(&wire);
        assert_eq!(response(&mut client).body, body);
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 2);
    }
}

/// More than may wait in memory, and neither can begin without a length.
#[test]
fn a_body_in_chunks_is_collected_first() {
    let data = pattern(200_000);
    let send = |client: &mut Client, path: &str| {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(head.as_bytes());
        for piece in data.chunks(50_000) {
            client.send(format!("{:x}\r\n", piece.len()).as_bytes());
            client.send(piece);
            client.send(b"\r\n");
        }
        client.send(b"0\r\n\r\n");
    };
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = fastcgi(&backend, mode);
        let mut client = Client::connect(server.address());
        send(&mut client, "/b");
        let mut peer = backend.accept();
        let (parameters, input) = request(&mut peer);
        assert!(parameters.windows(6).any(|six| six == b"200000"));
        assert!(input == data, "mode {mode}");
        peer.send(answer().0);
        assert_eq!(response(&mut client).body, answer().1);

        let setup = with_programs().setting(&format!("server.stream-request-body = {mode}"));
        program(&setup, "cat.cgi", "echo Status: 200\necho\nexec cat\n");
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        send(&mut client, "/cat.cgi");
        assert!(response(&mut client).body == data, "mode {mode}");
        goes_on(&mut client);
    }
}

#[test]
fn a_fastcgi_server_that_closes_in_a_record() {
    let (wire, _) = answer();
    let backend = Backend::new();
    let server = fastcgi(&backend, 0);
    let mut client = Client::connect(server.address());
    for cut in [0, 5, 20, 60, wire.len() - 8 - 8 - 1] {
        client.send(b"GET /b HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut peer = backend.accept();
        request(&mut peer);
        peer.send(&wire[..cut]);
        drop(peer);
        assert_eq!(response(&mut client).status, 502, "cut {cut}");
    }
}

fn streaming() -> Setup {
    with_programs().setting("server.stream-response-body = 1\nserver.stream-request-body = 1")
}

#[test]
fn a_program_that_reads_its_input() {
    let setup = streaming();
    program(&setup, "cat.cgi", "echo Status: 200\necho\nexec cat\n");
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    client.send(b"POST /cat.cgi HTTP/1.1\r\nHost: test\r\nContent-Length: 12\r\n\r\nhello ");
    assert_eq!(client.head().unwrap().status, 200);
    // It has come back, so it has been there.
    assert_eq!(client.chunks(6).unwrap(), b"hello ");
    restart(&server);
    client.send(b"new ");
    assert_eq!(client.chunks(4).unwrap(), b"new ");
    restart(&server);
    client.send(b"on");
    assert_eq!(client.chunks(2).unwrap(), b"on");
    assert_eq!(client.chunks(usize::MAX).unwrap(), b"");
    goes_on(&mut client);
    assert_eq!(access_log(server).len(), 2);
}

#[test]
fn a_program_in_the_middle_of_its_output() {
    for mode in [0, 1, 2] {
        let setup = with_programs().setting(&format!("server.stream-response-body = {mode}"));
        let (go, begun) = (setup.path("go"), setup.path("begun"));
        for fifo in [&go, &begun] {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                fifo,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RWXU,
                0,
            )
            .unwrap();
        }
        program(
            &setup,
            "a.cgi",
            &format!(
                "echo Status: 200\necho\necho first\necho > {}\ncat {} > /dev/null\necho second\n",
                begun.display(),
                go.display()
            ),
        );
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        client.send(b"GET /a.cgi HTTP/1.1\r\nHost: test\r\n\r\n");
        std::fs::read(&begun).unwrap();
        restart(&server);
        restart(&server);
        std::fs::write(&go, "on").unwrap();
        assert_eq!(
            response(&mut client).body,
            b"first\nsecond\n",
            "mode {mode}"
        );
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 2);
    }
}

#[test]
fn a_program_with_much_to_say_and_a_slow_client() {
    for mode in [0, 1, 2] {
        let setup = with_programs().setting(&format!("server.stream-response-body = {mode}"));
        let data: String = (0..1_000_000).map(|n| format!("{n:07}\n")).collect();
        setup.file("data.txt", &data);
        program(
            &setup,
            "a.cgi",
            "echo Status: 200\necho\nexec cat data.txt\n",
        );
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        client.send(b"GET /a.cgi HTTP/1.1\r\nHost: test\r\n\r\n");
        restart(&server);
        restart(&server);
        let found = client.response(Asked::ForAnything).unwrap();
        assert!(found.body == data.as_bytes(), "mode {mode}");
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 2);
    }
}

#[test]
fn a_program_whose_request_is_much() {
    let data = pattern(2 << 20);
    for mode in [0, 1, 2] {
        let setup = with_programs().setting(&format!("server.stream-request-body = {mode}"));
        program(&setup, "cat.cgi", "echo Status: 200\necho\nexec cat\n");
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        let head = format!(
            "POST /cat.cgi HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n",
            data.len()
        );
        client.send(head.as_bytes());
        for piece in data.chunks(700_000) {
            client.send(piece);
            restart(&server);
        }
        assert!(response(&mut client).body == data, "mode {mode}");
        goes_on(&mut client);
        assert_eq!(access_log(server).len(), 2);
    }
}
