//! In the background, as lighttpd runs without `-D`: relative paths, signals to the whole process group, failing starts.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::process::Output;

use everlit::control::message::{Activity, Reply, Report, Request, Until};
use rustix::process::{Pid, Signal, getpgid, kill_process_group};

use super::wait;
use crate::support::{Built, Client, Setup, send};

/// A server in the background; killed with its generations when dropped.
struct Daemon {
    setup: Setup,
}

impl Daemon {
    fn start(setup: Setup) -> Self {
        let output = setup.run(&["-f", "test.conf"]);
        assert_eq!(code(&output), 0, "{}", error(&output));
        Self { setup }
    }

    fn pid(&self) -> u32 {
        self.setup.status().supervisor_pid.expect("it lives")
    }

    fn address(&self) -> SocketAddr {
        self.setup.status().listeners[0].address.parse().unwrap()
    }

    fn reload(&self) -> Report {
        let mut connection = self.setup.connect();
        let until = Until::Gone;
        connection.ask(&Request::Reload { until }).unwrap();
        loop {
            match connection.next_reply().unwrap() {
                Reply::Progress(_) => {}
                Reply::Reloaded(report) => return *report,
                other => panic!("a reload was asked, not {other:?}"),
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let status = self.setup.status();
        let generations = status.generations.iter().map(|entry| entry.pid);
        for pid in status.supervisor_pid.into_iter().chain(generations) {
            send(pid, Signal::KILL);
        }
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("not killed")
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn relative_paths_mean_the_same_after_a_reload() {
    let setup = Setup::new(Built::Everlit);
    fs::create_dir(setup.path("conf.d")).unwrap();
    fs::write(
        setup.path("conf.d/www.conf"),
        "server.document-root = \"www\"\n",
    )
    .unwrap();
    fs::write(
        setup.path("test.conf"),
        r#"
server.modules = ( "mod_alias", "mod_accesslog" )
server.bind = "127.0.0.1"
server.port = 0
server.max-keep-alive-idle = 600
server.pid-file = "everlit.pid"
accesslog.filename = "access.log"
accesslog.format = "%U"
alias.url = ( "/cwd/" => var.CWD + "/www/" )
include "conf.d/*.conf"
"#,
    )
    .unwrap();
    let daemon = Daemon::start(setup);
    let path = |name: &str| daemon.setup.path(name);
    let pid = daemon.pid();
    let written = || fs::read_to_string(path("everlit.pid")).unwrap();
    assert_eq!(written().trim(), pid.to_string());
    let home = fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    assert_eq!(home.to_str(), Some("/"));
    let mut client = Client::connect(daemon.address());
    for number in 1..4 {
        assert_eq!(client.get("/a.txt"), "first");
        assert_eq!(client.get("/cwd/a.txt"), "first");
        let report = daemon.reload();
        assert_eq!((report.to, report.tally.moved.total()), (number + 1, 1));
        assert_eq!((daemon.pid(), written()), (pid, format!("{pid}\n")));
    }
    wait::for_line(&path("access.log"), "/cwd/a.txt");
    // A name in a command means what it means where the command is given.
    let output = daemon.setup.run(&["reload", "-f", "./conf.d/../test.conf"]);
    assert_eq!(code(&output), 0, "{}", error(&output));
}

#[test]
fn an_interrupt_for_the_whole_group_is_for_the_supervisor_only() {
    let setup = Setup::new(Built::Everlit)
        .setting("server.feature-flags = ( \"everlit.linger\" => 600 )")
        .setting("server.modules += ( \"mod_accesslog\" )")
        .setting("accesslog.format = \"%U\"");
    // A program of ours that does not trap the signal.
    let log = setup.path("access.log");
    let setup = setup.setting(&format!(
        "accesslog.filename = \"|cat >> {}\"",
        log.display()
    ));
    setup.configure("server.bind = \"127.0.0.1\"\nserver.port = 0\nserver.max-worker = 4");
    let daemon = Daemon::start(setup);
    let mut client = Client::connect(daemon.address());
    client.get("/a.txt");
    let supervisor = Pid::from_raw(daemon.pid().cast_signed()).unwrap();
    let generation = daemon.setup.status().generations[0].pid;
    let group = getpgid(Some(supervisor)).unwrap();
    let generation_group = getpgid(Pid::from_raw(generation.cast_signed())).unwrap();
    assert_eq!(generation_group, group);
    assert_ne!(group, getpgid(None).unwrap());
    kill_process_group(group, Signal::INT).unwrap();

    // Stopping is up to the supervisor, and it waits for a successor: everybody else goes on.
    while daemon.setup.status().activity != Activity::Lingering {}
    assert_eq!(daemon.setup.status().generations[0].pid, generation);
    fs::write(daemon.setup.path("www/b.txt"), "second").unwrap();
    assert_eq!(client.get("/b.txt"), "second");
    assert_eq!(Client::connect(daemon.address()).get("/b.txt"), "second");
    wait::for_line(&log, "/b.txt");
}

#[test]
fn a_start_that_fails_says_why_and_returns_255() {
    let setup = Setup::new(Built::Everlit);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let port = format!(
        "server.bind = \"127.0.0.1\"\nserver.port = {}",
        address.port()
    );
    // A log that is a socket cannot be opened, and only opening it shows that.
    let not_a_file = setup.path("log.sock");
    let _socket = UnixDatagram::bind(&not_a_file).unwrap();
    let free = "server.bind = \"127.0.0.1\"\nserver.port = 0\n";
    let cases: [(String, String); 6] = [
        ("server.port = ".to_owned(), "test.conf:".to_owned()),
        (
            format!("{free}include \"absent.conf\""),
            "absent.conf".to_owned(),
        ),
        (
            format!("{free}server.modules += ( \"mod_nonsense\" )"),
            "mod_nonsense".to_owned(),
        ),
        (
            format!("{free}server.username = \"nobody-at-all\""),
            "nobody-at-all".to_owned(),
        ),
        (
            format!("{free}server.errorlog = \"{}\"", not_a_file.display()),
            format!("open log {}: ", not_a_file.display()),
        ),
        (port, format!("bind {address}: address in use by ")),
    ];
    for (configuration, reason) in cases {
        setup.configure(&configuration);
        // It returns only when nobody holds its standard error any more: nothing is left running.
        let output = setup.run(&["-f", "test.conf"]);
        assert_eq!(code(&output), 255, "{configuration}");
        assert!(error(&output).contains(&reason), "{}", error(&output));
        let status = setup.run(&["status", "-f", "test.conf"]);
        assert_eq!(code(&status), 3, "{configuration}: something runs");
    }
}
