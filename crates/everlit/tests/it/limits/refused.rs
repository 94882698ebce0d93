//! Configurations that cannot be served: lighttpd ends, here the old one stays in force and everybody is told why.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::support::{Built, Client, Server, Setup};

/// A server with a pid file, and a client whose connection must survive whatever comes.
struct Stage {
    server: Server,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        let setup = Setup::new(Built::Everlit);
        let pid_file = setup.path("pid");
        let setup = setup.setting(&format!("server.pid-file = \"{}\"", pid_file.display()));
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        client.get("/a.txt");
        Self { server, client }
    }

    /// The configuration with this more in it.
    fn add(&self, lines: &str) {
        self.server.setup.configure(&format!(
            "server.bind = \"127.0.0.1\"\nserver.port = 0\n{lines}"
        ));
    }

    /// Both ways of asking for a restart fail for this reason, and nothing changes.
    fn refuses(mut self, reasons: &[&str]) {
        let before = self.server.generation();
        let outcome = self.server.setup.run(&["reload", "-f", "test.conf"]);
        assert_eq!(outcome.status.code(), Some(1));
        let told = String::from_utf8(outcome.stderr).unwrap();
        assert!(told.starts_with("everlit reload: "), "{told}");
        assert!(told.contains("generation 1 serves on"), "{told}");

        self.server.signal(Signal::USR1);
        self.server.wait_for_notice("RELOADING=1");
        // Ready again, as it was.
        self.server.wait_for_notice("READY=1");
        let status = self.server.status();
        let last = status.last_restart.unwrap();
        assert!(!last.succeeded);
        for reason in reasons {
            for text in [&told, &last.outcome, &self.server.said()] {
                assert!(text.contains(reason), "no {reason:?} in {text}");
            }
        }

        let pid = self.server.pid();
        assert_eq!(status.supervisor_pid, Some(pid));
        let pid_file = fs::read_to_string(self.server.setup.path("pid")).unwrap();
        assert_eq!(pid_file.trim(), pid.to_string());
        assert_eq!(self.server.generation(), before);
        assert_eq!(self.client.get("/a.txt"), "first");
        let address = self.server.address();
        assert_eq!(Client::connect(address).get("/a.txt"), "first");

        self.add("");
        assert_eq!(self.server.reload().unwrap().tally.moved.total(), 1);
        assert_eq!(self.client.get("/a.txt"), "first");
    }
}

#[test]
fn a_syntax_error() {
    let stage = Stage::new();
    stage.add("index-file.names = ( \"a\"");
    stage.refuses(&["test.conf:"]);
}

#[test]
fn a_missing_include() {
    let stage = Stage::new();
    stage.add("include \"absent.conf\"");
    stage.refuses(&["absent.conf"]);
}

#[test]
fn an_unknown_module() {
    let stage = Stage::new();
    stage.add("server.modules += ( \"mod_nonsense\" )");
    stage.refuses(&["there is no module \"mod_nonsense\"", "test.conf:"]);
}

#[test]
fn an_unknown_user() {
    let stage = Stage::new();
    stage.add("server.username = \"nobody-at-all\"");
    stage.refuses(&["there is no user \"nobody-at-all\"", "test.conf:"]);
}

#[test]
fn a_log_that_has_no_directory() {
    let stage = Stage::new();
    stage.add("server.errorlog = \"/nonexistent/error.log\"");
    stage.refuses(&["there is no directory /nonexistent"]);
}

#[test]
fn a_log_that_cannot_be_opened() {
    let stage = Stage::new();
    // A socket; only opening it shows that.
    let path = stage.server.setup.path("log.sock");
    let _socket = UnixDatagram::bind(&path).unwrap();
    stage.add(&format!("server.errorlog = \"{}\"", path.display()));
    stage.refuses(&[&format!("open log {}: ", path.display())]);
}

#[test]
fn a_listener_in_use() {
    let stage = Stage::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    stage.add(&format!("$SERVER[\"socket\"] == \"{address}\" {{ }}"));
    let by = format!("process {}", std::process::id());
    stage.refuses(&[&format!("bind {address}: address in use by "), &by]);
}

#[test]
fn a_listener_on_an_address_of_another_machine() {
    let stage = Stage::new();
    // RFC 5737: nobody has it.
    stage.add("$SERVER[\"socket\"] == \"192.0.2.1:0\" { }");
    stage.refuses(&["bind 192.0.2.1:0: ", "no interface has this address"]);
}

#[test]
fn a_configuration_that_is_gone() {
    let stage = Stage::new();
    fs::remove_file(stage.server.setup.path("test.conf")).unwrap();
    stage.refuses(&["test.conf"]);
}

/// As lighttpd, which serves on without its document root.
#[test]
fn a_missing_document_root_is_a_warning() {
    let server = Server::start(Setup::new(Built::Everlit));
    let mut client = Client::connect(server.address());
    client.get("/a.txt");
    let text = fs::read_to_string(server.setup.path("test.conf")).unwrap();
    fs::write(
        server.setup.path("test.conf"),
        text.replace("/www", "/absent"),
    )
    .unwrap();
    let report = server.reload().unwrap();
    assert_eq!(report.warnings.len(), 1);
    assert!(
        report.warnings[0].contains("/absent is not a directory"),
        "{report:?}"
    );
    client.send("GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    let (head, _) = client.head();
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
}
