//! Restarts that fail: the old generation serves on, with all its connections, and the reason is told.

use everlit::control::message::Farewell;
use rustix::process::Signal;

use crate::support::{Built, Client, Server, Setup, send};

/// A server that misbehaves at its next start of a generation, with a client whose connection must survive that.
struct Stage {
    server: Server,
    client: Client,
    generation: (u64, u32),
}

impl Stage {
    fn new(fault: Option<&str>) -> Self {
        let setup = Setup::new(Built::Faulty)
            .setting("server.feature-flags = ( \"everlit.ready-timeout\" => 1 )");
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        client.get("/a.txt");
        let generation = server.generation();
        server.setup.fault(fault);
        Self {
            server,
            client,
            generation,
        }
    }

    /// The restart fails for this reason, and nothing else has changed; afterwards one succeeds.
    fn fails(mut self, reason: &str) {
        let error = self.server.reload().unwrap_err();
        assert!(error.contains(reason), "{error}");
        let number = self.generation.0;
        assert!(
            error.contains(&format!("generation {number} serves on")),
            "{error}"
        );
        assert_eq!(self.server.generation(), self.generation);
        assert_eq!(self.client.get("/a.txt"), "first");
        assert_eq!(
            Client::connect(self.server.address()).get("/a.txt"),
            "first"
        );
        assert!(self.server.said().contains(reason));
        assert!(!self.server.status().last_restart.unwrap().succeeded);

        self.server.setup.fault(None);
        self.server
            .setup
            .configure("server.bind = \"127.0.0.1\"\nserver.port = 0");
        let report = self.server.reload().unwrap();
        assert_eq!(report.tally.dropped, 0);
        assert_eq!(self.client.get("/a.txt"), "first");
        assert_eq!(self.server.status().generations.len(), 1);
    }
}

#[test]
fn row_2_a_broken_configuration_is_told_with_its_place() {
    let stage = Stage::new(None);
    let path = stage.server.setup.path("test.conf");
    std::fs::write(&path, "server.port = \n").unwrap();
    stage.fails("test.conf:");
}

#[test]
fn row_2_a_binary_that_does_not_run() {
    let stage = Stage::new(None);
    let path = stage.server.setup.path("everlit.broken");
    std::fs::write(&path, "not a program").unwrap();
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    std::fs::rename(&path, stage.server.setup.path("everlit")).unwrap();
    let error = stage.server.reload().unwrap_err();
    assert!(error.contains("start "), "{error}");
    stage.server.setup.install(Built::Faulty);
    let report = stage.server.reload().unwrap();
    assert_eq!(report.tally.moved.total(), 1);
}

#[test]
fn row_3_an_address_in_use_is_named() {
    let stage = Stage::new(None);
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    stage.server.setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = 0\n$SERVER[\"socket\"] == \"{address}\" {{ }}"
    ));
    stage.fails(&format!("bind {address}: address in use by"));
}

#[test]
fn row_5_a_successor_that_says_why_it_does_not_start() {
    Stage::new(Some("exit-before-ready")).fails("the key is not readable");
}

#[test]
fn row_5_a_successor_that_is_killed_before_it_is_ready() {
    Stage::new(Some("killed-before-ready")).fails("killed by SIGKILL");
}

#[test]
fn row_5_a_successor_that_is_never_ready() {
    Stage::new(Some("never-ready")).fails("not ready after 1 s");
}

#[test]
fn row_7_a_successor_that_is_killed_right_after_it_is_ready() {
    Stage::new(Some("killed-after-ready")).fails("ended while it took over (killed by SIGKILL)");
}

#[test]
fn row_7_a_successor_that_closes_the_line() {
    Stage::new(Some("closes-handover")).fails("the handover failed: ");
}

#[test]
fn row_7_a_successor_that_speaks_gibberish() {
    Stage::new(Some("speaks-gibberish")).fails("the handover failed: ");
}

#[test]
fn row_7_a_successor_of_another_version() {
    Stage::new(Some("speaks-another-version")).fails("the handover failed: ");
}

#[test]
fn row_7_a_successor_that_is_killed_with_a_batch() {
    let stage = Stage::new(Some("killed-after-batch"));
    let error = stage.server.reload().unwrap_err();
    assert!(error.contains("killed by SIGKILL"), "{error}");
    // What it had taken died with it.
    stage.client.until_lost();
    let number = stage.generation.0;
    assert_eq!(
        Client::connect(stage.server.address()).get("/a.txt"),
        "first"
    );
    assert!(stage.server.generation().0 >= number);
    stage.server.setup.fault(None);
    stage.server.reload().unwrap();
}

#[test]
fn row_9_a_predecessor_that_is_killed_is_succeeded() {
    let stage = Stage::new(None);
    let pid = stage.generation.1;
    // It cannot answer any more, and is killed while the successor waits for it.
    send(pid, Signal::STOP);
    let report = std::thread::scope(|scope| {
        let report = scope.spawn(|| stage.server.reload().unwrap());
        // The successor accepts as soon as it is ready; only then is there somebody to answer.
        assert_eq!(
            Client::connect(stage.server.address()).get("/a.txt"),
            "first"
        );
        send(pid, Signal::KILL);
        report.join().unwrap()
    });
    assert!(
        matches!(report.farewell, Farewell::Died { .. }),
        "{report:?}"
    );
    assert_ne!(stage.server.generation(), stage.generation);
}
