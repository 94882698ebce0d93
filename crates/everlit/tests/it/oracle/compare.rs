//! Two answers to one request, and in what they differ.

use std::collections::{BTreeMap, BTreeSet};

use super::requests::Request;
use super::{credentials, listing, packed};
use crate::support::http::{Asked, Client, Failure, Response, show};
use crate::support::servers::Server;
use crate::support::unpack::unpacked;

/// A server and the connection to it, if it was kept.
pub struct Side {
    pub server: Server,
    client: Option<Client>,
    /// What the server calls `/a.txt`.
    tag: String,
}

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    Answered(Response),
    /// The connection ended without an answer, or with something that is none.
    Nothing(Failure),
}

/// One thing that is not the same.
#[derive(Clone, Debug)]
pub struct Difference {
    pub case: &'static str,
    pub request: String,
    /// `status`, `body`, `log`, or a field in lower case.
    pub what: String,
    pub theirs: String,
    pub ours: String,
}

/// Fields in which servers may differ at will.
const ASIDE: [&str; 2] = ["date", "keep-alive"];

impl Side {
    pub fn new(server: Server) -> Side {
        let mut side = Side {
            server,
            client: None,
            tag: "\"none\"".to_owned(),
        };
        let request =
            b"GET /a.txt HTTP/1.1\r\nHost: oracle.example\r\nUser-Agent: asks for the tag\r\n\r\n";
        match side.send(request, Asked::ForAnything) {
            Outcome::Answered(response) => {
                if let Some(tag) = response.text("ETag") {
                    side.tag = tag;
                }
            }
            Outcome::Nothing(failure) => {
                panic!("no answer: {failure}\n{}", side.server.complaints())
            }
        }
        side
    }

    /// Whether the next request goes on a connection that has been used.
    pub fn is_connected(&self) -> bool {
        self.client.is_some()
    }

    /// Ends the connection.
    pub fn disconnect(&mut self) {
        self.client = None;
    }

    /// Asks, on the connection of the last request if it was kept.
    pub fn ask(&mut self, request: &Request) -> Outcome {
        let text = String::from_utf8_lossy(&request.bytes);
        if text.contains("@ETAG@") {
            let bytes = text.replace("@ETAG@", &self.tag).into_bytes();
            self.send(&bytes, request.asked)
        } else if let Some((before, what, after)) = credentials::next_proof(&text) {
            let proof = credentials::proof(what, &self.challenge(credentials::uri_of(what)));
            let bytes = [before, &proof, after].concat().into_bytes();
            self.send(&bytes, request.asked)
        } else {
            self.send(&request.bytes, request.asked)
        }
    }

    /// What a client is asked to prove that has said nothing.
    fn challenge(&mut self, uri: &str) -> String {
        let head = format!("GET {uri} HTTP/1.1\r\nHost: oracle.example\r\n\r\n");
        match self.send(head.as_bytes(), Asked::ForAnything) {
            Outcome::Answered(response) => {
                let fields = response.fields.iter();
                let challenges =
                    fields.filter(|(name, _)| name.eq_ignore_ascii_case("WWW-Authenticate"));
                challenges
                    .map(|(_, value)| String::from_utf8_lossy(value))
                    .collect()
            }
            Outcome::Nothing(failure) => panic!("no answer: {failure}"),
        }
    }

    fn send(&mut self, bytes: &[u8], asked: Asked) -> Outcome {
        let mut client = self
            .client
            .take()
            .unwrap_or_else(|| Client::connect(self.server.address));
        client.send(bytes);
        let mut response = match client.response(asked) {
            // What precedes the answer is not compared here.
            Ok(response) if response.status == 100 => client.response(asked),
            other => other,
        };
        match &mut response {
            Ok(response) if response.ends_connection() => match client.until_close() {
                Ok(rest) if rest.is_empty() => {}
                Ok(rest) => {
                    let what = format!("after {}: {}", response.status, show(&rest));
                    return Outcome::Nothing(Failure::NotHttp(what));
                }
                Err(failure) => return Outcome::Nothing(failure),
            },
            // It was a tunnel, and that is over.
            Ok(response) if response.status == 200 && bytes.starts_with(b"CONNECT ") => {}
            Ok(_) => self.client = Some(client),
            Err(_) => {}
        }
        match response {
            Ok(response) => Outcome::Answered(without_port(response, self.server.address.port())),
            Err(failure) => Outcome::Nothing(failure),
        }
    }
}

/// The same response, were the server at port `PORT`.
fn without_port(mut response: Response, port: u16) -> Response {
    let (port, name) = (format!(":{port}"), b":PORT");
    let fields = response.fields.iter_mut().map(|(_, value)| value);
    for text in fields.chain([&mut response.body]) {
        while let Some(at) = text
            .windows(port.len())
            .position(|window| window == port.as_bytes())
        {
            text.splice(at..at + port.len(), name.iter().copied());
        }
    }
    response
}

