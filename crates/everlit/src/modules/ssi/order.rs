//! A page with commands in it, as plain data: what a thread makes the page of.
//!
//! In: contents of a page. Out: an [`Order`], its bytes, and the answer as a CGI program writes it. Must hold: a page is made within
//! [`Limits`]; commands are run one after the other, as they stand, and only where the settings in force allow it.

use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::command::{self, End};
use super::page::TEXT_MAX;
use crate::errorlog;

/// What is to be made. Written as an array, where WebDAV's orders are maps.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Order {
    /// Header fields of the page.
    #[n(0)]
    pub(super) fields: Vec<(String, ByteVec)>,
    /// What is in it.
    #[n(1)]
    pub(super) contents: Vec<Content>,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) enum Content {
    /// This.
    #[n(0)]
    Text(#[n(0)] ByteVec),
    /// What is in the file at this path.
    #[n(1)]
    File(#[n(0)] ByteVec),
    /// What the shell makes of this.
    #[n(2)]
    Command(#[n(0)] ByteVec),
}

/// What a page may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For all of its commands.
    pub(super) time: Duration,
    /// Bytes of all of it.
    pub(super) length: usize,
}

impl Limits {
    /// Those of every page.
    pub(super) const OF_PAGES: Limits = Limits {
        time: Duration::from_secs(30),
        length: TEXT_MAX,
    };
}

impl Order {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail, and no field refuses to be written.
        minicbor::to_vec(self).expect("an order can always be written")
    }

    /// Nothing if it is none: it came from another process.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Order> {
        minicbor::decode(bytes).ok()
    }

    /// Makes the page.
    pub(super) fn carry_out(&self, limits: Limits) -> Vec<u8> {
        let deadline = Instant::now() + limits.time;
        let mut page = Vec::new();
        for content in &self.contents {
            let room = limits.length.saturating_sub(page.len());
            match content {
                Content::Text(text) => page.extend_from_slice(&text[..text.len().min(room)]),
                Content::File(path) => {
                    let path = Path::new(std::ffi::OsStr::from_bytes(path));
                    let file = std::fs::File::open(path);
                    let read = file.and_then(|file| file.take(room as u64).read_to_end(&mut page));
                    if let Err(error) = read {
                        errorlog::say("mod_ssi", format_args!("{}: {error}", path.display()));
                    }
                }
                Content::Command(text) => {
                    let end = command::run(text, deadline, room, &mut page);
                    if end != End::Exited {
                        let text = String::from_utf8_lossy(text);
                        errorlog::say("mod_ssi", format_args!("{end}: {text}"));
                    }
                }
            }
        }
        let mut answer = b"Status: 200\r\n".to_vec();
        for (name, value) in &self.fields {
            answer.extend_from_slice(name.as_bytes());
            answer.extend_from_slice(b": ");
            // Nothing in a configuration can begin another field.
            answer.extend(value.iter().map(|byte| match byte {
                b'\r' | b'\n' | 0 => b' ',
                byte => *byte,
            }));
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(format!("Content-Length: {}\r\n\r\n", page.len()).as_bytes());
        answer.append(&mut page);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(contents: &[Content], limits: Limits) -> String {
        let order = Order {
            fields: vec![("A".to_owned(), b"b\r\nc".to_vec().into())],
            contents: contents.to_vec(),
        };
        assert_eq!(Order::from_bytes(&order.to_bytes()), Some(order.clone()));
        let answer = String::from_utf8(order.carry_out(limits)).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        let expected = format!("Status: 200\r\nA: b  c\r\nContent-Length: {}", page.len());
        assert_eq!(head, expected);
        page.to_owned()
    }

    fn text(text: &str) -> Content {
        Content::Text(text.as_bytes().to_vec().into())
    }

    fn command(text: &str) -> Content {
        Content::Command(text.as_bytes().to_vec().into())
    }

    #[test]
    fn a_page_is_made_in_its_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "file").unwrap();
        let path = file.path().as_os_str().as_bytes().to_vec();
        let contents = [
            text("<"),
            command("echo one; exit 3"),
            Content::File(path.into()),
            Content::File(b"/nonexistent".to_vec().into()),
            command("cat; kill -9 $$"),
            command("echo two; sleep 100 & echo $LISTEN_FDS"),
            text(">"),
        ];
        assert_eq!(page(&contents, Limits::OF_PAGES), "<one\nfiletwo\n\n>");
    }

    #[test]
    fn what_takes_too_long_or_says_too_much_is_ended() {
        let short = Limits {
            time: Duration::from_millis(300),
            length: 1 << 20,
        };
        let contents = [
            text("<"),
            command("echo begun; sleep 100; echo done"),
            command("echo another"),
            text(">"),
        ];
        assert_eq!(page(&contents, short), "<begun\n>");
        // It has closed its output, and does not end.
        assert_eq!(page(&[command("exec >&-; sleep 100")], short), "");
        let small = Limits {
            length: 100_000,
            ..Limits::OF_PAGES
        };
        let made = page(&[command("yes"), text("more")], small);
        assert_eq!(made.len(), 100_000);
    }
}
