//! `server.max-worker`: in lighttpd processes, which pause while their parent restarts; here threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Built, Client, Server, Setup};

#[test]
fn restarts_under_load_with_several_workers_lose_nothing() {
    let setup = Setup::new(Built::Everlit)
        .setting("server.max-worker = 4")
        .setting("server.max-keep-alive-requests = 65535");
    let server = Server::start(setup);
    let address = server.address();
    let mut idle: Vec<Client> = (0..50).map(|_| Client::connect(address)).collect();
    for client in &mut idle {
        client.get("/a.txt");
    }
    let over = AtomicBool::new(false);
    let served = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut kept = Client::connect(address);
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(kept.get("/a.txt"), "first");
                    assert_eq!(Client::connect(address).get("/a.txt"), "first");
                    served.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..5 {
            let before = served.load(Ordering::Relaxed);
            let report = server.reload().unwrap();
            assert_eq!(report.tally.dropped, 0);
            assert!(report.tally.moved.total() >= 50, "{report:?}");
            assert_ne!(served.load(Ordering::Relaxed), before);
        }
        over.store(true, Ordering::Relaxed);
    });
    let status = server.status();
    assert_eq!(status.generations[0].figures.as_ref().unwrap().workers, 4);
    for client in &mut idle {
        assert_eq!(client.get("/a.txt"), "first");
    }
}
