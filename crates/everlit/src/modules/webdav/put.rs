//! PUT: a document, or a part of one, takes the place of what was there (RFC 9110 section 9.3.4).
//!
//! In: a body, whole. Out: 201 or 204, and the document's tag. Must hold: whoever reads the document meanwhile gets the
//! old one or the new one.

use super::answer::{Answer, Outcome, of_look, of_write};
use super::condition::preconditions;
use super::guard::{self, Touch};
use super::place::Place;
use super::store::Store;
use super::tree::{Replace, Temporary, copy_range};
use super::work::Task;
use crate::files::{EntryKind, Metadata};

/// What has come, in a file beside the one that it is to replace.
pub(super) struct Upload {
    place: Place,
    file: Temporary,
    /// The document that this is a part of, as it was when it was copied.
    of: Option<Metadata>,
}

/// Makes the new document, where nobody sees it yet.
pub(super) fn receive(task: &Task) -> Result<Upload, Answer> {
    let order = &task.order;
    let place = Place::open(&order.path, &order.uri, task.rules)
        .map_err(|errno| Answer::status(of_write(errno)))?;
    let before = place.metadata().ok();
    let range = match order.field("Content-Range") {
        None => None,
        Some(value) => Some(first_byte(value).ok_or_else(|| Answer::status(501))?),
    };
    // The locks are looked at when it is complete; this only saves the copy.
    preconditions(task, before.as_ref())?;
    let failed = |errno| Answer::status(of_write(errno));
    let (at, of) = match (range, before) {
        (None, _) => (0, None),
        (Some(_), None) => return Err(Answer::status(404)),
        (Some(_), Some(of)) if of.kind != EntryKind::File => return Err(Answer::status(403)),
        (Some(at), Some(of)) => (at, Some(of)),
    };
    if before.is_some_and(|before| before.kind == EntryKind::Directory) {
        return Err(Answer::status(405));
    }
    let file = Temporary::new(&place.directory).map_err(failed)?;
    if let Some(of) = &of {
        let old = super::tree::open_file(&place.directory, &place.name).map_err(failed)?;
        copy_range(&old, 0, file.file(), 0, of.size).map_err(failed)?;
    }
    task.body.write_to(file.file(), at).map_err(failed)?;
    Ok(Upload { place, file, of })
}

/// Puts it in its place.
pub(super) fn put(task: &Task, store: Option<&Store>, upload: Upload) -> Outcome {
    let Upload { place, file, of } = upload;
    let now = place.metadata().ok();
    let mut touches = vec![Touch::Resource(&place.uri)];
    if now.is_none() {
        touches.push(Touch::Member(&place.uri));
    }
    guard::check(task, store, &touches)?;
    preconditions(task, now.as_ref())?;
    // Somebody else was quicker: what we have is a part of what was there before.
    if let Some(of) = of
        && now.is_none_or(|now| (now.inode, now.mtime_nanos) != (of.inode, of.mtime_nanos))
    {
        return Err(Answer::status(409));
    }
    let failed = |errno| Answer::status(of_write(errno));
    let replaced = file
        .publish(&place.name, Replace::Allowed)
        .map_err(failed)?;
    let metadata = place.metadata().map_err(of_look)?;
    let status = match replaced {
        super::tree::Replaced::Yes => 204,
        super::tree::Replaced::No => 201,
    };
    Ok(Answer::status(status).with_any("ETag", task.tag(&metadata)))
}

/// The first byte of `bytes 2-4/10`. What it says of the length is not looked at: the body has one.
fn first_byte(value: &[u8]) -> Option<u64> {
    let value = str::from_utf8(value).ok()?.strip_prefix("bytes ")?;
    let (first, _) = value.trim_start().split_once('-')?;
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let first: u64 = first.parse().ok().filter(|_| is_number)?;
    i64::try_from(first).is_ok().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_where_they_begin() {
        for (value, first) in [
            ("bytes 2-4/10", Some(2)),
            ("bytes 0-0/*", Some(0)),
            ("bytes */10", None),
            ("bytes=2-4/10", None),
            ("bytes -4/10", None),
            ("bytes 99999999999999999999-4/10", None),
            ("rubbish", None),
        ] {
            assert_eq!(first_byte(value.as_bytes()), first, "{value}");
        }
    }
}
