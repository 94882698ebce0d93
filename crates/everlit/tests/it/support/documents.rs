//! What the servers in the tests serve.
//!
//! Out: a directory. Must hold: the same names, contents and times on every machine.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

/// `Last-Modified` of every document: Wed, 01 Jan 2020 00:00:00 GMT.
pub const MODIFIED: &str = "Wed, 01 Jan 2020 00:00:00 GMT";

/// A document root, what lies outside it, and an end of it all.
pub struct Documents {
    directory: TempDir,
}

impl Documents {
    pub fn new() -> Documents {
        let directory = tempfile::Builder::new()
            .prefix("everlit-documents-")
            .tempdir()
            .unwrap();
        let documents = Documents { directory };
        fill(&documents.root());
        for (name, content) in [
            ("secret.txt", "secret\n"),
            ("error-404.html", "<p>lost</p>\n"),
            ("error-403.html", "<p>closed</p>\n"),
            ("error-416.html", "<p>beyond</p>\n"),
        ] {
            write(&documents.outside().join(name), content.as_bytes());
        }
        documents
    }

    /// The document root.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// A directory beside it, with files of its own.
    pub fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }
}

/// Makes the documents in this directory.
pub fn fill(root: &Path) {
    for (path, content) in files() {
        write(&root.join(path), &content);
    }
    for name in ["emptydir", "sub/emptydir", "links"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    for (link, target) in [
        ("links/inside.txt", "../a.txt"),
        ("links/dir", "../sub"),
        ("links/outside", "../../outside"),
        ("links/dangling", "nowhere"),
        ("links/circle", "circle"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    for directory in [
        "",
        "sub",
        "sub/deep",
        "sub/emptydir",
        "noindex",
        "emptydir",
        "names",
        "links",
    ] {
        touch(&root.join(directory));
    }
}

/// The longest document: 300 KiB in which every position shows.
pub fn large() -> Vec<u8> {
    (0..300 * 1024 / 8)
        .flat_map(|line| format!("{line:07}\n").into_bytes())
        .collect()
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let mut files = vec![
        ("a.txt", text("alpha\n")),
        ("b.txt", text("beta\n")),
        ("empty.txt", Vec::new()),
        ("digits.txt", "0123456789".repeat(100).into_bytes()),
        ("large.bin", large()),
        ("page.html", text("<!DOCTYPE html><title>page</title>\n")),
        ("handler.html", text("<p>handled</p>\n")),
        (".hidden", text("hidden\n")),
        ("noextension", text("plain\n")),
        ("sub/index.html", text("<p>index of sub</p>\n")),
        ("sub/page.html", text("<p>page in sub</p>\n")),
        ("sub/deep/file.txt", text("deep\n")),
        ("noindex/one.txt", text("one\n")),
        ("noindex/two.html", text("<p>two</p>\n")),
        ("noindex/.dot", text("dot\n")),
        ("noindex/kilo.bin", vec![b'k'; 1024]),
        ("noindex/more.bin", vec![b'm'; 1536 * 1024]),
        ("noindex/nested/x.txt", text("x\n")),
        ("alt/default.htm", text("<p>default</p>\n")),
        ("index.php/x.txt", text("a directory with a file's name\n")),
    ];
    let by_suffix = [
        "style.css",
        "script.js",
        "module.mjs",
        "image.png",
        "photo.JPG",
        "archive.tar.gz",
        "archive.gz",
        "data.json",
        "drawing.svg",
        "UPPER.TXT",
        "unknown.xyz",
        "file.inc",
        "backup.txt~",
        "program.php",
        "program.PHP",
        "README",
        "dots...",
        "trailing.",
        "x.html.de",
    ];
    files.extend(by_suffix.map(|name| (name, text(name))));
    let names = [
        "names/with space.txt",
        "names/\u{fc}mlaut.txt",
        "names/plus+plus.txt",
        "names/percent%41.txt",
        "names/hash#.txt",
        "names/question?.txt",
        "names/semi;colon.txt",
        "names/quote'\".txt",
        "names/amp&ersand.txt",
        "names/back\\slash.txt",
        "names/col:on.txt",
        "names/<tag>.txt",
        "names/comma,.txt",
        "names/~tilde.txt",
        "names/..dots.txt",
        "names/...",
        "names/star*.txt",
        "names/dollar$.txt",
        "names/at@.txt",
        "names/(parens).txt",
        "names/[brackets].txt",
        "names/{braces}.txt",
        "names/equals=.txt",
    ];
    files.extend(names.map(|name| (name, text(name))));
    files
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file has a parent")).unwrap();
    fs::write(path, content).unwrap();
    touch(path);
}

fn touch(path: &Path) {
    let then: SystemTime = UNIX_EPOCH + Duration::from_secs(1_577_836_800);
    File::open(path).unwrap().set_modified(then).unwrap();
}
