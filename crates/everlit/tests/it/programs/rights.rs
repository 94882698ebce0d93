//! As whom programs run.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{Host, Peer, configure};
use crate::support::{Built, Server, Setup};

#[test]
fn it_runs_as_the_servers_user_who_can_connect_to_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: server.username needs root");
        return;
    }
    let setup = Setup::new(Built::Everlit).setting("server.username = \"nobody\"");
    let open = |path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(setup.path(""));
    open(setup.path("www"));
    // A copy, because nobody may not walk to where it was built.
    let mut host = Host::unix(&setup, "p");
    let program = setup.path("program");
    fs::copy(&host.program, &program).unwrap();
    open(program.clone());
    host.program = program;
    configure(&setup, &[host]);
    let server = Server::start_as_configured(setup);
    let peer = Peer::at(&server.setup, "p-0");
    let status = fs::read_to_string(format!("/proc/{}/status", peer.pid)).unwrap();
    let line = |name: &str| -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let numbers = line.unwrap().split_whitespace();
        numbers.map(|number| number.parse().unwrap()).collect()
    };
    let nobody = line("Uid:")[0];
    assert_ne!(nobody, 0);
    assert_eq!(line("Uid:"), [nobody; 4]);
    assert!(!line("Gid:").contains(&0));
    assert!(!line("Groups:").contains(&0));
    let file = fs::metadata(server.setup.path("p-0")).unwrap();
    assert_eq!(file.uid(), nobody);
}
