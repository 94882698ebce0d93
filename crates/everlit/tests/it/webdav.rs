//! WebDAV from outside: documents that are edited while the server is replaced, clients that go away, work that goes on.

use std::path::Path;
use std::process::Command;

use everlit::control::message::Farewell;
use tempfile::TempDir;

use crate::backends::backend::{goes_on, pattern, response};
use crate::backends::restart::restart;
use crate::support::http::{Client, Response};
use crate::support::servers::{self, Configuration, lighttpd_is_there};
use crate::support::{Built, Server, Setup};

fn server(setting: &str) -> Server {
    let setup = Setup::new(Built::Everlit)
        .setting("server.max-worker = 1")
        .setting("server.modules += ( \"mod_webdav\" )")
        .setting("webdav.activate = \"enable\"");
    let database = setup.path("dav.db");
    let setup = setup.setting(&format!(
        "webdav.sqlite-db-name = \"{}\"",
        database.display()
    ));
    let uploads = setup.path("uploads");
    std::fs::create_dir(&uploads).unwrap();
    let setup = setup
        .setting(&format!(
            "server.upload-dirs = ( \"{}\" )",
            uploads.display()
        ))
        .setting(setting);
    Server::start(setup)
}

fn ask(client: &mut Client, line: &str, fields: &[&str], body: &str) -> Response {
    let mut head = format!("{line} HTTP/1.1\r\nHost: test\r\n");
    for field in fields {
        head.push_str(&format!("{field}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    client.send(format!("{head}\r\n{body}").as_bytes());
    response(client)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const LOCK: &str = "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>\
                    <D:locktype><D:write/></D:locktype><D:owner>me</D:owner></D:lockinfo>";

#[test]
fn an_upload_under_twenty_reloads() {
    let server = server("");
    let www = server.setup.path("www");
    // In memory, and in a file.
    for length in [40_000, 3_000_000] {
        for is_chunked in [false, true] {
            let data = pattern(length);
            std::fs::write(www.join("doc"), "before").unwrap();
            let mut client = Client::connect(server.address());
            let framing = match is_chunked {
                true => "Transfer-Encoding: chunked".to_owned(),
                false => format!("Content-Length: {length}"),
            };
            client.send(format!("PUT /doc HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n").as_bytes());
            for piece in data.chunks(length / 20) {
                if is_chunked {
                    client.send(format!("{:x}\r\n", piece.len()).as_bytes());
                }
                let (one, other) = piece.split_at(piece.len() / 2);
                client.send(one);
                restart(&server);
                // Nobody sees half of it.
                let mut reader = Client::connect(server.address());
                let seen = ask(&mut reader, "GET /doc", &[], "");
                assert_eq!((seen.status, &seen.body[..]), (200, &b"before"[..]));
                client.send(other);
                if is_chunked {
                    client.send(b"\r\n");
                }
            }
            if is_chunked {
                client.send(b"0\r\n\r\n");
            }
            let answer = response(&mut client);
            assert_eq!(answer.status, 204, "{length} {is_chunked}");
            let seen = ask(&mut client, "GET /doc", &[], "");
            assert!(seen.body == data);
            assert_eq!(seen.text("ETag"), answer.text("ETag"));
            goes_on(&mut client);
            assert_eq!(names(&www), ["a.txt", "doc"]);
            assert_eq!(names(&server.setup.path("uploads")), [""; 0]);
        }
    }
}

#[test]
fn a_locked_edit_under_twenty_reloads() {
    let server = server("");
    let mut client = Client::connect(server.address());
    let lock = ask(&mut client, "LOCK /doc", &["Timeout: Second-500"], LOCK);
    assert_eq!(lock.status, 201);
    let token = lock.text("Lock-Token").unwrap();
    let condition = format!("If: ({token})");
    for round in 0..20 {
        let text = format!("round {round}");
        // By somebody else, and by whoever has the lock.
        let mut other = Client::connect(server.address());
        assert_eq!(ask(&mut other, "PUT /doc", &[], "theirs").status, 423);
        assert_eq!(
            ask(&mut other, "MOVE /doc", &["Destination: /x"], "").status,
            423
        );
        assert_eq!(
            ask(&mut client, "PUT /doc", &[&condition], &text).status,
            204
        );
        let change = format!(
            "<propertyupdate xmlns=\"DAV:\"><set><prop><round xmlns=\"u\">{round}</round></prop></set></propertyupdate>"
        );
        let changed = ask(&mut client, "PROPPATCH /doc", &[&condition], &change);
        assert_eq!(changed.status, 204);
        if round == 10 {
            assert_eq!(ask(&mut client, "LOCK /doc", &[&condition], "").status, 200);
        }
        restart(&server);
        let known = ask(&mut client, "PROPFIND /doc", &["Depth: 0"], "");
        let known = String::from_utf8(known.body).unwrap();
        for part in [
            format!("<round xmlns=\"u\">{round}</round>"),
            format!("<D:href>{}</D:href>", token.trim_matches(['<', '>'])),
            "<D:owner>me</D:owner>".to_owned(),
        ] {
            assert!(known.contains(&part), "{part}: {known}");
        }
        assert_eq!(ask(&mut other, "GET /doc", &[], "").body, text.as_bytes());
    }
    let end = ask(
        &mut client,
        "UNLOCK /doc",
        &[&format!("Lock-Token: {token}")],
        "",
    );
    assert_eq!(end.status, 204);
    assert_eq!(ask(&mut client, "PUT /doc", &[], "free").status, 204);
}

#[test]
fn work_that_has_begun_is_done_while_its_connection_moves() {
    let server = server("");
    let database = rusqlite::Connection::open(server.setup.path("dav.db")).unwrap();
    let mut client = Client::connect(server.address());
    assert_eq!(ask(&mut client, "PUT /doc", &[], "before").status, 201);
    let (before, _) = server.generation();
    // Whoever wants to change something has to wait.
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    client.send(b"PUT /doc HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nafter");
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| server.reload().unwrap());
        while server.generation().0 == before {
            std::thread::yield_now();
        }
        let mut other = Client::connect(server.address());
        assert_eq!(ask(&mut other, "GET /doc", &[], "").body, b"before");
        database.execute_batch("COMMIT").unwrap();
        assert_eq!(response(&mut client).status, 204);
        let report = reload.join().unwrap();
        assert_eq!((report.tally.dropped, report.tally.drained), (0, 0));
        assert_eq!(report.farewell, Farewell::Left);
        assert_eq!(ask(&mut other, "GET /doc", &[], "").body, b"after");
    });
    goes_on(&mut client);
}

#[test]
fn who_goes_away_leaves_nothing_behind() {
    let server = server("");
    let www = server.setup.path("www");
    for length in [10, 200_000] {
        let mut client = Client::connect(server.address());
        client.send(b"PUT /doc HTTP/1.1\r\nHost: test\r\nContent-Length: 300000\r\n\r\n");
        client.send(&pattern(length));
        restart(&server);
        drop(client);
        let mut other = Client::connect(server.address());
        assert_eq!(ask(&mut other, "GET /doc", &[], "").status, 404);
        assert_eq!(names(&www), ["a.txt"]);
    }
}

#[test]
fn a_read_only_server_changes_nothing() {
    let server = server("webdav.is-readonly = \"enable\"");
    let mut client = Client::connect(server.address());
    for line in [
        "PUT /a.txt",
        "DELETE /a.txt",
        "MKCOL /d",
        "MOVE /a.txt",
        "COPY /a.txt",
        "PROPPATCH /a.txt",
    ] {
        let answer = ask(&mut client, line, &["Destination: /b.txt"], "");
        assert_eq!(answer.status, 403, "{line}");
    }
    assert_eq!(
        ask(&mut client, "PROPFIND /", &["Depth: 1"], "").status,
        207
    );
    goes_on(&mut client);
    assert_eq!(names(&server.setup.path("www")), ["a.txt"]);
}

/// What litmus says of a server: passed and failed, of each of its programs.
fn litmus(address: std::net::SocketAddr) -> Vec<(String, u32, u32)> {
    let directory = TempDir::new().unwrap();
    let output = Command::new("litmus")
        .args(["-k", &format!("http://{address}/")])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in text.lines() {
        let last = line.rsplit('\r').next().unwrap_or(line);
        if ["FAIL", "WARNING", "SKIPPED"]
            .iter()
            .any(|word| last.contains(word))
        {
            println!("{last}");
        }
    }
    // <- summary for `basic': of 16 tests run: 16 passed, 0 failed. 100.0%
    let number = |text: Option<&str>| text.and_then(|word| word.parse().ok()).unwrap_or(0);
    let summary = |line: &str| {
        let (name, rest) = line.strip_prefix("<- summary for `")?.split_once("': ")?;
        let (_, counts) = rest.split_once("run: ")?;
        let mut words = counts.split([' ', ',']).filter(|word| !word.is_empty());
        let passed = number(words.next());
        let failed = number(words.nth(1));
        println!("{line}");
        Some((name.to_owned(), passed, failed))
    };
    text.lines().filter_map(summary).collect()
}

/// The usual test suite of WebDAV, if it is installed; lighttpd's result beside ours.
#[test]
fn litmus_is_content() {
    let is_there = Command::new("litmus").arg("--version").output().is_ok();
    assert!(
        is_there || std::env::var_os("CI").is_none(),
        "litmus is missing"
    );
    if !is_there || !lighttpd_is_there() || !Path::new(MODULE).exists() {
        println!("skipped: litmus, lighttpd or its mod_webdav is missing");
        return;
    }
    let roots = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let text = "server.modules = ( \"mod_webdav\" )\nwebdav.activate = \"enable\"\n\
                webdav.sqlite-db-name = \"@DIR@/dav.db\"\n";
    let configuration = |root: &'static str, at: usize| {
        println!("{root}:");
        Configuration {
            text,
            root: roots[at].path(),
        }
    };
    let theirs = litmus(servers::Server::lighttpd(&configuration("lighttpd", 0)).address);
    let ours = litmus(servers::Server::everlit(&configuration("everlit", 1)).address);
    assert_eq!(ours.len(), 5, "basic, copymove, props, locks, http");
    for ((name, passed, failed), (_, their_passed, _)) in ours.iter().zip(&theirs) {
        assert_eq!(*failed, 0, "{name}");
        assert!(passed >= their_passed, "{name}");
    }
}

/// Where Debian puts it.
pub(crate) const MODULE: &str = "/usr/lib/lighttpd/mod_webdav.so";
