//! Request targets: splitting, decoding, normalising.
//!
//! In: the target of a head and `server.http-parseopts`. Out: [`Uri`], whose path is decoded, absolute, and free of `.`
//! and `..` segments. Must hold: what a module compares is what reaches the file system.

use std::borrow::Cow;

use crate::http1::head::Reject;

mod host;
mod normal;
mod options;
#[cfg(test)]
mod tests;

pub use host::{host, without_any_port, without_port};
pub use options::{ConflictingKeys, ParseOption, ParseOptions, UnknownKey};

/// The four forms of a request target (RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'t> {
    /// `/path?query`
    Origin(&'t [u8]),
    /// `http://authority/path?query`, or `https:`.
    Absolute {
        /// Host and port as sent, not checked; never empty.
        authority: &'t [u8],
        /// What follows it: empty, or begins with `/`, `?` or `#`.
        path_and_query: &'t [u8],
    },
    /// `host:port`, for CONNECT.
    Authority(&'t [u8]),
    /// `*`, for OPTIONS.
    Asterisk,
}

/// A request target taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri<'t> {
    /// The target after normalisation, still encoded: what logs and redirects show. Without scheme, authority, fragment.
    pub target: Cow<'t, [u8]>,
    /// Decoded path; begins with `/`, no empty segments, no control characters. Or it is the target itself: `*` for
    /// `OPTIONS *`, `host:port` for CONNECT.
    pub path: Cow<'t, [u8]>,
    /// Query without the `?`.
    pub query: Option<Cow<'t, [u8]>>,
}

/// Tells which form a target has; `None` if none of them. Path and query are not looked at.
pub fn split(target: &[u8]) -> Option<Form<'_>> {
    if target.first() == Some(&b'/') {
        return Some(Form::Origin(target));
    }
    if target == b"*" {
        return Some(Form::Asterisk);
    }
    let after = |scheme: &[u8]| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    if let Some(rest) = after(b"http://").or_else(|| after(b"https://")) {
        let end = rest
            .iter()
            .position(|byte| b"/?#".contains(byte))
            .unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(end);
        let valid = !authority.is_empty() && !authority.contains(&b'@');
        return valid.then_some(Form::Absolute {
            authority,
            path_and_query,
        });
    }
    let colon = target.iter().rposition(|&byte| byte == b':')?;
    let (name, port) = (&target[..colon], &target[colon + 1..]);
    let valid = !name.is_empty()
        && !name.iter().any(|byte| b"/?#@".contains(byte))
        && !port.is_empty()
        && port.iter().all(u8::is_ascii_digit);
    valid.then_some(Form::Authority(target))
}

/// Takes a target apart (RFC 9112 section 3.2). An invalid one, or one that the options refuse, is a 400.
pub fn parse<'t>(target: &'t [u8], options: &ParseOptions) -> Result<Uri<'t>, Reject> {
    match split(target) {
        Some(Form::Origin(target)) => normal::origin(target, options),
        Some(Form::Absolute { path_and_query, .. }) if path_and_query.first() == Some(&b'/') => {
            normal::origin(path_and_query, options)
        }
        Some(Form::Absolute { path_and_query, .. }) => {
            let target = [b"/", path_and_query].concat();
            normal::origin(&target, options).map(Uri::into_owned)
        }
        Some(Form::Asterisk | Form::Authority(_)) => Ok(Uri {
            target: Cow::Borrowed(target),
            path: Cow::Borrowed(target),
            query: None,
        }),
        None => Err(Reject::bad("invalid request target")),
    }
}

impl Uri<'_> {
    /// The same without borrowing.
    pub fn into_owned(self) -> Uri<'static> {
        Uri {
            target: Cow::Owned(self.target.into_owned()),
            path: Cow::Owned(self.path.into_owned()),
            query: self.query.map(|query| Cow::Owned(query.into_owned())),
        }
    }
}
