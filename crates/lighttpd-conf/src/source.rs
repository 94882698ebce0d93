//! Files that took part, and places in them.
//! Every text that was read (the main file, includes, output of commands) is kept here; a [`Span`] names a stretch of
//! one of them in eight bytes, and [`Sources::place`] turns it into file, line, column and the line itself.
//! A text is never changed or dropped while a span into it may exist.

use crate::diagnostic::{IncludedFrom, Place};
use std::path::{Path, PathBuf};

/// Index of a text in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub(crate) u32);

/// A stretch of one source text: byte offsets, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which text.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    pub(crate) fn to(self, end: Span) -> Span {
        Span {
            end: end.end.max(self.end),
            ..self
        }
    }

    pub(crate) fn just_after(self) -> Span {
        Span {
            start: self.end,
            ..self
        }
    }
}

/// Where a text came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Given by the caller, or made by the program; has a name but no file.
    Text(String),
    /// Read from this path.
    File(PathBuf),
    /// Printed by the command of an `include_shell`.
    Command(String),
}

/// One text.
#[derive(Debug)]
pub struct Source {
    /// Where it came from.
    pub origin: Origin,
    /// The `include` that brought it in; none for the main file.
    pub included_at: Option<Span>,
    pub(crate) text: Vec<u8>,
    line_starts: Vec<u32>,
}

/// All texts of one configuration, the main one first.
#[derive(Debug, Default)]
pub struct Sources {
    all: Vec<Source>,
}

impl Sources {
    pub(crate) fn add(
        &mut self,
        origin: Origin,
        text: Vec<u8>,
        included_at: Option<Span>,
    ) -> FileId {
        let id = FileId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        let line_starts = line_starts(&text);
        self.all.push(Source {
            origin,
            included_at,
            text,
            line_starts,
        });
        id
    }

    pub(crate) fn get(&self, id: FileId) -> &Source {
        &self.all[id.0 as usize]
    }

    /// All texts in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.all.iter()
    }

    /// The files among them (not texts from the caller or from commands), main file first: what a watcher should watch.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.all.iter().filter_map(|source| match &source.origin {
            Origin::File(path) => Some(path.as_path()),
            Origin::Text(_) | Origin::Command(_) => None,
        })
    }

    /// File, line, column and the text of the line for a span, with the chain of includes that led there.
    pub fn place(&self, span: Span) -> Place {
        let source = self.get(span.file);
        let line = source.line_index(span.start);
        let (start, end) = source.line_bounds(line);
        let from = (span.start as usize).clamp(start, end);
        let to = (span.end as usize).clamp(from, end);
        let before = String::from_utf8_lossy(&source.text[start..from]);
        let marked = String::from_utf8_lossy(&source.text[from..to]);
        let mut included_from = Vec::new();
        let mut at = source.included_at;
        while let Some(span) = at {
            let parent = self.get(span.file);
            included_from.push(IncludedFrom {
                file: parent.name(),
                line: parent.line_index(span.start) as u32 + 1,
            });
            at = parent.included_at;
        }
        Place {
            file: source.name(),
            line: line as u32 + 1,
            column: before.chars().count() as u32 + 1,
            width: marked.chars().count().max(1) as u32,
            text: String::from_utf8_lossy(&source.text[start..end]).into_owned(),
            included_from,
        }
    }
}

impl Source {
    /// The name to show: the path, the caller's name, or the command.
    pub fn name(&self) -> String {
        match &self.origin {
            Origin::Text(name) => name.clone(),
            Origin::File(path) => path.display().to_string(),
            Origin::Command(command) => format!("output of {command:?}"),
        }
    }

    fn line_index(&self, offset: u32) -> usize {
        self.line_starts
            .partition_point(|&start| start <= offset)
            .saturating_sub(1)
    }

    /// Offsets of a line without its line end.
    fn line_bounds(&self, line: usize) -> (usize, usize) {
        let start = self.line_starts[line] as usize;
        let next = self.line_starts.get(line + 1);
        let mut end = next.map_or(self.text.len(), |&next| next as usize);
        while end > start && matches!(self.text[end - 1], b'\r' | b'\n') {
            end -= 1;
        }
        (start, end)
    }
}

/// Lines end with LF, CR or CRLF.
fn line_starts(text: &[u8]) -> Vec<u32> {
    let mut starts = vec![0];
    for (at, &byte) in text.iter().enumerate() {
        let ends_line = match byte {
            b'\n' => true,
            b'\r' => text.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends_line {
            starts.push(at as u32 + 1);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, start: u32, end: u32) -> Place {
        let mut sources = Sources::default();
        let file = sources.add(Origin::Text("t".into()), text.as_bytes().to_vec(), None);
        sources.place(Span { file, start, end })
    }

    #[test]
    fn lines_end_three_ways() {
        let text = "a\nb\rc\r\nd";
        for (offset, line) in [(0, 1), (2, 2), (4, 3), (7, 4)] {
            assert_eq!(place(text, offset, offset + 1).line, line);
        }
        assert_eq!(place(text, 4, 5).text, "c");
    }

    #[test]
    fn columns_count_characters() {
        let place = place("é = ü", 5, 7);
        assert_eq!((place.column, place.width), (5, 1));
    }

    #[test]
    fn a_span_over_several_lines_marks_the_first() {
        let place = place("ab\ncd", 1, 5);
        assert_eq!((place.line, place.column, place.width), (1, 2, 1));
    }

    #[test]
    fn the_end_of_the_text_is_a_place() {
        let place = place("ab\n", 3, 3);
        assert_eq!((place.line, place.column, place.width), (2, 1, 1));
    }
}
