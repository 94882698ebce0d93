//! `server.max-fds`: a successor with room for fewer connections than there are.

use everlit::control::message::{Farewell, Progress, Reply, Request, Until};

use crate::support::{Built, Client, Server, Setup};

const LISTEN: &str = "server.bind = \"127.0.0.1\"\nserver.port = 0\n";
const CLIENTS: u64 = 100;

#[test]
fn what_does_not_fit_stays_and_finishes() {
    let setup = Setup::new(Built::Everlit);
    let server = Server::start(setup);
    let address = server.address();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        client.get("/a.txt");
    }
    server
        .setup
        .configure(&format!("{LISTEN}server.max-fds = 128"));
    let mut caller = server.setup.connect();
    caller.ask(&Request::Reload { until: Until::Gone }).unwrap();
    let draining = loop {
        match caller.next_reply().unwrap() {
            Reply::Progress(Progress::Moving {
                waiting: 0,
                draining,
                ..
            }) => break draining,
            Reply::Progress(_) => {}
            other => panic!("a reload was asked, not {other:?}"),
        }
    };
    assert!((1..CLIENTS).contains(&draining), "{draining}");

    // Each of them is answered, wherever it is. Those that stayed are told that it was the last time.
    let mut last = 0;
    let mut staying = Vec::new();
    for mut client in clients {
        client.send("GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
        let (head, length) = client.head();
        assert_eq!(client.body(length), b"first");
        if head.to_ascii_lowercase().contains("connection: close") {
            last += 1;
            assert!(client.until_closed().is_empty());
        } else {
            staying.push(client);
        }
    }
    assert_eq!(last, draining);
    let report = loop {
        match caller.next_reply().unwrap() {
            Reply::Progress(_) => {}
            Reply::Reloaded(report) => break report,
            other => panic!("a reload was asked, not {other:?}"),
        }
    };
    assert_eq!(report.farewell, Farewell::Left);
    assert_eq!(report.tally.moved.total(), CLIENTS - draining, "{report:?}");
    assert_eq!(
        (report.tally.drained, report.tally.dropped),
        (draining, 0),
        "{report:?}"
    );

    // With room again, everybody moves.
    server.setup.configure(LISTEN);
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.total(), CLIENTS - draining, "{report:?}");
    assert_eq!(report.tally.drained, 0);
    for client in &mut staying {
        assert_eq!(client.get("/a.txt"), "first");
    }
}

#[test]
fn clients_beyond_the_limit_wait_instead_of_being_cut() {
    let setup = Setup::new(Built::Everlit);
    setup.configure(&format!(
        "{LISTEN}server.max-fds = 90\nserver.max-worker = 1"
    ));
    let server = Server::start_as_configured(setup);
    let address = server.address();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        client.send("GET /a.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    }
    let report = server.reload().unwrap();
    assert_eq!(report.tally.dropped, 0, "{report:?}");
    for mut client in clients {
        assert_eq!(client.response(), "first");
    }
}
