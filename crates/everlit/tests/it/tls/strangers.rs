//! Clients that know nothing of this project keep one connection through 20 restarts: `openssl s_client`, curl, Python.
//!
//! Each is left out, with a message, where it is not installed.

use std::io::{BufRead, BufReader, Lines, PipeReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::backends::backend::pattern;
use crate::backends::restart::restart;
use crate::support::{Built, PATIENCE, Server, Setup};

const RESTARTS: usize = 20;

/// Suites by the names that OpenSSL has for them, and the server's name that has a certificate for them.
const TLS13: [&str; 3] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
];
const TLS12: [(&str, &str); 6] = [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "localhost"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "localhost"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "localhost"),
    ("ECDHE-RSA-AES128-GCM-SHA256", "rsa.test"),
    ("ECDHE-RSA-AES256-GCM-SHA384", "rsa.test"),
    ("ECDHE-RSA-CHACHA20-POLY1305", "rsa.test"),
];

/// Whether a program is there; if not, it is said.
fn is_installed(program: &str, version: &str) -> bool {
    let is_there = Command::new(program)
        .arg(version)
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("SKIPPED: `{program}` is not installed");
    }
    is_there
}

/// A setup with a certificate for ECDSA, and one for RSA under the name `rsa.test`, and a document for each round.
fn setup() -> Setup {
    let setup = Setup::new(Built::Everlit).secure();
    for round in 0..=RESTARTS {
        setup.file(&name(round, "txt"), &content(round));
    }
    setup
}

