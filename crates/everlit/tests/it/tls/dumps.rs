//! Who may look into the memory of a process that has keys: nobody but root, unless core files are wanted.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::support::tls::{Offer, get};
use crate::support::{Built, Server, Setup};

const SOMEBODY: u32 = 54_321;

/// The kernel gives what is under `/proc` to root if only root may look in.
fn owner(server: &Server) -> u32 {
    let (_, pid) = server.generation();
    fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid()
}

#[test]
fn others_may_look_in_only_without_keys_or_if_core_files_are_wanted() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: becoming somebody else needs root");
        return;
    }
    let setup = || Setup::new(Built::Everlit).run_by(SOMEBODY);
    let wanted = "server.core-files = \"enable\"";

    let server = Server::start(setup().secure());
    for _ in 0..2 {
        assert_eq!(owner(&server), 0);
        let mut client = Offer::all().connect(server.address());
        assert_eq!(get(&mut client, "/a.txt").body, b"first");
        server.reload().unwrap();
    }
    let server = Server::start(setup().secure().setting(wanted));
    assert_eq!(owner(&server), SOMEBODY);

    // Tests that all speak TLS would have keys here, too.
    if !crate::support::tls::is_everywhere() {
        let server = Server::start(setup());
        assert_eq!(owner(&server), SOMEBODY);
    }
}

#[test]
fn who_becomes_somebody_else_leaves_core_files_if_they_are_wanted() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: becoming somebody else needs root");
        return;
    }
    let setup = || {
        let setup = Setup::new(Built::Everlit).secure();
        setup.setting("server.username = \"nobody\"")
    };
    let server = Server::start(setup());
    assert_eq!(owner(&server), 0);
    let server = Server::start(setup().setting("server.core-files = \"enable\""));
    assert_ne!(owner(&server), 0);
}
