//! Where we differ from lighttpd 1.4.69, and why.
//!
//! Must hold: a difference that is not in here is a mistake; so is a row that no difference fits.

use super::compare::Difference;

/// Differences that have one reason. In every pattern, `*` is any text.
pub struct Known {
    /// Name of the configuration.
    case: &'static str,
    /// Name of the request.
    request: &'static str,
    /// What differs.
    what: &'static str,
    /// What lighttpd says.
    theirs: &'static str,
    /// What Everlit says.
    ours: &'static str,
    pub reason: &'static str,
}

const fn known(
    case: &'static str,
    request: &'static str,
    what: &'static str,
    theirs: &'static str,
    ours: &'static str,
    reason: &'static str,
) -> Known {
    Known {
        case,
        request,
        what,
        theirs,
        ours,
        reason,
    }
}

pub const KNOWN: &[Known] = &[
    known(
        "*",
        "*",
        "etag",
        "\"*\"",
        "\"*\"",
        "an entity tag is opaque; ours is made by another hash",
    ),
    known(
        "*",
        "*",
        "body",
        "<?xml version=*",
        "<!DOCTYPE html>*",
        "generated error pages are HTML5 (lighttpd: since 1.4.74)",
    ),
    known(
        "*",
        "HEAD *",
        "content-length",
        "341",
        "119",
        "the length of such a page, for 403 and 404",
    ),
    known(
        "*",
        "*",
        "body",
        "*<title>Index of *",
        "*<title>Index of *",
        "a directory's page has its own looks; its rows are compared",
    ),
    known(
        "*",
        "*",
        "version",
        "HTTP/1.0",
        "HTTP/1.1",
        "what cannot be read is refused in our own version (RFC 9110 6.2)",
    ),
    known(
        "*",
        "*",
        "status",
        "200",
        "412",
        "If-Match and If-Unmodified-Since are heeded (RFC 9110 13.1)",
    ),
    known(
        "*",
        "*",
        "content-range",
        "none",
        "bytes *",
        "416 tells the length (RFC 9110 15.5.17)",
    ),
    known(
        "*",
        "*",
        "status",
        "500",
        "403",
        "links in a circle are nothing that can be served, and no fault of the server",
    ),
];

impl Known {
    /// Whether this is the difference it speaks of.
    pub fn explains(&self, difference: &Difference) -> bool {
        fits(self.case, difference.case)
            && fits(self.request, &difference.request)
            && fits(self.what, &difference.what)
            && fits(self.theirs, &difference.theirs)
            && fits(self.ours, &difference.ours)
    }

    /// The row, as it stands in the table.
    pub fn show(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            self.case, self.request, self.what, self.theirs, self.ours
        )
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().expect("a split has a last part");
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[test]
fn patterns() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "a", true),
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*c", "abc", true),
        ("a*c", "ac", true),
        ("a*c", "a", false),
        ("a*a", "a", false),
        ("a*b*c", "aXbYc", true),
        ("a*b*c", "acb", false),
        ("a*b*b", "ab", false),
    ] {
        assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }
}
