//! The header fields of a request as they are now: what the client sent, and what modules made of it.
//!
//! In: a request. Out: its fields, without empty ones. Must hold: a name that a module replaced appears once, with the
//! value that [`Request::field`] gives.

use crate::request::Request;

/// A header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'r> {
    pub(super) name: &'r [u8],
    pub(super) value: &'r [u8],
    pub(super) by: By,
}

/// Whose word a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The client's.
    Client,
    /// A module's, or the client's own values joined because it sent several.
    Override,
}

impl Field<'_> {
    /// Whether it has this name, compared without case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// All fields, those of modules last.
pub(super) fn of<'r>(request: &'r Request<'_>) -> impl Iterator<Item = Field<'r>> {
    let overrides = &request.overrides[..];
    let is_in = |overrides: &[(Vec<u8>, Vec<u8>)], name: &[u8]| {
        overrides
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    let sent = request.head.fields.iter().map(|field| Field {
        name: field.name,
        value: field.value,
        by: By::Client,
    });
    let replaced = overrides
        .iter()
        .enumerate()
        .filter(move |(at, (name, _))| !is_in(&overrides[at + 1..], name))
        .map(|(_, (name, value))| Field {
            name,
            value,
            by: By::Override,
        });
    sent.filter(move |field| !is_in(overrides, field.name))
        .chain(replaced)
        .filter(|field| !field.value.is_empty())
}

/// `Host` as it is now: normalised, or what a module made of it; empty if there is none.
pub(super) fn host<'r>(request: &'r Request<'_>) -> &'r [u8] {
    let replaced = request
        .overrides
        .iter()
        .rfind(|(name, _)| name.eq_ignore_ascii_case(b"Host"));
    replaced.map_or(&request.host[..], |(_, value)| value)
}

/// Whether the client wants to change the protocol, and to what: the field `Upgrade`, if `Connection` names it. Not to
/// HTTP/2: then requests could pass through us unseen.
pub(super) fn upgrade<'r>(request: &'r Request<'_>) -> Option<&'r [u8]> {
    let elements = |list: &'r [u8]| {
        list.split(|&byte| byte == b',')
            .map(|element| element.trim_ascii())
    };
    let upgrade = request.field("Upgrade")?;
    let named = elements(request.field("Connection")?)
        .any(|element| element.eq_ignore_ascii_case(b"upgrade"));
    let is_http2 = |element: &[u8]| {
        element
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"h2"))
            || element
                .get(..4)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"http"))
    };
    let is_http2 = elements(upgrade).any(is_http2);
    let offered = !upgrade.is_empty() && named && !is_http2;
    (offered && request.head.version == crate::http1::head::Version::Http11).then_some(upgrade)
}
