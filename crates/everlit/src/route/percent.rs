//! Percent-encoding for what we put into links and `Location` (RFC 3986 section 2.1).
//!
//! In: decoded bytes. Out: text that is safe in a URL path, a header field and an HTML attribute. Must hold: decoding it
//! gives the same bytes.

/// What is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A path: slashes stay.
    Path,
    /// One segment of a path: slashes are encoded, and so is a colon, which would end a scheme.
    Segment,
    /// A query that is encoded already, more or less: only what can stand in no URL is encoded.
    Query,
}

/// Appends the encoded form.
pub fn encode(bytes: &[u8], part: Part, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        let plain = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => true,
            b'/' | b':' | b'@' | b'!' | b'$' | b'(' | b')' | b'*' | b'+' | b',' | b'=' => {
                part != Part::Segment
            }
            b'%' | b'&' | b'?' | b'\'' | b';' | b'[' | b']' => part == Part::Query,
            _ => false,
        };
        if plain {
            out.push(byte);
        } else {
            out.extend_from_slice(&[
                b'%',
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_not_encoded_twice() {
        let mut out = Vec::new();
        encode(b"a=b%20c&d=<\"x\">;e[]=/?\x80 #", Part::Query, &mut out);
        assert_eq!(out, b"a=b%20c&d=%3C%22x%22%3E;e[]=/?%80%20%23");
    }

    #[test]
    fn only_harmless_characters_stay() {
        for (bytes, path, segment) in [
            ("/a b/c", "/a%20b/c", "%2Fa%20b%2Fc"),
            (
                "x:y?z#&\"'<>%;",
                "x:y%3Fz%23%26%22%27%3C%3E%25%3B",
                "x%3Ay%3Fz%23%26%22%27%3C%3E%25%3B",
            ),
            ("ü\r\n\\", "%C3%BC%0D%0A%5C", "%C3%BC%0D%0A%5C"),
            ("A-z0.9_~", "A-z0.9_~", "A-z0.9_~"),
        ] {
            for (part, expected) in [(Part::Path, path), (Part::Segment, segment)] {
                let mut out = Vec::new();
                encode(bytes.as_bytes(), part, &mut out);
                assert_eq!(out, expected.as_bytes());
            }
        }
    }
}
