//! From a URL path to a file or directory, and what is refused on the way.
//!
//! In: a document root, a decoded path, the rules for links. Out: an [`Entry`] and what is left of the path, or a
//! status. Must hold: nothing outside [`Physical::base`] is reached, whatever the path contains.

use std::rc::Rc;

use rustix::io::Errno;

use super::Flags;
use super::percent::{self, Part};
use crate::clock::Now;
use crate::exchange::{Physical, Reach};
use crate::files::{Entry, EntryKind, FileCache, Rules};
use crate::request::Request;
use crate::settings::Core;

/// Puts document root and path together, with a slash between them even if the path is none (`host:port`).
pub fn join(physical: &mut Physical, path: &[u8], core: &Core) {
    physical.path_info.clear();
    physical.reach = Reach::BelowBase;
    physical.relative.clear();
    physical.relative.extend_from_slice(path);
    if core.force_lowercase {
        physical.relative.make_ascii_lowercase();
    }
    let root = &physical.document_root;
    let root = root.strip_suffix(b"/").unwrap_or(root);
    physical.base.clear();
    physical.base.extend_from_slice(root);
    physical.path.clear();
    physical.path.extend_from_slice(root);
    if physical.relative.first() != Some(&b'/') {
        physical.path.push(b'/');
    }
    physical.path.extend_from_slice(&physical.relative);
}

/// Whether the path stays below its base: it begins with it, and what follows does not climb up. The URL path was
/// normalised long before; this is for what modules made of it.
pub fn is_contained(physical: &Physical) -> bool {
    if physical.reach == Reach::Anywhere {
        return memchr::memchr(0, &physical.path).is_none();
    }
    let base = &physical.base;
    let base = base.strip_suffix(b"/").unwrap_or(base);
    let Some(below) = physical.path.strip_prefix(base) else {
        return false;
    };
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&below[from..], b"/..") {
        from += at + 3;
        if matches!(below.get(from), None | Some(b'/')) {
            return false;
        }
    }
    memchr::memchr(0, below).is_none()
}

/// Finds what the path leads to. Where a file is followed by more path, that becomes [`Physical::path_info`].
pub fn find(
    files: &mut FileCache,
    physical: &mut Physical,
    rules: Rules,
    flags: Flags,
    now: Now,
) -> Result<Rc<Entry>, u16> {
    let errno = match files.look_up(&physical.path, rules, now) {
        Ok(entry) => return Ok(entry),
        Err(errno) => errno,
    };
    if !matches!(errno, Errno::NOTDIR | Errno::NAMETOOLONG) || !flags.path_info {
        return Err(status(errno));
    }
    // From the left: each step but the last finds a directory, so that what a client makes up costs no more steps than
    // there are real directories.
    let base = match physical.reach {
        Reach::BelowBase => physical.base.len().min(physical.path.len()),
        Reach::Anywhere => 0,
    };
    let slashes = memchr::memchr_iter(b'/', &physical.path[base..]).map(|at| base + at);
    // The base itself may be a file: `alias.url` can name one.
    for slash in slashes.filter(|slash| *slash > 0) {
        let entry = files
            .look_up(&physical.path[..slash], rules, now)
            .map_err(status)?;
        match entry.metadata.kind {
            EntryKind::Directory => {}
            EntryKind::Special => return Err(404),
            EntryKind::File => {
                physical
                    .path_info
                    .extend_from_slice(&physical.path[slash..]);
                physical.path.truncate(slash);
                return Ok(entry);
            }
        }
    }
    Err(404)
}

/// What a client is told of an error of the file system.
pub fn status(errno: Errno) -> u16 {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => 404,
        // `EINVAL`, `ENXIO` and the others here: it is something that is not read from.
        Errno::ACCESS
        | Errno::PERM
        | Errno::LOOP
        | Errno::INVAL
        | Errno::NXIO
        | Errno::NODEV
        | Errno::ISDIR => 403,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::STALE | Errno::AGAIN => 503,
        _ => 500,
    }
}

/// `Location` for a directory that was asked for without the slash at its end: path and query, and before them scheme
/// and authority where `server.absolute-dir-redirect` is set.
pub fn directory_location(request: &Request<'_>, core: &Core, flags: Flags) -> Vec<u8> {
    let mut location = Vec::with_capacity(request.uri.path.len() + 64);
    if flags.absolute_dir_redirect {
        let authority: &[u8] = match &request.host[..] {
            [] => core.name.as_bytes(),
            host => host,
        };
        // Without any authority the path alone will do.
        if !authority.is_empty() {
            location.extend_from_slice(request.scheme.as_bytes());
            location.extend_from_slice(b"://");
            location.extend_from_slice(authority);
        }
    }
    // Two slashes at the beginning would make an authority of what follows.
    let path = &request.uri.path;
    let start = path.iter().take_while(|byte| **byte == b'/').count();
    location.push(b'/');
    percent::encode(&path[start..], Part::Path, &mut location);
    location.push(b'/');
    if let Some(query) = &request.uri.query
        && !query.is_empty()
    {
        location.push(b'?');
        percent::encode(query, Part::Query, &mut location);
    }
    location
}

#[cfg(test)]
mod tests {
    use super::*;

    fn physical(base: &str, path: &str) -> Physical {
        Physical {
            base: base.into(),
            path: path.into(),
            ..Physical::default()
        }
    }

    #[test]
    fn root_and_path_are_joined() {
        for (root, path, joined) in [
            ("/srv", "/a", "/srv/a"),
            ("/srv/", "/a", "/srv/a"),
            ("/", "/a", "/a"),
            ("/srv", "/", "/srv/"),
            ("/srv", "host:80", "/srv/host:80"),
        ] {
            let mut physical = Physical {
                document_root: root.into(),
                ..Physical::default()
            };
            join(&mut physical, path.as_bytes(), &Core::default());
            assert_eq!(physical.path, joined.as_bytes());
            assert!(is_contained(&physical));
        }
        let mut lower = Physical::default();
        let core = Core {
            force_lowercase: true,
            ..Core::default()
        };
        lower.document_root = b"/Srv".to_vec();
        join(&mut lower, b"/AbC", &core);
        assert_eq!(lower.path, b"/Srv/abc");
    }

    #[test]
    fn climbing_is_seen() {
        for (base, path, contained) in [
            ("/srv", "/srv/a", true),
            ("/srv", "/srv", true),
            ("/srv", "/srv/..", false),
            ("/srv", "/srv/../etc", false),
            ("/srv", "/srv/a/../../etc", false),
            ("/srv", "/srv/..a", true),
            ("/srv", "/srv/a..", true),
            ("/srv", "/srv/...", true),
            ("/srv", "/srv/.../../x", false),
            ("/srv/../other", "/srv/../other/x", true),
            ("/srv/alias/", "/srv/alias/../x", false),
            ("/srv/alias", "/srv/alias../x", true),
            ("/srv", "/etc/passwd", false),
            ("/srv", "/srv/a\0b", false),
            ("", "/a", true),
        ] {
            assert_eq!(
                is_contained(&physical(base, path)),
                contained,
                "{base} {path}"
            );
        }
    }
}
