//! Backends that do not go on.

use super::backend::{Backend, Refusing, get, goes_on, proxy, response, setup};
use crate::support::Server;
use crate::support::http::{Asked, Client, Failure};

#[test]
fn silence_is_a_gateway_timeout() {
    let backend = Backend::new();
    let server = proxy(&backend, "\"read-timeout\" => 1");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    assert_eq!(response(&mut client).status, 504);
    assert_eq!(peer.until_closed(), b"");
    goes_on(&mut client);
    assert!(server.said().contains("does not answer in time"));
}

#[test]
fn silence_in_the_middle_of_what_is_collected_is_one_too() {
    let backend = Backend::new();
    let server = proxy(&backend, "\"read-timeout\" => 1");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    assert_eq!(response(&mut client).status, 504);
    goes_on(&mut client);
}

#[test]
fn silence_in_the_middle_of_what_is_on_its_way_cuts_it_off() {
    let backend = Backend::new();
    let options = "\"read-timeout\" => 1";
    let setup =
        setup("proxy", &[backend.address()], options).setting("server.stream-response-body = 1");
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    let outcome = client.response(Asked::ForAnything);
    assert!(matches!(outcome, Err(Failure::Cut(_))), "{outcome:?}");
    assert_eq!(peer.until_closed(), b"");
}

#[test]
fn a_backend_that_does_not_read_is_a_gateway_timeout() {
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let setup = setup("proxy", &[backend.address()], "\"write-timeout\" => 1")
            .setting(&format!("server.stream-request-body = {mode}"));
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        // More than both kernels hold.
        let length = 32 << 20;
        let head = format!("POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
        client.send(head.as_bytes());
        // The kernel has accepted the connection; nobody reads from it.
        client.send(&vec![b'x'; length]);
        let status = client
            .response(Asked::ForAnything)
            .map(|found| found.status);
        assert!(matches!(status, Ok(504)), "mode {mode}: {status:?}");
    }
}

#[test]
fn a_host_that_cannot_be_reached_in_time_is_passed_over() {
    // One connection waits to be accepted, and there is room for no more: the kernel does not answer others.
    let full = Refusing::new().listen(0);
    let _waits = std::net::TcpStream::connect(full.address()).unwrap();
    let good = Backend::new();
    let setup = setup(
        "proxy",
        &[full.address(), good.address()],
        "\"connect-timeout\" => 1",
    );
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = good.accept();
    peer.head();
    peer.answer("good");
    assert_eq!(response(&mut client).body, b"good");
}

#[test]
fn without_another_host_it_is_unavailable() {
    let full = Refusing::new().listen(0);
    let _waits = std::net::TcpStream::connect(full.address()).unwrap();
    let server = proxy(&full, "\"connect-timeout\" => 1");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let status = response(&mut client).status;
    assert!([503, 504].contains(&status), "{status}");
    goes_on(&mut client);
}
