//! mod_staticfile: regular files, as they are.
//!
//! In: what the physical path led to. Out: the file, or that the client's copy is still good. Must hold: nothing but
//! regular files is ever opened; a file that this worker may not read is 403.

pub mod etag;
pub mod validators;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use rustix::io::Errno;

use super::{Hooks, Module};
use crate::config::{Directive, Setter};
use crate::exchange::{Exchange, Flow};
use crate::files::{Entry, EntryKind, Metadata, Rules};
use crate::http1::head::Method;
use crate::response::{Body, FileRange, Headers};
use crate::settings::{Core, EtagParts};
use validators::{Conditions, Validators, Verdict};

/// Settings of mod_staticfile.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `static-file.exclude-extensions`: suffixes of files that are not sent as they are (403 if no other module
    /// answers).
    pub exclude_extensions: Vec<String>,
    /// `static-file.etags`, default on.
    pub etags: bool,
    /// `static-file.disable-pathinfo`: nothing may follow the file's name in the URL path; default off.
    pub disable_pathinfo: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            exclude_extensions: Vec::new(),
            etags: true,
            disable_pathinfo: false,
        }
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "static-file.exclude-extensions",
        Setter::List(|settings, suffixes| {
            settings.staticfile.exclude_extensions = suffixes.to_vec();
        }),
        "()",
        "Suffixes of files that are not sent as they are: programs, for example.",
    ),
    Directive::request(
        "static-file.etags",
        Setter::Bool(|settings, on| settings.staticfile.etags = on),
        "\"enable\"",
        "Whether files have an ETag.",
    ),
    Directive::request(
        "static-file.disable-pathinfo",
        Setter::Bool(|settings, on| settings.staticfile.disable_pathinfo = on),
        "\"disable\"",
        "Whether a file may not be followed by more path.",
    ),
];

/// The module.
pub static MODULE: Module = Module {
    name: "mod_staticfile",
    directives: DIRECTIVES,
    hooks: Hooks {
        subrequest_start: Some(subrequest_start),
        ..Hooks::NONE
    },
};

/// A file that changes each time we look is tried so often.
const ATTEMPTS: u32 = 8;

/// Whether these settings let the file be sent as it is.
fn is_allowed(settings: &Settings, path: &[u8], path_info: &[u8]) -> bool {
    let is_excluded = settings
        .exclude_extensions
        .iter()
        .any(|suffix| path.ends_with(suffix.as_bytes()));
    !is_excluded && (path_info.is_empty() || !settings.disable_pathinfo)
}

fn subrequest_start(exchange: &mut Exchange<'_>, settings: &crate::settings::Settings) -> Flow {
    let method = exchange.request.head.method;
    if !matches!(method, Method::Get | Method::Head | Method::Post) {
        return Flow::GoOn;
    }
    let Some(entry) = exchange.entry.clone() else {
        return Flow::GoOn;
    };
    if entry.metadata.kind != EntryKind::File
        || !is_allowed(
            &settings.staticfile,
            &exchange.physical.path,
            &exchange.physical.path_info,
        )
    {
        return Flow::GoOn;
    }
    send(exchange, settings, entry);
    Flow::Done
}

/// Answers with this file.
fn send(exchange: &mut Exchange<'_>, settings: &crate::settings::Settings, entry: Rc<Entry>) {
    let (entry, body) = match body(exchange, &settings.core, entry) {
        Ok(found) => found,
        Err(errno) => {
            exchange.response.status = crate::route::path::status(errno);
            return;
        }
    };
    let core = &settings.core;
    let parts = if settings.staticfile.etags {
        core.etag
    } else {
        EtagParts {
            inode: false,
            mtime: false,
            size: false,
        }
    };
    let headers = entry.prepared(&core.mime, &core.mime_attribute, parts, || {
        let attribute = entry.attribute(&core.mime_attribute);
        let media_type = attribute
            .as_deref()
            .or_else(|| core.mime.find(entry.path()));
        prepare(&entry.metadata, media_type, parts, exchange.now.unix)
    });
    let conditions = Conditions::of(&exchange.request);
    let validators = Validators {
        tag: headers.get("ETag"),
        date: headers.get("Last-Modified"),
        mtime: entry.metadata.mtime,
    };
    let response = &mut *exchange.response;
    match conditions.weigh(exchange.request.head.method, &validators) {
        Verdict::Serve => {
            response.headers.copy_from(&headers);
            response.body = body;
            response.status = 200;
        }
        Verdict::NotModified => {
            response.headers.copy_from(&headers);
            response.status = 304;
        }
        Verdict::PreconditionFailed => response.status = 412,
    }
}

