//! Where `proxy.header` and `proxy.forwarded` change what an HTTP backend is told.
//!
//! In: a request as it is. Out: what is written. Must hold: nothing else writes a target, a host or a mapped field.

use std::borrow::Cow;

use super::super::fields;
use super::super::header_map::{HeaderMap, Way};
use crate::request::Request;
use crate::settings::Settings;

/// The target of the request line.
pub(super) fn target<'r>(request: &'r Request<'_>, settings: &Settings) -> Cow<'r, [u8]> {
    mapped(
        &request.uri.target,
        request,
        settings,
        HeaderMap::request_target,
    )
}

/// `Host`; empty: there is none, and HTTP/1.0 is spoken.
pub(super) fn host<'r>(request: &'r Request<'_>, settings: &Settings) -> Cow<'r, [u8]> {
    mapped(
        fields::host(request),
        request,
        settings,
        HeaderMap::request_host,
    )
}

/// The value of a field that may hold a URL (`Destination`, `Content-Location`).
pub(super) fn url_in_field<'r>(
    value: &'r [u8],
    request: &Request<'_>,
    settings: &Settings,
) -> Cow<'r, [u8]> {
    mapped(value, request, settings, HeaderMap::request_url)
}

/// `Forwarded`; `None`: as it came.
pub(super) fn forwarded(request: &Request<'_>, settings: &Settings) -> Option<Vec<u8>> {
    settings.proxy.forwarded.value(request)
}

fn mapped<'v>(
    value: &'v [u8],
    request: &Request<'_>,
    settings: &Settings,
    map: fn(&HeaderMap, &Way, &'v [u8]) -> Cow<'v, [u8]>,
) -> Cow<'v, [u8]> {
    let header = &settings.proxy.header;
    match Way::new(header, request) {
        Some(way) => map(header, &way, value),
        None => Cow::Borrowed(value),
    }
}
