//! mod_rrdtool from outside: what a program in the place of rrdtool is told, whatever becomes of it and of the server.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use crate::support::http::{Asked, Client};
use crate::support::{Built, PATIENCE, Server, Setup};

/// Says what it hears in a FIFO, and answers as the file `mood` wants it.
const PROGRAM: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit
exec 3>told
[ "$*" = - ] && echo "start" >&3
while read -r line; do
    read -r mood <mood
    case $mood in
    hang) echo "hang $line" >&3; sleep 100 ;;
    refuse) echo "ERROR: not today"; echo "refuse $line" >&3 ;;
    die) echo "die $line" >&3; exit 1 ;;
    *)
        case $line in create*) set -- $line; echo database >"$2" ;; esac
        echo "OK u:0.00 s:0.00 r:0.00"
        echo "ok $line" >&3
        ;;
    esac
done
"#;

/// A server, and what its program tells.
struct Setting {
    server: Server,
    told: Receiver<String>,
}

/// Bytes in, bytes out, requests.
type Traffic = (u64, u64, u64);

fn sum(a: Traffic, b: Traffic) -> Traffic {
    (a.0 + b.0, a.1 + b.1, a.2 + b.2)
}

impl Setting {
    fn new() -> Setting {
        let setup = Setup::new(Built::Everlit);
        setup.file("large.bin", &"x".repeat(8 << 20));
        let program = setup.path("program");
        fs::write(&program, PROGRAM).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let fifo = setup.path("told");
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        mood_in(&setup, "ok");
        // For both, so that it neither waits for a writer nor ends with one.
        let fifo = File::options().read(true).write(true).open(fifo).unwrap();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(fifo).lines();
            while let Some(Ok(line)) = lines.next()
                && tell.send(line).is_ok()
            {}
        });
        let [one, two] = ["one.rrd", "two.rrd"].map(|name| setup.path(name));
        let setup = setup
            .setting("server.modules += ( \"mod_rrdtool\" )")
            .setting("server.feature-flags += ( \"everlit.statistics-period\" => 1 )")
            .setting(&format!("rrdtool.binary = \"{}\"", program.display()))
            .setting(&format!("rrdtool.db-name = \"{}\"", one.display()))
            .setting(&format!(
                "$HTTP[\"host\"] == \"two\" {{ rrdtool.db-name = \"{}\" }}",
                two.display()
            ))
            // Another place, the same file.
            .setting(&format!(
                "$HTTP[\"host\"] == \"three\" {{ rrdtool.db-name = \"{}\" }}",
                two.display()
            ));
        Setting {
            server: Server::start(setup),
            told,
        }
    }

    fn mood(&self, mood: &str) {
        mood_in(&self.server.setup, mood);
    }

    /// Asks for a file; how much that was.
    fn get(&self, host: &str, path: &str) -> Traffic {
        let mut client = Client::connect(self.server.address());
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        client.send(request.as_bytes());
        let answer = client.until_close().unwrap();
        (request.len() as u64, answer.len() as u64, 1)
    }

    /// The next thing that it is told, or does.
    fn next(&self) -> String {
        let told = self.told.recv_timeout(PATIENCE).unwrap();
        told.replace(self.server.setup.path("").to_str().unwrap(), "")
    }

    /// The next one that begins so; without that.
    fn next_that(&self, begins: &str) -> String {
        loop {
            if let Some(rest) = self.next().strip_prefix(begins) {
                return rest.to_owned();
            }
        }
    }

    /// Waits until a file has been told so much, and not more.
    fn is_written(&self, file: &str, expected: Traffic) {
        let mut written = (0, 0, 0);
        while written != expected {
            let figures = self.next_that(&format!("ok update {file} N:"));
            written = sum(written, parsed(&figures));
            assert!(written.2 <= expected.2, "{written:?}, not {expected:?}");
        }
        // What comes in the next period is nothing.
        let figures = self.next_that(&format!("ok update {file} N:"));
        assert_eq!(parsed(&figures), (0, 0, 0));
    }

    fn wait_until_said(&self, text: &str) {
        let begun = Instant::now();
        while !self.server.said().contains(text) {
            assert!(begun.elapsed() < PATIENCE, "not said: {text}");
            std::thread::yield_now();
        }
    }
}

fn mood_in(setup: &Setup, mood: &str) {
    fs::write(setup.path("mood.new"), format!("{mood}\n")).unwrap();
    fs::rename(setup.path("mood.new"), setup.path("mood")).unwrap();
}

fn parsed(figures: &str) -> Traffic {
    let mut figures = figures.split(':').map(|figure| figure.parse().unwrap());
    let mut next = || figures.next().unwrap();
    (next(), next(), next())
}

