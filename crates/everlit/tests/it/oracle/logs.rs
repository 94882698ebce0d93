//! Access logs, line by line.

use super::compare::Difference;
use super::requests::Request;
use crate::support::process::Server;

/// Ends both servers and compares what they have logged, without what differs from run to run. A line belongs to the
/// request in its place; the first line is of the question for the tag.
pub fn compare(
    case: &'static str,
    requests: &[Request],
    theirs: Server,
    ours: Server,
) -> Vec<Difference> {
    let (their_port, our_port) = (theirs.address.port(), ours.address.port());
    let theirs = lines(theirs, their_port);
    let ours = lines(ours, our_port);
    let difference = |request: &str, theirs: String, ours: String| Difference {
        case,
        request: request.to_owned(),
        what: "log".to_owned(),
        theirs,
        ours,
    };
    if theirs.len() != ours.len() {
        let (theirs, ours) = (theirs.len().to_string(), ours.len().to_string());
        return vec![difference("number of lines", theirs, ours)];
    }
    let names = std::iter::once("the question for the tag")
        .chain(requests.iter().map(|request| &*request.name));
    theirs
        .into_iter()
        .zip(ours)
        .zip(names)
        .filter(|((theirs, ours), _)| theirs != ours)
        .map(|((theirs, ours), name)| difference(name, theirs, ours))
        .collect()
}

fn lines(server: Server, port: u16) -> Vec<String> {
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
