//! Access logs, line by line.

use super::compare::{Difference, Outcome};
use crate::support::http::Response;
use crate::support::servers::Server;

/// What was asked and what became of it: lighttpd's answer and Everlit's.
pub struct Exchange {
    pub name: String,
    pub theirs: Outcome,
    pub ours: Outcome,
}

/// Ends both servers and compares what they have logged, without what differs from run to run. A line belongs to the
/// request in its place; the first line is of the question for the tag. Where the answers differ in status already,
/// nothing more is said of them.
pub fn compare(
    case: &'static str,
    exchanges: &[Exchange],
    theirs: Server,
    ours: Server,
) -> Vec<Difference> {
    let difference = |request: &str, theirs: String, ours: String| Difference {
        case,
        request: request.to_owned(),
        what: "log".to_owned(),
        theirs,
        ours,
    };
    let (their_lines, our_lines) = (lines(theirs), lines(ours));
    if their_lines.len() != exchanges.len() + 1 || our_lines.len() != their_lines.len() {
        let (theirs, ours) = (their_lines.len().to_string(), our_lines.len().to_string());
        return vec![difference("number of lines", theirs, ours)];
    }
    let pairs = their_lines.into_iter().zip(our_lines).skip(1);
    let mut differences = Vec::new();
    for (exchange, (their_line, our_line)) in exchanges.iter().zip(pairs) {
        let (Outcome::Answered(theirs), Outcome::Answered(ours)) =
            (&exchange.theirs, &exchange.ours)
        else {
            continue;
        };
        if theirs.status != ours.status {
            continue;
        }
        let (their_line, our_line) = if theirs.length == ours.length {
            (their_line, our_line)
        } else {
            (measured(&their_line, theirs), measured(&our_line, ours))
        };
        for (their_part, our_part) in parts(&their_line).zip(parts(&our_line)) {
            if their_part != our_part {
                let (theirs, ours) = (their_part.to_owned(), our_part.to_owned());
                differences.push(difference(&exchange.name, theirs, ours));
            }
        }
    }
    differences
}

/// A line, or what is between `;;` in it.
fn parts(line: &str) -> impl Iterator<Item = &str> {
    line.split(" ;; ")
}

/// A line in which the sizes of the response are named instead of told.
fn measured(line: &str, response: &Response) -> String {
    let (length, body) = (response.length.to_string(), response.body.len().to_string());
    let words = line.split(' ').map(|word| {
        let (label, value) = word.split_at(word.find('=').map_or(0, |at| at + 1));
        match value {
            value if value == length => format!("{label}LENGTH"),
            value if value == body => format!("{label}BODY"),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn lines(server: Server) -> Vec<String> {
    let port = server.address.port();
    let (_, text) = server.finish("access.log");
    String::from_utf8_lossy(&text)
        .lines()
        .map(|line| mask(line, port))
        .collect()
}

/// A line without times and ports.
fn mask(line: &str, port: u16) -> String {
    let mut masked = String::new();
    let mut rest = line;
    // [10/Oct/2000:13:55:36 +0200]
    while let Some((before, after)) = rest.split_once('[') {
        masked.push_str(before);
        match after.split_once(']') {
            Some((time, after)) if is_time(time) => {
                masked.push_str("[time]");
                rest = after;
            }
            _ => {
                masked.push('[');
                rest = after;
            }
        }
    }
    masked.push_str(rest);
    masked.replace(&port.to_string(), "PORT")
}

fn is_time(text: &str) -> bool {
    let shape = |byte: u8| match byte {
        b'0'..=b'9' => '0',
        b'a'..=b'z' | b'A'..=b'Z' => 'a',
        b'+' | b'-' => '+',
        other => char::from(other),
    };
    text.bytes().map(shape).collect::<String>() == "00/aaa/0000:00:00:00 +0000"
}

#[test]
fn times_and_ports_are_masked() {
    assert_eq!(
        mask("[x] [10/Oct/2000:13:55:36 +0200] :4711/ [", 4711),
        "[x] [time] :PORT/ ["
    );
}
