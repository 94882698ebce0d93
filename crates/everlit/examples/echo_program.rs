//! A backend's program for the tests: says to everybody who connects to descriptor 0 which process it is and what
//! `EVERLIT_TEST` is, in a line.
//!
//! Must hold: it ends a connection only when the client does; then `ping` was answered by `pong`, and after `crash` the
//! process exits with code 3.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};

fn main() {
    let word = std::env::var("EVERLIT_TEST").unwrap_or_default();
    let stdin = std::io::stdin();
    loop {
        let connection = File::from(rustix::net::accept(&stdin).expect("descriptor 0 listens"));
        let word = word.clone();
        std::thread::spawn(move || serve(connection, &word));
    }
}

fn serve(connection: File, word: &str) {
    let mut writer = &connection;
    // Whether the client still reads does not matter, here and below.
    let _ = writer.write_all(format!("{} {word}\n", std::process::id()).as_bytes());
    for line in BufReader::new(&connection).lines() {
        match line.as_deref() {
            Ok("ping") => drop(writer.write_all(b"pong\n")),
            Ok("crash") => std::process::exit(3),
            _ => return,
        }
    }
}
