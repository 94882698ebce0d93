//! What the examples say works; here `examples/backends/`: its configuration, its four applications, and the clients that
//! people use.

mod application;
mod https;

use std::fs;
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use everlit::control::message::{Farewell, Report};
use everlit::tally::Moved;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::geteuid;

use crate::support::{Built, PATIENCE, Server, Setup};
use application::{Application, PYTHON, WebSocket, php_fpm, they_are_there};

/// The server and what is behind it.
struct Site {
    server: Server,
    address: String,
    /// They end after it.
    _applications: [Application; 3],
}

impl Site {
    /// Runs a copy of the example, on other ports; nothing if something is not installed.
    fn start() -> Option<Site> {
        if !they_are_there() {
            return None;
        }
        let setup = Setup::new(Built::Everlit);
        copy(&example("backends"), &setup.path(""));
        copy(&example("backends").join("www"), &setup.path("www"));
        let program = |program: &Path, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).current_dir(setup.path(""));
            command
        };

        let mut fpm = program(&php_fpm()?, &["-F", "-p", ".", "-y", "php-fpm.conf"]);
        if geteuid().is_root() {
            fpm.arg("-R");
        }
        let (php, _) = Application::start(fpm, "ready to handle connections");
        let listening = "listening on port ";
        let python = program(Path::new(PYTHON), &["wsgi.py", "0"]);
        let (python, wsgi) = Application::start(python, listening);
        let node = program(Path::new("node"), &["echo.js", "0"]);
        let (node, echo) = Application::start(node, listening);

        let ports = format!("var.port = 0\nvar.wsgi = {wsgi}\nvar.echo = {echo}\n");
        fs::write(setup.path("ports.conf"), ports).unwrap();
        fs::write(setup.path("test.conf"), "include \"lighttpd.conf\"\n").unwrap();
        let server = Server::start_as_configured(setup);
        Some(Site {
            address: server.address().to_string(),
            server,
            _applications: [php, python, node],
        })
    }

    /// Starts curl. `body`: posts this file.
    fn curl(&self, path: &str, body: Option<&Path>) -> Child {
        let mut command = Command::new("curl");
        command
            .args(["-q", "--noproxy", "*", "--silent", "--show-error", "--fail"])
            .args(["--max-time", &PATIENCE.as_secs().to_string()])
            .arg(format!("http://{}{path}", self.address));
        if let Some(body) = body {
            command
                .args(["--header", "Content-Type: application/octet-stream"])
                .arg("--data-binary")
                .arg(format!("@{}", body.display()));
        }
        command.stdout(Stdio::piped()).spawn().expect("it is there")
    }

    /// All that speak HTTP answer a GET.
    fn greets(&self) {
        for (path, greeting) in [
            ("/hello.php?a=b", "PHP says hello to /hello.php?a=b\n"),
            ("/wsgi/hello?a=b", "Python says hello to /wsgi/hello\n"),
            ("/hello.cgi?a=b", "The shell says hello to /hello.cgi?a=b\n"),
        ] {
            let answer = String::from_utf8(answer(self.curl(path, None))).unwrap();
            assert_eq!(answer, greeting);
        }
    }

    /// Reloads as an operator does; what they are told.
    fn reload(&self) -> Report {
        let arguments = ["reload", "--json", "-f", "test.conf"];
        let output = self.server.setup.run(&arguments);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn example(name: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    examples.join(name)
}

/// The files, without those in directories below.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// What curl got.
fn answer(curl: Child) -> Vec<u8> {
    let output = curl.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    output.stdout
}

/// The next that connects.
fn accept(listener: &UnixListener) -> UnixStream {
    let patience = Timespec::try_from(PATIENCE).expect("a minute");
    let mut one = [PollFd::new(listener, PollFlags::IN)];
    let ready = poll(&mut one, Some(&patience)).unwrap();
    assert_eq!(ready, 1, "nobody connects");
    listener.accept().unwrap().0
}

#[test]
fn each_answers_curl() {
    let Some(site) = Site::start() else { return };
    site.greets();
    // A MiB of which no part could be mistaken for another.
    let data: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_be_bytes).collect();
    let file = site.server.setup.path("data");
    fs::write(&file, &data).unwrap();
    for path in ["/hello.php", "/wsgi/hello", "/hello.cgi"] {
        let answer = answer(site.curl(path, Some(&file)));
        assert!(answer == data, "{path}: {} bytes", answer.len());
    }
}

#[test]
fn what_is_open_stays_open_over_three_reloads() {
    let Some(site) = Site::start() else { return };
    let setup = &site.server.setup;
    let listener = UnixListener::bind(setup.path("test.sock")).unwrap();
    setup.file(
        "waits.php",
        "<?php
        $test = stream_socket_client('unix://' . dirname(__DIR__) . '/test.sock');
        echo 'told to say: ', fgets($test);",
    );
    let mut socket = WebSocket::open(&format!("ws://{}/echo", site.address));
    let mut number = socket.goes_on();
    let waiting = site.curl("/waits.php", None);
    let mut php = accept(&listener);

    for generation in 2..=4 {
        let report = site.reload();
        assert_eq!(report.to, generation);
        assert_eq!(report.farewell, Farewell::Left);
        // Those that curl has closed may still be counted as idle.
        let moved = Moved {
            tunnel: 1,
            response: 1,
            idle: report.tally.moved.idle,
            ..Moved::default()
        };
        assert_eq!(report.tally.moved, moved);
        assert_eq!((report.tally.drained, report.tally.dropped), (0, 0));
        let later = socket.goes_on();
        assert!(later > number, "{later} after {number}");
        number = later;
        site.greets();
    }

    php.write_all(b"it is over\n").unwrap();
    assert_eq!(answer(waiting), b"told to say: it is over\n");
    assert_eq!(socket.close(), "1000");
}
