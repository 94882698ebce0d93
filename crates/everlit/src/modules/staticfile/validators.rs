//! Conditional requests (RFC 9110 section 13).
//!
//! In: the conditions of a request, the validators of what it asks for. Out: a [`Verdict`]. Must hold: conditions are
//! weighed in the order of section 13.2.2.

use crate::http1::head::Method;
use crate::request::Request;

/// The conditions of a request: field values as sent, `None` where the field is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions<'r> {
    /// `If-Match`
    pub matches: Option<&'r [u8]>,
    /// `If-Unmodified-Since`
    pub unmodified_since: Option<&'r [u8]>,
    /// `If-None-Match`
    pub none_match: Option<&'r [u8]>,
    /// `If-Modified-Since`
    pub modified_since: Option<&'r [u8]>,
}

/// What a file can be recognised by.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'e> {
    /// Strong entity tag, with its quotes.
    pub tag: Option<&'e [u8]>,
    /// `Last-Modified`, as it would be sent.
    pub date: Option<&'e [u8]>,
    /// Time of modification: seconds since 1970-01-01 UTC.
    pub mtime: i64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered as if there were no conditions.
    Serve,
    /// 304
    NotModified,
    /// 412
    PreconditionFailed,
}

impl<'r> Conditions<'r> {
    /// The conditions of this request.
    pub fn of(request: &'r Request<'_>) -> Conditions<'r> {
        let mut conditions = Conditions::default();
        if request.overrides.is_empty() {
            // One pass instead of four: this is on the way of every request.
            for field in request.head.fields.iter() {
                if let Some(slot) = conditions.slot(field.name)
                    && slot.is_none()
                {
                    *slot = Some(field.value);
                }
            }
        } else {
            conditions.matches = request.field("If-Match");
            conditions.unmodified_since = request.field("If-Unmodified-Since");
            conditions.none_match = request.field("If-None-Match");
            conditions.modified_since = request.field("If-Modified-Since");
        }
        conditions
    }

    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<&'r [u8]>> {
        let (slot, full): (_, &[u8]) = match name.len() {
            8 => (&mut self.matches, b"If-Match"),
            13 => (&mut self.none_match, b"If-None-Match"),
            17 => (&mut self.modified_since, b"If-Modified-Since"),
            19 => (&mut self.unmodified_since, b"If-Unmodified-Since"),
            _ => return None,
        };
        name.eq_ignore_ascii_case(full).then_some(slot)
    }

    /// Weighs them. `method` is GET, HEAD, or one that changes something or may.
    pub fn weigh(&self, method: Method, validators: &Validators<'_>) -> Verdict {
        if let Some(list) = self.matches {
            if !is_listed(list, validators.tag, Comparison::Strong) {
                return Verdict::PreconditionFailed;
            }
        } else if let Some(date) = self.unmodified_since
            && seconds(date).is_some_and(|date| validators.mtime > date)
        {
            return Verdict::PreconditionFailed;
        }
        let reads = matches!(method, Method::Get | Method::Head);
        if let Some(list) = self.none_match {
            return match (is_listed(list, validators.tag, Comparison::Weak), reads) {
                (false, _) => Verdict::Serve,
                (true, true) => Verdict::NotModified,
                (true, false) => Verdict::PreconditionFailed,
            };
        }
        match self.modified_since {
            Some(date) if reads && is_current(date, validators) => Verdict::NotModified,
            _ => Verdict::Serve,
        }
    }
}

/// Whether the value of `If-None-Match` names this tag. What `*` means has been weighed before.
pub fn names(list: &[u8], tag: &[u8]) -> bool {
    list.trim_ascii() != b"*" && is_listed(list, Some(tag), Comparison::Weak)
}

/// How tags are compared (RFC 9110 section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of tags names this one, or is `*`, which any file fits.
fn is_listed(list: &[u8], tag: Option<&[u8]>, comparison: Comparison) -> bool {
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    let Some(tag) = tag else { return false };
    loop {
        while let [b',' | b' ' | b'\t', more @ ..] = rest {
            rest = more;
        }
        let (is_weak, opaque) = match rest {
            [b'W', b'/', more @ ..] => (true, more),
            _ => (false, rest),
        };
        let [b'"', inner @ ..] = opaque else {
            return false;
        };
        let Some(length) = memchr::memchr(b'"', inner) else {
            return false;
        };
        let (listed, more) = opaque.split_at(length + 2);
        if listed == tag && (comparison == Comparison::Weak || !is_weak) {
            return true;
        }
        rest = more;
    }
}

