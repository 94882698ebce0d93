//! Parts of a response (RFC 9110 section 14), of whatever module.
//!
//! In: the value of `Range`, the length of the body. Out: which parts to send. Must hold: every part lies within the
//! body, there are few of them, and they overlap as little as lighttpd lets them.

/// So many ranges of a request are looked at; the others are left out of the response, as in lighttpd.
pub const MAX_RANGES: usize = 10;

/// Ranges with no more than so many bytes between them are sent as one: the heading of a part is longer than that.
const MERGE_GAP: u64 = 80;

/// Bytes of a body: the first and, after the last, the end. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u64,
    /// One after the last byte.
    pub end: u64,
}

impl Span {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        self.end - self.start
    }

    fn is_near(&self, other: &Span) -> bool {
        self.start <= other.end.saturating_add(MERGE_GAP - 1)
            && other.start <= self.end.saturating_add(MERGE_GAP - 1)
    }
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The whole body: the field is not about bytes.
    Whole,
    /// One part.
    One(Span),
    /// Several parts, at least two, in the order of the request.
    Many(Vec<Span>),
    /// Nothing of it exists: 416.
    Nothing,
}

/// Reads the value of a `Range` field for a body of `length` bytes, which are at least one. As in lighttpd a range that
/// is malformed is passed over like one that does not exist; a number too large for us is larger than any body.
pub fn wanted(value: &[u8], length: u64) -> Wanted {
    let Some(set) = value
        .split_at_checked(6)
        .and_then(|(unit, set)| unit.eq_ignore_ascii_case(b"bytes=").then_some(set))
    else {
        return Wanted::Whole;
    };
    let mut spans: Vec<Span> = Vec::new();
    let ranges = set.split(|byte| *byte == b',');
    for span in ranges
        .filter_map(|range| span(range.trim_ascii(), length))
        .take(MAX_RANGES)
    {
        merge(&mut spans, span);
    }
    match spans.as_slice() {
        [] => Wanted::Nothing,
        [only] => Wanted::One(*only),
        _ => Wanted::Many(spans),
    }
}

/// Adds a span, joining it with all that it overlaps or nearly touches, at the place of the first of them.
fn merge(spans: &mut Vec<Span>, mut span: Span) {
    let mut place = spans.len();
    // Joining makes it larger, so that it may reach others that it did not reach before.
    while let Some(near) = spans.iter().position(|other| other.is_near(&span)) {
        let other = spans.remove(near);
        span.start = span.start.min(other.start);
        span.end = span.end.max(other.end);
        place = near.min(if place > near { place - 1 } else { place });
    }
    spans.insert(place, span);
}

/// One range of the set: `first-`, `first-last` or `-suffix`. `None` if it is malformed or nothing of it exists.
fn span(range: &[u8], length: u64) -> Option<Span> {
    let dash = memchr::memchr(b'-', range)?;
    let first = range[..dash].trim_ascii();
    let last = range[dash + 1..].trim_ascii();
    let (start, end) = match (first, last) {
        ([], []) => return None,
        ([], suffix) => (length.saturating_sub(number(suffix)?), length),
        (first, []) => (number(first)?, length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(length))
        }
    };
    (start < end).then_some(Span { start, end })
}

/// A decimal number; one that does not fit is the largest there is.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(value.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(value: &str, length: u64) -> String {
        let text = |span: &Span| format!("{}-{}", span.start, span.end - 1);
        match wanted(value.as_bytes(), length) {
            Wanted::Whole => "whole".to_owned(),
            Wanted::One(span) => text(&span),
            Wanted::Many(spans) => spans.iter().map(text).collect::<Vec<_>>().join(" "),
            Wanted::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn one_range() {
        for (value, expected) in [
            ("bytes=0-4", "0-4"),
            ("bytes=5-", "5-25"),
            ("bytes=-5", "21-25"),
            ("bytes=0-0", "0-0"),
            ("bytes=25-", "25-25"),
            ("bytes=20-100", "20-25"),
            ("bytes=-100", "0-25"),
            ("bytes=0-25", "0-25"),
            ("bytes= 0-4", "0-4"),
            ("bytes=0 - 4", "0-4"),
            ("Bytes=0-4", "0-4"),
            ("bytes=0-4,", "0-4"),
            ("bytes=0-4,5-2", "0-4"),
            ("bytes=0-4,a-b", "0-4"),
            ("bytes=0-1,100-", "0-1"),
            ("bytes=0-99999999999999999999", "0-25"),
            ("bytes=-99999999999999999999", "0-25"),
            ("bytes=-0", "nothing"),
            ("bytes=26-", "nothing"),
            ("bytes=26-30", "nothing"),
            ("bytes=5-2", "nothing"),
            ("bytes=-", "nothing"),
            ("bytes=", "nothing"),
            ("bytes=0-4;", "nothing"),
            ("bytes=0x0-4", "nothing"),
            ("bytes=+0-4", "nothing"),
            ("bytes=0--4", "nothing"),
            ("bytes=99999999999999999999-", "nothing"),
            ("bytes =0-4", "whole"),
            ("lines=0-4", "whole"),
            ("0-4", "whole"),
            ("bytes", "whole"),
            ("", "whole"),
        ] {
            assert_eq!(show(value, 26), expected, "{value}");
        }
    }

    #[test]
    fn several_ranges() {
        for (value, expected) in [
            ("bytes=0-1,3-4", "0-4"),
            ("bytes=3-8,0-4", "0-8"),
            ("bytes=0-1,0-1,0-1", "0-1"),
            ("bytes=0-1,200-201,100-101", "0-1 200-201 100-101"),
            ("bytes=0-1,81-81,1000-1001", "0-81 1000-1001"),
            ("bytes=0-1,82-82,1000-1001", "0-1 82-82 1000-1001"),
            (
                "bytes=0-1,1000-1001,500-501,400-900",
                "0-1 1000-1001 400-900",
            ),
            ("bytes=0-1,500-501,1000-1001,400-1100", "0-1 400-1100"),
            ("bytes=500-501,0-1,0-3000", "0-3000"),
            ("bytes=0-1,-1", "0-1 262143-262143"),
        ] {
            assert_eq!(show(value, 262_144), expected, "{value}");
        }
        let many: Vec<String> = (0..1000).map(|i| format!("{}-{0}", i * 100)).collect();
        let value = format!("bytes={}", many.join(","));
        match wanted(value.as_bytes(), 1 << 40) {
            Wanted::Many(spans) => assert_eq!(spans.len(), MAX_RANGES),
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn parts_lie_within_the_body_and_apart(
            value in "bytes=([0-9]{0,20}-[0-9]{0,3}[, ]){0,14}", length in 1_u64..2000
        ) {
            let spans = match wanted(value.as_bytes(), length) {
                Wanted::One(span) => vec![span],
                Wanted::Many(spans) => {
                    prop_assert!(spans.len() >= 2 && spans.len() <= MAX_RANGES);
                    spans
                }
                Wanted::Whole => unreachable!("it is about bytes"),
                Wanted::Nothing => Vec::new(),
            };
            for (i, span) in spans.iter().enumerate() {
                prop_assert!(span.start < span.end && span.end <= length);
                for other in &spans[..i] {
                    prop_assert!(span.end + MERGE_GAP <= other.start || other.end + MERGE_GAP <= span.start);
                }
            }
            let sum: u64 = spans.iter().map(Span::length).sum();
            prop_assert!(sum <= length);
        }

        #[test]
        fn any_value_is_survived(value in proptest::collection::vec(any::<u8>(), 0..40), length in 1_u64..100) {
            let _ = wanted(&value, length);
        }
    }
}
