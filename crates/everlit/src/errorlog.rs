//! What a generation says to people: lines in `server.errorlog`, which is its standard error.
//!
//! In: sentences. Out: lines with the time and who speaks, each in one write. Must hold: saying something never fails
//! anything, and never says a client's or backend's control characters.

use std::fmt;
use std::io::Write;
use std::time::SystemTime;

use crate::sys::clock::LocalTime;

/// Longest sentence, in bytes; what is beyond it is left out.
const LONGEST: usize = 2048;

/// Says something. `who`: `mod_proxy` and the like.
pub fn say(who: &str, text: impl fmt::Display) {
    let now = LocalTime::of(SystemTime::now());
    let line = format!("{now}: ({who}) {}\n", plain(&text.to_string()));
    // Nobody to hear it is no failure.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// One line, without control characters.
fn plain(text: &str) -> String {
    let text = text.trim_end();
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text[..end].chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_one_line_of_bounded_length() {
        assert_eq!(plain("one\r\ntwo\x1b[0m\n"), "one  two [0m");
        assert_eq!(plain(&"é".repeat(LONGEST)).len(), LONGEST);
    }
}
