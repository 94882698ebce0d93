//! Rows of the tables, and how they are played.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::http::{Asked, Client, Failure, Response, show};
use crate::support::{Built, Server, Setup, documents};

/// Between two bytes of a drip.
const DRIP: Duration = Duration::from_millis(100);

/// What is common to the servers of these tests.
const CONFIGURATION: &str = r#"
    server.tag = "server"
    mimetype.assign = (".txt" => "text/plain", ".html" => "text/html")
"#;

/// One transcript.
pub struct Row {
    name: &'static str,
    sentence: &'static str,
    steps: Vec<Step>,
    end: End,
}

enum Step {
    Send(Vec<u8>),
    Drip(Vec<u8>),
    HalfClose,
    Gets(Answer),
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It answers another request.
    Kept,
    /// It is closed, and the last answer said so.
    Closed,
    /// It is closed, and nothing said so: there was no answer, or the client ended it.
    Gone,
}

/// What the client must get.
pub struct Answer {
    status: u16,
    asked: Asked,
    body: Body,
    fields: Vec<(&'static str, Option<String>)>,
}

enum Body {
    /// Exactly this.
    Is(Vec<u8>),
    /// Some page.
    Page,
}

/// Begins a row.
pub fn row(name: &'static str, sentence: &'static str) -> Row {
    Row {
        name,
        sentence,
        steps: Vec::new(),
        end: End::Kept,
    }
}

impl Row {
    /// The client sends this.
    pub fn send(mut self, bytes: impl AsRef<[u8]>) -> Row {
        self.steps.push(Step::Send(bytes.as_ref().to_vec()));
        self
    }

    /// The client sends this byte by byte, again and again, until something comes.
    pub fn drip(mut self, bytes: impl AsRef<[u8]>) -> Row {
        self.steps.push(Step::Drip(bytes.as_ref().to_vec()));
        self
    }

    /// The client will send no more, and goes on reading.
    pub fn half_close(mut self) -> Row {
        self.steps.push(Step::HalfClose);
        self
    }

    /// The client gets this.
    pub fn gets(mut self, answer: Answer) -> Row {
        self.steps.push(Step::Gets(answer));
        self
    }

    /// Nothing more comes, and the connection can be used on.
    pub fn kept(mut self) -> Row {
        self.end = End::Kept;
        self
    }

    /// Nothing more comes, the connection is closed, and the last answer had announced it.
    pub fn closed(mut self) -> Row {
        self.end = End::Closed;
        self
    }

    /// Nothing more comes, and the connection is closed without an announcement.
    pub fn gone(mut self) -> Row {
        self.end = End::Gone;
        self
    }
}

/// A response with status 200 and this body.
pub fn ok(body: impl AsRef<[u8]>) -> Answer {
    answer(200, body)
}

/// A response with this body.
pub fn answer(status: u16, body: impl AsRef<[u8]>) -> Answer {
    Answer {
        status,
        asked: Asked::ForAnything,
        body: Body::Is(body.as_ref().to_vec()),
        fields: Vec::new(),
    }
}

/// A response with some page as its body.
pub fn page(status: u16) -> Answer {
    Answer {
        body: Body::Page,
        ..answer(status, "")
    }
}

/// A response to HEAD: no body, whatever the fields say.
pub fn head(status: u16) -> Answer {
    Answer {
        asked: Asked::ForHead,
        ..answer(status, "")
    }
}

impl Answer {
    /// It has this field with this value.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.fields.push((name, Some(value.into())));
        self
    }

    /// It has no such field.
    pub fn without(mut self, name: &'static str) -> Answer {
        self.fields.push((name, None));
        self
    }

    fn check(&self, response: &Response) -> Result<(), String> {
        if response.status != self.status {
            return Err(format!("status {} expected", self.status));
        }
        match &self.body {
            Body::Is(body) if response.body != *body => {
                return Err(format!("body expected: {}", show(body)));
            }
            Body::Page if response.body.is_empty() => return Err("page expected".to_owned()),
            _ => {}
        }
        for (name, value) in &self.fields {
            let found = response.text(name);
            if found != *value {
                return Err(format!("{name}: {value:?} expected"));
            }
        }
        well_formed(response, self.asked)
    }
}

