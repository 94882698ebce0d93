//! Which part of a URL is the script, and where its file is, as a backend is told.
//!
//! In: a request, where it leads, and the terms of the host. Out: parts of paths. Must hold: script name and path info
//! are together the path that was asked for.

use super::Value;
use crate::exchange::Exchange;
use crate::gateway::preface::Terms;
use crate::request::Request;
use crate::route::uri::{self, Form};
use crate::settings::Settings;

pub(super) struct Paths<'p> {
    pub(super) script_name: &'p [u8],
    pub(super) path_info: &'p [u8],
    pub(super) script_filename: Value<'p>,
    /// As the backend sees it.
    pub(super) document_root: &'p [u8],
}

impl<'p> Paths<'p> {
    pub(super) fn of(
        exchange: &'p Exchange<'_>,
        settings: &'p Settings,
        terms: &Terms<'p>,
    ) -> Paths<'p> {
        let physical = &*exchange.physical;
        let path = &exchange.request.uri.path[..];
        let (script_name, path_info) = match without_end(path, &physical.path_info) {
            Some(name) => (name, &physical.path_info[..]),
            None => (path, &b""[..]),
        };
        let root = [
            &physical.base,
            &physical.document_root,
            &settings.core.document_root,
        ]
        .into_iter()
        .find(|root| !root.is_empty())
        .map_or(&b""[..], |root| root);
        let script = terms.script;
        if !script.docroot.is_empty() {
            let root = script.docroot.as_bytes();
            return Paths {
                script_name,
                path_info,
                script_filename: joined(root, script_name),
                document_root: root,
            };
        }
        let mut script_filename = [&physical.path[..], b"", b""];
        if script.broken_filename {
            script_filename[2] = path_info;
        }
        Paths {
            script_name,
            path_info,
            script_filename,
            document_root: root,
        }
    }
}

/// What stands before this end; the file system may have its own idea of case.
fn without_end<'p>(path: &'p [u8], end: &[u8]) -> Option<&'p [u8]> {
    let (before, found) = path.split_at(path.len().checked_sub(end.len())?);
    found.eq_ignore_ascii_case(end).then_some(before)
}

/// Two parts of a path, with one slash between them.
pub(super) fn joined<'p>(directory: &'p [u8], path: &'p [u8]) -> Value<'p> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    match path.first() {
        Some(b'/') => [directory, path, b""],
        _ => [directory, b"/", path],
    }
}

/// What the client asked for, as it said it, but for scheme and authority.
pub(crate) fn asked<'r>(request: &'r Request<'_>) -> &'r [u8] {
    match uri::split(request.head.target) {
        Some(Form::Origin(target)) => target,
        Some(Form::Absolute { path_and_query, .. }) if path_and_query.first() == Some(&b'/') => {
            path_and_query
        }
        _ => &request.uri.target,
    }
}

/// Without the directories that the backend does not know of (`strip-request-uri`).
pub(super) fn stripped<'r>(target: &'r [u8], prefix: &str) -> &'r [u8] {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    target
        .strip_prefix(prefix.as_bytes())
        .filter(|rest| !prefix.is_empty() && rest.first() == Some(&b'/'))
        .unwrap_or(target)
}
