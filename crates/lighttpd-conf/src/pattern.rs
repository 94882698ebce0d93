//! PCRE expressions over bytes, for conditions and for the rules of redirect and rewrite.
//! An expression is compiled to a linear-time automaton where it allows that, and else (look-around, back-references,
//! atomic groups) to a backtracking matcher whose steps are limited.
//! Matching never fails: a backtracking match that exceeds its limit is no match.

use crate::pcre::{self, Translation};
use std::{fmt, ops::Range};

/// Groups of an expression that can be referred to: the whole match, and up to 19 in parentheses.
pub const GROUPS: usize = 20;

/// Most groups in parentheses of a condition's expression: `%1` to `%9`.
const MOST_IN_CONDITIONS: usize = 9;

/// Places of the whole match and of the groups in the text, as byte offsets.
pub type Groups = [Option<Range<usize>>; GROUPS];

/// Steps after which a backtracking match is given up.
const BACKTRACK_LIMIT: usize = 1_000_000;

/// A compiled expression.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Linear(regex::bytes::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Why an expression cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It uses something of PCRE that is not supported here.
    Unsupported(&'static str),
    /// More groups in parentheses than can be named.
    TooManyGroups {
        /// How many.
        found: usize,
        /// How many there may be: 9 in a condition, 19 in a rule.
        most: usize,
    },
    /// It is not an expression; what the compiler says.
    Syntax(String),
}

impl Pattern {
    /// Compiles the expression of a condition, in PCRE's syntax. Bytes are characters unless it begins with `(*UTF)` or
    /// `(*UTF8)`.
    pub fn new(source: &str) -> Result<Pattern, PatternError> {
        Pattern::with_groups(source, MOST_IN_CONDITIONS)
    }

    /// Compiles the expression of a rule (`url.redirect`, `url.rewrite-*`), which may have more groups.
    pub fn of_rule(source: &str) -> Result<Pattern, PatternError> {
        Pattern::with_groups(source, GROUPS - 1)
    }

    fn with_groups(source: &str, most: usize) -> Result<Pattern, PatternError> {
        let translation = pcre::translate(source)?;
        let engine = if translation.backtracks {
            Engine::backtracking(&translation)?
        } else {
            Engine::linear(&translation)?
        };
        let found = engine.groups();
        if found > most {
            return Err(PatternError::TooManyGroups { found, most });
        }
        let source = source.to_owned();
        Ok(Pattern { source, engine })
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Number of groups in parentheses, the whole match not counted.
    pub fn groups(&self) -> usize {
        self.engine.groups()
    }

    /// Whether it occurs in the text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.engine {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Backtracking(regex) => regex.is_match(text).unwrap_or(false),
        }
    }

    /// Where it first occurs in the text, and where its groups do.
    pub fn captures(&self, text: &[u8]) -> Option<Groups> {
        let mut groups = Groups::default();
        match &self.engine {
            Engine::Linear(regex) => {
                let captures = regex.captures(text)?;
                for (group, found) in groups.iter_mut().zip(captures.iter()) {
                    *group = found.map(|found| found.range());
                }
            }
            Engine::Backtracking(regex) => {
                let captures = regex.captures(text).ok().flatten()?;
                for (at, group) in groups.iter_mut().enumerate() {
                    *group = captures.get(at).map(|found| found.start()..found.end());
                }
            }
        }
        Some(groups)
    }
}

impl Engine {
    fn linear(translation: &Translation) -> Result<Engine, PatternError> {
        regex::bytes::RegexBuilder::new(&translation.text)
            .unicode(translation.unicode)
            .build()
            .map(Engine::Linear)
            .map_err(|error| PatternError::Syntax(last_line(&error.to_string())))
    }

