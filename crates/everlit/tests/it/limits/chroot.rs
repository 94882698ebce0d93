//! `server.chroot`: lighttpd stops where it should restart, and cannot open its logs again.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::{is_root, set_mode, user_of, wait};
use crate::support::{Built, Client, Server, Setup};

/// A zone that is known from a file only, and all year the same.
const ZONE: &str = "Asia/Kolkata";

fn setup() -> Setup {
    let setup = Setup::new(Built::Everlit).variable("TZ", ZONE);
    let jail = setup.path("jail");
    fs::create_dir_all(jail.join("htdocs")).unwrap();
    fs::write(jail.join("htdocs/a.txt"), "inside").unwrap();
    for directory in [jail.clone(), jail.join("htdocs")] {
        set_mode(&directory, 0o755);
    }
    let configuration = format!(
        r#"
server.modules = ( "mod_accesslog" )
server.bind = "127.0.0.1"
server.port = 0
server.chroot = "{jail}"
server.document-root = "/htdocs"
server.username = "nobody"
server.max-keep-alive-idle = 600
server.errorlog = "{error}"
accesslog.filename = "{access}"
accesslog.format = "%U %{{%z %s}}t"
"#,
        jail = jail.display(),
        error = setup.path("error.log").display(),
        access = setup.path("access.log").display(),
    );
    fs::write(setup.path("test.conf"), configuration).unwrap();
    setup
}

/// Where a process writes its errors.
fn error_log_of(pid: u32) -> std::path::PathBuf {
    fs::read_link(format!("/proc/{pid}/fd/2")).unwrap()
}

#[test]
fn a_reload_in_a_chroot_is_one_like_any_other() {
    if !is_root("chroot") {
        return;
    }
    let server = Server::start_as_configured(setup());
    let (address, pid) = (server.address(), server.pid());
    let jail = server.setup.path("jail").canonicalize().unwrap();
    let mut client = Client::connect(address);
    assert_eq!(client.get("/a.txt"), "inside");
    for _ in 0..3 {
        let (number, _) = server.generation();
        server.signal(Signal::USR1);
        server.wait_for_notice("RELOADING=1");
        server.wait_for_notice("READY=1");
        let (next, generation) = server.generation();
        assert_eq!((next, server.pid()), (number + 1, pid));
        let root = fs::read_link(format!("/proc/{generation}/root")).unwrap();
        assert_eq!(root, jail);
        assert_eq!(user_of(generation), super::nobody());
        assert_eq!(client.get("/a.txt"), "inside");
        assert_eq!(Client::connect(address).get("/a.txt"), "inside");
    }
    assert_eq!(server.reload().unwrap().tally.moved.total(), 1);
}

#[test]
fn logs_outside_a_chroot_are_opened_again() {
    if !is_root("chroot") {
        return;
    }
    let server = Server::start_as_configured(setup());
    let path = |name: &str| server.setup.path(name);
    let mut client = Client::connect(server.address());
    client.get("/a.txt?before");
    // Both the first generation and one that took over.
    for round in ["1", "2"] {
        for log in ["access.log", "error.log"] {
            fs::rename(path(log), path(&format!("{log}.{round}"))).unwrap();
        }
        server.signal(Signal::HUP);
        // The supervisor opens them, and says so in the new one.
        wait::for_line(&path("error.log"), "reopened 2 log files");
        // Its generation answers what it is asked later only after that.
        let (_, generation) = server.generation();
        assert_eq!(
            error_log_of(generation),
            path("error.log").canonicalize().unwrap()
        );
        wait_for_access(&mut client, &path("access.log"));
        server.reload().unwrap();
        assert_eq!(client.get("/a.txt"), "inside");
    }
}

/// A worker opens its log at its next turn: only a line in there says when.
fn wait_for_access(client: &mut Client, log: &Path) {
    client.get("/a.txt");
    wait::for_line(log, "/a.txt");
}

/// A user with a group beside its own, and that group.
fn a_member() -> Option<(String, String)> {
    let groups = fs::read_to_string("/etc/group").unwrap();
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    groups.lines().find_map(|line| {
        let [_, _, gid, members] = line.split(':').collect::<Vec<_>>()[..] else {
            return None;
        };
        let member = members.split(',').next()?;
        let account = format!("{member}:");
        let known = accounts.lines().any(|line| line.starts_with(&account));
        (known && member != "root").then(|| (member.to_owned(), gid.to_owned()))
    })
}

#[test]
fn the_user_has_its_groups_in_a_chroot() {
    if !is_root("chroot") {
        return;
    }
    let Some((user, group)) = a_member() else {
        eprintln!("skipped: nobody on this system is in a second group");
        return;
    };
    let setup = setup();
    let text = fs::read_to_string(setup.path("test.conf")).unwrap();
    let text = text.replace("\"nobody\"", &format!("\"{user}\""));
    fs::write(setup.path("test.conf"), text).unwrap();
    let server = Server::start_as_configured(setup);
    let pid = server.generation().1;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    let mut groups = line.unwrap().split_whitespace();
    assert!(groups.any(|other| other == group), "{line:?}");
}

#[test]
fn local_time_is_local_in_a_chroot() {
    if !is_root("chroot") {
        return;
    }
    if !Path::new("/usr/share/zoneinfo").join(ZONE).exists() {
        eprintln!("skipped: this system has no zone {ZONE}");
        return;
    }
    let server = Server::start_as_configured(setup());
    let before = seconds_since_1970();
    Client::connect(server.address()).get("/a.txt");
    let line = wait::for_line(&server.setup.path("access.log"), "/a.txt");
    let (rest, seconds) = line.rsplit_once(' ').unwrap();
    assert_eq!(rest, "/a.txt +0530");
    let seconds: u64 = seconds.parse().unwrap();
    assert!((before..=seconds_since_1970()).contains(&seconds), "{line}");
}

fn seconds_since_1970() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap().as_secs()
}
