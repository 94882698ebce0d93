//! From PCRE's syntax to that of the `regex` and `fancy-regex` crates, which is nearly the same.
//! One pass over the expression: what only PCRE spells is spelt differently, what would mean something else there is
//! escaped, and what needs backtracking is noticed. The number of groups never changes.

use crate::pattern::PatternError;

/// An expression in the common syntax.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Translation {
    pub(crate) text: String,
    /// Characters are UTF-8 sequences instead of bytes.
    pub(crate) unicode: bool,
    /// It uses something that a linear-time automaton cannot do.
    pub(crate) backtracks: bool,
}

const SPACE: &str = r"[\t ]";
const NOT_SPACE: &str = r"[^\t ]";
const LINE_END: &str = r"(?:\r\n|[\n\x0b\x0c\r])";

pub(crate) fn translate(source: &str) -> Result<Translation, PatternError> {
    let mut rest = source;
    let mut unicode = false;
    while let Some(after) = rest.strip_prefix("(*") {
        let (verb, after) = after
            .split_once(')')
            .ok_or(PatternError::Unsupported("a verb (*...)"))?;
        match verb {
            "UTF" | "UTF8" | "UCP" => unicode = true,
            _ => return Err(PatternError::Unsupported("a verb (*...)")),
        }
        rest = after;
    }
    let mut pass = Pass {
        rest,
        text: String::with_capacity(rest.len()),
        backtracks: false,
    };
    pass.run()?;
    Ok(Translation {
        text: pass.text,
        unicode,
        backtracks: pass.backtracks,
    })
}

struct Pass<'a> {
    rest: &'a str,
    text: String,
    backtracks: bool,
}

