//! The `If` field (RFC 4918 section 10.4), and what HTTP has of that kind.
//!
//! In: field values. Out: the tokens that a client has submitted, and whether what it supposes is so. Must hold: what
//! cannot be read submits nothing.

use super::answer::Answer;
use super::guard::reaches;
use super::place::Place;
use super::store::Store;
use super::work::Task;
use crate::files::Metadata;
use crate::http1::head::Method;
use crate::modules::staticfile::validators::{Conditions, Validators, Verdict};

/// Most conditions that are looked at.
const CONDITIONS_MAX: usize = 64;

/// An `If` field.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct If {
    lists: Vec<List>,
}

/// One must be so, all that is in it.
#[derive(Debug, PartialEq, Eq)]
struct List {
    /// The resource that it is about, as a URI; `None`: the one that was asked for.
    about: Option<Vec<u8>>,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq, Eq)]
struct Condition {
    sense: Sense,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    Is,
    IsNot,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// A lock's token.
    Token(String),
    /// An entity tag.
    Tag(Vec<u8>),
}

impl If {
    /// Reads it; nothing if it is none.
    pub(super) fn parse(value: &[u8]) -> Option<If> {
        let mut lists = Vec::new();
        let mut about = None;
        let mut rest = value.trim_ascii_start();
        let mut count = 0;
        while !rest.is_empty() {
            match rest[0] {
                b'<' => {
                    let end = memchr::memchr(b'>', rest)?;
                    about = Some(rest[1..end].to_vec());
                    rest = rest[end + 1..].trim_ascii_start();
                    // Something must be said of it.
                    if rest.first() != Some(&b'(') {
                        return None;
                    }
                }
                b'(' => {
                    let mut conditions = Vec::new();
                    rest = rest[1..].trim_ascii_start();
                    while *rest.first()? != b')' {
                        let (condition, after) = condition(rest)?;
                        conditions.push(condition);
                        count += 1;
                        rest = after.trim_ascii_start();
                    }
                    if conditions.is_empty() || count > CONDITIONS_MAX {
                        return None;
                    }
                    rest = rest[1..].trim_ascii_start();
                    lists.push(List {
                        about: about.clone(),
                        conditions,
                    });
                }
                _ => return None,
            }
        }
        (!lists.is_empty()).then_some(If { lists })
    }

    /// All tokens that are in it.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &str> {
        let all = self.lists.iter().flat_map(|list| &list.conditions);
        all.filter_map(|condition| match &condition.what {
            What::Token(token) => Some(token.as_str()),
            What::Tag(_) => None,
        })
    }

    /// Whether what is supposed is so.
    pub(super) fn holds(&self, task: &Task, store: Option<&Store>) -> Result<bool, Answer> {
        for list in &self.lists {
            let (path, uri) = match &list.about {
                None => (Some(task.order.path.to_vec()), task.order.uri.to_vec()),
                Some(about) => match reaches(task, about) {
                    Ok(place) => (Some(place.0), place.1),
                    // Somewhere else: nothing is known of it.
                    Err(_) => (None, Vec::new()),
                },
            };
            let mut all = true;
            for condition in &list.conditions {
                let is_so = match &condition.what {
                    What::Token(token) => match store {
                        Some(store) if path.is_some() => {
                            let locks = store.locks_over(&uri)?;
                            locks.iter().any(|lock| lock.token == *token)
                        }
                        _ => false,
                    },
                    What::Tag(tag) => path
                        .as_deref()
                        .and_then(|path| Place::open(path, &uri, task.rules).ok()?.metadata().ok())
                        .and_then(|metadata| task.tag(&metadata))
                        .is_some_and(|known| known.as_bytes() == tag),
                };
                all &= is_so == (condition.sense == Sense::Is);
            }
            if all {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn condition(text: &[u8]) -> Option<(Condition, &[u8])> {
    let (sense, text) = match text.split_at_checked(3) {
        Some((not, after)) if not.eq_ignore_ascii_case(b"Not") => {
            (Sense::IsNot, after.trim_ascii_start())
        }
        _ => (Sense::Is, text),
    };
    let (what, end) = match text.first()? {
        b'<' => {
            let end = memchr::memchr(b'>', text)?;
            let token = str::from_utf8(&text[1..end]).ok()?;
            (What::Token(token.to_owned()), end)
        }
        b'[' => {
            let end = memchr::memchr(b']', text)?;
            (What::Tag(text[1..end].trim_ascii().to_vec()), end)
        }
        _ => return None,
    };
    Some((Condition { sense, what }, &text[end + 1..]))
}

/// Whether the fields that HTTP has for it let a document be changed; `metadata`: nothing if there is none yet.
pub(super) fn preconditions(task: &Task, metadata: Option<&Metadata>) -> Result<(), Answer> {
    let conditions = Conditions {
        matches: task.order.field("If-Match"),
        unmodified_since: task.order.field("If-Unmodified-Since"),
        none_match: task.order.field("If-None-Match"),
        modified_since: None,
    };
    let Some(metadata) = metadata else {
        let supposes = conditions.matches.is_some() || conditions.unmodified_since.is_some();
        return match supposes {
            true => Err(Answer::status(412)),
            false => Ok(()),
        };
    };
    let tag = task.tag(metadata);
    let validators = Validators {
        tag: tag.as_deref().map(str::as_bytes),
        date: None,
        mtime: metadata.mtime,
    };
    match conditions.weigh(Method::Put, &validators) {
        Verdict::Serve | Verdict::NotModified => Ok(()),
        Verdict::PreconditionFailed => Err(Answer::status(412)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_read() {
        let read = If::parse(b"</a> (<t> [\"e\"]) (Not <u>) <http://h/b>(not<v>)").unwrap();
        let about: Vec<_> = read
            .lists
            .iter()
            .map(|list| list.about.as_deref().unwrap())
            .collect();
        assert_eq!(about, [&b"/a"[..], b"/a", b"http://h/b"]);
        assert_eq!(read.tokens().collect::<Vec<_>>(), ["t", "u", "v"]);
        assert_eq!(
            read.lists[0].conditions[1].what,
            What::Tag(b"\"e\"".to_vec())
        );
        assert_eq!(read.lists[2].conditions[0].sense, Sense::IsNot);
        assert_eq!(If::parse(b"(<t>)").unwrap().lists[0].about, None);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for value in [
            "",
            "rubbish",
            "(",
            "()",
            "<t>",
            "(<t>",
            "(<t)",
            "(t)",
            "([\"e\")",
            "</a>",
            "</a> </b> (<t>)",
            "(<t>) x",
            "(Not)",
        ] {
            assert_eq!(If::parse(value.as_bytes()), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(value in "[()<>\\[\\]Not \"a]{0,24}") {
            let _ = If::parse(value.as_bytes());
        }
    }
}
