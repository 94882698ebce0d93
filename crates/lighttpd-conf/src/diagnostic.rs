//! What is wrong, where, and what would have been accepted.
//! A [`Diagnostic`] is self-contained (no source text is needed to print it) and made of plain public fields, so that
//! a caller can print it as text or turn it into JSON.
//! The message says what is wrong, the help what to write instead; both lower-case, without full stop.

use crate::source::{Sources, Span};
use std::fmt::{self, Write};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Everything still works; something is ignored or probably not meant.
    Warning,
    /// The configuration cannot be used.
    Error,
}

/// A place in a source text, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Path, caller's name for the text, or command.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters of the line are meant, at least 1.
    pub width: u32,
    /// The line without its line end.
    pub text: String,
    /// The includes that led here, innermost first.
    pub included_from: Vec<IncludedFrom>,
}

/// One step of the chain of includes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IncludedFrom {
    /// The including file.
    pub file: String,
    /// The line of its `include`, from 1.
    pub line: u32,
}

/// A second place that explains the first, such as an earlier assignment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// What is to be seen there.
    pub message: String,
    /// Where.
    pub place: Place,
}

/// One thing to tell the author of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Warning or error.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where; none when there is no such place (a file that cannot be opened).
    pub place: Option<Place>,
    /// What would have been accepted.
    pub help: Option<String>,
    /// Other places that explain it.
    pub notes: Vec<Note>,
}

impl Diagnostic {
    pub(crate) fn new(severity: Severity, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            message: message.into(),
            place: None,
            help: None,
            notes: Vec::new(),
        }
    }

    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, message)
    }

    /// A warning without a place yet.
    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, message)
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, sources: &Sources, span: Span) -> Diagnostic {
        self.place = Some(sources.place(span));
        self
    }

    /// Says what would have been accepted.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Points at a second place.
    #[must_use]
    pub fn note(mut self, message: impl Into<String>, sources: &Sources, span: Span) -> Diagnostic {
        self.notes.push(Note {
            message: message.into(),
            place: sources.place(span),
        });
        self
    }

    /// Prints it over several lines, the last one with a line end.
    pub fn render(&self, style: Style) -> String {
        let mut out = String::new();
        let (word, code) = match self.severity {
            Severity::Warning => ("warning", "1;33"),
            Severity::Error => ("error", "1;31"),
        };
        let head = style.paint(code, word);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{head}: {}", self.message);
        if let Some(place) = &self.place {
            place.render(&mut out, style, code);
        }
        for note in &self.notes {
            let _ = writeln!(out, "{}: {}", style.paint("1", "note"), note.message);
            note.place.render(&mut out, style, "1");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{}: {help}", style.paint("1;32", "help"));
        }
        out
    }
}

impl Place {
    fn render(&self, out: &mut String, style: Style, code: &str) {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let _ = writeln!(out, "{gutter}--> {self}");
        for from in &self.included_from {
            let _ = writeln!(out, "{gutter}    included from {}:{}", from.file, from.line);
        }
        let (text, column) = self.excerpt();
        // Tabs are kept in the indent so that the caret stands under its character whatever the tab width.
        let indent: String = text
            .chars()
            .take(column)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let room = text.chars().count().saturating_sub(column).max(1);
        let carets = style.paint(code, &"^".repeat((self.width as usize).min(room)));
        let _ = writeln!(out, "{gutter} |");
        let _ = writeln!(out, "{number} | {}", text.trim_end());
        let _ = writeln!(out, "{gutter} | {indent}{carets}");
    }

    /// The line, cut around the place when it is long, control characters made harmless; and the column in it, from 0.
    fn excerpt(&self) -> (String, usize) {
        const BEFORE: usize = 60;
        const LENGTH: usize = 160;
        let column = self.column as usize - 1;
        let skip = if self.text.chars().count() > LENGTH {
            column.saturating_sub(BEFORE)
        } else {
            0
        };
        let text = self
            .text
            .chars()
            .skip(skip)
            .take(LENGTH)
            .map(|c| match c {
                '\t' => c,
                c if c.is_control() => '\u{fffd}',
                c => c,
            })
            .collect();
        (text, column - skip)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Plain, as [`render`](Diagnostic::render) gives it.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No escape sequences.
    Plain,
    /// ANSI colours.
    Coloured,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Style::Plain => text.to_owned(),
            Style::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// Everything that is to be said about a configuration that cannot be used; at least one entry is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Bundles diagnostics; none is an error yet means that the configuration is fine, so `Err` gives them back.
    pub fn new(diagnostics: Vec<Diagnostic>) -> Result<Report, Vec<Diagnostic>> {
        let fatal = diagnostics.iter().any(|d| d.severity == Severity::Error);
        if fatal {
            Ok(Report { diagnostics })
        } else {
            Err(diagnostics)
        }
    }

    /// Warnings and errors in the order in which they were found.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Prints all of them, an empty line between.
    pub fn render(&self, style: Style) -> String {
        let all: Vec<String> = self.diagnostics.iter().map(|d| d.render(style)).collect();
        all.join("\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Style::Plain).trim_end())
    }
}

impl std::error::Error for Report {}
