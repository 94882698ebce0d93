//! A browser keeps its connections through 20 restarts: one that a page fetches over, and a WebSocket.
//!
//! Left out, with a message, where there is no `chromium`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;

use crate::support::{Built, PATIENCE, Server, Setup};

const RESTARTS: usize = 20;

/// Fetches, and says something through a WebSocket, every 100 ms; when the backend asks for it, tells what became of it.
const PAGE: &str = r#"<!DOCTYPE html><title>busy</title><script>
const seen = {sent: 0, back: 0, wrong: 0, fetched: 0, failed: 0, closed: 0, connected: 0};
const socket = new WebSocket(`wss://${location.host}/ws`);
const pause = () => new Promise(done => setTimeout(done, 100));
let isOver = false;
socket.onclose = socket.onerror = () => seen.closed++;
socket.onmessage = event => {
    if (event.data === 'report') isOver = true;
    else if (event.data === `m${seen.back}`) seen.back++;
    else seen.wrong++;
};
socket.onopen = async () => {
    const fetching = (async () => {
        while (!isOver) {
            try {
                const answer = await fetch(`/a.txt?${seen.fetched}`, {cache: 'no-store'});
                if (await answer.text() === 'first') seen.fetched++; else seen.failed++;
            } catch { seen.failed++; }
            await pause();
        }
    })();
    while (!isOver) {
        socket.send(`m${seen.sent++}`);
        await pause();
    }
    await fetching;
    while (seen.back + seen.wrong < seen.sent && !seen.closed) await pause();
    // The first fetch may have found no idle connection; all others have that of the one before.
    const fetches = performance.getEntriesByType('resource').filter(it => it.name.includes('/a.txt'));
    seen.connected = fetches.slice(1).filter(it => it.connectEnd > it.connectStart).length;
    socket.send('report ' + JSON.stringify(seen));
};
</script>"#;

/// Ended when dropped.
struct Chromium(Child);

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a frame of a browser: small, whole, masked text; nothing if it is something else, or the end.
fn read_text(socket: &mut TcpStream) -> Option<String> {
    let mut head = [0; 2];
    socket.read_exact(&mut head).ok()?;
    if head[0] != 0x81 {
        return None;
    }
    let length = match head[1] & 0x7f {
        126 => {
            let mut long = [0; 2];
            socket.read_exact(&mut long).ok()?;
            usize::from(u16::from_be_bytes(long))
        }
        short => usize::from(short),
    };
    let (mut mask, mut text) = ([0; 4], vec![0; length]);
    socket.read_exact(&mut mask).ok()?;
    socket.read_exact(&mut text).ok()?;
    for (byte, mask) in text.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    String::from_utf8(text).ok()
}

fn send_text(socket: &mut TcpStream, text: &str) {
    let mut frame = vec![0x81, u8::try_from(text.len()).unwrap()];
    frame.extend(text.as_bytes());
    socket.write_all(&frame).unwrap();
}

/// The backend's end of the WebSocket, after the handshake.
fn accept(backend: &TcpListener) -> TcpStream {
    let (mut socket, _) = backend.accept().unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let key = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .expect("a browser sends one")
        .1;
    let mut sha1 = Sha1::new();
    sha1.update(key.as_bytes());
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(sha1.digest().bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).unwrap();
    socket
}

/// Says every message again, and tells of it.
fn echo(mut socket: TcpStream, heard: &Sender<String>) {
    while let Some(text) = read_text(&mut socket) {
        let is_report = text.starts_with("report");
        if !is_report {
            send_text(&mut socket, &text);
        }
        if heard.send(text).is_err() || is_report {
            return;
        }
    }
}

fn next(heard: &Receiver<String>) -> String {
    heard.recv_timeout(PATIENCE).expect("the page goes on")
}

#[test]
fn a_page_that_fetches_and_holds_a_websocket() {
    if Command::new("chromium").arg("--version").output().is_err() {
        eprintln!("SKIPPED: `chromium` is not installed");
        return;
    }
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = backend.local_addr().unwrap().port();
    let setup = Setup::new(Built::Everlit).secure().setting(&format!(
        "mimetype.assign = ( \".html\" => \"text/html\", \".txt\" => \"text/plain\" )\n\
         server.modules += ( \"mod_proxy\" )\nproxy.header = ( \"upgrade\" => \"enable\" )\n\
         proxy.server = ( \"/ws\" => (( \"host\" => \"127.0.0.1\", \"port\" => {port} )) )"
    ));
    setup.file("page.html", PAGE);
    let server = Server::start(setup);
    let said = std::fs::File::create(server.setup.path("chromium.log")).unwrap();
    let profile = server.setup.path("profile").display().to_string();
    let _chromium = Chromium(
        Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--ignore-certificate-errors"])
            .args(["--no-first-run", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={profile}"))
            .arg(format!("https://{}/page.html", server.address()))
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap(),
    );
    let socket = accept(&backend);
    let mut ours = socket.try_clone().unwrap();
    let (sender, heard) = channel();
    std::thread::spawn(move || echo(socket, &sender));
    next(&heard);
    for _ in 0..RESTARTS {
        let report = server.reload().unwrap();
        assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
        // The WebSocket, and at least the connection for fetches.
        assert!(report.tally.moved.total() >= 2 && report.tally.moved.tunnel == 1);
        // It speaks to the new process, twice.
        next(&heard);
        next(&heard);
    }
    send_text(&mut ours, "report");
    let report = loop {
        if let Some(report) = next(&heard).strip_prefix("report ") {
            break report.to_owned();
        }
    };
    println!("{RESTARTS} restarts: {report}");
    let field = |name: &str| -> usize {
        let (_, rest) = report.split_once(&format!("\"{name}\":")).unwrap();
        let end = rest.find([',', '}']).unwrap();
        rest[..end].parse().unwrap()
    };
    assert_eq!(field("back"), field("sent"), "{report}");
    assert!(
        field("sent") > RESTARTS && field("fetched") > RESTARTS,
        "{report}"
    );
    for never in ["wrong", "failed", "closed", "connected"] {
        assert_eq!(field(never), 0, "{report}");
    }
}