#[test]
fn each_database_is_made_and_told_what_was_counted_for_it() {
    let setting = Setting::new();
    assert_eq!(setting.next(), "start");
    let made = setting.next_that("ok create one.rrd ");
    // As lighttpd says it.
    assert_eq!(
        made,
        "--step 60 DS:InOctets:ABSOLUTE:600:U:U DS:OutOctets:ABSOLUTE:600:U:U DS:Requests:ABSOLUTE:600:U:U \
         RRA:AVERAGE:0.5:1:600 RRA:AVERAGE:0.5:6:700 RRA:AVERAGE:0.5:24:775 RRA:AVERAGE:0.5:288:797 \
         RRA:MAX:0.5:1:600 RRA:MAX:0.5:6:700 RRA:MAX:0.5:24:775 RRA:MAX:0.5:288:797 \
         RRA:MIN:0.5:1:600 RRA:MIN:0.5:6:700 RRA:MIN:0.5:24:775 RRA:MIN:0.5:288:797"
    );
    assert_eq!(setting.next(), "ok update one.rrd N:0:0:0");
    assert!(setting.next().starts_with("ok create two.rrd "));
    assert_eq!(setting.next(), "ok update two.rrd N:0:0:0");
    let hosts = ["two", "three", "two", "two"];
    let all = hosts
        .map(|host| setting.get(host, "/a.txt"))
        .into_iter()
        .fold((0, 0, 0), sum);
    setting.is_written("two.rrd", all);
    let one = sum(
        setting.get("other", "/missing"),
        setting.get("x", "/large.bin"),
    );
    setting.is_written("one.rrd", one);

    // One that is taken away is made again.
    let setup = &setting.server.setup;
    setting.mood("refuse");
    fs::remove_file(setup.path("two.rrd")).unwrap();
    setting.next_that("refuse update two.rrd");
    setting.mood("ok");
    setting.next_that("ok create two.rrd");
}

#[test]
fn restarts_lose_no_request_and_count_none_twice() {
    let setting = Setting::new();
    let mut all = (0, 0, 0);
    for _ in 0..8 {
        let mut client = Client::connect(setting.server.address());
        let request = "GET /large.bin HTTP/1.1\r\nHost: two\r\nConnection: close\r\n\r\n";
        client.send(request.as_bytes());
        // It has begun, and cannot be over.
        let begun = client.bytes(1000).unwrap();
        all = sum(all, setting.get("two", "/a.txt"));
        crate::backends::restart::restart(&setting.server);
        all = sum(all, setting.get("two", "/a.txt"));
        let answer = begun.len() + client.until_close().unwrap().len();
        all = sum(all, (request.len() as u64, answer as u64, 1));
    }
    setting.is_written("two.rrd", all);
}

#[test]
fn a_program_that_fails_is_started_again_and_told_everything() {
    let setting = Setting::new();
    let mut all = (0, 0, 0);
    setting.next_that("ok update two.rrd");
    for mood in ["refuse", "die", "hang"] {
        setting.mood(mood);
        all = sum(all, setting.get("two", "/a.txt"));
        // In vain: once for this file or the other, which is asked first.
        setting.next_that(mood);
        all = sum(all, setting.get("two", "/a.txt"));
        if mood != "refuse" {
            setting.next_that("start");
        }
    }
    for said in ["not today", "has ended", "does not answer"] {
        setting.wait_until_said(said);
    }
    // Nobody waits for it.
    setting.next_that("hang");
    let report = setting.server.reload().unwrap();
    assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
    all = sum(all, setting.get("two", "/a.txt"));
    setting.next_that("hang");
    setting.mood("ok");
    setting.is_written("two.rrd", all);
}

#[test]
fn a_restart_that_fails_changes_nothing() {
    let setting = Setting::new();
    let setup = &setting.server.setup;
    // Something is to be moved: otherwise a handover may be over before the successor fails.
    let mut idle = Client::connect(setting.server.address());
    idle.send(b"GET /a.txt HTTP/1.1\r\nHost: other\r\n\r\n");
    idle.response(Asked::ForAnything).unwrap();
    setup.install(Built::Faulty);
    for fault in ["exit-before-ready", "closes-handover", "speaks-gibberish"] {
        setup.fault(Some(fault));
        let one = setting.get("two", "/a.txt");
        assert!(setting.server.reload().is_err(), "{fault}");
        let all = sum(one, setting.get("two", "/a.txt"));
        setting.is_written("two.rrd", all);
    }
}

#[test]
fn without_the_program_the_server_serves() {
    let setup = Setup::new(Built::Everlit)
        .setting("server.modules += ( \"mod_rrdtool\" )")
        .setting("server.feature-flags += ( \"everlit.statistics-period\" => 1 )")
        .setting("rrdtool.binary = \"/nonexistent/rrdtool\"\nrrdtool.db-name = \"x.rrd\"");
    let server = Server::start(setup);
    let begun = Instant::now();
    while !server.said().contains("/nonexistent/rrdtool: No such file") {
        assert!(begun.elapsed() < PATIENCE);
        let mut client = Client::connect(server.address());
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        client.until_close().unwrap();
    }
}

#[test]
fn the_real_one_is_content() {
    if !Path::new("/usr/bin/rrdtool").exists() {
        return eprintln!("skipped: there is no /usr/bin/rrdtool");
    }
    let setup = Setup::new(Built::Everlit);
    let database = setup.path("it's a database.rrd");
    let server = Server::start(
        setup
            .setting("server.modules += ( \"mod_rrdtool\" )")
            .setting("server.feature-flags += ( \"everlit.statistics-period\" => 1 )")
            .setting(&format!("rrdtool.db-name = \"{}\"", database.display())),
    );
    for _ in 0..2 {
        let mut client = Client::connect(server.address());
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        client.until_close().unwrap();
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "{}", server.said());
            let mut command = Command::new("/usr/bin/rrdtool");
            let output = command.arg("lastupdate").arg(&database).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            // Names, a line without anything, the time and three figures.
            let last = text.lines().last().unwrap_or_default();
            if last.ends_with(" 1") {
                assert!(text.trim_start().starts_with("InOctets OutOctets Requests"));
                break;
            }
        }
        server.reload().unwrap();
    }
    assert!(!server.said().contains("rrdtool"), "{}", server.said());
}
