//! Header fields as a table of positions: eight bytes a field, on the stack.

use std::fmt;

/// More fields than this are answered with 431.
pub const MAX_FIELDS: usize = 128;

/// One header field as it was sent, without white space around the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'b> {
    /// Field name in the client's case.
    pub name: &'b [u8],
    /// Field value.
    pub value: &'b [u8],
}

/// Header fields in the order sent.
#[derive(Clone)]
pub struct Fields<'b> {
    head: &'b [u8],
    spans: [Span; MAX_FIELDS],
    count: usize,
}

/// Where a field is in the head. Sixteen bits are enough: see [`MAX_HEAD_BYTES`](super::MAX_HEAD_BYTES).
#[derive(Clone, Copy)]
struct Span {
    name: u16,
    name_end: u16,
    value: u16,
    value_end: u16,
}

/// Where no field is.
const NOWHERE: Span = Span {
    name: 0,
    name_end: 0,
    value: 0,
    value_end: 0,
};

impl<'b> Fields<'b> {
    /// No fields: for what is logged although it was not a request.
    pub const NONE: Fields<'static> = Fields {
        head: &[],
        spans: [NOWHERE; MAX_FIELDS],
        count: 0,
    };

    /// The fields that httparse found in `head`.
    #[inline]
    pub(super) fn new(head: &'b [u8], found: &[httparse::Header<'b>]) -> Fields<'b> {
        let mut fields = Fields {
            head,
            spans: [NOWHERE; MAX_FIELDS],
            count: found.len(),
        };
        for (span, field) in fields.spans.iter_mut().zip(found) {
            let (name, value) = (
                position(head, field.name.as_bytes()),
                position(head, field.value),
            );
            *span = Span {
                name: name as u16,
                name_end: (name + field.name.len()) as u16,
                value: value as u16,
                value_end: (value + field.value.len()) as u16,
            };
        }
        fields
    }

    /// The value of the first field with this name, compared without case.
    pub fn find(&self, name: &str) -> Option<&'b [u8]> {
        self.iter()
            .find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value)
    }

    /// Fields that were sent several times, as the one that they mean (RFC 9110 section 5.3): values joined by commas,
    /// `Cookie` by semicolons (RFC 6265 section 5.4). Mostly empty, and then costs little.
    pub fn repeated(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut seen = 0_u64;
        let mut joined: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (at, field) in self.iter().enumerate() {
            let length = field.name.len();
            let first = field.name.first().map_or(0, u8::to_ascii_lowercase);
            let bit = 1 << ((usize::from(first) ^ (length * 5)) % 64);
            let is_new = seen & bit == 0;
            seen |= bit;
            let same = |other: &[u8]| other.eq_ignore_ascii_case(field.name);
            if is_new {
                continue;
            }
            let separator: &[u8] = if same(b"cookie") { b"; " } else { b", " };
            if let Some((_, values)) = joined.iter_mut().find(|(name, _)| same(name)) {
                values.extend_from_slice(separator);
                values.extend_from_slice(field.value);
            } else if let Some(before) = self.iter().take(at).find(|before| same(before.name)) {
                let values = [before.value, separator, field.value].concat();
                joined.push((field.name.to_vec(), values));
            }
        }
        joined
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = Field<'b>> {
        self.spans[..self.count].iter().map(|span| Field {
            name: &self.head[usize::from(span.name)..usize::from(span.name_end)],
            value: &self.head[usize::from(span.value)..usize::from(span.value_end)],
        })
    }
}

/// Whether every line of a head ends in CRLF; httparse lets a bare LF pass.
pub(super) fn lines_end_in_crlf(head: &[u8], found: &[httparse::Header<'_>]) -> bool {
    let follows_cr = |field: &httparse::Header<'_>| {
        let name = position(head, field.name.as_bytes());
        name >= 2 && head[name - 2] == b'\r'
    };
    head.ends_with(b"\r\n\r\n") && found.iter().all(follows_cr)
}

/// Where `part` is in `head`.
fn position(head: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - head.as_ptr() as usize
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Parsed, parse};

    #[test]
    fn repeated_fields_are_one() {
        let joined = |fields: &str| {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let Parsed::Head(head) = parse(head.as_bytes(), &Limits::default()) else {
                panic!("{fields}");
            };
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            let repeated = head.fields.repeated().into_iter();
            repeated
                .map(|(name, value)| format!("{}: {}", text(name), text(value)))
                .collect::<Vec<_>>()
        };
        assert_eq!(joined("A: 1\r\nB: 2\r\nC: 3\r\n"), [""; 0]);
        assert_eq!(
            joined("A: 1\r\nB: 2\r\na: 3\r\nC: 4\r\nA: 5\r\n"),
            ["a: 1, 3, 5"]
        );
        assert_eq!(joined("Cookie: a=b\r\ncookie: c\r\n"), ["cookie: a=b; c"]);
        let many: String = (0..100).map(|n| format!("X{n}: {n}\r\n")).collect();
        assert_eq!(joined(&many), [""; 0]);
        assert_eq!(joined(&format!("{many}X7: x\r\n")), ["X7: 7, x"]);
    }
}
