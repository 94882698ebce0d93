//! `server.errorlog-use-syslog`: with a socket of ours for `/dev/log`, in a name space of its own.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use super::{miss, said_once, setup};
use crate::support::{Client, PATIENCE, Server, Setup};

/// Puts another directory over `/dev`, and becomes the rest of the command line.
const SCRIPT: &str = "set -e; directory=$1; log=$2; shift 2\n\
    mount -t tmpfs tmpfs \"$directory\"\n\
    for name in null zero random urandom; do\n\
    : > \"$directory/$name\"; mount --bind /dev/$name \"$directory/$name\"; done\n\
    ln -s \"$log\" \"$directory/log\"; mount --rbind \"$directory\" /dev\n\
    exec \"$@\"";

/// A setup whose `/dev/log` is `log` in its directory. Not everywhere may one have a `/dev` of one's own.
fn in_a_name_space() -> Option<Setup> {
    let unshare = match rustix::process::geteuid().is_root() {
        true => "-m",
        false => "-rm",
    };
    let setup = setup();
    let (device, log) = (setup.path("dev"), setup.path("log"));
    fs::create_dir(&device).unwrap();
    let (device, log) = (device.to_str().unwrap(), log.to_str().unwrap());
    let wrapper = ["unshare", unshare, "sh", "-c", SCRIPT, "sh", device, log];
    let wrapper: Vec<String> = wrapper.map(str::to_owned).into();
    let works = Command::new(&wrapper[0])
        .args(&wrapper[1..])
        .args(["test", "-L", "/dev/log"])
        .output();
    if !works.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no name space for mounts");
        return None;
    }
    Some(setup.within(wrapper))
}

/// A system log.
fn listen(setup: &Setup) -> UnixDatagram {
    let socket = UnixDatagram::bind(setup.path("log")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The next message that says this.
fn next(log: &UnixDatagram, wanted: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = log.recv(&mut buffer).unwrap();
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.contains(wanted) {
            return text;
        }
    }
}

#[test]
fn each_line_is_a_message() {
    let Some(setup) = in_a_name_space() else {
        return;
    };
    let log = listen(&setup);
    let never = setup.path("never.log");
    let own = setup.path("own.log");
    let server = Server::start(
        setup
            .setting("server.errorlog-use-syslog = \"enable\"")
            .setting("server.syslog-facility = \"local3\"")
            .setting(&format!("server.errorlog = \"{}\"", never.display()))
            .setting(&format!(
                "$HTTP[\"url\"] =^ \"/own\" {{ server.errorlog = \"{}\" }}",
                own.display()
            )),
    );
    let tag = |pid: u32| format!("<{}>everlit[{pid}]: ", 19 * 8 + 3);
    let from_supervisor = tag(server.pid());
    let started = next(&log, "(supervisor) server started");
    assert!(started.starts_with(&from_supervisor), "{started}");
    let mut client = Client::connect(server.address());
    for round in 0..2 {
        let name = format!("none-{round}");
        miss(&mut client, &name);
        let (_, generation) = server.generation();
        let message = next(&log, &format!("file not found: /{name} "));
        let expected = format!("{}(debug) file not found: ", tag(generation));
        assert!(message.starts_with(&expected), "{message}");
        assert!(!message.contains('\n'), "{message:?}");
        miss(&mut client, &format!("own-{round}"));
        said_once(&own, &format!("own-{round}"));
        server.reload().unwrap();
        let restart = next(&log, "(supervisor) restart: generation ");
        assert!(restart.starts_with(&from_supervisor), "{restart}");
    }
    assert_eq!(server.said(), "");
    assert!(!never.exists());
}

#[test]
fn a_system_log_that_comes_late_or_goes_is_no_failure() {
    let Some(setup) = in_a_name_space() else {
        return;
    };
    let access = "server.modules += ( \"mod_accesslog\" )\naccesslog.use-syslog = \"enable\"\n\
        accesslog.format = \"done with %U\"\nserver.errorlog-use-syslog = \"enable\"";
    let server = Server::start(setup.setting(access));
    let mut client = Client::connect(server.address());
    miss(&mut client, "early");
    let said = server.said();
    let remark = "(generation) nobody takes lines for the system log yet (/dev/log: ";
    assert_eq!(said.matches(remark).count(), 1, "{said}");
    assert!(said.contains("(debug) file not found: /early "), "{said}");
    for round in 0..2 {
        let log = listen(&server.setup);
        let name = format!("there-{round}");
        miss(&mut client, &name);
        let message = next(&log, "file not found");
        let (_, generation) = server.generation();
        let tag = format!("<27>everlit[{generation}]: (debug) file not found: /{name} ");
        assert!(message.starts_with(&tag), "{message}");
        next(
            &log,
            &format!("<30>everlit[{generation}]: done with /{name}"),
        );
        drop(log);
        fs::remove_file(server.setup.path("log")).unwrap();
        miss(&mut client, &format!("gone-{round}"));
        let said = server.said();
        let gone = format!("(debug) file not found: /gone-{round} ");
        assert!(said.contains(&gone), "{said}");
    }
}
