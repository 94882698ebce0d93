//! `server.username`: what only root may do, a reload does all the same.

use std::fs;

use rustix::process::Signal;

use super::{is_root, nobody, set_mode, unused_port, user_of, wait};
use crate::support::{Built, Client, Server, Setup};

/// A server that runs as nobody, with a directory that everybody may walk through.
fn setup() -> Setup {
    let setup = Setup::new(Built::Everlit).setting("server.username = \"nobody\"");
    set_mode(&setup.path(""), 0o711);
    set_mode(&setup.path("www"), 0o755);
    setup
}

#[test]
fn files_that_only_root_may_read_are_read_again() {
    if !is_root("a file of root's") {
        return;
    }
    let setup = setup();
    let secret = setup.path("secret.conf");
    let logs = setup.path("logs");
    fs::create_dir(&logs).unwrap();
    set_mode(&logs, 0o700);
    let log = logs.join("access.log");
    let write_secret = |tag: &str| {
        let text = format!(
            "server.modules += ( \"mod_accesslog\", \"mod_setenv\" )
             accesslog.filename = \"{}\"
             accesslog.format = \"%U\"
             setenv.add-response-header = ( \"X-Tag\" => \"{tag}\" )\n",
            log.display()
        );
        fs::write(&secret, text).unwrap();
        set_mode(&secret, 0o600);
    };
    write_secret("one");
    setup.configure("server.bind = \"127.0.0.1\"\nserver.port = 0\ninclude \"secret.conf\"");
    let server = Server::start_as_configured(setup);
    let mut client = Client::connect(server.address());
    assert_eq!(tag(&mut client), "one");
    assert_eq!(user_of(server.generation().1), nobody());

    write_secret("two");
    assert_eq!(server.reload().unwrap().tally.moved.total(), 1);
    assert_eq!(user_of(server.generation().1), nobody());
    assert_eq!(tag(&mut client), "two");

    fs::rename(&log, logs.join("access.log.1")).unwrap();
    server.signal(Signal::HUP);
    // Asked after the signal, it answers after it.
    server.status();
    client.get("/a.txt?after");
    wait::for_line(&log, "/a.txt");
}

fn tag(client: &mut Client) -> String {
    client.send("GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    let (head, length) = client.head();
    client.body(length);
    let line = head.lines().find_map(|line| line.strip_prefix("X-Tag: "));
    line.expect("mod_setenv is there").to_owned()
}

#[test]
fn a_privileged_port_is_opened_after_privileges_were_dropped() {
    if !is_root("a port below 1024") {
        return;
    }
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first.is_ok_and(|port| port.trim() == "0") {
        eprintln!("note: on this system every port is for everybody");
    }
    let server = Server::start(setup());
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    let port = unused_port::privileged();
    server.setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = 0\n$SERVER[\"socket\"] == \"127.0.0.1:{port}\" {{ }}"
    ));
    server.reload().unwrap();
    assert_eq!(user_of(server.generation().1), nobody());
    let address = ([127, 0, 0, 1], port).into();
    let mut other = Client::connect(address);
    assert_eq!(other.get("/a.txt"), "first");
    // It stays there over a further one.
    server.reload().unwrap();
    assert_eq!(other.get("/a.txt"), "first");
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    assert_eq!(client.get("/a.txt"), "first");
}
