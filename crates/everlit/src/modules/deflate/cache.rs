//! `deflate.cache-dir`: files that were compressed once.
//!
//! In: the file that is sent, its tag. Out: the same file, compressed before. Must hold: a file that has changed has another
//! tag, and so another place; nothing ever removes the old ones but the administrator.

use crate::clock::Now;
use crate::exchange::Exchange;
use crate::files::{EntryKind, FileCache, Rules};
use crate::pack::{Plan, tagged};
use crate::response::{Body, FileRange};

/// Where the body is kept when it is compressed: directory, path, `-`, tag. Only the whole of a file that is served as it is.
pub(super) fn place(exchange: &Exchange<'_>, directory: &[u8], plan: &Plan) -> Option<Vec<u8>> {
    let (entry, response) = (exchange.entry.as_ref()?, &*exchange.response);
    let is_file = matches!(response.body, Body::Cached(_) | Body::File(_));
    if directory.is_empty()
        || !is_file
        || response.status != 200
        || entry.metadata.kind != EntryKind::File
    {
        return None;
    }
    let tag = tagged(response.headers.get("ETag")?, plan.recipe.coding.label())?;
    let inner = tag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    // Another module may have set another one, and nothing of it is to lead elsewhere.
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    inner
        .iter()
        .all(is_name)
        .then(|| [directory, entry.path(), b"-", inner].concat())
}

/// What is there.
pub(super) fn find(files: &mut FileCache, place: &[u8], now: Now) -> Option<Body> {
    let entry = files.look_up(place, Rules::FollowLinks, now).ok()?;
    if entry.metadata.kind != EntryKind::File {
        return None;
    }
    Some(match entry.content().ok()? {
        // An empty file is no compressed one.
        Some(content) if content.is_empty() => return None,
        Some(content) => Body::Cached(content),
        None => Body::File(FileRange {
            file: entry.open().ok()?,
            offset: 0,
            length: entry.metadata.size,
        }),
    })
}
