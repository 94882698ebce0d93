//! What came from outside, made safe for a log.
//!
//! In: bytes of a request. Out: text in which nothing can end a line, a quoted string or a JSON string.

use std::io::Write;

/// `accesslog.escaping`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Escaping {
    /// `\"`, `\\`, `\t` and the like; `\xHH` for everything else that is not printable ASCII.
    #[default]
    Default,
    /// As RFC 8259 section 7 wants it. A byte that is not UTF-8 becomes the character of its number, `\u00HH`.
    Json,
}

/// Appends bytes, escaped.
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8], escaping: Escaping) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    let plain = bytes.iter().take_while(|byte| is_plain(byte)).count();
    out.extend_from_slice(&bytes[..plain]);
    let rest = &bytes[plain..];
    if rest.is_empty() {
        return;
    }
    match escaping {
        Escaping::Default => rest.iter().for_each(|byte| append_default(out, *byte)),
        Escaping::Json => append_json(out, rest),
    }
}

fn append_default(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b' '..=b'~' => out.push(byte),
        0x08 => out.extend_from_slice(b"\\b"),
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\n' => out.extend_from_slice(b"\\n"),
        0x0b => out.extend_from_slice(b"\\v"),
        0x0c => out.extend_from_slice(b"\\f"),
        b'\r' => out.extend_from_slice(b"\\r"),
        // Writing to a Vec cannot fail.
        other => drop(write!(out, "\\x{other:02X}")),
    }
}

fn append_json(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                0x08 => out.extend_from_slice(b"\\b"),
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\n' => out.extend_from_slice(b"\\n"),
                0x0c => out.extend_from_slice(b"\\f"),
                b'\r' => out.extend_from_slice(b"\\r"),
                0..0x20 => drop(write!(out, "\\u{byte:04x}")),
                other => out.push(other),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\u{byte:04x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(bytes: &[u8], escaping: Escaping) -> Vec<u8> {
        let mut out = Vec::new();
        append(&mut out, bytes, escaping);
        out
    }

    #[test]
    fn strange_characters_are_written_in_plain_ones() {
        let strange = b"a \"b\tc\\d\x01\x7f\xc3\xa9\xff";
        assert_eq!(
            escaped(strange, Escaping::Default),
            br#"a \"b\tc\\d\x01\x7F\xC3\xA9\xFF"#
        );
        assert_eq!(
            escaped(strange, Escaping::Json),
            b"a \\\"b\\tc\\\\d\\u0001\x7f\xc3\xa9\\u00ff"
        );
    }

    proptest! {
        #[test]
        fn the_default_is_printable_and_unambiguous(bytes: Vec<u8>) {
            let out = escaped(&bytes, Escaping::Default);
            prop_assert!(out.iter().all(|byte| matches!(byte, b' '..=b'~')));
            let quoted = out.iter().enumerate().filter(|(_, byte)| **byte == b'"');
            for (at, _) in quoted {
                prop_assert_eq!(out[at - 1], b'\\');
            }
        }

        #[test]
        fn json_is_json(bytes: Vec<u8>) {
            let mut text = b"\"".to_vec();
            append(&mut text, &bytes, Escaping::Json);
            text.push(b'"');
            let parsed: String = serde_json::from_slice(&text).unwrap();
            if let Ok(valid) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(parsed, valid);
            }
        }
    }
}
