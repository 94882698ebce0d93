//! Reading one answer, and comparing it with what it must be.
//!
//! In: bytes as they arrive. Out: whether the answer is whole, what it says of the connection and of its configuration, or
//! what is wrong with it. Must hold: no byte is taken on trust; only what our own server sends is understood (a length
//! before the body, no chunks).
//!
//! ```text
//! Head --empty line--> Body --last byte--> Whole
//! ```

use std::fmt;

use crate::demo::pages::Page;
use crate::demo::site::REVISION_HEADER;

/// Longest head, in bytes.
const HEAD_MAX: usize = 8 * 1024;
/// Most header fields.
const FIELDS_MAX: usize = 32;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer {
    page: Page,
    state: State,
}

#[derive(Debug)]
enum State {
    Head(Vec<u8>),
    /// So many bytes of the body are here.
    Body(u64, Whole),
    Whole,
}

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not whole yet.
    More,
    /// Every byte is here, and right.
    Whole(Whole),
}

/// What a whole answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// What becomes of the connection.
    pub(super) connection: Connection,
    /// The configuration under which the answer was made; `None` if it does not say.
    pub(super) revision: Option<u32>,
}

/// What the server means to do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    Keep,
    Close,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Flaw {
    /// Not HTTP, or with too long a head.
    Malformed,
    /// Another status than 200.
    Status(u16),
    /// Another length than the file's, or none.
    Length(Option<u64>),
    /// This byte of the body is not the file's.
    Byte(u64),
    /// Bytes that nobody asked for.
    Surplus,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not understood"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Length(Some(length)) => write!(f, "a length of {length} bytes"),
            Self::Length(None) => f.write_str("without a length"),
            Self::Byte(at) => write!(f, "byte {at} differs from the file"),
            Self::Surplus => f.write_str("bytes that nobody asked for"),
        }
    }
}

impl Answer {
    /// The answer to a request for this page, of which nothing is here yet.
    pub(super) fn to(page: Page) -> Self {
        Self {
            page,
            state: State::Head(Vec::new()),
        }
    }

    /// Takes the next bytes, of which there is at least one.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Progress, Flaw> {
        match &mut self.state {
            State::Head(head) => {
                // The end may lie across two pieces.
                let looked = head.len().saturating_sub(3);
                head.extend_from_slice(bytes);
                let Some(end) = memchr::memmem::find(&head[looked..], b"\r\n\r\n") else {
                    return match head.len() {
                        0..=HEAD_MAX => Ok(Progress::More),
                        _ => Err(Flaw::Malformed),
                    };
                };
                let body = head.split_off(looked + end + 4);
                let whole = head_of(head, &self.page)?;
                self.state = State::Body(0, whole);
                self.body(&body)
            }
            State::Body(..) => self.body(bytes),
            State::Whole => Err(Flaw::Surplus),
        }
    }

    fn body(&mut self, bytes: &[u8]) -> Result<Progress, Flaw> {
        let State::Body(here, whole) = &mut self.state else {
            return Err(Flaw::Surplus);
        };
        let left = self.page.length() - *here;
        if bytes.len() as u64 > left {
            return Err(Flaw::Surplus);
        }
        if let Some(at) = self.page.first_wrong(*here, bytes) {
            return Err(Flaw::Byte(at));
        }
        *here += bytes.len() as u64;
        if *here < self.page.length() {
            return Ok(Progress::More);
        }
        let whole = *whole;
        self.state = State::Whole;
        Ok(Progress::Whole(whole))
    }
}

fn head_of(head: &[u8], page: &Page) -> Result<Whole, Flaw> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) | Err(_) => return Err(Flaw::Malformed),
    }
    match response.code {
        Some(200) => {}
        Some(status) => return Err(Flaw::Status(status)),
        None => return Err(Flaw::Malformed),
    }
    let field = |name: &str| {
        let field = response.headers.iter();
        let mut values = field.filter(|field| field.name.eq_ignore_ascii_case(name));
        values.next().map(|field| field.value.trim_ascii())
    };
    let number = |name| std::str::from_utf8(field(name)?).ok()?.parse::<u64>().ok();
    match number("Content-Length") {
        Some(length) if length == page.length() => {}
        other => return Err(Flaw::Length(other)),
    }
    let closes = field("Connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    Ok(Whole {
        connection: match closes || response.version == Some(0) {
            true => Connection::Close,
            false => Connection::Keep,
        },
        revision: number(REVISION_HEADER).and_then(|number| u32::try_from(number).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::pages::SMALL;

    fn small() -> Vec<u8> {
        let mut bytes = format!(
            "HTTP/1.1 200 OK\r\nx-demo-configuration: 3\r\nContent-Length: {}\r\n\r\n",
            SMALL.length()
        )
        .into_bytes();
        SMALL.write(&mut bytes).unwrap();
        bytes
    }

    const WHOLE: Progress = Progress::Whole(Whole {
        connection: Connection::Keep,
        revision: Some(3),
    });

    #[test]
    fn an_answer_is_whole_however_it_is_cut() {
        let bytes = small();
        for size in 1..bytes.len() {
            let mut answer = Answer::to(SMALL);
            let mut pieces = bytes.chunks(size).peekable();
            while let Some(piece) = pieces.next() {
                let expected = match pieces.peek() {
                    Some(_) => Progress::More,
                    None => WHOLE,
                };
                assert_eq!(answer.read(piece), Ok(expected), "pieces of {size}");
            }
        }
    }

    fn read(text: &str) -> Result<Progress, Flaw> {
        Answer::to(SMALL).read(text.as_bytes())
    }

    #[test]
    fn the_server_may_announce_that_it_closes() {
        let text = String::from_utf8(small()).unwrap();
        let closing = text.replacen("\r\n", "\r\nConnection: CLOSE\r\n", 1);
        let old = text.replacen("HTTP/1.1", "HTTP/1.0", 1);
        for text in [closing, old] {
            let Ok(Progress::Whole(whole)) = read(&text) else {
                panic!("not whole: {text}");
            };
            assert_eq!(whole.connection, Connection::Close);
        }
    }

    #[test]
    fn each_flaw_is_found() {
        let text = String::from_utf8(small()).unwrap();
        assert_eq!(
            read(&text.replacen("200 OK", "503 No", 1)),
            Err(Flaw::Status(503))
        );
        let length = format!("Content-Length: {}", SMALL.length());
        assert_eq!(
            read(&text.replacen(&length, "Content-Length: 3", 1)),
            Err(Flaw::Length(Some(3)))
        );
        assert_eq!(
            read(&text.replacen(&length, "Transfer-Encoding: chunked", 1)),
            Err(Flaw::Length(None))
        );
        assert_eq!(
            read(&text.replacen("small file", "small fill", 1)),
            Err(Flaw::Byte(11))
        );
        assert_eq!(read(&(text + "H")), Err(Flaw::Surplus));
        assert_eq!(read("nonsense\r\n\r\n"), Err(Flaw::Malformed));
        assert_eq!(read(&"x".repeat(HEAD_MAX + 1)), Err(Flaw::Malformed));
    }

    #[test]
    fn nothing_may_follow() {
        let mut answer = Answer::to(SMALL);
        assert_eq!(answer.read(&small()), Ok(WHOLE));
        assert_eq!(answer.read(b"HTTP/1.1 408"), Err(Flaw::Surplus));
    }
}