impl Pass<'_> {
    fn run(&mut self) -> Result<(), PatternError> {
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '{' if !is_repetition(self.rest) => self.text.push_str(r"\{"),
                '}' => self.close_repetition(),
                '*' | '+' | '?' => {
                    self.text.push(c);
                    self.possessive();
                }
                _ => self.text.push(c),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A repetition sign may be followed by `?` (lazy) or `+` (possessive).
    fn possessive(&mut self) {
        if self.take("?") {
            self.text.push('?');
        } else if self.take("+") {
            self.text.push('+');
            self.backtracks = true;
        }
    }

    /// `}` ends a repetition if one is open, which it is only if `{` was copied as it is.
    fn close_repetition(&mut self) {
        let open = self.text.rfind('{').is_some_and(|at| {
            !self.text[..at].ends_with('\\')
                && is_repetition(&format!("{}}}", &self.text[at + 1..]))
        });
        if open {
            self.text.push('}');
            self.possessive();
        } else {
            self.text.push_str(r"\}");
        }
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        let Some(c) = self.next() else {
            self.text.push('\\');
            return Ok(());
        };
        match c {
            'Q' => {
                let (literal, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
                self.text.push_str(&regex::escape(literal));
                self.rest = rest;
            }
            'E' => {}
            'h' => self.text.push_str(SPACE),
            'H' => self.text.push_str(NOT_SPACE),
            'R' => self.text.push_str(LINE_END),
            'N' => self.text.push_str(r"[^\n]"),
            'e' => self.text.push_str(r"\x1b"),
            '<' | '>' => self.text.push(c),
            '0' => self.octal(),
            '1'..='9' | 'g' | 'k' | 'K' | 'G' | 'Z' => {
                self.backtracks = true;
                self.text.push('\\');
                self.text.push(c);
            }
            'C' => return Err(PatternError::Unsupported(r"\C")),
            'c' => return Err(PatternError::Unsupported(r"\c")),
            'X' => return Err(PatternError::Unsupported(r"\X")),
            c if c.is_ascii_alphanumeric() || c.is_ascii_punctuation() => {
                self.text.push('\\');
                self.text.push(c);
            }
            // A needless backslash.
            c => self
                .text
                .push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
        Ok(())
    }

    /// After `\0`: up to two more octal digits.
    fn octal(&mut self) {
        let digits = self
            .rest
            .bytes()
            .take(2)
            .take_while(|b| (b'0'..=b'7').contains(b))
            .count();
        let (octal, rest) = self.rest.split_at(digits);
        let code = octal.bytes().fold(0, |n, b| n * 8 + u32::from(b - b'0'));
        self.rest = rest;
        self.text.push_str(&format!(r"\x{code:02x}"));
    }

    /// `[...]`: there, `[`, `&&`, `--` and `~~` are nothing special in PCRE.
    fn class(&mut self) -> Result<(), PatternError> {
        self.text.push('[');
        if self.take("^") {
            self.text.push('^');
        }
        if self.take("]") {
            self.text.push_str(r"\]");
        }
        while let Some(c) = self.next() {
            match c {
                ']' => {
                    self.text.push(']');
                    return Ok(());
                }
                '\\' => match self.next() {
                    Some('h') => self.text.push_str(r"\t "),
                    Some('e') => self.text.push_str(r"\x1b"),
                    Some('b') => self.text.push_str(r"\x08"),
                    Some('0') => self.octal(),
                    Some(c @ ('<' | '>')) => self.text.push(c),
                    Some(c) if c.is_ascii() => {
                        self.text.push('\\');
                        self.text.push(c);
                    }
                    Some(c) => self.text.push(c),
                    None => self.text.push('\\'),
                },
                '[' => match self.rest.split_once(":]") {
                    Some((name, rest)) if is_posix_name(name) => {
                        self.text.push_str(&format!("[{name}:]"));
                        self.rest = rest;
                    }
                    _ => self.text.push_str(r"\["),
                },
                '&' | '~' => {
                    self.text.push('\\');
                    self.text.push(c);
                }
                _ => self.text.push(c),
            }
        }
        Err(PatternError::Syntax("missing ] after [".to_owned()))
    }

    /// `(`, and what may follow it.
    fn group(&mut self) -> Result<(), PatternError> {
        if self.take("?#") {
            self.rest = self.rest.split_once(')').map_or("", |(_, rest)| rest);
            return Ok(());
        }
        if self.rest.starts_with('*') {
            return Err(PatternError::Unsupported("a verb (*...)"));
        }
        self.text.push('(');
        if !self.take("?") {
            return Ok(());
        }
        self.text.push('?');
        if self.rest.starts_with('|') {
            return Err(PatternError::Unsupported("a branch reset (?|...)"));
        }
        if self.take("'") {
            // (?'name'...) is (?<name>...)
            let (name, rest) = self
                .rest
                .split_once('\'')
                .ok_or_else(|| PatternError::Syntax("missing ' after (?'".to_owned()))?;
            self.text.push_str(&format!("<{name}>"));
            self.rest = rest;
            return Ok(());
        }
        let needs_backtracking = ["=", "!", "<=", "<!", ">", "(", "&", "R", "P=", "P>"];
        if needs_backtracking
            .iter()
            .any(|sign| self.rest.starts_with(sign))
        {
            self.backtracks = true;
        }
        Ok(())
    }
}

/// Whether the text after `{` makes it a repetition: `n}`, `n,}`, `n,m}`.
fn is_repetition(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else {
        return false;
    };
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !low.is_empty() && digits(low) && digits(high)
}

fn is_posix_name(name: &str) -> bool {
    let word = name.strip_prefix(':').unwrap_or_default();
    let word = word.strip_prefix('^').unwrap_or(word);
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        translate(source).unwrap().text
    }

    #[test]
    fn most_expressions_stay_as_they_are() {
        for source in [
            r"^/a/(.*)\.php(?:\?|$)",
            "(?i)[a-z]{2,3}?",
            r"[[:alpha:]\]]",
            r"\/\-\x41",
            "(?<n>a)",
        ] {
            assert_eq!(text(source), source);
        }
    }

    #[test]
    fn what_only_pcre_spells() {
        assert_eq!(text(r"\Qa.b\E."), r"a\.b.");
        assert_eq!(text(r"\h"), r"[\t ]");
        assert_eq!(text(r"\012"), r"\x0a");
        assert_eq!(text("(?'n'a)"), "(?<n>a)");
        assert_eq!(text("a(?#b)c"), "ac");
    }

    #[test]
    fn what_would_mean_something_else() {
        assert_eq!(text("[a[b]"), r"[a\[b]");
        assert_eq!(text("[]a]"), r"[\]a]");
        assert_eq!(text("[a&&b]"), r"[a\&\&b]");
        assert_eq!(text(r"\<a\>"), "<a>");
        assert_eq!(text("a{b}{2}{,3}"), r"a\{b\}{2}\{,3\}");
    }

    #[test]
    fn backtracking_is_noticed() {
        for source in ["a(?!b)", r"(a)\1", "a*+", "a{2}+", "(?>a)", r"\Ka"] {
            assert!(translate(source).unwrap().backtracks, "{source}");
        }
        for source in ["a*?", "a{2}?", r"\+\+", "[*+]", "a+b+"] {
            assert!(!translate(source).unwrap().backtracks, "{source}");
        }
    }
}
