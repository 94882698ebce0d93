//! The same answers as lighttpd's: `lighttpd -p` prints what we print.
//! Skipped where lighttpd is not installed, except in continuous integration.

use crate::{configurations, corpus, masked};
use lighttpd_conf::load;
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

const LIGHTTPD: &str = "/usr/sbin/lighttpd";

fn is_there(path: &str) -> bool {
    let there = Path::new(path).exists();
    assert!(there || env::var_os("CI").is_none(), "{path} is missing");
    if !there {
        eprintln!("skipped: {path} is missing");
    }
    there
}

fn compare(path: &Path) {
    let output = Command::new(LIGHTTPD)
        .arg("-p")
        .arg("-f")
        .arg(path)
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{path:?}: {complaints}");
    let theirs = masked(&String::from_utf8(output.stdout).unwrap());
    let config = load(path).unwrap_or_else(|report| panic!("{report}"));
    let ours = masked(&config.print_canonical());
    let differs = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b);
    assert!(ours == theirs, "{path:?}: first difference {differs:?}");
}

#[test]
fn the_corpus_prints_alike() {
    if is_there(LIGHTTPD) {
        for path in configurations(&corpus("ok")) {
            compare(&path);
        }
    }
}

/// The configuration that Debian installs, and each one that it offers.
#[test]
fn debians_files_print_alike() {
    if !is_there(LIGHTTPD) || !is_there("/etc/lighttpd/lighttpd.conf") {
        return;
    }
    compare(Path::new("/etc/lighttpd/lighttpd.conf"));
    let offered: Vec<PathBuf> = configurations(Path::new("/etc/lighttpd/conf-available"));
    for path in offered {
        compare(&path);
    }
}
