//! Real processes and a foreign client: the echo example replaces itself while `openssl s_client` is connected.

use std::io::{BufRead, BufReader, Lines, PipeReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use portable_tls::{Suite, Version};
use rustix::process::{Pid, Signal, kill_process};

/// One echo server through all its processes.
struct Echo {
    first: Child,
    lines: Lines<BufReader<ChildStdout>>,
    alive: Vec<Pid>,
    address: String,
}

impl Echo {
    /// `None`, with a message, if there is no `openssl`.
    fn start() -> Option<Echo> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("SKIPPED: `openssl` is not installed");
            return None;
        }
        // target/PROFILE/deps/it-HASH -> target/PROFILE/examples/tls_echo
        let mut binary: PathBuf = std::env::current_exe().unwrap();
        binary.pop();
        binary.pop();
        let mut first = Command::new(binary.join("examples/tls_echo"))
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the echo example, which `cargo test` builds");
        let lines = BufReader::new(first.stdout.take().unwrap()).lines();
        let mut echo = Echo {
            first,
            lines,
            alive: Vec::new(),
            address: String::new(),
        };
        let line = echo.expect("listens on");
        echo.address = line.rsplit(' ').next().unwrap().to_owned();
        Some(echo)
    }

    /// Waits for a line with this text.
    fn expect(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.next().expect(text).unwrap();
            let pid = line.split(' ').nth(1).unwrap().parse().unwrap();
            let pid = Pid::from_raw(pid).unwrap();
            if !self.alive.contains(&pid) {
                self.alive.push(pid);
            }
            if line.contains(text) {
                return line;
            }
        }
    }

    fn connect(&self, options: &[&str]) -> Client {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut process = Command::new("openssl")
            .args(["s_client", "-connect", &self.address])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        Client {
            process,
            input,
            lines: BufReader::new(reader).lines(),
        }
    }

    /// Replaces the server by this client's wish.
    fn replace(&mut self, client: &mut Client, sessions: usize) {
        client.say("upgrade");
        self.expect(&format!("took over {sessions} sessions"));
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        for pid in &self.alive {
            // Only processes of this server; of those that have ended, nobody has taken the number since.
            let _ = kill_process(*pid, Signal::KILL);
        }
        let _ = self.first.wait();
    }
}

/// `openssl s_client`, which treats some lines as commands: `K` and `k` update keys, `R` renegotiates, `Q` ends.
struct Client {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<PipeReader>>,
}

impl Client {
    fn command(&mut self, line: &str, answer: &str) {
        self.send(line);
        self.expect(answer);
    }

    /// Says it and hears the echo.
    #[track_caller]
    fn say(&mut self, line: &str) {
        self.send(line);
        self.wait(line, |it| it == line);
    }

    fn send(&mut self, line: &str) {
        self.input
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// Waits for a line with this text.
    #[track_caller]
    fn expect(&mut self, text: &str) {
        self.wait(text, |it| it.contains(text));
    }

    #[track_caller]
    fn wait(&mut self, what: &str, is_it: impl Fn(&str) -> bool) {
        let mut seen = String::new();
        for line in &mut self.lines {
            let line = line.unwrap();
            if is_it(&line) {
                return;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        panic!("{what:?} did not come; this did:\n{seen}");
    }

    /// Ends, and waits for the end.
    fn quit(mut self) {
        self.input.write_all(b"Q\n").unwrap();
        self.expect("DONE");
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn each_suite_survives_replacements() {
    let Some(mut echo) = Echo::start() else {
        return;
    };
    for suite in Suite::all() {
        let name = suite.openssl_name();
        let mut client = match suite.version() {
            Version::Tls13 => echo.connect(&["-tls1_3", "-ciphersuites", name]),
            Version::Tls12 => {
                let server = if name.contains("RSA") {
                    "rsa.test"
                } else {
                    "ecdsa.test"
                };
                echo.connect(&["-tls1_2", "-cipher", name, "-servername", server])
            }
        };
        client.expect(&format!("Cipher is {name}"));
        client.say("one");
        echo.replace(&mut client, 1);
        client.say("two");
        echo.replace(&mut client, 1);
        client.say("three");
        client.quit();
    }
}

#[test]
fn keys_are_updated_before_and_after_a_replacement() {
    let Some(mut echo) = Echo::start() else {
        return;
    };
    let mut client = echo.connect(&["-tls1_3"]);
    client.say("one");
    for round in ["first", "second", "third"] {
        client.command("K", "KEYUPDATE");
        client.say(round);
        client.command("k", "KEYUPDATE");
        client.say(&format!("{round} more"));
        echo.replace(&mut client, 1);
    }
    client.command("K", "KEYUPDATE");
    client.say("the end");
    client.quit();
}

#[test]
fn renegotiation_is_declined() {
    let Some(mut echo) = Echo::start() else {
        return;
    };
    let mut other = echo.connect(&["-tls1_2"]);
    other.say("here");
    let mut client = echo.connect(&["-tls1_2"]);
    client.say("one");
    echo.replace(&mut client, 2);
    client.command("R", "RENEGOTIATING");
    client.expect("no renegotiation");
    client.process.wait().unwrap();
    other.say("still here");
    other.quit();
}

#[test]
fn tickets_outlive_a_replacement() {
    let Some(mut echo) = Echo::start() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    for option in ["-tls1_2", "-tls1_3"] {
        let path = directory.path().join(option);
        let path = path.to_str().unwrap();
        let mut client = echo.connect(&[option, "-sess_out", path]);
        client.expect("New, TLSv1");
        client.say("one");
        echo.replace(&mut client, 1);
        client.quit();
        assert!(Path::new(path).exists());
        let mut client = echo.connect(&[option, "-sess_in", path]);
        client.expect("Reused, TLSv1");
        client.say("again");
        client.quit();
    }
}

#[test]
fn many_sessions_move_at_once() {
    let Some(mut echo) = Echo::start() else {
        return;
    };
    let mut clients: Vec<Client> = (0..8)
        .map(|number| echo.connect(&[["-tls1_2", "-tls1_3"][number % 2]]))
        .collect();
    for client in &mut clients {
        client.say("before");
    }
    let count = clients.len();
    echo.replace(&mut clients[0], count);
    for mut client in clients {
        client.say("after");
        client.quit();
    }
}
