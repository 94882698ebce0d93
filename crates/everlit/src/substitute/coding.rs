//! How what is put into a URL is written: `${esc:...}`, `${tolower:...}` and so on.
//!
//! In: bytes, of a URL or not. Out: bytes, mostly of a URL. Must hold: what is encoded once is not encoded again, unless that
//! is asked for.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// With or without padding, as it comes.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What becomes of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) form: Form,
    pub(super) case: Case,
}

/// How bytes are written. Of several that are asked for, the first of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// As they are (`noesc:`).
    Plain,
    /// Percent-encoded but for letters, digits and `-._~` (`esc:`).
    Escaped,
    /// The same, but what is encoded stays so (`escnde:`).
    EscapedOnce,
    /// The same, and slashes stay too (`escpsnde:`).
    EscapedPath,
    /// Base64 for URLs, without padding (`encb64u:`).
    Base64,
    /// Decoded from that; nothing, if it is not (`decb64u:`).
    FromBase64,
}

/// What becomes of its letters, but for those of `%2F` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Kept,
    /// `tolower:`
    Lower,
    /// `toupper:`
    Upper,
}

impl Coding {
    pub(super) const PLAIN: Coding = Coding {
        form: Form::Plain,
        case: Case::Kept,
    };

    /// Appends something.
    pub(super) fn append(self, bytes: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        match self.form {
            Form::Plain => out.extend_from_slice(bytes),
            Form::Escaped => bytes.iter().for_each(|byte| escape(*byte, out)),
            Form::EscapedOnce => escape_once(bytes, b"", out),
            Form::EscapedPath => escape_once(bytes, b"/", out),
            Form::Base64 => out.extend_from_slice(BASE64.encode(bytes).as_bytes()),
            Form::FromBase64 => out.extend(BASE64.decode(bytes).unwrap_or_default()),
        }
        match self.case {
            Case::Kept => {}
            Case::Lower => letters(&mut out[start..], |byte| byte.make_ascii_lowercase()),
            Case::Upper => letters(&mut out[start..], |byte| byte.make_ascii_uppercase()),
        }
    }
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    match is_unreserved(byte) {
        true => out.push(byte),
        false => out.extend_from_slice(&encoded(byte)),
    }
}

fn escape_once(bytes: &[u8], kept: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match decoded(byte, after) {
            Some(decoded) => {
                rest = &after[2..];
                match is_unreserved(decoded) {
                    true => out.push(decoded),
                    false => out.extend_from_slice(&[byte, after[0], after[1]]),
                }
            }
            None if kept.contains(&byte) => out.push(byte),
            None => escape(byte, out),
        }
    }
}

fn letters(bytes: &mut [u8], change: impl Fn(&mut u8)) {
    let mut at = 0;
    while at < bytes.len() {
        match decoded(bytes[at], &bytes[at + 1..]) {
            Some(_) => at += 3,
            None => {
                change(&mut bytes[at]);
                at += 1;
            }
        }
    }
}

/// `%2F` and the like.
pub(super) fn encoded(byte: u8) -> [u8; 3] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS[usize::from(nibble & 15)];
    [b'%', digit(byte >> 4), digit(byte)]
}

/// What `%2F` and the like stand for, given the first character and what follows it.
pub(super) fn decoded(first: u8, after: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
    match first {
        b'%' => Some((digit(0)? * 16 + digit(1)?) as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn coded(form: Form, case: Case, text: &str) -> String {
        let mut out = b"A".to_vec();
        Coding { form, case }.append(text.as_bytes(), &mut out);
        String::from_utf8(out.split_off(1)).unwrap()
    }

    #[test]
    fn each_form() {
        for (form, text, expected) in [
            (Form::Plain, "a/%41 ü", "a/%41 ü"),
            (Form::Escaped, "a/b%41 ~", "a%2Fb%2541%20~"),
            (Form::EscapedOnce, "a/b%41%2f%c3?%4", "a%2FbA%2f%c3%3F%254"),
            (Form::EscapedPath, "a/b%41%2f?%zz", "a/bA%2f%3F%25zz"),
            (Form::Base64, "a.b>?", "YS5iPj8"),
            (Form::FromBase64, "YS5iPj8", "a.b>?"),
            (Form::FromBase64, "YS5iPj8=", "a.b>?"),
            (Form::FromBase64, "a.b", ""),
        ] {
            assert_eq!(coded(form, Case::Kept, text), expected, "{form:?} {text}");
        }
    }

    #[test]
    fn letters_of_encoded_characters_keep_their_case() {
        assert_eq!(
            coded(Form::Plain, Case::Lower, "AbC%C3%A4D%4"),
            "abc%C3%A4d%4"
        );
        assert_eq!(coded(Form::Plain, Case::Upper, "abc%c3d"), "ABC%c3D");
        assert_eq!(coded(Form::EscapedPath, Case::Lower, "A B"), "a%20b");
    }

    proptest! {
        #[test]
        fn what_is_encoded_once_stays_so(bytes: Vec<u8>) {
            for form in [Form::EscapedOnce, Form::EscapedPath] {
                let coding = Coding { form, case: Case::Kept };
                let (mut once, mut twice) = (Vec::new(), Vec::new());
                coding.append(&bytes, &mut once);
                coding.append(&once, &mut twice);
                prop_assert!(once.iter().all(|byte| is_unreserved(*byte) || b"%/".contains(byte)));
                prop_assert_eq!(once, twice);
            }
        }

        #[test]
        fn base64_and_back(bytes: Vec<u8>) {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            Coding { form: Form::Base64, case: Case::Kept }.append(&bytes, &mut there);
            Coding { form: Form::FromBase64, case: Case::Kept }.append(&there, &mut back);
            prop_assert_eq!(bytes, back);
        }
    }
}
