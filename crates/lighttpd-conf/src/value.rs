//! Values: strings, integers and arrays; how `+` joins them and how modules read them.
//! A value knows the place where it was written, so that whoever finds it unsuitable can point at it; two values are
//! equal when their data is, wherever they were written.
//! Coercions are lighttpd's: a wholly decimal string is an integer, "enable" is true, and so on.

use crate::source::Span;
use std::{collections::HashSet, fmt};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// The expression that gave it.
    pub span: Span,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Text in quotes. Always UTF-8 here.
    String(String),
    /// Unsigned, 32 bits.
    Integer(u32),
    /// A list, a map, or both at once.
    Array(Array),
}

/// Entries in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Array {
    entries: Vec<Entry>,
}

/// One entry: `value`, or `"key" => value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key as written; the keys of an array differ in more than case.
    pub key: Option<String>,
    /// The value.
    pub value: Value,
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.data == other.data
    }
}

impl Eq for Value {}

/// Why two values cannot be joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// An array and something else.
    Mismatch {
        left: &'static str,
        right: &'static str,
    },
    /// Both arrays have this key, with different values; where the two stand.
    DuplicateKey {
        key: String,
        first: Span,
        second: Span,
    },
    /// The sum needs more than 32 bits.
    Overflow { left: u32, right: u32 },
}

impl Value {
    pub(crate) fn new(data: Data, span: Span) -> Value {
        Value { data, span }
    }

