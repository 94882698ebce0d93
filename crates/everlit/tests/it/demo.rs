//! `everlit demo`, as somebody would run it: what it reports, and what it leaves behind.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn demo(temporary: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everlit"));
    command
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null());
    command
}

fn assert_nothing_is_left(temporary: &Path, address: SocketAddr) {
    let left = std::fs::read_dir(temporary).unwrap();
    assert_eq!(left.count(), 0, "files are left");
    let error = TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn nothing_is_lost_and_the_figures_are_plausible() {
    let temporary = tempfile::tempdir().unwrap();
    let arguments = "--restarts 3 --seconds 0.3 --connections 20 --json";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = demo(temporary.path(), &arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}{said}");
    assert_eq!(text.lines().count(), 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_nothing_is_left(
        temporary.path(),
        report["address"].as_str().unwrap().parse().unwrap(),
    );

    let staying = serde_json::json!({ "busy": 10, "idle": 10, "half_sent": 4, "downloads": 4 });
    assert_eq!(report["clients"], staying);
    let restarts = report["restarts"].as_array().unwrap();
    let outcomes: Vec<&str> = restarts
        .iter()
        .map(|restart| restart["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["renewed", "refused", "renewed"]);

    let [first, second, third] = &restarts[..] else {
        panic!("three restarts were asked for");
    };
    for renewed in [first, third] {
        assert_eq!(renewed["moved"], staying);
        let gone = renewed["old_gone_ms"].as_f64().unwrap();
        let new = renewed["new_answers_ms"].as_f64().unwrap();
        assert!(gone > 0.0 && new > 0.0);
        assert_ne!(renewed["old"]["pid"], renewed["new"]["pid"]);
        // What the server says is not used, but it should agree: all who stay, and perhaps some who came just then.
        let tally = &renewed["server_says"]["tally"];
        let moved = tally["moved"].as_object().unwrap();
        let moved: u64 = moved.values().map(|count| count.as_u64().unwrap()).sum();
        assert!(moved + tally["drained"].as_u64().unwrap() >= 28, "{tally}");
        assert_eq!(tally["dropped"], 0);
    }
    assert_eq!(second["process"], first["new"]);
    assert_eq!(third["old"], first["new"]);
    assert!(second["why"].as_str().unwrap().contains("demo.conf:"));

    let totals = &report["totals"];
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap();
    let answered: f64 = restarts
        .iter()
        .map(|restart| number(restart, "answers"))
        .sum();
    assert!(number(totals, "answers") >= answered + number(&report["calm"], "answers"));
    // The half-sent ones after each restart, and the idle ones at the end.
    assert!(answered >= 3.0 * 4.0 + 10.0);
    assert!(number(totals, "downloads") >= 4.0);
    assert!(number(totals, "download_bytes") >= 4.0 * f64::from(64 << 20));
    assert!(number(totals, "median_ms") > 0.0);
    assert!(number(totals, "median_ms") <= number(totals, "p99_ms"));
    assert!(number(totals, "p99_ms") <= number(totals, "slowest_ms"));
    assert_eq!(totals["stayed"], 28);
    for (what, count) in totals["lost"].as_object().unwrap() {
        assert_eq!(count, 0, "{what}");
    }
    assert_eq!(report["supervisor"]["unchanged"], true);
    assert_eq!(report["supervisor"]["processes_at_the_end"], 2);
    assert_eq!(report["failures"], serde_json::json!([]));
}

/// A running demo; killed if the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Usually it has ended, and was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let arguments = [
        "--restarts",
        "1000",
        "--seconds",
        "0.2",
        "--connections",
        "10",
    ];
    let demo = demo(temporary.path(), &arguments)
        .stdout(Stdio::piped())
        .spawn();
    let mut demo = Running(demo.unwrap());
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let mut line_with = |what: &str| {
        lines
            .find_map(|line| line.ok().filter(|line| line.contains(what)))
            .unwrap_or_else(|| panic!("it never said \"{what}\""))
    };
    let site = line_with("A small site is served at http://");
    let address = site.split(['/', ' ']).find_map(|word| word.parse().ok());
    // The third is on its way as soon as this is said, or soon after.
    line_with("restart 2: ");
    kill_process(Pid::from_child(&demo.0), Signal::INT).unwrap();
    assert_eq!(demo.0.wait().unwrap().code(), Some(130));
    assert_nothing_is_left(temporary.path(), address.unwrap());
}

#[test]
fn a_wrong_command_line_starts_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(temporary.path(), &["--restarts", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 to 1000"));
    let output = demo(temporary.path(), &["--help"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("--connections N"));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
