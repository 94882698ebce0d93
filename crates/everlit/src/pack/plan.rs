//! What is to become of a body, decided when the head of a response is there.
//!
//! In: the decision, the body's length when it is known at last. Out: header fields. Must hold: the fields say what is done;
//! a tag with the coding's name is the tag of the compressed body and of nothing else.

use minicbor::{Decode, Encode};

use super::Recipe;
use crate::response::Headers;

/// What is to become of a body.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Plan {
    /// How it is compressed.
    #[n(0)]
    pub recipe: Recipe,
    /// Longest body in bytes that is not compressed.
    #[n(1)]
    pub above: u64,
    /// Longest body in bytes that is compressed.
    #[n(2)]
    pub up_to: u64,
    /// What is done if the length is between the two.
    #[n(3)]
    pub outcome: Outcome,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// It is compressed.
    #[n(0)]
    Packed,
    /// The client has it, compressed: 304.
    #[n(1)]
    Unchanged,
    /// The client has it, and wanted something to be done only if it has not: 412.
    #[n(2)]
    Refused,
    /// It is sent as it is: the machine is busy.
    #[n(3)]
    Plain,
}

impl Plan {
    /// Whether a body of this length is meant.
    pub fn takes(&self, length: u64) -> bool {
        (self.above + 1..=self.up_to).contains(&length)
    }

    /// Has the fields say what is done.
    pub fn announce(&self, headers: &mut Headers) {
        vary(headers);
        let label = self.recipe.coding.label();
        if let Outcome::Packed | Outcome::Unchanged = self.outcome
            && let Some(tag) = headers.get("ETag").and_then(|tag| tagged(tag, label))
        {
            headers.set("ETag", tag);
        }
        if self.outcome == Outcome::Packed {
            headers.set("Content-Encoding", label);
        }
    }
}

/// The tag of the same body, compressed; nothing if it is no tag.
pub fn tagged(tag: &[u8], label: &str) -> Option<Vec<u8>> {
    let opening = tag
        .strip_suffix(b"\"")
        .filter(|rest| rest.contains(&b'"'))?;
    Some([opening, b"-", label.as_bytes(), b"\""].concat())
}

/// The response depends on what the client can read.
fn vary(headers: &mut Headers) {
    const NAME: &[u8] = b"Accept-Encoding";
    let is_vary = |name: &[u8]| name.eq_ignore_ascii_case(b"Vary");
    let mut values: Vec<Vec<u8>> = headers
        .iter()
        .filter(|(name, _)| is_vary(name))
        .map(|(_, value)| value.to_vec())
        .collect();
    let is_said = values
        .iter()
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(NAME));
    if is_said {
        return;
    }
    match values.last_mut() {
        None => values.push(NAME.to_vec()),
        Some(last) => {
            last.push(b',');
            last.extend_from_slice(NAME);
        }
    }
    headers.remove("Vary");
    for value in values {
        headers.add("Vary", value);
    }
}