/// What holds for every response of this server.
fn well_formed(response: &Response, asked: Asked) -> Result<(), String> {
    let count = |name| response.values(name).count();
    if response.reason.is_empty() {
        return Err("no reason phrase".to_owned());
    }
    if response.status < 200 {
        return match response.fields.is_empty() {
            true => Ok(()),
            false => Err("fields in an interim response".to_owned()),
        };
    }
    if count("Date") != 1 {
        return Err("not one Date".to_owned());
    }
    if count("Transfer-Encoding") > 0 {
        return Err("chunked, though the length is known".to_owned());
    }
    match (response.status, count("Content-Length")) {
        (204 | 304, 0) => {}
        (204 | 304, _) => return Err("Content-Length without a body".to_owned()),
        (_, 1) => {}
        (_, _) => return Err("not one Content-Length".to_owned()),
    }
    if asked == Asked::ForAnything && response.status >= 400 {
        let media_type = response.text("Content-Type");
        if media_type.as_deref() != Some("text/html") {
            return Err(format!("an error page of type {media_type:?}"));
        }
    }
    Ok(())
}

/// Plays these rows against a server of their own with these directives, each on its own connection, and shows all that
/// fail.
pub fn play(directives: &str, rows: Vec<Row>) {
    let setup = Setup::new(Built::Everlit).setting(&[CONFIGURATION, directives].concat());
    documents::fill(&setup.path("www"));
    let server = Server::start(setup);
    let address = server.address();
    // At the same time, because some of them wait.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = rows
            .iter()
            .map(|row| scope.spawn(|| row.play(address)))
            .collect();
        threads
            .into_iter()
            .zip(&rows)
            .filter_map(|(thread, row)| {
                let failure = thread.join().expect("rows do not panic").err()?;
                Some(format!("{}\n  {}\n{failure}\n", row.name, row.sentence))
            })
            .collect()
    });
    println!("{} transcripts", rows.len());
    assert!(
        failures.is_empty(),
        "{} of {} transcripts failed:\n\n{}\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n"),
        server.said()
    );
}

impl Row {
    fn play(&self, address: SocketAddr) -> Result<(), String> {
        let mut client = Client::connect(address);
        let mut seen = String::new();
        let mut last = None;
        let outcome = self.steps.iter().try_for_each(|step| match step {
            Step::Send(bytes) => {
                seen.push_str(&format!("  > {}\n", show(bytes)));
                client.send(bytes);
                Ok(())
            }
            Step::Drip(bytes) => {
                seen.push_str(&format!("  > {}, slowly\n", show(bytes)));
                client.drip(bytes, DRIP);
                Ok(())
            }
            Step::HalfClose => {
                seen.push_str("  > nothing more\n");
                client.half_close();
                Ok(())
            }
            Step::Gets(answer) => {
                let response = client.response(answer.asked).map_err(|failure| {
                    format!("status {} expected, got: {failure}", answer.status)
                })?;
                seen.push_str(&indented(&response));
                let checked = answer.check(&response);
                last = Some(response);
                checked
            }
        });
        outcome
            .and_then(|()| self.end(&mut client, last.as_ref()))
            .map_err(|reason| format!("{seen}  {reason}"))
    }

    fn end(&self, client: &mut Client, last: Option<&Response>) -> Result<(), String> {
        let announced = last.is_some_and(Response::ends_connection);
        match self.end {
            End::Kept => {
                if announced {
                    return Err("the connection is to be kept".to_owned());
                }
                client.send(b"GET /b.txt HTTP/1.1\r\nHost: probe\r\n\r\n");
                match client.response(Asked::ForAnything) {
                    Ok(response) if response.status == 200 && response.body == b"beta\n" => Ok(()),
                    Ok(response) => Err(format!(
                        "it is not in order afterwards:\n{}",
                        indented(&response)
                    )),
                    Err(failure) => Err(format!("it cannot be used on: {failure}")),
                }
            }
            End::Closed | End::Gone => {
                if announced != (self.end == End::Closed) {
                    return Err(format!("close announced: {announced}"));
                }
                match client.until_close() {
                    Ok(rest) if rest.is_empty() => Ok(()),
                    Ok(rest) => Err(format!("nothing more was expected: {}", show(&rest))),
                    Err(Failure::Silence) => Err("it is not closed".to_owned()),
                    Err(failure) => Err(failure.to_string()),
                }
            }
        }
    }
}

fn indented(response: &Response) -> String {
    format!("{response:?}")
        .lines()
        .map(|line| format!("  < {line}\n"))
        .collect()
}
