//! Compressed answers: through restarts, for readers that are slow, and for those that hang up.

use crate::backends::backend::{Backend, goes_on, pattern, proxy_with, resident, response};
use crate::backends::restart::restart;
use crate::support::http::{Asked, Client};
use crate::support::unpack::unpacked;
use crate::support::{Built, Server, Setup};

const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

const DEFLATE: &str = "server.modules += ( \"mod_deflate\" )\ndeflate.mimetypes = ( \"text/\" )\n\
                       deflate.allowed-encodings = ()\nmimetype.assign = ( \".txt\" => \"text/plain\" )";

/// More than two sockets hold, however it is compressed.
const LARGE: usize = 12 << 20;

fn server(setting: &str) -> Server {
    let setup = Setup::new(Built::Everlit)
        .setting("server.max-worker = 1")
        .setting(DEFLATE)
        .setting(setting);
    std::fs::write(setup.path("www/large.txt"), pattern(LARGE)).unwrap();
    Server::start(setup)
}

fn ask(client: &mut Client, path: &str, coding: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nAccept-Encoding: {coding}\r\n\r\n");
    client.send(request.as_bytes());
}

#[test]
fn a_large_file_under_twenty_reloads() {
    let server = server("");
    for coding in CODINGS {
        let mut client = Client::connect(server.address());
        ask(&mut client, "/large.txt", coding);
        let mut answer = client.head().unwrap();
        assert_eq!(answer.text("Content-Encoding").as_deref(), Some(coding));
        for _ in 0..20 {
            restart(&server);
            answer.body.extend(client.chunks(LARGE / 30).unwrap());
        }
        answer.body.extend(client.chunks(usize::MAX).unwrap());
        assert!(unpacked(&answer) == pattern(LARGE), "{coding}");
        goes_on(&mut client);
    }
}

#[test]
fn a_backends_answer_that_is_passed_on_as_it_comes() {
    let pieces: Vec<String> = (0..20)
        .map(|n| format!("data: piece {n}\n\n").repeat(50))
        .collect();
    for mode in [1, 2] {
        for coding in CODINGS {
            let backend = Backend::new();
            let setting = format!("{DEFLATE}\nserver.stream-response-body = {mode}");
            let server = proxy_with(&backend, &setting);
            let mut client = Client::connect(server.address());
            ask(&mut client, "/b", coding);
            let mut peer = backend.accept();
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nETag: \"x\"\r\n\r\n");
            let mut answer = client.head().unwrap();
            assert_eq!(answer.text("ETag"), Some(format!("\"x-{coding}\"")));
            for piece in &pieces {
                // Each piece arrives although nothing follows yet.
                peer.send(piece);
                answer.body.extend(client.chunks(1).unwrap());
                restart(&server);
            }
            drop(peer);
            answer.body.extend(client.chunks(usize::MAX).unwrap());
            assert_eq!(
                String::from_utf8_lossy(&unpacked(&answer)),
                pieces.concat(),
                "{mode} {coding}"
            );
            goes_on(&mut client);
        }
    }
}

#[test]
fn a_backends_answer_that_is_collected() {
    let data = pattern(400_000);
    for length in [200, 1000, 400_000] {
        let backend = Backend::new();
        let server = proxy_with(&backend, DEFLATE);
        let mut client = Client::connect(server.address());
        for known in [true, false] {
            ask(&mut client, "/b", "gzip");
            let mut peer = backend.accept();
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nConnection: close\r\n");
            if known {
                peer.send(format!("Content-Length: {length}\r\n"));
            }
            peer.send("\r\n");
            peer.send(&data[..length / 2]);
            restart(&server);
            peer.send(&data[length / 2..length]);
            drop(peer);
            let answer = response(&mut client);
            let is_packed = answer.text("Content-Encoding").is_some();
            assert_eq!(is_packed, length > 256, "{length}");
            assert_eq!(answer.text("Vary").is_some(), is_packed);
            assert!(unpacked(&answer) == data[..length], "{length}");
        }
        goes_on(&mut client);
    }
}

#[test]
fn what_is_kept_is_written_by_one_and_read_by_all() {
    let server = server("deflate.cache-dir = \"cache\"");
    let cache = server.setup.path("cache");
    let files = || match std::process::Command::new("find")
        .arg(&cache)
        .args(["-type", "f"])
        .output()
    {
        Ok(found) => String::from_utf8(found.stdout).unwrap().lines().count(),
        Err(error) => panic!("{error}"),
    };
    let mut clients: Vec<_> = (0..4).map(|_| Client::connect(server.address())).collect();
    for client in &mut clients {
        ask(client, "/large.txt", "gzip");
        client.head().unwrap();
    }
    // Two hang up, one goes on in another process, one in this one.
    clients.truncate(2);
    let first = clients[0].chunks(usize::MAX).unwrap();
    restart(&server);
    let second = clients[1].chunks(usize::MAX).unwrap();
    assert!(first.len() > LARGE / 2 && second.len() > LARGE / 2);
    assert_eq!(files(), 1);
    let mut client = Client::connect(server.address());
    ask(&mut client, "/large.txt", "gzip");
    let answer = response(&mut client);
    // A whole file: its length is known.
    assert_eq!(
        answer.text("Content-Length"),
        Some(answer.body.len().to_string())
    );
    assert!(unpacked(&answer) == pattern(LARGE));
    assert_eq!(files(), 1);
}

#[test]
fn memory_is_bounded_and_comes_back() {
    const CLIENTS: u64 = 40;
    let server = server("");
    let (_, pid) = server.generation();
    let descriptors = || {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count()
    };
    for coding in CODINGS {
        let (before, files) = (resident(pid), descriptors());
        let mut clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut client = Client::connect(server.address());
                ask(&mut client, "/large.txt", coding);
                client.head().unwrap();
                client
            })
            .collect();
        // Each has read a little, and then no more.
        for client in &mut clients {
            client.chunks(1 << 20).unwrap();
        }
        let one = (resident(pid).saturating_sub(before)) / CLIENTS;
        // The file has 12 MiB. An encoder of br takes some 3 MiB, one of zstd 2, the others 300 KiB.
        println!("{coding}: {one} KiB for each");
        assert!(one < 4500, "{coding}: {one} KiB for each");
        drop(clients);
        let mut client = Client::connect(server.address());
        while descriptors() > files + 2 {
            goes_on(&mut client);
        }
    }
}

#[test]
fn a_client_of_http_1_0_gets_what_it_can_read() {
    let server = server("");
    for (path, coding) in [("/large.txt", None), ("/a.txt", None)] {
        let mut client = Client::connect(server.address());
        client.send(format!("GET {path} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n").as_bytes());
        let answer = client.response(Asked::ForAnything).unwrap();
        assert_eq!(answer.text("Content-Encoding").as_deref(), coding);
        assert!(answer.text("Content-Length").is_some());
    }
}
