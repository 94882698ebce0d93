//! Restarts that succeed.

use everlit::control::message::{Farewell, SupervisorRenewal};
use rustix::process::Signal;

use crate::support::{Built, Client, Server, Setup};

#[test]
fn idle_connections_move_and_are_counted() {
    let server = Server::start(Setup::new(Built::Everlit));
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(server.address())).collect();
    for client in &mut clients {
        assert_eq!(client.get("/a.txt"), "first");
    }
    let (number, pid) = server.generation();
    let report = server.reload().unwrap();
    assert_eq!((report.from, report.to), (Some(number), number + 1));
    assert_eq!(report.tally.moved.idle, 20);
    assert_eq!((report.tally.drained, report.tally.dropped), (0, 0));
    assert_eq!(report.farewell, Farewell::Left);
    assert_eq!(report.supervisor, SupervisorRenewal::Renewed);
    assert_ne!(server.generation().1, pid);
    server.setup.file("a.txt", "other");
    for client in &mut clients {
        assert_eq!(client.get("/a.txt"), "other");
    }
}

#[test]
fn half_a_request_moves() {
    let server = Server::start(Setup::new(Built::Everlit));
    let mut client = Client::connect(server.address());
    // An answer first, so that the half is certainly read before the restart or certainly in the kernel: both must work.
    client.get("/a.txt");
    client.send("GET /a.t");
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.total(), 1);
    client.send("xt HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response(), "first");
}

#[test]
fn a_download_continues_in_the_successor() {
    let setup = Setup::new(Built::Everlit);
    // More than the kernel buffers between the two.
    let content = "0123456789abcdef".repeat(4 * 1024 * 1024);
    setup.file("big.txt", &content);
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    client.send("GET /big.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    let (_, length) = client.head();
    assert_eq!(length, content.len());
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.response, 1);
    assert!(client.body(length) == content.as_bytes());
    assert_eq!(client.get("/a.txt"), "first");
}

#[test]
fn the_supervisor_keeps_its_pid_and_renews_itself() {
    let server = Server::start(Setup::new(Built::Faulty));
    let pid = server.pid();
    server.setup.install(Built::Everlit);
    let report = server.reload().unwrap();
    assert_eq!(report.supervisor, SupervisorRenewal::Renewed);
    assert_eq!(server.pid(), pid);
    let running = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert_eq!(
        running,
        server.setup.path("everlit").canonicalize().unwrap()
    );
}

#[test]
fn sigusr1_restarts_and_systemd_hears_of_it() {
    let server = Server::start(Setup::new(Built::Everlit));
    let (number, _) = server.generation();
    server.signal(Signal::USR1);
    server.wait_for_notice("RELOADING=1");
    server.wait_for_notice("READY=1");
    assert_eq!(server.generation().0, number + 1);
}

#[test]
fn requests_during_a_restart_are_run_once_together() {
    let server = Server::start(Setup::new(Built::Everlit));
    let (number, _) = server.generation();
    let outcomes: Vec<u64> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| server.reload().unwrap().to))
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect()
    });
    let last = server.generation().0;
    assert!(outcomes.iter().all(|to| (number + 1..=last).contains(to)));
    assert!(last <= number + 8);
}

#[test]
fn ten_restarts_leave_two_processes() {
    let server = Server::start(Setup::new(Built::Everlit));
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/a.txt"), "first");
    for _ in 0..10 {
        assert_eq!(server.reload().unwrap().tally.moved.total(), 1);
        assert_eq!(client.get("/a.txt"), "first");
    }
    let status = server.status();
    assert_eq!(status.generations.len(), 1);
    assert_eq!(status.supervisor_pid, Some(server.pid()));
    assert!(status.last_restart.unwrap().succeeded);
}

#[test]
fn listeners_come_and_go_and_stay() {
    let setup = Setup::new(Built::Everlit);
    let path = setup.path("www.sock");
    let both = format!(
        "server.bind = \"127.0.0.1\"\nserver.port = 0\n$SERVER[\"socket\"] == \"{}\" {{ }}",
        path.display()
    );
    let server = Server::start(setup);
    let address = server.address();
    server.setup.configure(&both);
    server.reload().unwrap();
    assert_eq!(server.status().listeners.len(), 2);
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    assert_eq!(server.address(), address);
    server
        .setup
        .configure("server.bind = \"127.0.0.1\"\nserver.port = 0");
    server.reload().unwrap();
    assert!(!path.exists());
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
}

#[test]
fn a_crashed_generation_is_replaced_on_the_same_socket() {
    let server = Server::start(Setup::new(Built::Everlit));
    let address = server.address();
    let (number, pid) = server.generation();
    crate::support::send(pid, Signal::KILL);
    server.wait_for_notice("READY=1");
    assert_eq!(server.generation().0, number + 1);
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    assert!(server.said().contains("crashed (killed by SIGKILL)"));
}
