//! mod_extforward: who the client is when a proxy stands before us. Conditions, logs and backends see the same one.

mod compared;

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::{Built, Client, Server, Setup};

const ANSWERS: &str = "
$HTTP[\"remoteip\"] == \"203.0.113.9\" { setenv.add-response-header = ( \"Who\" => \"announced\" ) }
$HTTP[\"remoteip\"] == \"198.51.100.7\" { setenv.add-response-header = ( \"Who\" => \"forwarded\" ) }
$HTTP[\"scheme\"] == \"https\" { setenv.set-response-header = ( \"Came\" => \"over TLS\" ) }
";

fn setup(more: &str) -> Setup {
    Setup::new(Built::Everlit)
        .setting("server.modules += ( \"mod_extforward\", \"mod_setenv\", \"mod_accesslog\", \"mod_proxy\" )")
        .setting("extforward.forwarder = ( \"127.0.0.1\" => \"trust\" )")
        .setting(more)
        .setting(ANSWERS)
}

fn head_of(client: &mut Client) -> String {
    let (head, length) = client.head();
    client.body(length);
    head
}

const GET: &str = "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn a_half_read_introduction_moves() {
    let server = Server::start(setup("extforward.hap-PROXY = \"enable\""));
    let mut client = Client::connect(server.address());
    client.send("PROXY TCP4 203.0.113.9 19");
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.total(), 1);
    client.send("2.0.2.1 5000 80\r\n");
    server.reload().unwrap();
    client.send(GET);
    let head = head_of(&mut client);
    assert!(head.contains("Who: announced\r\n"), "{head}");
    // The connection remembers it.
    server.reload().unwrap();
    client.send(GET);
    let head = head_of(&mut client);
    assert!(head.contains("Who: announced\r\n"), "{head}");
}

#[test]
fn what_is_told_of_tls_moves() {
    let server = Server::start(setup("extforward.hap-PROXY = \"enable\""));
    let mut client = Client::connect(server.address());
    let header = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\x0b\0\x71\x09\x7f\0\0\x01\x13\x08\0\x50\x20\0\x05\x01\0\0\0\x01";
    client.send(&format!("{header}{GET}"));
    assert!(head_of(&mut client).contains("Came: over TLS\r\n"));
    server.reload().unwrap();
    client.send(GET);
    assert!(head_of(&mut client).contains("Came: over TLS\r\n"));
}

#[test]
fn without_an_introduction_the_connection_ends() {
    let server = Server::start(setup("extforward.hap-PROXY = \"enable\""));
    for text in [
        GET,
        "PROXY TCP4 203.0.113.9 192.0.2.1 5000\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 70000 80\r\nGET / HTTP/1.0\r\n\r\n",
    ] {
        let mut client = Client::connect(server.address());
        client.send(text);
        client.until_lost();
    }
    // Somebody who is not trusted is served as ever.
    let setup = setup(
        "extforward.hap-PROXY = \"enable\"\n$HTTP[\"remoteip\"] == \"127.0.0.1\" { extforward.forwarder = () }",
    );
    let server = Server::start(setup);
    assert_eq!(Client::connect(server.address()).get("/a.txt"), "first");
}

#[test]
fn a_listener_may_have_it_alone() {
    let setup = setup("");
    let socket = setup.path("proxied.sock");
    setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = 0\n$SERVER[\"socket\"] == \"{}\" {{\n\
         extforward.hap-PROXY = \"enable\"\nextforward.forwarder = ( \"all\" => \"trust\" )\n}}",
        socket.display()
    ));
    let server = Server::start_as_configured(setup);
    assert_eq!(Client::connect(server.address()).get("/a.txt"), "first");
    let mut client = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    let get = GET.replace("Host: h\r\n", "Host: h\r\nConnection: close\r\n");
    write!(client, "PROXY TCP4 203.0.113.9 192.0.2.1 5000 80\r\n{get}").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("Who: announced\r\n"), "{answer}");
}

/// A request that waits for its backend takes along who its client is.
#[test]
fn a_backend_and_the_log_see_the_client_of_a_moved_request() {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = backend.local_addr().unwrap().port();
    let setup = setup(&format!(
        "proxy.server = ( \"/back\" => ( ( \"host\" => \"127.0.0.1\", \"port\" => {port} ) ) )\n\
         accesslog.format = \"%h %s\""
    ));
    let log = setup.path("access.log");
    let setup = setup.setting(&format!("accesslog.filename = \"{}\"", log.display()));
    let mut server = Server::start(setup);
    let mut client = Client::connect(server.address());
    client.send(
        "GET /back HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n\r\n",
    );
    let (mut asked, _) = backend.accept().unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        asked.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(
        head.contains("X-Forwarded-For: 198.51.100.7, 127.0.0.1\r\n"),
        "{head}"
    );
    assert!(head.contains("X-Forwarded-Proto: https\r\n"), "{head}");
    server.reload().unwrap();
    asked
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .unwrap();
    let head = head_of(&mut client);
    assert!(head.contains("Who: forwarded\r\n"), "{head}");
    assert!(head.contains("Came: over TLS\r\n"), "{head}");
    // The next request is judged by itself.
    client.send(GET);
    assert!(!head_of(&mut client).contains("Who: "));
    drop(client);
    server.signal(rustix::process::Signal::TERM);
    server.wait();
    let lines = std::fs::read_to_string(log).unwrap();
    assert_eq!(lines, "198.51.100.7 200\n127.0.0.1 200\n");
}