    /// What `+` and `+=` do: strings are joined, integers added, arrays merged; an integer beside a string is text.
    pub(crate) fn join(self, right: Value) -> Result<Value, JoinError> {
        let span = self.span;
        let data = match (self.data, right.data) {
            (Data::Integer(a), Data::Integer(b)) => Data::Integer(
                a.checked_add(b)
                    .ok_or(JoinError::Overflow { left: a, right: b })?,
            ),
            (Data::String(a), Data::String(b)) => Data::String(a + &b),
            (Data::String(a), Data::Integer(b)) => Data::String(format!("{a}{b}")),
            (Data::Integer(a), Data::String(b)) => Data::String(format!("{a}{b}")),
            (Data::Array(a), Data::Array(b)) => Data::Array(a.merge(b)?),
            (a, b) => {
                return Err(JoinError::Mismatch {
                    left: a.kind(),
                    right: b.kind(),
                });
            }
        };
        Ok(Value::new(data, span))
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            Data::Integer(_) | Data::Array(_) => None,
        }
    }

    /// The array, if it is one.
    pub fn as_array(&self) -> Option<&Array> {
        match &self.data {
            Data::Array(array) => Some(array),
            Data::String(_) | Data::Integer(_) => None,
        }
    }

    /// A string. Integers are not accepted, as in lighttpd.
    pub fn to_str(&self) -> Result<&str, ValueError> {
        self.as_str().ok_or_else(|| self.unfit("a string"))
    }

    /// An integer, 0 to 4294967295, or a wholly decimal string (so `env.PORT` works).
    pub fn to_int(&self) -> Result<u32, ValueError> {
        let number = match &self.data {
            Data::Integer(number) => Some(*number),
            Data::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            Data::String(_) | Data::Array(_) => None,
        };
        number.ok_or_else(|| self.unfit("an integer from 0 to 4294967295"))
    }

    /// An integer, 0 to 65535. A larger one counts as 65535: lighttpd starts with it too, and who writes it means "many".
    pub fn to_short(&self) -> Result<u16, ValueError> {
        match self.to_int() {
            Ok(number) => Ok(u16::try_from(number).unwrap_or(u16::MAX)),
            Err(_) => Err(self.unfit("an integer from 0 to 65535")),
        }
    }

    /// "enable", "enabled", "true", "1" and their opposites in any case, or an integer: 0 is off, anything else on.
    pub fn to_bool(&self) -> Result<bool, ValueError> {
        match &self.data {
            Data::Integer(number) => Some(*number != 0),
            Data::String(text) => bool_word(text),
            Data::Array(_) => None,
        }
        .ok_or_else(|| self.unfit(r#""enable" or "disable""#))
    }

    /// Entries of a map: every entry has a key. The values may be anything.
    pub fn to_map(&self) -> Result<Vec<(&str, &Value)>, ValueError> {
        const EXPECTED: &str = r#"a list of pairs ( "..." => ..., "..." => ... )"#;
        let array = self.as_array().ok_or_else(|| self.unfit(EXPECTED))?;
        array
            .iter()
            .map(|entry| match &entry.key {
                Some(key) => Ok((key.as_str(), &entry.value)),
                None => Err(entry.value.unfit_as(EXPECTED, "an entry without a key")),
            })
            .collect()
    }

    /// A list of strings without keys. A lone string counts as a list of one, as in lighttpd.
    pub fn to_list(&self) -> Result<Vec<String>, ValueError> {
        const EXPECTED: &str = r#"a list of strings ( "...", "..." )"#;
        match &self.data {
            Data::String(text) => Ok(vec![text.clone()]),
            Data::Array(array) => array
                .iter()
                .map(|entry| match (&entry.key, entry.value.as_str()) {
                    (None, Some(text)) => Ok(text.to_owned()),
                    (Some(_), _) => Err(entry.value.unfit_as(EXPECTED, "an entry with a key")),
                    (None, None) => Err(entry.value.unfit(EXPECTED)),
                })
                .collect(),
            Data::Integer(_) => Err(self.unfit(EXPECTED)),
        }
    }

    /// A map of strings, in the order in which it was written.
    pub fn to_pairs(&self) -> Result<Vec<(String, String)>, ValueError> {
        const EXPECTED: &str = r#"a list of pairs of strings ( "..." => "...", "..." => "..." )"#;
        let array = self.as_array().ok_or_else(|| self.unfit(EXPECTED))?;
        array
            .iter()
            .map(|entry| match (&entry.key, entry.value.as_str()) {
                (Some(key), Some(text)) => Ok((key.clone(), text.to_owned())),
                (None, _) => Err(entry.value.unfit_as(EXPECTED, "an entry without a key")),
                (Some(_), None) => Err(entry.value.unfit(EXPECTED)),
            })
            .collect()
    }

    /// A map of arrays, such as a list of backends.
    pub fn to_map_of_arrays(&self) -> Result<Vec<(&str, &Array)>, ValueError> {
        const EXPECTED: &str = r#"a list of pairs ( "..." => ( ... ), "..." => ( ... ) )"#;
        let array = self.as_array().ok_or_else(|| self.unfit(EXPECTED))?;
        array
            .iter()
            .map(|entry| match (&entry.key, entry.value.as_array()) {
                (Some(key), Some(array)) => Ok((key.as_str(), array)),
                (None, _) => Err(entry.value.unfit_as(EXPECTED, "an entry without a key")),
                (Some(_), None) => Err(entry.value.unfit(EXPECTED)),
            })
            .collect()
    }

    /// For callers with expectations of their own: "expected `expected`, found this value".
    pub fn unfit(&self, expected: impl Into<String>) -> ValueError {
        self.unfit_as(expected, self.describe())
    }

    fn unfit_as(&self, expected: impl Into<String>, found: impl Into<String>) -> ValueError {
        ValueError {
            expected: expected.into(),
            found: found.into(),
            span: self.span,
        }
    }

    /// "the string "abc"", "the integer 5", "a list".
    fn describe(&self) -> String {
        match &self.data {
            Data::String(text) if text.chars().count() > 40 => "a long string".to_owned(),
            Data::String(text) => format!("the string \"{text}\""),
            Data::Integer(number) => format!("the integer {number}"),
            Data::Array(_) => "a list".to_owned(),
        }
    }
}

impl Data {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Data::String(_) => "a string",
            Data::Integer(_) => "an integer",
            Data::Array(_) => "a list",
        }
    }
}