/// A file that a backend has named.
#[derive(Debug)]
pub enum Named {
    /// One that it may name.
    Allowed(Vec<u8>),
    /// Another.
    Refused,
}

impl Named {
    /// The file at this path, which may be percent-encoded, if it is below one of these directories; below none: anywhere.
    /// It is where the path leads when its `..` are gone, whatever links there are: `/srv/www/../files/x` is `/srv/files/x`.
    pub fn new(path: &[u8], roots: &[PathBuf]) -> Named {
        let decoded = percent_decoded(path);
        if !decoded.starts_with(b"/") || decoded.contains(&0) {
            return Named::Refused;
        }
        let path = without_dots(&decoded);
        let is_below = |root: &PathBuf| Path::new(OsStr::from_bytes(&path)).starts_with(root);
        match roots.is_empty() || roots.iter().any(is_below) {
            true => Named::Allowed(path),
            false => Named::Refused,
        }
    }
}

/// An absolute path without `.` and `..`; above the root there is nothing.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for part in parts {
        out.push(b'/');
        out.extend_from_slice(part);
    }
    match path.last() {
        // A directory is no file.
        Some(b'/') => out.push(b'/'),
        _ if out.is_empty() => out.push(b'/'),
        _ => {}
    }
    out
}

fn percent_decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        match (path[at], digit(path.get(at + 1)), digit(path.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// Answers with a file that a backend has named, in place of its body. Its status and header fields stay; what it does not
/// say of the file is said here.
pub fn send_in_place(
    exchange: &mut Exchange<'_>,
    settings: &crate::settings::Settings,
    named: &Named,
) {
    let status = exchange.response.status;
    let own = std::mem::take(&mut exchange.response.headers);
    let Named::Allowed(path) = named else {
        exchange.response.status = 403;
        return;
    };
    let rules = Rules::from(&settings.core);
    match exchange.files.look_up(path, rules, exchange.now) {
        Err(errno) => exchange.response.status = crate::route::path::status(errno),
        Ok(entry) if entry.metadata.kind != EntryKind::File => exchange.response.status = 403,
        Ok(entry) => {
            send(exchange, settings, entry);
            let response = &mut *exchange.response;
            if response.status >= 400 {
                return;
            }
            for (name, value) in own.iter() {
                if let Ok(name) = str::from_utf8(name) {
                    let again = own
                        .iter()
                        .filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
                    // Several fields of one name stay several.
                    if again.count() == 1 {
                        response.headers.set(name, value);
                    } else {
                        response.headers.add(name, value);
                    }
                }
            }
            if response.status == 200 {
                response.status = status;
            }
        }
    }
}

/// The header fields of a file.
fn prepare(
    metadata: &Metadata,
    media_type: Option<&str>,
    parts: EtagParts,
    now: Duration,
) -> Headers {
    let mut headers = Headers::default();
    headers.add(
        "Content-Type",
        media_type.unwrap_or("application/octet-stream"),
    );
    if let Some(tag) = etag::entity_tag(metadata, parts) {
        headers.add("ETag", tag);
    }
    // A date in the future is not to be sent (RFC 9110 section 8.8.2.1).
    if let Ok(mtime) = u64::try_from(metadata.mtime)
        && mtime <= now.as_secs()
    {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(mtime));
        headers.add("Last-Modified", date);
    }
    headers
}

/// The file as a body, and the entry that it belongs to in truth: if the file was replaced since it was looked at, that
/// is another one.
fn body(
    exchange: &mut Exchange<'_>,
    core: &Core,
    mut entry: Rc<Entry>,
) -> Result<(Rc<Entry>, Body), Errno> {
    for _ in 0..ATTEMPTS {
        match whole(&entry) {
            Err(Errno::STALE) => {}
            outcome => return outcome.map(|body| (entry, body)),
        }
        let rules = Rules::from(core);
        entry = exchange.files.renew(entry.path(), rules, exchange.now)?;
    }
    Err(Errno::STALE)
}

/// The whole file.
fn whole(entry: &Entry) -> Result<Body, Errno> {
    Ok(match entry.content()? {
        Some(content) if content.is_empty() => Body::Empty,
        Some(content) => Body::Cached(content),
        None => Body::File(FileRange {
            file: entry.open()?,
            offset: 0,
            length: entry.metadata.size,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_and_path_info_are_refused_as_configured() {
        let settings = Settings {
            exclude_extensions: vec![".php".to_owned(), "~".to_owned()],
            ..Settings::default()
        };
        for (path, path_info, allowed) in [
            ("/srv/a.txt", "", true),
            ("/srv/a.txt", "/x", true),
            ("/srv/a.php", "", false),
            ("/srv/a.php", "/x", false),
            ("/srv/a.PHP", "", true),
            ("/srv/a.txt~", "", false),
        ] {
            let answer = is_allowed(&settings, path.as_bytes(), path_info.as_bytes());
            assert_eq!(answer, allowed, "{path} {path_info}");
        }
        let strict = Settings {
            disable_pathinfo: true,
            ..Settings::default()
        };
        assert!(is_allowed(&strict, b"/srv/a.txt", b""));
        assert!(!is_allowed(&strict, b"/srv/a.txt", b"/x"));
    }

    #[test]
    fn a_backend_names_files_where_it_may() {
        let roots = [PathBuf::from("/srv/files/"), PathBuf::from("/srv/one.txt")];
        for (path, below, anywhere) in [
            ("/srv/files/x", Some("/srv/files/x"), Some("/srv/files/x")),
            ("/srv/files/%78", Some("/srv/files/x"), Some("/srv/files/x")),
            (
                "/srv/www/../files/x",
                Some("/srv/files/x"),
                Some("/srv/files/x"),
            ),
            (
                "/srv/./files//x/",
                Some("/srv/files/x/"),
                Some("/srv/files/x/"),
            ),
            (
                "/../../srv/one.txt",
                Some("/srv/one.txt"),
                Some("/srv/one.txt"),
            ),
            ("/srv/files/../x", None, Some("/srv/x")),
            ("/srv/files/%2e%2e/x", None, Some("/srv/x")),
            ("/srv/files2/x", None, Some("/srv/files2/x")),
            ("/srv/files/x/../../..", None, Some("/")),
            ("srv/files/x", None, None),
            ("/srv/files/x%00", None, None),
        ] {
            let named = |roots: &[PathBuf]| match Named::new(path.as_bytes(), roots) {
                Named::Allowed(path) => Some(String::from_utf8(path).unwrap()),
                Named::Refused => None,
            };
            assert_eq!(named(&roots).as_deref(), below, "{path}");
            assert_eq!(named(&[]).as_deref(), anywhere, "{path}");
        }
    }

    #[test]
    fn a_date_in_the_future_is_not_sent() {
        let metadata = Metadata {
            kind: EntryKind::File,
            device: 1,
            inode: 2,
            size: 3,
            mtime: 1_700_000_000,
            mtime_nanos: 0,
            ctime: (0, 0),
            mode: 0o644,
        };
        let none = EtagParts {
            inode: false,
            mtime: false,
            size: false,
        };
        let at = |seconds| {
            prepare(
                &metadata,
                Some("text/plain"),
                none,
                Duration::from_secs(seconds),
            )
        };
        assert_eq!(
            at(1_700_000_000).text(),
            b"Content-Type: text/plain\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
        );
        assert_eq!(at(1_699_999_999).text(), b"Content-Type: text/plain\r\n");
    }
}
