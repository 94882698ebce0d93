//! LOCK and UNLOCK (RFC 4918 sections 9.10 and 9.11).
//!
//! In: what is to be locked, and how. Out: a token. Must hold: of two who ask for the same at the same time one gets it: the
//! database is one's own between the look and the lock.

use aws_lc_rs::rand;

use super::answer::{Answer, Outcome, active_lock, encoded, of_look};
use super::condition::If;
use super::guard::{self, Touch};
use super::place::{Place, Slash};
use super::propfind::{Reach, depth};
use super::store::{Depth, Lock, Scope, Store};
use super::tree::{Replace, Temporary};
use super::work::Task;
use super::xml::Element;
use crate::files::EntryKind;

/// Seconds of a lock for which nothing else was asked.
const USUAL: i64 = 600;
/// The shortest there is.
const LEAST: i64 = 5;

pub(super) fn lock(task: &Task, store: Option<&Store>) -> Outcome {
    let Some(store) = store else {
        return Err(Answer::status(500));
    };
    let seconds = timeout(task.order.field("Timeout"));
    match task.document()? {
        Some(root) => take(task, store, &root, seconds),
        None => refresh(task, store, seconds),
    }
}

/// Seconds that are granted: the first of the values that says a number.
fn timeout(value: Option<&[u8]>) -> i64 {
    const PREFIX: &[u8] = b"second-";
    let wishes = value.unwrap_or_default().split(|byte| *byte == b',');
    let seconds = wishes.filter_map(|wish| {
        let wish = wish.trim_ascii();
        let (prefix, number) = wish.split_at_checked(PREFIX.len())?;
        let number = str::from_utf8(number).ok()?.parse::<i64>().ok()?;
        prefix.eq_ignore_ascii_case(PREFIX).then_some(number)
    });
    match { seconds }.next() {
        Some(seconds) if (1..USUAL).contains(&seconds) => seconds.max(LEAST),
        Some(seconds) if seconds > i64::from(i32::MAX) => i64::from(i32::MAX),
        _ => USUAL,
    }
}

fn granted(status: u16, lock: &Lock, seconds: i64) -> Answer {
    let text = format!(
        "<D:prop xmlns:D=\"DAV:\">\n<D:lockdiscovery>\n{}</D:lockdiscovery>\n</D:prop>\n",
        active_lock(lock, seconds)
    );
    Answer::document(status, &text).with("Timeout", format!("Second-{seconds}"))
}

/// A lock lasts longer.
fn refresh(task: &Task, store: &Store, seconds: i64) -> Outcome {
    let value = task.order.field("If").ok_or_else(|| Answer::status(400))?;
    let supposed = If::parse(value).ok_or_else(|| Answer::status(400))?;
    let over = store.locks_over(&task.order.uri)?;
    let named = over.into_iter().find(|lock| {
        let mut tokens = supposed.tokens();
        tokens.any(|token| token == lock.token)
    });
    let Some(lock) = named else {
        return Err(Answer::status(412));
    };
    if !lock.owner.is_empty() && lock.owner[..] != task.order.user[..] {
        return Err(Answer::status(403));
    }
    store.refresh_lock(&lock.token, store.now + seconds)?;
    Ok(granted(200, &lock, seconds))
}

