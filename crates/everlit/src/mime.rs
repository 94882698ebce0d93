//! File name -> media type (`mimetype.assign`).
//!
//! In: suffixes and types. Out: the type of a file, found as lighttpd finds it. Must hold: a table is shared, never
//! changed once made; case does not matter.

mod builtin;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// From so many entries on, lighttpd looks names up instead of trying one entry after the other.
const LOOKED_UP_FROM: usize = 16;

/// Longest suffix that is looked up; longer ones are only found in short tables.
const MAX_SUFFIX: usize = 128;

/// Suffixes and their types.
#[derive(Debug)]
pub struct Table(Kind);

#[derive(Debug)]
enum Kind {
    /// The first suffix that fits, in the order of the configuration.
    Tried(Vec<(String, String)>),
    /// The whole name, else what follows a dot, with the dot or without it, the longest first; else `""`.
    LookedUp(HashMap<Vec<u8>, String>),
}

impl Default for Table {
    fn default() -> Self {
        Table(Kind::Tried(Vec::new()))
    }
}

impl Table {
    /// Makes a table of suffixes and types; no two suffixes are the same but for case.
    pub fn new(entries: Vec<(String, String)>) -> Table {
        Table(if entries.len() < LOOKED_UP_FROM {
            Kind::Tried(entries)
        } else {
            let lower = |(suffix, media_type): (String, String)| {
                (suffix.to_ascii_lowercase().into_bytes(), media_type)
            };
            Kind::LookedUp(entries.into_iter().map(lower).collect())
        })
    }

    /// The type of a file.
    pub fn find(&self, path: &[u8]) -> Option<&str> {
        match &self.0 {
            Kind::Tried(entries) => entries
                .iter()
                .find(|(suffix, _)| ends_with(path, suffix.as_bytes()))
                .map(|(_, media_type)| media_type.as_str()),
            Kind::LookedUp(map) => look_up(map, path),
        }
    }
}

fn ends_with(path: &[u8], suffix: &[u8]) -> bool {
    path.len()
        .checked_sub(suffix.len())
        .is_some_and(|start| path[start..].eq_ignore_ascii_case(suffix))
}

fn look_up<'t>(map: &'t HashMap<Vec<u8>, String>, path: &[u8]) -> Option<&'t str> {
    let start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    let name = &path[start..];
    let mut buffer = [0; MAX_SUFFIX];
    // A longer name begins with something that no suffix of the table has; the dots in its last part still count.
    let name = &name[name.len().saturating_sub(MAX_SUFFIX)..];
    let lower = &mut buffer[..name.len()];
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();

    let lower = &*lower;
    let after_dots =
        memchr::memchr_iter(b'.', lower).flat_map(|dot| [&lower[dot..], &lower[dot + 1..]]);
    let candidates = std::iter::once(lower).chain(after_dots).chain([&b""[..]]);
    candidates
        .filter_map(|candidate| map.get(candidate))
        .map(String::as_str)
        .next()
}

/// The table in force without `mimetype.assign`.
pub fn builtin() -> Arc<Table> {
    static TABLE: OnceLock<Arc<Table>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let own =
            |(suffix, media_type): &(&str, &str)| ((*suffix).to_owned(), (*media_type).to_owned());
        Arc::new(Table::new(builtin::TYPES.iter().map(own).collect()))
    });
    table.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(entries: &[(&str, &str)]) -> Table {
        let own = |(suffix, name): &(&str, &str)| ((*suffix).to_owned(), (*name).to_owned());
        Table::new(entries.iter().map(own).collect())
    }

    const SHORT: &[(&str, &str)] = &[
        (".gz", "t/gz"),
        (".tar.gz", "t/targz"),
        ("README", "t/readme"),
        ("c", "t/c"),
        ("", "t/all"),
        (".txt", "t/txt"),
    ];

    #[test]
    fn in_a_short_table_the_first_that_fits_counts() {
        let table = table(SHORT);
        for (name, expected) in [
            ("/x.tar.gz", "t/gz"),
            ("/X.GZ", "t/gz"),
            ("/xREADME", "t/readme"),
            ("/a.b.c", "t/c"),
            ("/x.txt", "t/all"),
            ("/gz", "t/all"),
        ] {
            assert_eq!(table.find(name.as_bytes()), Some(expected), "{name}");
        }
        assert_eq!(Table::default().find(b"/x.gz"), None);
    }

    #[test]
    fn in_a_long_table_the_longest_counts() {
        let more: Vec<String> = (0..12).map(|n| format!(".{n}")).collect();
        let mut entries = SHORT.to_vec();
        entries.push(("foo.txt", "t/footxt"));
        entries.extend(more.iter().map(|suffix| (suffix.as_str(), "t/n")));
        let table = table(&entries);
        for (name, expected) in [
            ("/d.gz/x.tar.gz", "t/targz"),
            ("/x.gz", "t/gz"),
            ("/X.Gz", "t/gz"),
            ("/README", "t/readme"),
            ("/foo.readme", "t/readme"),
            ("/xREADME", "t/all"),
            ("/a.b.c", "t/c"),
            ("/.gz", "t/gz"),
            ("/gz", "t/all"),
            ("/x.", "t/all"),
            ("/y.foo.txt", "t/footxt"),
            ("/README/x", "t/all"),
        ] {
            assert_eq!(table.find(name.as_bytes()), Some(expected), "{name}");
        }
        let long = format!("/{}.tar.gz", "x".repeat(300));
        assert_eq!(table.find(long.as_bytes()), Some("t/targz"));
    }

    #[test]
    fn the_builtin_table_knows_the_web() {
        let table = builtin();
        for (name, expected) in [
            ("/index.html", "text/html;charset=utf-8"),
            ("/a.CSS", "text/css;charset=utf-8"),
            ("/a.js", "text/javascript;charset=utf-8"),
            ("/a.json", "application/json"),
            ("/a.png", "image/png"),
            ("/a.tar.gz", "application/gzip"),
            ("/a", "application/octet-stream"),
        ] {
            assert_eq!(table.find(name.as_bytes()), Some(expected), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_path_has_a_type_in_a_table_with_a_last_resort(path: Vec<u8>) {
            prop_assert!(builtin().find(&path).is_some());
        }
    }
}
