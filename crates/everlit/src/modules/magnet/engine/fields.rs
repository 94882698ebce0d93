//! Header fields as scripts set them.
//!
//! In: a name and a value. Out: the values of one or several fields of that name, or nothing. Must hold: no script adds a
//! field of another name, or ends the head, by what it was told by a client.

/// Names that the server alone decides on: how long a message is, and what becomes of the connection.
pub(super) fn is_ours(name: &str) -> bool {
    ["Connection", "Content-Length", "Transfer-Encoding"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

/// Whether this is a name at all (RFC 9110 section 5.1).
pub(super) fn is_name(name: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_token)
}

/// The values of the fields that this value makes. Several fields are written as lighttpd has them: each further one on a line
/// of its own, with its name, which is the same.
pub(super) fn values(name: &str, value: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut values: Vec<Vec<u8>> = Vec::new();
    let mut rest = Some(value);
    while let Some(text) = rest {
        let (line, more) = match memchr::memmem::find(text, b"\r\n") {
            Some(at) => (&text[..at], Some(&text[at + 2..])),
            None => (text, None),
        };
        rest = more;
        if line
            .iter()
            .any(|byte| byte.is_ascii_control() && *byte != b'\t')
        {
            return None;
        }
        match (values.last_mut(), line.first()) {
            (None, _) => values.push(line.to_vec()),
            // A folded line (RFC 9112 section 5.2).
            (Some(last), Some(b' ' | b'\t')) => {
                last.push(b' ');
                last.extend_from_slice(line.trim_ascii_start());
            }
            (Some(_), _) => {
                let (start, after) = line.split_at_checked(name.len())?;
                let after = after.strip_prefix(b":")?;
                if !start.eq_ignore_ascii_case(name.as_bytes()) {
                    return None;
                }
                values.push(after.trim_ascii().to_vec());
            }
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_makes_no_field_of_another_name() {
        let made = |value: &str| {
            let values = values("X-A", value.as_bytes())?;
            let values = values.iter().map(|value| String::from_utf8_lossy(value));
            Some(values.collect::<Vec<_>>().join("|"))
        };
        for (value, expected) in [
            ("1", Some("1")),
            ("", Some("")),
            ("a\tb", Some("a\tb")),
            ("1\r\nX-A: 2\r\nx-a:3", Some("1|2|3")),
            ("1\r\n folded", Some("1 folded")),
            ("1\r\nX-B: 2", None),
            ("1\r\nX-AB: 2", None),
            ("1\r\n", None),
            ("1\r\n\r\nbody", None),
            ("1\nX-A: 2", None),
            ("1\rX-A: 2", None),
            ("1\0", None),
        ] {
            assert_eq!(made(value).as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn names_are_tokens() {
        for (name, is) in [
            ("X-A", true),
            ("a b", false),
            ("", false),
            ("a:", false),
            ("\u{e4}", false),
        ] {
            assert_eq!(is_name(name.as_bytes()), is, "{name}");
        }
    }
}
