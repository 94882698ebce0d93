//! File name -> media type (`mimetype.assign`).
//!
//! In: suffixes and types. Out: the type of the longest suffix that matches, as lighttpd does. Must hold: a table is
//! shared, never changed once made.

use std::sync::Arc;

/// Suffixes and their types.
#[derive(Debug, Default)]
pub struct Table {
    /// Suffix (any text, mostly with a dot) and type, longest suffix first; `""` matches everything.
    entries: Vec<(String, String)>,
}

impl Table {
    /// Makes a table; the longest suffix wins.
    pub fn new(mut entries: Vec<(String, String)>) -> Table {
        entries.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        Table { entries }
    }

    /// The type of a file.
    pub fn find(&self, path: &[u8]) -> Option<&str> {
        let ends_with = |suffix: &str| {
            path.len() >= suffix.len()
                && path[path.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
        };
        self.entries
            .iter()
            .find(|(suffix, _)| ends_with(suffix))
            .map(|(_, media_type)| media_type.as_str())
    }
}

/// The table in force without `mimetype.assign`.
pub fn builtin() -> Arc<Table> {
    static TABLE: std::sync::OnceLock<Arc<Table>> = std::sync::OnceLock::new();
    TABLE.get_or_init(|| Arc::new(Table::default())).clone()
}
