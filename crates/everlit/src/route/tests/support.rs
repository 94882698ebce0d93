//! A document root to ask for, and a desk that answers.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::clock::Now;
use crate::http1::head::{self, Limits, Parsed};
use crate::net::Peer;
use crate::response::{Body, Part};
use crate::route::{Desk, Origin};
use crate::source::Source;

/// All files were changed at this time.
pub(super) const MTIME: u64 = 1_700_000_000;
/// The same for `Last-Modified`.
pub(super) const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

/// A directory with something of everything.
pub(super) struct Root {
    directory: tempfile::TempDir,
}

impl Root {
    pub(super) fn new() -> Root {
        let root = Root {
            directory: tempfile::tempdir().unwrap(),
        };
        for directory in [
            "root/dir",
            "root/listed/sub",
            "root/empty",
            "root/deep/a/b",
            "alias",
        ] {
            std::fs::create_dir_all(root.path(directory)).unwrap();
        }
        for (name, content) in [
            ("root/hello.txt", "Hello, world\n"),
            ("root/alpha.txt", "abcdefghijklmnopqrstuvwxyz"),
            ("root/zero.txt", ""),
            ("root/noext", "noext"),
            ("root/odd & <b>.txt", "odd"),
            ("root/script.php", "<?php ?>"),
            ("root/back.txt~", "x"),
            ("root/dir/index.html", "<p>index</p>"),
            ("root/dir/file.css", "a{}"),
            ("root/lower.txt", "low"),
            ("root/404.html", "<p>handled</p>"),
            ("root/listed/b.txt", "b"),
            ("alias/one.txt", "aliased"),
            ("secret.txt", "secret"),
            ("e-403.html", "<p>custom</p>"),
        ] {
            root.file(name, content.as_bytes());
        }
        let big: Vec<u8> = (0..262_144_u32).map(|i| i as u8).collect();
        root.file("root/big.bin", &big);
        for (name, target) in [
            ("root/link.txt", "hello.txt"),
            ("root/dlink", "dir"),
            ("root/loop", "loop"),
            ("root/dangling", "nowhere"),
        ] {
            symlink(target, root.path(name)).unwrap();
        }
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.path("root/fifo"),
            rustix::fs::FileType::Fifo,
            0o644.into(),
            0,
        )
        .unwrap();
        root
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        // Temporary directories may lie behind a link; the rules for links are tested without that.
        self.directory.path().canonicalize().unwrap().join(name)
    }

    pub(super) fn file(&self, name: &str, content: &[u8]) {
        write(&self.path(name), content);
    }

    /// A desk that serves it, with `extra` at the end of the configuration. `{top}` in it is the directory that the
    /// document root `root` is in.
    pub(super) fn desk(&self, extra: &str) -> Desk {
        let text = format!("{CONFIGURATION}{extra}\n");
        let source = Source::Text {
            name: "test".to_owned(),
            text: text.replace("{top}", self.path("").to_str().unwrap()),
            directory: "/".into(),
        };
        let (site, _) = crate::config::load(&source).unwrap_or_else(|error| panic!("{error}"));
        Desk::new(Arc::new(site))
    }
}

const CONFIGURATION: &str = r#"
server.modules = ("mod_access", "mod_alias", "mod_setenv", "mod_indexfile", "mod_dirlisting", "mod_staticfile")
server.document-root = "{top}/root"
index-file.names = ("index.html")
mimetype.assign = (".html" => "text/html", ".txt" => "text/plain", ".css" => "text/css")
url.access-deny = ("~")
static-file.exclude-extensions = (".php")
alias.url = ("/al/" => "{top}/alias/", "/open" => "{top}/alias/")
setenv.set-response-header = ("X-Mark" => "1")
"#;

fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(MTIME))
        .unwrap();
}

/// Asks, with the head `request`, lines separated by `|`; the version is 1.1 and `Host` is added.
pub(super) fn ask(desk: &mut Desk, request: &str) {
    ask_at(desk, request, Now::read());
}

pub(super) fn ask_at(desk: &mut Desk, request: &str, now: Now) {
    let (line, fields) = request.split_once('|').unwrap_or((request, ""));
    let mut text = match line.strip_suffix(" 1.0") {
        Some(line) => format!("{line} HTTP/1.0\r\n"),
        None => format!("{line} HTTP/1.1\r\nHost: Example.org:8080\r\n"),
    };
    for field in fields.split('|').filter(|field| !field.is_empty()) {
        text.push_str(field.trim());
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    let peer = Peer::V4 {
        ip: [127, 0, 0, 1],
        port: 1,
    };
    let origin = Origin {
        peer: &peer,
        listener: "127.0.0.1:80",
        local_port: 80,
        scheme: "http",
        tls: None,
        secured: None,
    };
    match head::parse(text.as_bytes(), &Limits::default()) {
        Parsed::Head(head) => {
            desk.answer(&head, origin, now);
        }
        Parsed::Reject(reject) => {
            desk.refuse(reject.status, origin, now);
        }
        Parsed::Partial => panic!("incomplete: {text}"),
    }
}

/// Value of a response header field.
pub(super) fn field(desk: &Desk, name: &str) -> Option<String> {
    let value = desk.response.headers.get(name)?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}

/// The body, whatever it is made of.
pub(super) fn body(desk: &Desk) -> Vec<u8> {
    fn read(range: &crate::response::FileRange) -> Vec<u8> {
        let mut bytes = vec![0; range.length as usize];
        let n = rustix::io::pread(&range.file, &mut bytes, range.offset).unwrap();
        assert_eq!(n as u64, range.length);
        bytes
    }
    let body = match &desk.response.body {
        Body::Packed(_) | Body::Coming => panic!("a body that is not here"),
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes.clone(),
        Body::Cached(bytes) => bytes.to_vec(),
        Body::File(range) => read(range),
        Body::Parts(parts) => parts
            .iter()
            .flat_map(|part| match part {
                Part::Bytes(bytes) => bytes.clone(),
                Part::File(range) => read(range),
            })
            .collect(),
    };
    assert_eq!(Some(body.len() as u64), desk.response.body.length());
    body
}

/// What was answered, in short: status, `page` for a plain error page, else the body's length in brackets; then the
/// fields that matter.
pub(super) fn summary(desk: &Desk) -> String {
    let content = body(desk);
    let mut text = desk.response.status.to_string();
    if content.starts_with(b"<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>") {
        text.push_str(" page");
    } else {
        text.push_str(&format!(" [{}]", content.len()));
        if let Some(media_type) = field(desk, "Content-Type") {
            text.push_str(&format!(" {media_type}"));
        }
    }
    for (name, short) in [
        ("Location", "->"),
        ("Allow", "allow"),
        ("Content-Range", ""),
    ] {
        if let Some(value) = field(desk, name) {
            text.push_str(&format!(" {short}{value}"));
        }
    }
    let has = |name| desk.response.headers.get(name).is_some();
    if has("ETag") != has("Last-Modified") {
        text.push_str(" half-validated");
    } else if has("ETag") {
        text.push_str(" v");
    }
    if has("Accept-Ranges") {
        text.push_str(" r");
    }
    text
}
