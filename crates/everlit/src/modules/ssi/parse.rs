//! A document, taken apart: text, and the directives between `<!--#` and `-->`.
//!
//! In: bytes. Out: pieces, in order. Must hold: what is no directive, by lighttpd's rules, is text; nothing is lost.

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'d> {
    /// To be sent as it is.
    Text(&'d [u8]),
    /// To be carried out.
    Directive(Directive<'d>),
}

/// `<!--#name key="value" ...-->`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive<'d> {
    /// What is to be done.
    pub(super) name: &'d [u8],
    /// Keys and values.
    pub(super) attributes: Vec<(&'d [u8], &'d [u8])>,
}

impl<'d> Directive<'d> {
    /// The last value of this key.
    pub(super) fn get(&self, key: &str) -> Option<&'d [u8]> {
        let mut found = self.attributes.iter().rev();
        found
            .find(|(own, _)| *own == key.as_bytes())
            .map(|(_, value)| *value)
    }
}

const BEGIN: &[u8] = b"<!--#";
const END: &[u8] = b"-->";
/// Longest directive in bytes, as in lighttpd: what looks like a longer one is text. Or a document full of beginnings
/// without an end would be searched once for each.
const LONGEST: usize = 8 * 1024;

/// The pieces of a document.
pub(super) fn pieces(document: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut text, mut from) = (0, 0);
    while let Some(at) = memchr::memmem::find(&document[from..], BEGIN) {
        let at = from + at;
        let rest = &document[at + BEGIN.len()..];
        match directive(&rest[..rest.len().min(LONGEST)]) {
            Some((directive, length)) => {
                if text < at {
                    pieces.push(Piece::Text(&document[text..at]));
                }
                pieces.push(Piece::Directive(directive));
                text = at + BEGIN.len() + length;
                from = text;
            }
            None => from = at + BEGIN.len(),
        }
    }
    if text < document.len() {
        pieces.push(Piece::Text(&document[text..]));
    }
    pieces
}

/// What follows `<!--#`, if it is a directive, and its length.
fn directive(input: &[u8]) -> Option<(Directive<'_>, usize)> {
    let name = &input[..letters(input)];
    if name.is_empty() {
        return None;
    }
    let mut rest = &input[name.len()..];
    let mut attributes = Vec::new();
    if name == b"comment" {
        let end = memchr::memmem::find(rest, END)?;
        rest = &rest[end..];
    }
    loop {
        let trimmed = rest.trim_ascii_start();
        if let Some(after) = trimmed.strip_prefix(END) {
            let length = input.len() - after.len();
            return Some((Directive { name, attributes }, length));
        }
        if trimmed.len() == rest.len() {
            // Something sticks to what came before.
            return None;
        }
        let key = &trimmed[..letters(trimmed)];
        let value = trimmed[key.len()..].strip_prefix(b"=")?;
        if key.is_empty() {
            return None;
        }
        let (value, after) = match value.first()? {
            quote @ (b'"' | b'\'' | b'`') => {
                let end = memchr::memchr(*quote, &value[1..])?;
                (&value[1..=end], &value[end + 2..])
            }
            _ => {
                let space = value.iter().position(u8::is_ascii_whitespace);
                let end = memchr::memmem::find(value, END)?;
                value.split_at(space.map_or(end, |space| space.min(end)))
            }
        };
        attributes.push((key, value));
        rest = after;
    }
}

fn letters(text: &[u8]) -> usize {
    let is_letter = |byte: &&u8| byte.is_ascii_alphabetic();
    text.iter().take_while(is_letter).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(document: &str) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let shown: Vec<String> = pieces(document.as_bytes())
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(bytes) => text(bytes),
                Piece::Directive(directive) => {
                    let mut shown = format!("[{}", text(directive.name));
                    for (key, value) in directive.attributes {
                        shown += &format!(" {}={}", text(key), text(value));
                    }
                    shown + "]"
                }
            })
            .collect();
        shown.join("|")
    }

    #[test]
    fn no_directive_is_longer_than_lighttpds() {
        for (length, expected) in [(8000, 1), (9000, 0)] {
            let document = format!("<!--#comment {}-->", "x".repeat(length));
            let is_directive = |piece: &Piece<'_>| matches!(piece, Piece::Directive(_));
            let pieces = pieces(document.as_bytes()).into_iter();
            assert_eq!(pieces.filter(is_directive).count(), expected, "{length}");
        }
    }

    #[test]
    fn directives_and_what_only_looks_like_one() {
        for (document, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a<!--#echo var=\"A\"-->b", "a|[echo var=A]|b"),
            ("<!--#echo  var=\"A\" -->", "[echo var=A]"),
            (
                "<!--#echo var='A' encoding=`none`-->",
                "[echo var=A encoding=none]",
            ),
            ("<!--#echo var=A-->", "[echo var=A]"),
            (
                "<!--#set var=\"a\" value=\"x --> y\"-->",
                "[set var=a value=x --> y]",
            ),
            ("<!--#if-->Y<!--#endif-->", "[if]|Y|[endif]"),
            ("<!--#comment what = ever -->Z", "[comment]|Z"),
            ("<!--# echo var=\"A\"-->", "<!--# echo var=\"A\"-->"),
            ("<!--#-->", "<!--#-->"),
            ("<!--#echo var = \"A\"-->", "<!--#echo var = \"A\"-->"),
            ("<!--#echo var=\"A\"", "<!--#echo var=\"A\""),
            (
                "<!--#set value=\"x\\\"y\"-->",
                "<!--#set value=\"x\\\"y\"-->",
            ),
            ("<!-- a --><!--#a--><!--#", "<!-- a -->|[a]|<!--#"),
        ] {
            assert_eq!(show(document), expected, "{document}");
        }
    }

    proptest! {
        #[test]
        fn any_document_is_survived(document in "(<!--#[a-c ]{0,3}|[a-c]=|\"|'|-->|<|#| |\\PC){0,30}") {
            let _ = pieces(document.as_bytes());
        }
    }
}