    fn backtracking(translation: &Translation) -> Result<Engine, PatternError> {
        let mode = if translation.unicode {
            fancy_regex::BytesMode::Unicode
        } else {
            fancy_regex::BytesMode::Ascii
        };
        fancy_regex::RegexBuilder::new(&translation.text)
            .bytes_mode(mode)
            .backtrack_limit(BACKTRACK_LIMIT)
            .build()
            .map(|regex| Engine::Backtracking(Box::new(regex)))
            .map_err(|error| PatternError::Syntax(last_line(&error.to_string())))
    }

    fn groups(&self) -> usize {
        match self {
            Engine::Linear(regex) => regex.captures_len() - 1,
            Engine::Backtracking(regex) => regex.captures_len() - 1,
        }
    }
}

/// The compilers draw the expression over several lines; the reason stands in the last one.
fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternError::Unsupported(what) => write!(f, "{what} is not supported in expressions"),
            PatternError::TooManyGroups { found, most } => {
                write!(
                    f,
                    "the expression has {found} groups, and no more than {most} can be named"
                )
            }
            PatternError::Syntax(reason) => write!(f, "not a regular expression: {reason}"),
        }
    }
}

impl std::error::Error for PatternError {}

impl PatternError {
    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            PatternError::TooManyGroups { .. } => {
                Some("write (?:...) for groups that are not referred to")
            }
            PatternError::Unsupported(_) | PatternError::Syntax(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(expression: &str, text: &[u8]) -> Option<Range<usize>> {
        Pattern::new(expression).unwrap().captures(text)?[0].clone()
    }

    #[test]
    fn groups_are_offsets() {
        let groups = Pattern::new(r"^(\w+)\.(x)?")
            .unwrap()
            .captures(b"ab.c")
            .unwrap();
        assert_eq!(groups[..3], [Some(0..3), Some(0..2), None]);
    }

    #[test]
    fn bytes_are_characters() {
        assert_eq!(whole("^.$", b"\xff"), Some(0..1));
        assert_eq!(whole("^..$", "é".as_bytes()), Some(0..2));
        assert_eq!(whole("(*UTF8)^.$", "é".as_bytes()), Some(0..2));
        assert_eq!(whole("é", "xé".as_bytes()), Some(1..3));
        assert_eq!(whole(r"\d", "\u{0661}".as_bytes()), None);
    }

    #[test]
    fn look_around_and_back_references() {
        assert_eq!(whole("a(?!b)", b"abac"), Some(2..3));
        assert_eq!(whole("(?<=x)a", b"axa\xff"), Some(2..3));
        assert_eq!(whole(r"(.)\1", b"abb"), Some(1..3));
        assert_eq!(whole("a++a", b"aaa"), None);
        assert_eq!(whole("(?>a+)a", b"aaa"), None);
        assert_eq!(whole(r"(?<n>x)\k<n>", b"axx"), Some(1..3));
    }

    #[test]
    fn runaway_backtracking_is_no_match() {
        let pattern = Pattern::new(r"^(?=(a+)+$)(x|\1)").unwrap();
        assert!(!pattern.is_match(&[b"a".repeat(4000), b"!".to_vec()].concat()));
    }

    #[test]
    fn what_is_refused() {
        for expression in [
            "(",
            "[a",
            "a{2,1}",
            "a)b",
            "(1)(2)(3)(4)(5)(6)(7)(8)(9)(10)",
            "(?|a|b)",
        ] {
            assert!(Pattern::new(expression).is_err(), "{expression}");
        }
    }

    #[test]
    fn rules_may_have_more_groups_than_conditions() {
        let groups = |count: usize| "(.)".repeat(count);
        assert!(Pattern::new(&groups(9)).is_ok());
        assert!(Pattern::new(&groups(10)).is_err());
        assert!(Pattern::of_rule(&groups(20)).is_err());
        let pattern = Pattern::of_rule(&groups(19)).unwrap();
        let found = pattern.captures(b"abcdefghijklmnopqrs").unwrap();
        assert_eq!(found[19], Some(18..19));
    }
}
