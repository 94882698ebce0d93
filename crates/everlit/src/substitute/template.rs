//! What is made of a target that fits: text with `$1`, `%1`, `${url.path}` and the like in it.
//!
//! In: a string of the configuration. Out: [`Template`], which is filled in for each request. Must hold: `$$` and `%%` are a
//! `$` and a `%`; what lighttpd passes over is passed over, and said.

use super::coding::{Case, Coding, Form, decoded, encoded};

/// A template, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Given(Given, Coding),
    /// `${qsa}`: the query, if there is one, after a `?`, or after a `&` where there is a `?` already.
    Query(Coding),
}

/// What a request gives to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// `$1`: a group of the rule's own expression.
    OfRule(usize),
    /// `%1`: a group of the condition around it.
    OfCondition(usize),
    /// `${url.scheme}`
    Scheme,
    /// `${url.authority}`
    Authority,
    /// `${url.port}`: of the listening socket.
    Port,
    /// `${url.path}`: encoded, without the query.
    Path,
    /// `${url.query}`
    Query,
}

const PARTS_OF_URL: &[(&str, Given)] = &[
    ("url.scheme", Given::Scheme),
    ("url.authority", Given::Authority),
    ("url.port", Given::Port),
    ("url.path", Given::Path),
    ("url.query", Given::Query),
];

const FORMS: &[(&str, Form)] = &[
    ("esc:", Form::Escaped),
    ("escape:", Form::Escaped),
    ("escnde:", Form::EscapedOnce),
    ("escpsnde:", Form::EscapedPath),
    ("noesc:", Form::Plain),
    ("noescape:", Form::Plain),
    ("encb64u:", Form::Base64),
    ("decb64u:", Form::FromBase64),
];

const CASES: &[(&str, Case)] = &[("tolower:", Case::Lower), ("toupper:", Case::Upper)];

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// `${` without an end: an error, lighttpd would cut off the URL here.
    Open,
    /// This between braces means nothing, and is passed over.
    Unknown(String),
}

impl Template {
    /// Takes a string apart.
    pub(super) fn parse(text: &str) -> (Template, Vec<Flaw>) {
        let text = normal(text.as_bytes());
        let mut template = Template::default();
        let mut flaws = Vec::new();
        let mut rest = &text[..];
        while let Some(at) = memchr::memchr2(b'$', b'%', rest) {
            let sign = rest[at];
            template.push_text(&rest[..at]);
            let after = &rest[at + 1..];
            rest = match after.first() {
                None => {
                    template.push_text(&[sign]);
                    after
                }
                Some(b'{') => match memchr::memchr(b'}', after) {
                    None => {
                        flaws.push(Flaw::Open);
                        return (template, flaws);
                    }
                    Some(end) => {
                        flaws.extend(template.push_braces(sign, &after[1..end]));
                        &after[end + 1..]
                    }
                },
                Some(digit) if digit.is_ascii_digit() => {
                    let group = group(sign, usize::from(digit - b'0'));
                    template.parts.push(Part::Given(group, Coding::PLAIN));
                    &after[1..]
                }
                Some(&same) if same == sign => {
                    template.push_text(&[sign]);
                    &after[1..]
                }
                Some(&other) => {
                    template.push_text(&[sign, other]);
                    &after[1..]
                }
            };
        }
        template.push_text(rest);
        (template, flaws)
    }

    /// Whether there is nothing in it: a rule that only says that its targets are left alone.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether it refers to groups of the rule.
    pub(super) fn wants_groups(&self) -> bool {
        let of_rule = |part: &Part| matches!(part, Part::Given(Given::OfRule(_), _));
        self.parts.iter().any(of_rule)
    }

    /// Fills it in. `give` appends what was asked for, coded as asked; `query`: without its question mark.
    pub(super) fn fill(
        &self,
        query: Option<&[u8]>,
        mut give: impl FnMut(Given, Coding, &mut Vec<u8>),
    ) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Given(given, coding) => give(*given, *coding, &mut out),
                Part::Query(coding) => {
                    let Some(query) = query else { continue };
                    match out.contains(&b'?') {
                        true if query.is_empty() => {}
                        true => out.push(b'&'),
                        false => out.push(b'?'),
                    }
                    coding.append(query, &mut out);
                }
            }
        }
        out
    }

    fn push_text(&mut self, text: &[u8]) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(before)) => before.extend_from_slice(text),
            _ => self.parts.push(Part::Text(text.to_vec())),
        }
    }

    /// What stands between braces: words that say how it is written, and at last what it is.
    fn push_braces(&mut self, sign: u8, inside: &[u8]) -> Option<Flaw> {
        let whole = String::from_utf8_lossy(inside);
        let unknown = || Some(Flaw::Unknown(whole.clone().into_owned()));
        let (mut form, mut case) = (None, Case::Kept);
        let mut rest = &*whole;
        let mut flaw = None;
        loop {
            if let Some((word, more)) = FORMS.iter().find(|(word, _)| rest.starts_with(word)) {
                form = Some(form.map_or(*more, |form: Form| form.min(*more)));
                rest = &rest[word.len()..];
            } else if let Some((word, more)) = CASES.iter().find(|(word, _)| rest.starts_with(word))
            {
                case = *more;
                rest = &rest[word.len()..];
            } else if rest == "qsa" {
                let form = form.unwrap_or(Form::Plain);
                self.parts.push(Part::Query(Coding { form, case }));
                return flaw;
            } else if rest.starts_with("url.") {
                let Some((_, given)) = PARTS_OF_URL.iter().find(|(name, _)| rest == *name) else {
                    return unknown();
                };
                let form = form.unwrap_or(Form::Plain);
                self.parts.push(Part::Given(*given, Coding { form, case }));
                return flaw;
            } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
                let length = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
                if rest.len() > length {
                    flaw = unknown();
                }
                let number = rest[..length].parse().unwrap_or_default();
                let form = form.unwrap_or(Form::EscapedPath);
                let group = group(sign, number);
                self.parts.push(Part::Given(group, Coding { form, case }));
                return flaw;
            } else {
                flaw = unknown();
                let mut letters = rest.chars();
                if letters.next().is_none() {
                    return flaw;
                }
                rest = letters.as_str();
            }
        }
    }
}

