//! Restarts that fail: the old generation serves on, with all its connections, and the reason is told.

use everlit::control::client::Connection;
use everlit::control::message::{Farewell, Progress, Reply, Report, Request, Until};
use rustix::process::Signal;

use crate::support::{Built, Client, Server, Setup, halt, send};

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
fn row_7_a_successor_that_is_killed_with_an_unanswered_batch() {
    Stage::new(Some("killed-in-batch")).fails("ended while it took over (killed by SIGKILL)");
}

#[test]
fn row_7_what_a_successor_has_taken_dies_with_it_and_nothing_else() {
    /// More than one batch.
    const CLIENTS: u64 = 1500;
    let stage = Stage::new(Some("killed-after-batch"));
    let address = stage.server.address();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        client.get("/a.txt");
    }
    let error = stage.server.reload().unwrap_err();
    assert!(error.contains("killed by SIGKILL"), "{error}");
    let lost: u64 = error.rsplit(": ").next().unwrap().parse().unwrap();
    assert!((1..CLIENTS).contains(&lost), "{error}");
    clients.push(stage.client);
    let alive = clients
        .into_iter()
        .filter_map(|client| client.try_get("/a.txt"))
        .count() as u64;
    assert_eq!(alive + lost, CLIENTS + 1);
    stage.server.setup.fault(None);
    assert_eq!(stage.server.reload().unwrap().tally.moved.total(), 0);
}

#[test]
fn row_9_a_predecessor_that_is_killed_is_succeeded() {
    let stage = Stage::new(None);
    let pid = stage.generation.1;
    // It cannot answer any more, and is killed while the successor waits for it.
    halt(pid);
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

/// Waits until so many connections are finished by the old generation.
fn wait_for_draining(caller: &mut Connection, wanted: u64) {
    loop {
        match caller.next_reply().unwrap() {
            Reply::Progress(Progress::Moving { draining, .. }) if draining == wanted => return,
            Reply::Progress(_) => {}
            other => panic!("nothing was drained: {other:?}"),
        }
    }
}

fn report(caller: &mut Connection) -> Report {
    loop {
        match caller.next_reply().unwrap() {
            Reply::Progress(_) => {}
            Reply::Reloaded(report) => return *report,
            other => panic!("a reload was asked, not {other:?}"),
        }
    }
}

#[test]
fn row_8_what_is_refused_is_finished_by_the_predecessor() {
    let stage = Stage::new(Some("refuses-each"));
    let mut client = stage.client;
    client.send("GET /a.txt HTTP/1.1\r\n");
    let mut caller = stage.server.setup.connect();
    caller.ask(&Request::Reload { until: Until::Gone }).unwrap();
    wait_for_draining(&mut caller, 1);
    client.send("Host: test\r\n\r\n");
    let (head, length) = client.head();
    assert!(
        head.to_ascii_lowercase().contains("connection: close"),
        "{head}"
    );
    assert_eq!(client.body(length), b"first");
    assert!(client.until_closed().is_empty());
    let report = report(&mut caller);
    assert_eq!(report.tally.moved.total(), 0, "{report:?}");
    assert_eq!(
        (report.tally.drained, report.tally.dropped),
        (1, 0),
        "{report:?}"
    );
    assert_eq!(report.farewell, Farewell::Left);
}

#[test]
fn row_8_draining_does_not_hold_up_the_next_restart() {
    let stage = Stage::new(Some("refuses-each"));
    let server = &stage.server;
    let mut client = stage.client;
    client.send("GET /a.txt HTTP/1.1\r\n");
    let mut patient = server.setup.connect();
    patient
        .ask(&Request::Reload { until: Until::Gone })
        .unwrap();
    let mut quick = server.setup.connect();
    wait_for_draining(&mut patient, 1);
    server.wait_for_notice("READY=1");

    // The faulty successor serves nobody and cannot leave; its replacement is an ordinary one.
    server.setup.fault(None);
    send(server.generation().1, Signal::KILL);
    server.wait_for_notice("READY=1");
    quick.ask(&Request::Reload { until: Until::Gone }).unwrap();
    let second = report(&mut quick);
    assert_eq!(second.farewell, Farewell::Left, "{second:?}");
    assert_eq!(server.status().generations.len(), 2);

    // All the while the first generation has kept its word.
    client.send("Host: test\r\n\r\n");
    let (_, length) = client.head();
    assert_eq!(client.body(length), b"first");
    drop(client);
    let first = report(&mut patient);
    assert_eq!((first.from, first.to), (Some(1), 2));
    assert_eq!(first.tally.drained, 1, "{first:?}");
}
