//! The applications of `examples/backends/`, and programs that ask them.
//!
//! In: commands. Out: processes that are ready. Must hold: each is waited for by what it says, and ends with its owner.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;

use crate::support::PATIENCE;
use crate::support::servers::end;

/// Debian's; another in the search path may lack the package that the client needs.
pub(super) const PYTHON: &str = "/usr/bin/python3";

/// A program that serves.
pub(super) struct Application {
    child: Child,
}

/// Python's client with an open WebSocket, over which it echoes numbered messages without a pause.
pub(super) struct WebSocket {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Application {
    /// Starts it, and returns the rest of the line in which it says that it is ready.
    pub(super) fn start(mut command: Command, ready: &str) -> (Application, String) {
        let (output, writer) = std::io::pipe().unwrap();
        let copy = writer.try_clone().unwrap();
        command.stdin(Stdio::null()).stdout(copy).stderr(writer);
        let child = command.spawn().expect("it is installed");
        let application = Application { child };
        // It holds the other end of the pipe.
        drop(command);
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody listens once it is ready, but it must not be stopped by a full pipe.
                let _ = said.send(line);
            }
        });
        let mut before = String::new();
        while let Ok(line) = lines.recv_timeout(PATIENCE) {
            if let Some((_, rest)) = line.split_once(ready) {
                return (application, rest.trim().to_owned());
            }
            before = before + &line + "\n";
        }
        panic!("it did not get ready:\n{before}");
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl WebSocket {
    pub(super) fn open(url: &str) -> WebSocket {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/examples/websocket.py");
        let mut child = Command::new(PYTHON)
            .arg(script)
            .args([url, &PATIENCE.as_secs().to_string()])
            .env("no_proxy", "*")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it is installed");
        WebSocket {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    /// Waits for the answer to a message that is sent from now on; its number.
    pub(super) fn goes_on(&mut self) -> u64 {
        let mut input = self.input.as_ref().expect("open until it is closed");
        input.write_all(b"\n").expect("it reads");
        let line = self.line();
        line.parse()
            .unwrap_or_else(|_| panic!("a number, not {line:?}"))
    }

    /// Closes the WebSocket; what code it was closed with.
    pub(super) fn close(mut self) -> String {
        self.input = None;
        let line = self.line();
        assert!(self.child.wait().unwrap().success());
        line
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// PHP-FPM, whatever its version.
pub(super) fn php_fpm() -> Option<PathBuf> {
    let programs = std::fs::read_dir("/usr/sbin").ok()?.flatten();
    programs
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"php-fpm"))
        .map(|entry| entry.path())
        .max()
}

/// Whether all that the examples need is there. If not, that is said; under CI it is an error.
pub(super) fn they_are_there() -> bool {
    let runs = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        command.output().is_ok_and(|output| output.status.success())
    };
    let missing: Vec<&str> = [
        ("php-fpm", php_fpm().is_some()),
        (
            "python3-websockets",
            runs(PYTHON, &["-c", "import websockets"]),
        ),
        ("nodejs", runs("node", &["--version"])),
        ("curl", runs("curl", &["--version"])),
    ]
    .into_iter()
    .filter(|(_, there)| !there)
    .map(|(package, _)| package)
    .collect();
    assert!(
        missing.is_empty() || std::env::var_os("CI").is_none(),
        "missing: {missing:?}"
    );
    if !missing.is_empty() {
        println!("skipped: {missing:?} are missing");
    }
    missing.is_empty()
}