fn group(sign: u8, number: usize) -> Given {
    match sign {
        b'$' => Given::OfRule(number),
        _ => Given::OfCondition(number),
    }
}

/// In the form that targets have: encoded characters (after `%%`) with upper-case digits, and others than ASCII encoded.
fn normal(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let Some((b'%', digits)) = after.split_first()
        {
            match decoded(b'%', digits) {
                Some(byte) => {
                    out.push(b'%');
                    out.extend_from_slice(&encoded(byte));
                    rest = &digits[2..];
                }
                None => {
                    out.extend_from_slice(b"%%");
                    rest = digits;
                }
            }
        } else if byte.is_ascii() {
            out.push(byte);
        } else {
            out.push(b'%');
            out.extend_from_slice(&encoded(byte));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Filled in with the names of what it asks for.
    fn filled(text: &str) -> String {
        let (template, _) = Template::parse(text);
        let out = template.fill(Some(b"Q"), |given, coding, out| {
            out.extend_from_slice(format!("<{given:?}").as_bytes());
            if coding != Coding::PLAIN {
                out.extend_from_slice(format!(" {:?} {:?}", coding.form, coding.case).as_bytes());
            }
            out.push(b'>');
        });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_stands_for_what() {
        for (text, expected) in [
            ("/x/$1/%2", "/x/<OfRule(1)>/<OfCondition(2)>"),
            ("$10", "<OfRule(1)>0"),
            ("${10}", "<OfRule(10) EscapedPath Kept>"),
            ("%{esc:1}", "<OfCondition(1) Escaped Kept>"),
            ("${tolower:1}", "<OfRule(1) EscapedPath Lower>"),
            ("${toupper:noesc:1}", "<OfRule(1) Plain Upper>"),
            ("${esc:noesc:1}", "<OfRule(1)>"),
            ("${noescape:escape:1}", "<OfRule(1)>"),
            (
                "${encb64u:1}${decb64u:2}",
                "<OfRule(1) Base64 Kept><OfRule(2) FromBase64 Kept>",
            ),
            (
                "${url.scheme}://${url.authority}:${url.port}",
                "<Scheme>://<Authority>:<Port>",
            ),
            ("${url.path}${qsa}", "<Path>?Q"),
            ("/x?a${qsa}", "/x?a&Q"),
            ("${tolower:qsa}", "?q"),
            ("${escnde:url.query}", "<Query EscapedOnce Kept>"),
            // One sign twice is that sign; before anything else it stays, with it.
            ("/%%|%a|$$|$$1|%$1|$|%|$", "/%|%a|$|$1|%$1|$|%|$"),
            // As lighttpd passes over what it does not know.
            ("x${x0}y${url.foo}z${}", "x<OfRule(0) EscapedPath Kept>yz"),
            ("${1x}", "<OfRule(1) EscapedPath Kept>"),
            // In the form that targets have.
            ("/%%e4ä%%x", "/%E4%C3%A4%x"),
        ] {
            assert_eq!(filled(text), expected, "{text}");
        }
    }

    #[test]
    fn flaws_are_found() {
        let flaws = |text: &str| Template::parse(text).1;
        let unknown = |text: &str| vec![Flaw::Unknown(text.to_owned())];
        assert_eq!(flaws("/$1%2${esc:1}${qsa}$$$x"), []);
        assert_eq!(flaws("/${1"), [Flaw::Open]);
        assert_eq!(flaws("/${url.foo}"), unknown("url.foo"));
        assert_eq!(flaws("/${x1}"), unknown("x1"));
        assert_eq!(flaws("/${}"), unknown(""));
        assert_eq!(flaws("/${1é}"), unknown("1%%C3%%A9"));
    }

    #[test]
    fn an_empty_template_is_told_from_one_that_gives_nothing() {
        assert!(Template::parse("").0.is_empty());
        assert!(!Template::parse("$1").0.is_empty());
        assert!(Template::parse("${esc:1}").0.wants_groups());
        assert!(!Template::parse("%1${url.path}").0.wants_groups());
    }

    #[test]
    fn without_a_query_nothing_is_appended() {
        let fill = |text: &str, query| {
            let out = Template::parse(text).0.fill(query, |_, _, _| {});
            String::from_utf8(out).unwrap()
        };
        assert_eq!(fill("/x${qsa}", None), "/x");
        assert_eq!(fill("/x${qsa}", Some(b"")), "/x?");
        assert_eq!(fill("/x?a${qsa}", Some(b"")), "/x?a");
    }
}
