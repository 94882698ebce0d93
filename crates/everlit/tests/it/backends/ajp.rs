//! Backends that speak AJP 1.3, well and badly, and restarts in the middle of what they do.

use std::fmt::Debug;

use super::backend::{Backend, Peer, Refusing, access_log, get, goes_on, pattern, response, setup};
use super::restart::restart;
use crate::support::http::{Asked, Client, Failure};
use crate::support::{Server, Setup};

/// Bytes of a body in one packet.
const DATA_MAX: usize = 8186;

fn one(backend: &Backend, options: &str) -> Setup {
    setup("ajp13", &[backend.address()], options)
}

fn server(backend: &Backend, setting: &str) -> Server {
    Server::start(one(backend, "").setting(setting))
}

/// The content of the next packet that the server sends.
fn packet(peer: &mut Peer) -> Vec<u8> {
    let head = peer.body(4);
    assert_eq!(head[..2], [0x12, 0x34]);
    peer.body(u16::from_be_bytes([head[2], head[3]]).into())
}

/// The next request; it must say that its body has this length.
fn request(peer: &mut Peer, length: usize) -> Vec<u8> {
    let content = packet(peer);
    assert_eq!(content[0], 2);
    let text = length.to_string();
    let told = [&[0xa0, 8, 0, text.len() as u8], text.as_bytes(), b"\0"].concat();
    let found = content.windows(told.len()).any(|window| window == told);
    assert!(found, "{}", content.escape_ascii());
    content
}

/// The next packet of a body; none: it is over.
fn data(peer: &mut Peer) -> Vec<u8> {
    let content = packet(peer);
    match content.split_first_chunk::<2>() {
        None => content,
        Some((length, data)) => {
            assert_eq!(usize::from(u16::from_be_bytes(*length)), data.len());
            assert!(data.len() <= DATA_MAX);
            data.to_vec()
        }
    }
}

/// The rest of a body, asked for packet by packet as Tomcat does.
fn rest(peer: &mut Peer, mut body: Vec<u8>, length: usize) -> Vec<u8> {
    while body.len() < length {
        peer.send(b"AB\0\x03\x06\x1f\xfa");
        let more = data(peer);
        assert!(!more.is_empty());
        body.extend(more);
    }
    body
}

fn wrapped(content: &[u8]) -> Vec<u8> {
    [b"AB", &(content.len() as u16).to_be_bytes()[..], content].concat()
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes(), b"\0"].concat()
}

/// A head; a name that is `Content-Length` goes as its code.
fn head(status: u16, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut content = vec![4];
    content.extend(status.to_be_bytes());
    content.extend(string("Whatever"));
    content.extend((fields.len() as u16).to_be_bytes());
    for (name, value) in fields {
        match *name {
            "Content-Length" => content.extend([0xa0, 3]),
            name => content.extend(string(name)),
        }
        content.extend(string(value));
    }
    wrapped(&content)
}

fn chunk(data: &[u8]) -> Vec<u8> {
    wrapped(&[&[3], &(data.len() as u16).to_be_bytes()[..], data, b"\0"].concat())
}

/// The end; the connection may be used again or not.
const END: &[u8] = b"AB\0\x02\x05\0";
const END_AND_KEEP: &[u8] = b"AB\0\x02\x05\x01";

fn good() -> Vec<u8> {
    let head = head(200, &[("X-A", "b"), ("Content-Length", "4")]);
    [head, chunk(b"go"), chunk(b"od"), END.to_vec()].concat()
}