fn with_rsa(setup: Setup) -> Setup {
    let [key, certificate] = ["rsa.key", "rsa.pem"].map(|name| setup.path(name));
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args(["-subj", "/CN=rsa.test", "-addext"])
        .args(["subjectAltName=DNS:rsa.test", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let [key, certificate] = [key, certificate].map(|path| path.display().to_string());
    setup.setting(&format!(
        "$HTTP[\"host\"] == \"rsa.test\" {{\n ssl.pemfile = \"{certificate}\"\n ssl.privkey = \"{key}\"\n}}"
    ))
}

fn name(round: usize, ending: &str) -> String {
    format!("round{round}.{ending}")
}

fn content(round: usize) -> String {
    format!("this is round {round}\n")
}

/// `openssl s_client`, which treats some lines as commands: `K` and `k` update keys, `Q` ends.
struct Openssl {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<PipeReader>>,
    host: &'static str,
}

impl Openssl {
    fn connect(server: &Server, options: &[&str], host: &'static str) -> Openssl {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut process = Command::new("openssl")
            .args(["s_client", "-connect", &server.address().to_string()])
            .args(["-servername", host])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        Openssl {
            process,
            input,
            lines: BufReader::new(reader).lines(),
            host,
        }
    }

    /// Waits for a line that is as wanted.
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

    #[track_caller]
    fn update_keys(&mut self, command: &str) {
        self.input
            .write_all(format!("{command}\n").as_bytes())
            .unwrap();
        self.wait("KEYUPDATE", |line| line.contains("KEYUPDATE"));
    }

    /// Asks for the document of a round, and gets it.
    #[track_caller]
    fn get(&mut self, round: usize) {
        let path = name(round, "txt");
        let request = format!("GET /{path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.input.write_all(request.as_bytes()).unwrap();
        self.wait("HTTP/1.1 200 OK", |line| {
            line.starts_with("HTTP/1.1 200 OK")
        });
        let content = content(round);
        self.wait(&content, |line| line == content.trim_end());
    }

    /// Ends, and waits for the end.
    fn quit(mut self) {
        self.input.write_all(b"Q\n").unwrap();
        self.wait("DONE", |line| line.contains("DONE"));
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn openssl_with_every_suite() {
    if !is_installed("openssl", "version") {
        return;
    }
    let server = Server::start(with_rsa(setup()));
    let tls13 = TLS13.map(|suite| (suite, ["-tls1_3", "-ciphersuites", suite], "localhost"));
    let tls12 = TLS12.map(|(suite, host)| (suite, ["-tls1_2", "-cipher", suite], host));
    let mut clients: Vec<Openssl> = tls13
        .into_iter()
        .chain(tls12)
        .map(|(suite, options, host)| {
            let mut client = Openssl::connect(&server, &options, host);
            client.wait(suite, |line| line.contains(&format!("Cipher is {suite}")));
            client
        })
        .collect();
    for round in 0..=RESTARTS {
        for (number, client) in clients.iter_mut().enumerate() {
            client.get(round);
            // One that updates its own key, one that has the server do so too, one that does nothing of the kind; before
            // the restart and after it.
            if let Some(command) = ["K", "k"].get(number) {
                client.update_keys(command);
                client.get(round);
                client.update_keys(command);
            }
        }
        if round < RESTARTS {
            restart(&server);
            for (client, command) in clients.iter_mut().zip(["K", "k"]) {
                client.update_keys(command);
            }
        }
    }
    for client in clients {
        client.quit();
    }
}

#[test]
fn curl_with_two_urls() {
    if !is_installed("curl", "--version") {
        return;
    }
    // The first body ends only after the last restart, on however slow a machine.
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = backend.local_addr().unwrap().port();
    let setup = setup().setting(&format!(
        "server.modules += ( \"mod_proxy\" )\nserver.stream-response-body = 1\n\
         proxy.server = ( \"/slow\" => (( \"host\" => \"127.0.0.1\", \"port\" => {port} )) )"
    ));
    let data = pattern((RESTARTS + 1) << 20);
    let second = pattern(3_000_000);
    std::fs::write(setup.path("www").join("second"), &second).unwrap();
    let server = Server::start(setup);
    let to = format!("https://{}", server.address());
    let paths = ["got1", "got2"].map(|name| server.setup.path(name));
    let curl = Command::new("curl")
        .args(["-k", "-sS", "--http1.1", "--limit-rate", "20M", "-w"])
        .arg("%{http_code} %{num_connects} %{size_download}\\n")
        .arg("-o")
        .arg(&paths[0])
        .arg("-o")
        .arg(&paths[1])
        .args([format!("{to}/slow"), format!("{to}/second")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut peer, _) = backend.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", data.len());
    peer.write_all(answer.as_bytes()).unwrap();
    for piece in data.chunks(1 << 20).take(RESTARTS) {
        peer.write_all(piece).unwrap();
        restart(&server);
    }
    peer.write_all(&data[RESTARTS << 20..]).unwrap();
    let output = curl.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wanted = format!("200 1 {}\n200 0 {}\n", data.len(), second.len());
    assert_eq!(said, wanted, "{output:?}");
    let [got1, got2] = paths.map(|path| std::fs::read(path).unwrap());
    assert!(got1 == data && got2 == second);
}

/// Asks for the document of each line on standard input, on one connection, and says what came and from which port.
const PYTHON: &str = "
import http.client, ssl, sys
context = ssl._create_unverified_context()
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, sys.argv[2])
connection = http.client.HTTPSConnection(*sys.argv[1].split(':'), context=context, timeout=60)
connection.auto_open = 0
connection.connect()
for line in sys.stdin:
    connection.request('GET', '/' + line.strip(), headers={'X-Padding': 'x' * 1000})
    answer = connection.getresponse()
    body = answer.read().decode().strip()
    print(answer.status, body, connection.sock.getsockname()[1], connection.sock.version(), flush=True)
";

#[test]
fn python_with_both_versions() {
    if !is_installed("python3", "--version") {
        return;
    }
    let server = Server::start(setup());
    let mut clients: Vec<_> = [("TLSv1_3", "TLSv1.3"), ("TLSv1_2", "TLSv1.2")]
        .map(|(option, version)| {
            let mut process = Command::new("python3")
                .args(["-c", PYTHON, &server.address().to_string(), option])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let input = process.stdin.take().unwrap();
            let lines = BufReader::new(process.stdout.take().unwrap()).lines();
            (process, input, lines, version, None)
        })
        .into();
    for round in 0..=RESTARTS {
        for (_, input, lines, version, port) in &mut clients {
            writeln!(input, "{}", name(round, "txt")).unwrap();
            let line = lines.next().expect("an answer").unwrap();
            let words: Vec<&str> = line.rsplitn(3, ' ').collect();
            let [found, its_port, answer] = words[..] else {
                panic!("{line}");
            };
            assert_eq!(found, *version);
            assert_eq!(answer, format!("200 {}", content(round).trim_end()));
            // It is the first connection still.
            assert_eq!(port.get_or_insert_with(|| its_port.to_owned()), its_port);
        }
        if round < RESTARTS {
            restart(&server);
        }
    }
    for (mut process, input, ..) in clients {
        drop(input);
        assert!(process.wait().unwrap().success());
    }
}
