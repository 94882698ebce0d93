//! What the control socket does with clients that do not behave.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;

use crate::support::{Built, Server, Setup};

#[test]
fn nonsense_is_answered_and_the_server_lives() {
    let server = Server::start(Setup::new(Built::Everlit));
    let path = server.setup.connect().path().to_owned();
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let directory = std::fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(directory.mode() & 0o777, 0o700);

    let mut stream = UnixStream::connect(&path).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\n{\"v\":9,\"op\":\"status\"}\n{\"v\":1,\"op\":\"leave\"}\n")
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("bad-request"));
    assert!(next().contains("version 9 is not spoken here"));
    assert!(next().contains("only after takeover"));
    assert_eq!(server.generation().0, 1);
}

#[test]
fn a_client_that_floods_is_dropped() {
    let server = Server::start(Setup::new(Built::Everlit));
    let mut stream = UnixStream::connect(server.setup.connect().path()).unwrap();
    let flood = vec![b'x'; 64 * 1024];
    // Until the other side closes.
    while stream.write_all(&flood).is_ok() {}
    assert_eq!(server.generation().0, 1);
}