#[test]
fn an_exchange() {
    let backend = Backend::new();
    let server = server(&backend, "");
    let mut client = Client::connect(server.address());
    client.send(b"GET /b?c HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut peer = backend.accept();
    let told = request(&mut peer, 0);
    assert_eq!(told[1], 2, "GET");
    peer.send(good());
    let answer = response(&mut client);
    assert_eq!((answer.status, &answer.body[..]), (200, &b"good"[..]));
    assert_eq!(answer.text("x-a").as_deref(), Some("b"));
    assert_eq!(peer.until_closed(), b"");
    goes_on(&mut client);
    assert_eq!(access_log(server).len(), 2);
}

#[test]
fn a_connection_is_used_again_if_the_backend_wants_it() {
    let backend = Backend::new();
    let server = server(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    for round in 0..3 {
        request(&mut peer, 0);
        // Without a length: then the end says so.
        let answer = [head(200, &[]), chunk(b"x"), END_AND_KEEP.to_vec()].concat();
        peer.send(answer);
        assert_eq!(response(&mut client).body, b"x", "{round}");
        assert!(!backend.is_wanted());
        get(&mut client);
    }
    request(&mut peer, 0);
    // A request for which the backend has no connection open any more goes by another one.
    let kept = [head(204, &[]), END_AND_KEEP.to_vec()].concat();
    peer.send(kept);
    assert_eq!(response(&mut client).status, 204);
    drop(peer);
    get(&mut client);
    let mut peer = backend.accept();
    request(&mut peer, 0);
    peer.send(good());
    assert_eq!(response(&mut client).body, b"good");
    // After a body it is not used again.
    client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx");
    let mut peer = backend.accept();
    request(&mut peer, 1);
    assert_eq!(data(&mut peer), b"x");
    let kept = [head(204, &[]), END_AND_KEEP.to_vec()].concat();
    peer.send(kept);
    assert_eq!(response(&mut client).status, 204);
    assert_eq!(peer.until_closed(), b"");
}

#[test]
fn a_body_comes_packet_by_packet() {
    let body = pattern(50_000);
    for mode in [0, 1, 2] {
        for is_chunked in [false, true] {
            let backend = Backend::new();
            let server = server(&backend, &format!("server.stream-request-body = {mode}"));
            let mut client = Client::connect(server.address());
            let framing = match is_chunked {
                true => "Transfer-Encoding: chunked",
                false => "Content-Length: 50000",
            };
            client.send(format!("PUT /b HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n").as_bytes());
            if is_chunked {
                client.send(b"c350\r\n");
            }
            client.send(&body);
            if is_chunked {
                client.send(b"\r\n0\r\n\r\n");
            }
            let mut peer = backend.accept();
            request(&mut peer, body.len());
            let first = data(&mut peer);
            assert!(!first.is_empty());
            // Less than there is; and what it does not say how much it wants of.
            peer.send(b"AB\0\x03\x06\0\x02");
            let second = data(&mut peer);
            assert_eq!(second.len(), 2);
            peer.send(b"AB\0\x03\x06\0\0");
            let third = data(&mut peer);
            let found = rest(&mut peer, [first, second, third].concat(), body.len());
            assert!(found == body, "mode {mode}");
            // And beyond its end.
            peer.send(b"AB\0\x03\x06\x1f\xfa");
            assert_eq!(data(&mut peer), b"");
            peer.send(good());
            assert_eq!(response(&mut client).body, b"good");
            assert_eq!(peer.until_closed(), b"");
            goes_on(&mut client);
        }
    }
}

/// Whatever is not read is not sent, and the next request is none of its business.
#[test]
fn a_body_that_nobody_wants_stays_here() {
    let backend = Backend::new();
    let server = server(&backend, "");
    let mut client = Client::connect(server.address());
    client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 20000\r\n\r\n");
    client.send(&[b'x'; 20_000]);
    let mut peer = backend.accept();
    request(&mut peer, 20_000);
    assert_eq!(data(&mut peer).len(), DATA_MAX);
    peer.send(good());
    assert_eq!(response(&mut client).body, b"good");
    assert_eq!(peer.until_closed(), b"");
    goes_on(&mut client);
}

#[test]
fn heads_before_the_head_are_passed_on() {
    let backend = Backend::new();
    let server = server(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    request(&mut peer, 0);
    peer.send([head(103, &[("Link", "</a>")]), good()].concat());
    assert_eq!(response(&mut client).status, 103);
    assert_eq!(response(&mut client).body, b"good");
    goes_on(&mut client);
}

#[test]
fn answers_without_a_body_end_with_the_exchange() {
    let backend = Backend::new();
    let server = server(&backend, "");
    let mut client = Client::connect(server.address());
    for (method, status) in [("HEAD", 200), ("GET", 304), ("GET", 204)] {
        client.send(format!("{method} /b HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
        let mut peer = backend.accept();
        request(&mut peer, 0);
        // With one all the same: nobody is told.
        let answer = [
            head(status, &[("Content-Length", "4")]),
            chunk(b"oops"),
            END.to_vec(),
        ];
        peer.send(answer.concat());
        let asked = match method {
            "HEAD" => Asked::ForHead,
            _ => Asked::ForAnything,
        };
        let found = client.response(asked).unwrap();
        assert_eq!((found.status, &found.body[..]), (status, &b""[..]));
        assert_eq!(peer.until_closed(), b"");
        goes_on(&mut client);
    }
}

#[test]
fn what_is_more_than_announced_is_dropped() {
    let backend = Backend::new();
    let server = server(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    request(&mut peer, 0);
    let head = head(200, &[("Content-Length", "4")]);
    peer.send([head, chunk(b"good and more"), chunk(b"x"), END.to_vec()].concat());
    assert_eq!(response(&mut client).body, b"good");
    goes_on(&mut client);
}

#[test]
fn what_is_no_answer_is_a_bad_gateway() {
    let long = "x".repeat(60_000);
    let long = head(200, &[("A", &long)]);
    for (said, why) in [
        (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), "not an AJP packet"),
        (head(0, &[]), "invalid status"),
        (
            head(101, &[]),
            "it switches protocols although nobody asked",
        ),
        (
            head(200, &[("A", "b\r\nC: d")]),
            "control character in AJP header field",
        ),
        (
            head(200, &[("A", "b\x1b")]),
            "control character in field value",
        ),
        (
            head(200, &[("A b", "c")]),
            "invalid character in field name",
        ),
        (
            head(200, &[("Content-Length", "x")]),
            "invalid Content-Length",
        ),
        (chunk(b"x"), "body before the head"),
        ([&long[..], &long[..]].concat(), "a second head"),
        ([head(200, &[]), head(200, &[])].concat(), "a second head"),
        (
            wrapped(&[4, 0, 200, 0xff, 0xff, 0, 1])
                .into_iter()
                .chain(*b"AB")
                .collect(),
            "AJP packet is too short",
        ),
    ] {
        let backend = Backend::new();
        let server = server(&backend, "");
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        request(&mut peer, 0);
        peer.try_send(&said);
        assert_eq!(response(&mut client).status, 502, "{why}");
        peer.until_closed();
        goes_on(&mut client);
        let said = server.said();
        let complaint = format!("{}: what it says is no answer: {why}", backend.address());
        assert!(said.contains(&complaint), "{complaint}: {said}");
    }
}

#[test]
fn what_ends_too_early_is_a_bad_gateway_or_cut_off() {
    let length = [("Content-Length", "4")];
    for (said, mode, is_cut) in [
        (Vec::new(), 1, false),
        (END.to_vec(), 1, false),
        (head(200, &length)[..9].to_vec(), 1, false),
        ([head(200, &length), chunk(b"go")].concat(), 0, false),
        ([head(200, &length), chunk(b"go")].concat(), 1, true),
        (
            [head(200, &length), chunk(b"go"), END.to_vec()].concat(),
            1,
            true,
        ),
        ([head(200, &[]), chunk(b"go")].concat(), 1, true),
        (
            [head(200, &[]), chunk(b"go")[..6].to_vec()].concat(),
            1,
            true,
        ),
    ] {
        let backend = Backend::new();
        let server = server(&backend, &format!("server.stream-response-body = {mode}"));
        let mut client = Client::connect(server.address());
        get(&mut client);
        let mut peer = backend.accept();
        request(&mut peer, 0);
        peer.send(&said);
        drop(peer);
        let outcome = client.response(Asked::ForAnything);
        let shown: &dyn Debug = &said.escape_ascii().to_string();
        match is_cut {
            true => assert!(
                matches!(outcome, Err(Failure::Cut(_))),
                "{shown:?}: {outcome:?}"
            ),
            false => assert_eq!(outcome.unwrap().status, 502, "{shown:?}"),
        }
    }
}

/// Everything is there that was announced, so the client need not know.
#[test]
fn an_end_that_is_missing_is_forgiven() {
    let backend = Backend::new();
    let server = server(&backend, "");
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    request(&mut peer, 0);
    peer.send(&good()[..good().len() - END.len()]);
    drop(peer);
    assert_eq!(response(&mut client).body, b"good");
    goes_on(&mut client);
}

#[test]
fn silence_is_a_gateway_timeout() {
    for said in [Vec::new(), good()[..20].to_vec()] {
        let backend = Backend::new();
        let server = Server::start(one(&backend, "\"read-timeout\" => 1"));
        let mut client = Client::connect(server.address());
        client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 9000\r\n\r\n");
        client.send(&[b'x'; 9000]);
        let mut peer = backend.accept();
        request(&mut peer, 9000);
        // Of the rest it does not ask for anything.
        assert_eq!(data(&mut peer).len(), DATA_MAX);
        peer.send(said);
        assert_eq!(response(&mut client).status, 504);
        assert_eq!(peer.until_closed(), b"");
        goes_on(&mut client);
    }
}

#[test]
fn nobody_there_is_service_unavailable_and_another_host_is_asked() {
    let nobody = Refusing::new();
    let server = Server::start(setup("ajp13", &[nobody.address()], ""));
    let mut client = Client::connect(server.address());
    get(&mut client);
    assert_eq!(response(&mut client).status, 503);
    drop(server);

    let backend = Backend::new();
    let setup = setup("ajp13", &[nobody.address(), backend.address()], "");
    let server = Server::start(setup.setting("ajp13.balance = \"round-robin\""));
    let mut client = Client::connect(server.address());
    for _ in 0..2 {
        client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 9000\r\n\r\n");
        client.send(&[b'x'; 9000]);
        let mut peer = backend.accept();
        request(&mut peer, 9000);
        let first = data(&mut peer);
        assert_eq!(rest(&mut peer, first, 9000).len(), 9000);
        peer.send(good());
        assert_eq!(response(&mut client).body, b"good");
    }
}

#[test]
fn the_secret_comes_from_the_environment() {
    let backend = Backend::new();
    let setting = "server.modules += ( \"mod_setenv\" )\nsetenv.set-environment = ( \"AJP13_SECRET\" => \"hush\" )";
    let server = server(&backend, setting);
    let mut client = Client::connect(server.address());
    get(&mut client);
    let mut peer = backend.accept();
    let told = request(&mut peer, 0);
    assert!(
        told.ends_with(b"\x0c\0\x04hush\0\xff"),
        "{}",
        told.escape_ascii()
    );
    peer.send(good());
    assert_eq!(response(&mut client).body, b"good");
}

#[test]
fn a_restart_in_the_middle_of_an_answer_is_not_noticed() {
    let body = pattern(20_000);
    let chunks: Vec<u8> = body.chunks(9000).flat_map(chunk).collect();
    for mode in [0, 1, 2] {
        for fields in [&[("Content-Length", "20000")][..], &[]] {
            let backend = Backend::new();
            let server = server(&backend, &format!("server.stream-response-body = {mode}"));
            let mut client = Client::connect(server.address());
            get(&mut client);
            let mut peer = backend.accept();
            // Before it has read anything.
            restart(&server);
            request(&mut peer, 0);
            let head = head(200, fields);
            for piece in head.chunks(7) {
                peer.send(piece);
                restart(&server);
            }
            for piece in chunks.chunks(3001) {
                peer.send(piece);
                restart(&server);
            }
            peer.send(&END_AND_KEEP[..5]);
            restart(&server);
            peer.send(&END_AND_KEEP[5..]);
            assert!(response(&mut client).body == body, "mode {mode}");
            // The connection was made by another process: it is not used again.
            assert_eq!(peer.until_closed(), b"");
            goes_on(&mut client);
            assert!(!backend.is_wanted());
            assert_eq!(access_log(server).len(), 2);
        }
    }
}

#[test]
fn a_restart_in_the_middle_of_a_request_is_not_noticed() {
    let body = pattern(30_000);
    for mode in [0, 1, 2] {
        let backend = Backend::new();
        let server = server(&backend, &format!("server.stream-request-body = {mode}"));
        let mut client = Client::connect(server.address());
        client.send(b"POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 30000\r\n\r\n");
        client.send(&body[..10_000]);
        let mut early = (mode > 0).then(|| backend.accept());
        restart(&server);
        if let Some(peer) = &mut early {
            // It wants more than has come so far, and gets it when it comes.
            request(peer, body.len());
            let mut begun = data(peer);
            while begun.len() < 10_000 {
                peer.send(b"AB\0\x03\x06\x1f\xfa");
                begun.extend(data(peer));
            }
            assert!(begun == body[..10_000]);
            peer.send(b"AB\0\x03\x06");
            restart(&server);
            peer.send(b"\x1f\xfa");
            restart(&server);
            client.send(&body[10_000..]);
            begun.extend(data(peer));
            restart(&server);
            assert!(rest(peer, begun, body.len()) == body);
        } else {
            client.send(&body[10_000..]);
            let mut peer = backend.accept();
            restart(&server);
            request(&mut peer, body.len());
            let mut found = data(&mut peer);
            while found.len() < body.len() {
                peer.send(b"AB\0\x03\x06\x1f\xfa");
                restart(&server);
                found.extend(data(&mut peer));
            }
            assert!(found == body);
            early = Some(peer);
        }
        let mut peer = early.unwrap();
        restart(&server);
        peer.send(good());
        assert_eq!(response(&mut client).body, b"good");
        goes_on(&mut client);
        assert!(!backend.is_wanted());
        assert_eq!(access_log(server).len(), 2);
    }
}
