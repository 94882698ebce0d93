//! Clients that hang up in the middle.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::backend::{
    Backend, access_log, pattern, program, proxy_with, wait_for_end, with_programs,
};
use crate::support::{PATIENCE, Server};

/// A client that can break its connection.
fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Ends a connection so that the other end hears of it.
fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO)).unwrap();
}

const GET: &[u8] = b"GET /b HTTP/1.1\r\nHost: test\r\n\r\n";

#[test]
fn while_the_backend_is_silent() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "");
    let mut client = connect(&server);
    client.write_all(GET).unwrap();
    let mut peer = backend.accept();
    peer.head();
    reset(client);
    assert_eq!(peer.until_closed(), b"");
    // As in lighttpd: without a status there is nothing to tell.
    assert!(access_log(server).is_empty());
}

#[test]
fn in_the_middle_of_its_own_body() {
    for mode in [1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-request-body = {mode}"));
        let mut client = connect(&server);
        client
            .write_all(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc")
            .unwrap();
        let mut peer = backend.accept();
        peer.head();
        assert_eq!(peer.body(3), b"abc");
        drop(client);
        assert_eq!(peer.until_closed(), b"");
        // As in lighttpd: without a status there is nothing to tell.
        assert!(access_log(server).is_empty());
    }
}

#[test]
fn in_the_middle_of_a_body_that_is_collected_nobody_is_asked() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "server.stream-request-body = 0");
    let mut client = connect(&server);
    client
        .write_all(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc")
        .unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    // As in lighttpd: without a status there is nothing to tell.
    assert!(access_log(server).is_empty());
    assert!(!backend.is_wanted());
}

#[test]
fn in_the_middle_of_the_answer() {
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = proxy_with(&backend, &format!("server.stream-response-body = {mode}"));
        let mut client = connect(&server);
        client.write_all(GET).unwrap();
        let mut peer = backend.accept();
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nabc");
        if mode > 0 {
            let mut one = [0];
            client.read_exact(&mut one).unwrap();
        }
        reset(client);
        // Whatever it still says, it learns.
        while peer.try_send(&pattern(10_000)) {}
        peer.until_closed();
        assert_eq!(access_log(server).len(), 1);
    }
}

#[test]
fn who_only_closes_a_direction_gets_the_answer() {
    let backend = Backend::new();
    let server = proxy_with(&backend, "");
    let mut client = connect(&server);
    client.write_all(GET).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut peer = backend.accept();
    peer.head();
    peer.answer("late");
    let mut got = String::new();
    client.read_to_string(&mut got).unwrap();
    assert!(got.ends_with("\r\n\r\nlate"), "{got}");
    assert_eq!(access_log(server).len(), 1);
}

#[test]
fn programs_are_ended() {
    for mode in [0, 1, 2] {
        let setup = with_programs().setting(&format!("server.stream-response-body = {mode}"));
        let fifo = setup.path("pid");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        program(
            &setup,
            "a.cgi",
            &format!(
                "echo $$ > {}\necho Status: 200\necho\necho begun\nexec sleep 600\n",
                fifo.display()
            ),
        );
        let server = Server::start(setup);
        let mut client = connect(&server);
        client
            .write_all(b"GET /a.cgi HTTP/1.1\r\nHost: test\r\n\r\n")
            .unwrap();
        let pid = std::fs::read_to_string(&fifo).unwrap();
        reset(client);
        wait_for_end(pid.trim().parse().unwrap());
        assert_eq!(access_log(server).len(), 1);
    }
}