impl Array {
    /// Entries without regard to their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it is `()`.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value with this key, in any case. Walks the entries; whoever asks often should build a map.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter()
            .find(|entry| {
                let found = entry.key.as_deref();
                found.is_some_and(|found| found.eq_ignore_ascii_case(key))
            })
            .map(|entry| &entry.value)
    }

    /// Adds an entry; `Err` gives the place of an earlier one with the same key.
    pub(crate) fn push(&mut self, entry: Entry, keys: &mut Keys) -> Result<(), Span> {
        if let Some(key) = &entry.key
            && !keys.0.insert(key.to_ascii_lowercase())
        {
            let first = self.get(key).map_or(entry.value.span, |value| value.span);
            return Err(first);
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Entries of `other` after ours. An entry whose key we have must be equal, and is then left out.
    fn merge(mut self, other: Array) -> Result<Array, JoinError> {
        let lower = |entry: &Entry| entry.key.as_ref().map(|key| key.to_ascii_lowercase());
        let keys: HashSet<String> = self.iter().filter_map(lower).collect();
        for entry in other.entries {
            let Some(key) = lower(&entry).filter(|key| keys.contains(key)) else {
                self.entries.push(entry);
                continue;
            };
            match self.get(&key) {
                Some(first) if *first != entry.value => {
                    return Err(JoinError::DuplicateKey {
                        key,
                        first: first.span,
                        second: entry.value.span,
                    });
                }
                _ => {}
            }
        }
        Ok(self)
    }
}

/// The keys of an array that is being built.
#[derive(Default)]
pub(crate) struct Keys(HashSet<String>);

fn bool_word(word: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|w| w.eq_ignore_ascii_case(word));
    if is(["enable", "enabled", "true", "1"]) {
        Some(true)
    } else if is(["disable", "disabled", "false", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// A value is not what its reader needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// What would have been accepted.
    pub expected: String,
    /// What stands there.
    pub found: String,
    /// Where.
    pub span: Span,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for ValueError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn value(data: Data) -> Value {
        let span = Span {
            file: FileId(0),
            start: 0,
            end: 0,
        };
        Value::new(data, span)
    }

    fn text(text: &str) -> Value {
        value(Data::String(text.to_owned()))
    }

    fn number(number: u32) -> Value {
        value(Data::Integer(number))
    }

    fn map(pairs: &[(&str, &str)]) -> Value {
        let entries = pairs
            .iter()
            .map(|(key, value)| Entry {
                key: (!key.is_empty()).then(|| (*key).to_owned()),
                value: text(value),
            })
            .collect();
        value(Data::Array(Array { entries }))
    }

    #[test]
    fn joining_follows_the_types() {
        assert_eq!(text("a").join(text("b")), Ok(text("ab")));
        assert_eq!(text("a").join(number(1)), Ok(text("a1")));
        assert_eq!(number(1).join(text("a")), Ok(text("1a")));
        assert_eq!(number(1).join(number(2)), Ok(number(3)));
        assert!(matches!(
            number(u32::MAX).join(number(1)),
            Err(JoinError::Overflow { .. })
        ));
        assert!(matches!(
            map(&[]).join(text("a")),
            Err(JoinError::Mismatch { .. })
        ));
    }

    #[test]
    fn merging_refuses_only_contradictions() {
        let left = map(&[("a", "1"), ("", "x")]);
        assert_eq!(
            left.clone().join(map(&[("a", "1"), ("", "x"), ("b", "2")])),
            Ok(map(&[("a", "1"), ("", "x"), ("", "x"), ("b", "2")]))
        );
        assert!(matches!(
            left.join(map(&[("a", "2")])),
            Err(JoinError::DuplicateKey { key, .. }) if key == "a"
        ));
    }

    #[test]
    fn coercions_are_lighttpds() {
        for word in ["enable", "Enabled", "TRUE", "1"] {
            assert_eq!(text(word).to_bool(), Ok(true));
        }
        for word in ["disable", "DISABLED", "false", "0"] {
            assert_eq!(text(word).to_bool(), Ok(false));
        }
        assert_eq!(number(2).to_bool(), Ok(true));
        for word in ["yes", "on", "", "2"] {
            assert!(text(word).to_bool().is_err());
        }

        assert_eq!(text("080").to_short(), Ok(80));
        assert_eq!(number(65536).to_short(), Ok(65535));
        assert_eq!(number(1_000_000).to_short(), Ok(65535));
        for word in ["", " 1", "1x", "-1", "+1", "4294967296"] {
            assert!(text(word).to_int().is_err(), "{word:?}");
        }
        assert_eq!(text("4294967295").to_int(), Ok(u32::MAX));
        assert!(number(1).to_str().is_err());

        assert_eq!(text("a").to_list(), Ok(vec!["a".to_owned()]));
        assert!(map(&[("a", "b")]).to_list().is_err());
        assert!(map(&[("", "b")]).to_pairs().is_err());
    }

    #[test]
    fn an_error_says_both_sides() {
        let error = number(7).to_str().unwrap_err();
        assert_eq!(error.to_string(), "expected a string, found the integer 7");
    }
}