fn take(task: &Task, store: &Store, root: &Element, seconds: i64) -> Outcome {
    let order = &task.order;
    let mut depth = match depth(order.field("Depth")) {
        Reach::Itself => Depth::Zero,
        Reach::Everything => Depth::Infinity,
        Reach::Members => return Err(Answer::status(400)),
    };
    let (scope, owner_info) = wish(root).ok_or_else(|| Answer::status(422))?;
    // What is in a directory that is not there cannot be locked.
    let mut place =
        Place::open(&order.path, &order.uri, task.rules).map_err(|_| Answer::status(403))?;
    let found = place.metadata();
    let mut redirect = None;
    match &found {
        Ok(found) if found.kind == EntryKind::Directory => {
            if place.as_collection() == Slash::Added {
                redirect = Some(encoded(&place.uri));
            }
        }
        Ok(_) if order.uri.ends_with(b"/") => return Err(Answer::status(403)),
        Ok(_) | Err(_) => depth = Depth::Zero,
    }
    let mut others = store.locks_over(&place.uri)?;
    if depth == Depth::Infinity {
        others.extend(store.locks_below(&place.uri)?);
    }
    let conflicting: String = others
        .iter()
        .filter(|other| scope == Scope::Exclusive || other.scope == Scope::Exclusive)
        .map(|other| super::answer::href(&other.root))
        .collect();
    if !conflicting.is_empty() {
        return Err(Answer::condition(423, "no-conflicting-lock", &conflicting));
    }
    if let Some(location) = redirect {
        return Err(Answer::status(308).with("Location", location));
    }
    let mut status = 200;
    if found.is_err() {
        if order.uri.ends_with(b"/") {
            return Err(Answer::status(403));
        }
        guard::check(task, Some(store), &[Touch::Member(&place.uri)])?;
        let file = Temporary::new(&place.directory).map_err(|_| Answer::status(403))?;
        file.publish(&place.name, Replace::Refused)
            .map_err(|_| Answer::status(403))?;
        status = 201;
    }
    let metadata = place.metadata().map_err(of_look)?;
    let lock = Lock {
        token: token()?,
        root: place.uri.clone(),
        scope,
        owner: order.user.to_vec(),
        owner_info,
        depth,
        expires: store.now + seconds,
    };
    store.add_lock(&lock)?;
    let tag = match metadata.kind {
        EntryKind::Directory => None,
        EntryKind::File | EntryKind::Special => task.tag(&metadata),
    };
    Ok(granted(status, &lock, seconds)
        .with("Lock-Token", format!("<{}>", lock.token))
        .with_any("ETag", tag))
}

/// What kind of lock is asked for, and by whom.
fn wish(root: &Element) -> Option<(Scope, String)> {
    if !root.is("lockinfo") {
        return None;
    }
    let (mut scope, mut is_write, mut owner) = (None, false, String::new());
    for part in root.children() {
        if part.is("lockscope") {
            for value in part.children() {
                scope = Some(match value {
                    value if value.is("exclusive") => Scope::Exclusive,
                    value if value.is("shared") => Scope::Shared,
                    _ => return None,
                });
            }
        } else if part.is("locktype") {
            for value in part.children() {
                if !value.is("write") {
                    return None;
                }
                is_write = true;
            }
        } else if part.is("owner") {
            owner = part.inner();
        }
    }
    Some((scope.filter(|_| is_write)?, owner))
}

/// A name that nobody can guess (RFC 9562 section 5.4).
fn token() -> Result<String, Answer> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| Answer::status(500))?;
    let mut bits = u128::from_be_bytes(bytes);
    bits = bits & !(0xf << 76) | 0x4 << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let digits = format!("{bits:032x}");
    let [a, b, c, d, e] =
        [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(from, to)| &digits[from..to]);
    Ok(format!("urn:uuid:{a}-{b}-{c}-{d}-{e}"))
}

pub(super) fn unlock(task: &Task, store: Option<&Store>) -> Outcome {
    let order = &task.order;
    let value = order.field("Lock-Token").unwrap_or_default();
    let token = value
        .strip_prefix(b"<")
        .and_then(|rest| rest.strip_suffix(b">"))
        .filter(|token| !token.is_empty());
    let token = token.and_then(|token| str::from_utf8(token).ok());
    let token = token.ok_or_else(|| Answer::status(400))?;
    let wrong = || Answer::condition(409, "lock-token-matches-request-uri", "");
    let Some(store) = store else {
        return Err(wrong());
    };
    let lock = store.lock(token)?.ok_or_else(wrong)?;
    let is_in = match lock.depth {
        Depth::Zero => lock.root[..] == order.uri[..],
        Depth::Infinity => order.uri.starts_with(&lock.root),
    };
    if !is_in {
        return Err(wrong());
    }
    if !lock.owner.is_empty() && lock.owner[..] != order.user[..] {
        return Err(Answer::status(403));
    }
    store.remove_lock(token)?;
    Ok(Answer::status(204))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_granted_within_bounds() {
        for (value, seconds) in [
            ("", 600),
            ("Second-100", 100),
            ("second-3", 5),
            ("Second-0", 600),
            ("Second-601", 600),
            ("Second-4100000000", 2_147_483_647),
            ("Infinite", 600),
            ("Infinite, Second-60", 60),
            ("rubbish,,Second-x, Second-7", 7),
        ] {
            assert_eq!(timeout(Some(value.as_bytes())), seconds, "{value}");
        }
        assert_eq!(timeout(None), 600);
    }

    #[test]
    fn tokens_are_uuids_and_never_the_same() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_ne!(one, other);
        let uuid = one.strip_prefix("urn:uuid:").unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
