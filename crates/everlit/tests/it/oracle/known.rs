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

pub const KNOWN: &[Known] = &[known(
    "*",
    "*",
    "etag",
    "\"*\"",
    "\"*\"",
    "an entity tag is opaque; ours is made by another hash",
)];

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
