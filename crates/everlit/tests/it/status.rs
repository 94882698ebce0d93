//! mod_status through restarts: totals go on, and who is connected is counted where it is.

use crate::backends::restart::restart;
use crate::support::http::{Asked, Client};
use crate::support::{Built, Server, Setup};

/// The value behind a name in `?auto`.
fn figure(client: &mut Client, name: &str) -> String {
    client.send(b"GET /status?auto HTTP/1.1\r\nHost: test\r\n\r\n");
    let answer = client.response(Asked::ForAnything).unwrap();
    let text = String::from_utf8(answer.body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
}

#[test]
fn totals_go_on_and_connections_are_counted_where_they_are() {
    let server = Server::start(
        Setup::new(Built::Everlit)
            .setting("server.modules += ( \"mod_status\" )\nstatus.status-url = \"/status\"")
            .setting("server.max-worker = 2"),
    );
    let mut client = Client::connect(server.address());
    let _idle: Vec<_> = (0..3)
        .map(|_| {
            let mut client = Client::connect(server.address());
            client.send(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
            client.response(Asked::ForAnything).unwrap();
            client
        })
        .collect();
    assert_eq!(figure(&mut client, "Total Accesses: "), "3");
    for round in 0..5 {
        restart(&server);
        // Its predecessor is gone, and has said what it had done.
        let expected = (4 + 3 * round).to_string();
        assert_eq!(figure(&mut client, "Total Accesses: "), expected);
        assert_eq!(figure(&mut client, "BusyServers: "), "4");
        assert_eq!(figure(&mut client, "Scoreboard: "), "kkkk");
    }
}

#[test]
fn what_is_to_be_logged_is_logged() {
    let setup = Setup::new(Built::Everlit);
    let log = setup.path("error.log");
    let mut server = Server::start(setup.setting(&format!(
        "server.errorlog = \"{}\"\ndebug.log-file-not-found = \"enable\"\n\
         $HTTP[\"url\"] == \"/a.txt\" {{ debug.log-request-header = \"enable\"\ndebug.log-response-header = \"enable\" }}",
        log.display()
    )));
    let mut client = Client::connect(server.address());
    for path in ["/a.txt", "/missing"] {
        client.send(
            format!("GET {path} HTTP/1.1\r\nHost: test\r\nX-Mine: {path}\r\n\r\n").as_bytes(),
        );
        client.response(Asked::ForAnything).unwrap();
    }
    server.signal(rustix::process::Signal::TERM);
    server.wait();
    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("(debug) "))
        .map(|(_, said)| said)
        .collect();
    for said in [
        "request: GET /a.txt",
        "request: X-Mine: /a.txt",
        "response: 200",
        "response: Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with(&said[..said.len().min(30)])),
            "{said}: {text}"
        );
    }
    let lost: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("file not found: /missing -> /"))
        .collect();
    assert_eq!(lost.len(), 1, "{text}");
    assert!(!text.contains("X-Mine: /missing"), "{text}");
}

#[test]
fn the_way_of_requests_and_connections_is_logged_if_wanted() {
    let setup = Setup::new(Built::Everlit);
    let log = setup.path("error.log");
    let mut server = Server::start(setup.setting(&format!(
        "server.errorlog = \"{}\"\nserver.max-keep-alive-idle := 1\n\
         debug.log-state-handling = \"enable\"\ndebug.log-timeouts = \"enable\"\n\
         debug.log-condition-handling = \"enable\"\ndebug.log-request-header-on-error = \"enable\"\n\
         $HTTP[\"url\"] == \"/a.txt\" {{ debug.log-request-handling = \"enable\" }}",
        log.display()
    )));
    let mut client = Client::connect(server.address());
    for path in ["/a.txt?q", "/missing"] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
        client.response(Asked::ForAnything).unwrap();
    }
    // Its time is over.
    assert_eq!(client.until_close().unwrap(), b"");
    let mut client = Client::connect(server.address());
    client.send(b"GET / HTTP/1.1\r\nHost: te\x1bst\r\nX-Wrong: y\r\n\r\n");
    assert_eq!(client.response(Asked::ForAnything).unwrap().status, 400);
    let mut client = Client::connect(server.address());
    client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    client.response(Asked::ForAnything).unwrap();
    client.send(b"GET / HTTP/1.1\r\nHo");
    let begun = std::time::Instant::now();
    while !std::fs::read_to_string(&log)
        .unwrap()
        .contains(": Idle -> Head")
    {
        assert!(
            begun.elapsed() < crate::support::PATIENCE,
            "no word of its state"
        );
        std::thread::yield_now();
    }
    client.send(b"st: test\r\n\r\n");
    client.response(Asked::ForAnything).unwrap();
    server.signal(rustix::process::Signal::TERM);
    server.wait();
    let text = std::fs::read_to_string(log).unwrap();
    for said in [
        "condition: /a.txt?q: $HTTP[\"url\"] == \"/a.txt\" holds",
        "condition: /missing: $HTTP[\"url\"] == \"/a.txt\" does not hold",
        "handling: target: /a.txt?q",
        "handling: query: q",
        "handling: below it: /a.txt",
        "handling: answered with 200",
        ": Idle for too long",
        ": Head -> Idle",
        "refused with 400: ",
        "refused: X-Wrong: y",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("handling: target: /missing"), "{text}");
}