/// In what these differ.
pub fn compare(
    case: &'static str,
    request: &Request,
    theirs: &Outcome,
    ours: &Outcome,
) -> Vec<Difference> {
    let difference = |what: &str, theirs: String, ours: String| Difference {
        case,
        request: request.name.clone(),
        what: what.to_owned(),
        theirs,
        ours,
    };
    let (theirs, ours) = match (theirs, ours) {
        (Outcome::Answered(theirs), Outcome::Answered(ours)) if theirs.status == ours.status => {
            (theirs, ours)
        }
        // If the status differs, everything else may, too.
        _ => {
            let (theirs, ours) = (status(theirs), status(ours));
            return if theirs == ours {
                Vec::new()
            } else {
                vec![difference("status", theirs, ours)]
            };
        }
    };
    let mut differences = Vec::new();
    let (their_fields, our_fields) = (fields(theirs), fields(ours));
    let names: BTreeSet<_> = their_fields.keys().chain(our_fields.keys()).collect();
    let is_packed = |response: &Response| {
        let coding = response.text("Content-Encoding");
        coding.is_some_and(|coding| packed::CODINGS.contains(&&*coding))
            && !response.body.is_empty()
    };
    let are_packed = is_packed(theirs) && is_packed(ours);
    let (their_body, our_body) = match are_packed {
        true => (unpacked(theirs), unpacked(ours)),
        false => (theirs.body.clone(), ours.body.clone()),
    };
    let bodies_differ = their_body != our_body;
    for name in names {
        let is_later = counts_time(name, theirs, ours);
        let (theirs, ours) = (their_fields.get(name), our_fields.get(name));
        let value = |value: Option<&String>| value.map_or("none".to_owned(), Clone::clone);
        // The length is of the body, and there the difference is said.
        let said = name == "content-length" && bodies_differ
            // Nor is it the same if it is packed by others, perhaps as it is sent.
            || are_packed && matches!(&**name, "content-length" | "transfer-encoding");
        if theirs != ours && !said && !is_later {
            differences.push(difference(name, value(theirs), value(ours)));
        }
    }
    let ending = |response: &Response| {
        let tag = response.text("ETag").unwrap_or_default();
        packed::ending(&tag).to_owned()
    };
    if ending(theirs) != ending(ours) {
        differences.push(difference("tag's ending", ending(theirs), ending(ours)));
    }
    if theirs.version != ours.version {
        differences.push(difference(
            "version",
            theirs.version.clone(),
            ours.version.clone(),
        ));
    }
    let is_told =
        |response: &Response| response.text("Content-Type").as_deref() == Some("text/x-told");
    if bodies_differ && is_told(theirs) && is_told(ours) {
        let (theirs, ours) = (told(&their_body), told(&our_body));
        let names: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
        for name in names {
            let value = |told: &BTreeMap<String, String>| told.get(name).cloned();
            let (theirs, ours) = (value(&theirs), value(&ours));
            if theirs != ours {
                let [theirs, ours] = [theirs, ours].map(|value| value.unwrap_or("none".to_owned()));
                differences.push(difference(&format!("told {name}"), theirs, ours));
            }
        }
    } else if bodies_differ {
        let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
        let (theirs, ours) = (text(&their_body), text(&our_body));
        let (their_rows, our_rows) = (listing::rows(&theirs), listing::rows(&ours));
        differences.push(difference("body", theirs, ours));
        if their_rows != our_rows {
            differences.push(difference(
                "rows",
                their_rows.join("; "),
                our_rows.join("; "),
            ));
        }
    }
    differences
}

/// Whether a field counts time, and what is different is the second in which it was said.
fn counts_time(name: &str, theirs: &Response, ours: &Response) -> bool {
    let text = |response: &Response| response.text(name);
    let date = |text: Option<String>| {
        let since = httpdate::parse_http_date(&text?).ok()?;
        let since = since.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    let max_age = |text: Option<String>| text?.strip_prefix("max-age=")?.parse::<i64>().ok();
    let passed = match name {
        "expires" => date(text(ours)).zip(date(text(theirs))),
        "cache-control" => max_age(text(theirs)).zip(max_age(text(ours))),
        _ => None,
    };
    let now = date(ours.text("Date")).zip(date(theirs.text("Date")));
    let difference = |(one, other): (i64, i64)| one - other;
    passed.is_some() && passed.map(difference) == now.map(difference)
}

fn status(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered(response) => response.status.to_string(),
        Outcome::Nothing(Failure::Closed) => "none".to_owned(),
        Outcome::Nothing(failure) => failure.to_string(),
    }
}

/// What a backend says that it was told: variables or fields by name, and everything else; equal names are joined.
fn told(body: &[u8]) -> BTreeMap<String, String> {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for line in String::from_utf8_lossy(body).lines() {
        let is_name = |name: &str| !name.is_empty() && !name.contains(' ');
        let pair = line.split_once('=').or_else(|| line.split_once(": "));
        let (name, value) = match pair {
            Some((name, value)) if is_name(name) => (name, value),
            _ => ("besides", line),
        };
        told.entry(name.to_owned())
            .and_modify(|all| all.push_str(&format!(" AND {value}")))
            .or_insert(value.to_owned());
    }
    told
}

/// Fields without those that differ at will, in no order; equal names are joined.
fn fields(response: &Response) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &response.fields {
        let name = name.to_ascii_lowercase();
        if ASIDE.contains(&&*name) {
            continue;
        }
        let mut value = String::from_utf8_lossy(value).into_owned();
        // A nonce is another one each time.
        if let Some((before, rest)) = value.split_once("nonce=\"")
            && let Some((_, after)) = rest.split_once('"')
        {
            value = format!("{before}nonce=\"NONCE\"{after}");
        }
        fields
            .entry(name)
            .and_modify(|all| all.push_str(&format!(" AND {value}")))
            .or_insert(value);
    }
    fields
}
