//! Whether locks stand in the way (RFC 4918 sections 6 and 7).
//!
//! In: what is to be touched. Out: nothing, or 423 with the resources whose locks were not submitted. Must hold: an
//! exclusive lock is passed only with its token and by whoever took it; of several shared ones, one token will do.

use super::answer::{Answer, href};
use super::condition::If;
use super::store::{Lock, Scope, Store, parents};
use super::work::{Names, Task};
use crate::route::uri::{self, ParseOptions};

/// What is to be touched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Touch<'u> {
    /// A resource.
    Resource(&'u [u8]),
    /// A collection, and all that is in it.
    Tree(&'u [u8]),
    /// A collection's list of members: one of this path is added or removed.
    Member(&'u [u8]),
}

/// Fails unless the request may touch all of this, and what its `If` supposes is so.
pub(super) fn check(
    task: &Task,
    store: Option<&Store>,
    touches: &[Touch<'_>],
) -> Result<(), Answer> {
    let supposed = match task.order.field("If") {
        None => None,
        Some(value) => Some(If::parse(value).ok_or_else(|| Answer::status(400))?),
    };
    if let Some(store) = store {
        let tokens: Vec<&str> = supposed.iter().flat_map(If::tokens).collect();
        let mut locks: Vec<Lock> = Vec::new();
        for touch in touches {
            let found = match touch {
                Touch::Resource(uri) => store.locks_over(uri)?,
                Touch::Tree(uri) => {
                    let mut all = store.locks_over(uri)?;
                    all.extend(store.locks_below(uri)?);
                    all
                }
                Touch::Member(uri) => match parents(uri).last() {
                    Some(parent) => store.locks_at(parent)?,
                    None => Vec::new(),
                },
            };
            for lock in found {
                if !locks.contains(&lock) {
                    locks.push(lock);
                }
            }
        }
        let missing = missing(&locks, &tokens, &task.order.user);
        if !missing.is_empty() {
            let hrefs: String = missing.iter().map(|lock| href(&lock.root)).collect();
            return Err(Answer::condition(423, "lock-token-submitted", &hrefs));
        }
    }
    match supposed {
        Some(supposed) if !supposed.holds(task, store)? => Err(Answer::status(412)),
        _ => Ok(()),
    }
}

/// The locks that these tokens do not open.
fn missing<'l>(locks: &'l [Lock], tokens: &[&str], user: &[u8]) -> Vec<&'l Lock> {
    let opens = |lock: &Lock| {
        tokens.contains(&lock.token.as_str()) && (lock.owner.is_empty() || lock.owner == user)
    };
    let is_missing = |lock: &&Lock| match lock.scope {
        Scope::Exclusive => !opens(lock),
        Scope::Shared => {
            let mut same = locks
                .iter()
                .filter(|other| other.scope == Scope::Shared && other.root == lock.root);
            !same.any(opens)
        }
    };
    locks.iter().filter(is_missing).collect()
}

/// Where a URI of a request's fields leads: the path in the file system, and that of the URL. Fails if it is no URI, or leads
/// where this request does not reach.
pub(super) fn reaches(task: &Task, target: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Answer> {
    let order = &task.order;
    let bad = || Answer::status(400);
    let absolute = match target.first() {
        Some(b'/') => target,
        _ => {
            let after = target
                .strip_prefix(order.scheme.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"://"));
            let after = after.ok_or_else(bad)?;
            let slash = memchr::memchr(b'/', after).ok_or_else(bad)?;
            let (authority, path) = after.split_at(slash);
            let host = match memchr::memchr(b'@', authority) {
                Some(at) => &authority[at + 1..],
                None => authority,
            };
            let host = uri::without_port(host, &order.scheme);
            if !host.eq_ignore_ascii_case(uri::without_port(&order.host, &order.scheme)) {
                return Err(Answer::status(502));
            }
            path
        }
    };
    let parsed = uri::parse(absolute, &ParseOptions::default()).map_err(|_| bad())?;
    let mut to = parsed.path.to_vec();
    if !to.starts_with(b"/") || str::from_utf8(&to).is_err() || to.contains(&0) {
        return Err(bad());
    }
    if task.names == Names::LowerCase {
        to.make_ascii_lowercase();
    }
    let path = beside(&order.path, &order.uri, &to).filter(|path| path.starts_with(&order.base));
    Ok((path.ok_or_else(|| Answer::status(403))?, to))
}

/// The path of another URL, if the file system has it beside the one that we know: what follows their last common slash
/// is the same in both.
fn beside(path: &[u8], uri: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let common = uri.iter().zip(other).take_while(|(a, b)| a == b).count();
    let slash = memchr::memrchr(b'/', &uri[..common])?;
    let root = path.strip_suffix(&uri[slash..])?;
    Some([root, &other[slash..]].concat())
}

#[cfg(test)]
mod tests {
    use super::super::store::Depth;
    use super::*;

    fn lock(token: &str, root: &str, scope: Scope, owner: &str) -> Lock {
        Lock {
            token: token.to_owned(),
            root: root.into(),
            scope,
            owner: owner.into(),
            owner_info: String::new(),
            depth: Depth::Zero,
            expires: 0,
        }
    }

    #[test]
    fn tokens_open_locks_of_whoever_took_them() {
        let locks = [
            lock("a", "/x", Scope::Shared, ""),
            lock("b", "/x", Scope::Shared, "me"),
            lock("c", "/y", Scope::Exclusive, "me"),
        ];
        let missing = |tokens: &[&str], user: &str| -> Vec<String> {
            let missing = missing(&locks, tokens, user.as_bytes());
            missing.into_iter().map(|lock| lock.token.clone()).collect()
        };
        assert_eq!(missing(&[], "me"), ["a", "b", "c"]);
        assert_eq!(missing(&["a", "c"], "me"), [""; 0]);
        assert_eq!(missing(&["b", "c"], "me"), [""; 0]);
        assert_eq!(missing(&["b", "c"], "you"), ["a", "b", "c"]);
        assert_eq!(missing(&["a", "c"], "you"), ["c"]);
    }

    #[test]
    fn urls_beside_each_other_have_paths_beside_each_other() {
        let beside = |path: &str, uri: &str, other: &str| {
            let found = beside(path.as_bytes(), uri.as_bytes(), other.as_bytes());
            found.map(|path| String::from_utf8(path).unwrap())
        };
        let some = |path: &str| Some(path.to_owned());
        assert_eq!(beside("/srv/a/b", "/a/b", "/c"), some("/srv/c"));
        assert_eq!(beside("/srv/a/", "/a/", "/a/b/c"), some("/srv/a/b/c"));
        // By an alias.
        assert_eq!(beside("/other/x", "/dav/x", "/dav/y/"), some("/other/y/"));
        assert_eq!(beside("/other/x", "/dav/x", "/elsewhere/y"), None);
    }
}
