//! Where `proxy.header` and `proxy.forwarded` change what an HTTP backend is told.
//!
//! In: a request as it is. Out: what is written. Must hold: nothing else writes a target, a host or a mapped field.

use std::borrow::Cow;

use super::super::fields;
use crate::request::Request;
use crate::settings::Settings;

/// The target of the request line.
pub(super) fn target<'r>(request: &'r Request<'_>, _settings: &Settings) -> Cow<'r, [u8]> {
    Cow::Borrowed(&request.uri.target)
}

/// `Host`; empty: there is none, and HTTP/1.0 is spoken.
pub(super) fn host<'r>(request: &'r Request<'_>, _settings: &Settings) -> Cow<'r, [u8]> {
    Cow::Borrowed(fields::host(request))
}

/// The value of a field that may hold a URL (`Destination`, `Content-Location`).
pub(super) fn url_in_field<'r>(value: &'r [u8], _settings: &Settings) -> Cow<'r, [u8]> {
    Cow::Borrowed(value)
}

/// `Forwarded`; `None`: as it came.
pub(super) fn forwarded(_request: &Request<'_>, _settings: &Settings) -> Option<Vec<u8>> {
    None
}