/// Whether nothing changed since that date. What is not a date means nothing.
fn is_current(date: &[u8], validators: &Validators<'_>) -> bool {
    validators.date == Some(date) || seconds(date).is_some_and(|date| validators.mtime <= date)
}

/// A date in any of HTTP's three forms (RFC 9110 section 5.6.7), as seconds since 1970-01-01 UTC.
fn seconds(date: &[u8]) -> Option<i64> {
    let time = httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

    fn weigh(method: Method, fields: &[(&str, &str)]) -> Verdict {
        let mut conditions = Conditions::default();
        for (name, value) in fields {
            *conditions.slot(name.as_bytes()).unwrap() = Some(value.as_bytes());
        }
        let validators = Validators {
            tag: Some(b"\"t\""),
            date: Some(DATE.as_bytes()),
            mtime: 1_700_000_000,
        };
        conditions.weigh(method, &validators)
    }

    #[test]
    fn one_condition() {
        use Verdict::*;
        for (name, value, expected) in [
            ("If-None-Match", "\"t\"", NotModified),
            ("If-None-Match", "W/\"t\"", NotModified),
            ("if-none-match", "\"x\", \"t\"", NotModified),
            ("If-None-Match", "\"x\",W/\"t\" , \"z\"", NotModified),
            ("If-None-Match", "\"a,b\",\"t\"", NotModified),
            ("If-None-Match", "*", NotModified),
            ("If-None-Match", "\"x\"", Serve),
            ("If-None-Match", "t", Serve),
            ("If-None-Match", "\"t", Serve),
            ("If-None-Match", "", Serve),
            ("If-Modified-Since", DATE, NotModified),
            ("If-Modified-Since", "Tue, 14 Nov 2023 22:13:19 GMT", Serve),
            (
                "If-Modified-Since",
                "Tue, 14 Nov 2023 22:13:21 GMT",
                NotModified,
            ),
            (
                "If-Modified-Since",
                "Tuesday, 14-Nov-23 22:13:20 GMT",
                NotModified,
            ),
            ("If-Modified-Since", "Tue Nov 14 22:13:20 2023", NotModified),
            ("If-Modified-Since", "garbage", Serve),
            (
                "If-Modified-Since",
                "Tue, 14 Nov 2023 22:13:20 GMT; length=13",
                Serve,
            ),
            ("If-Match", "\"t\"", Serve),
            ("If-Match", "*", Serve),
            ("If-Match", "W/\"t\"", PreconditionFailed),
            ("If-Match", "\"x\"", PreconditionFailed),
            ("If-Unmodified-Since", DATE, Serve),
            (
                "If-Unmodified-Since",
                "Tue, 14 Nov 2000 22:13:20 GMT",
                PreconditionFailed,
            ),
            ("If-Unmodified-Since", "garbage", Serve),
        ] {
            assert_eq!(
                weigh(Method::Get, &[(name, value)]),
                expected,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn tags_go_before_dates() {
        let early = "Tue, 14 Nov 2000 22:13:20 GMT";
        for (tag, date, expected) in [
            (
                ("If-None-Match", "\"x\""),
                ("If-Modified-Since", DATE),
                Verdict::Serve,
            ),
            (
                ("If-None-Match", "\"t\""),
                ("If-Modified-Since", early),
                Verdict::NotModified,
            ),
            (
                ("If-Match", "\"t\""),
                ("If-Unmodified-Since", early),
                Verdict::Serve,
            ),
            (
                ("If-Match", "\"t\""),
                ("If-None-Match", "\"t\""),
                Verdict::NotModified,
            ),
        ] {
            assert_eq!(
                weigh(Method::Get, &[tag, date]),
                expected,
                "{tag:?} {date:?}"
            );
        }
    }

    #[test]
    fn other_methods_are_never_told_that_nothing_changed() {
        assert_eq!(
            weigh(Method::Head, &[("If-None-Match", "*")]),
            Verdict::NotModified
        );
        assert_eq!(
            weigh(Method::Post, &[("If-None-Match", "*")]),
            Verdict::PreconditionFailed
        );
        assert_eq!(
            weigh(Method::Post, &[("If-Modified-Since", DATE)]),
            Verdict::Serve
        );
    }
}
