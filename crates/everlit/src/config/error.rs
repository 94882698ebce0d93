//! What is said about a configuration.

use std::fmt;

use lighttpd_conf::source::Sources;
use lighttpd_conf::{Diagnostic, Report, Severity, Style};
use serde::Serialize;

/// A configuration that cannot be used; `Display` gives all that is to be said about it, warnings too, as text.
#[derive(Debug)]
pub struct ConfigError {
    diagnostics: Vec<Diagnostic>,
}

/// One thing to say about a configuration, for programs (`check --json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The file, or what stands for one.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// In characters, from 1.
    pub column: Option<u32>,
}

impl ConfigError {
    /// `Err` gives warnings back, when nothing else is among them.
    pub(super) fn new(diagnostics: Vec<Diagnostic>) -> Result<ConfigError, Vec<Diagnostic>> {
        let is_error = |d: &Diagnostic| d.severity == Severity::Error;
        if diagnostics.iter().any(is_error) {
            Ok(ConfigError { diagnostics })
        } else {
            Err(diagnostics)
        }
    }

    /// Everything that is to be said, for programs.
    pub fn messages(&self) -> Vec<Message> {
        self.diagnostics.iter().map(Message::from).collect()
    }

    /// What must be changed, for people.
    pub fn render_errors(&self, style: Style) -> String {
        let errors = self
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error);
        let errors: Vec<String> = errors.map(|d| d.render(style)).collect();
        errors.join("\n")
    }

    /// Everything that is to be said, for people.
    pub fn render(&self, style: Style) -> String {
        render(&self.diagnostics, style).join("\n")
    }
}

/// In the order of the text: what has no place first, then file by file as they were read.
pub(super) fn sort(diagnostics: &mut [Diagnostic], sources: &Sources) {
    let files: Vec<String> = sources.iter().map(|source| source.name()).collect();
    diagnostics.sort_by_key(|diagnostic| {
        let place = diagnostic.place.as_ref()?;
        let file = files.iter().position(|name| *name == place.file);
        Some((file, place.line, place.column))
    });
}

/// One text each, which ends with a line end.
pub(super) fn render(diagnostics: &[Diagnostic], style: Style) -> Vec<String> {
    diagnostics.iter().map(|d| d.render(style)).collect()
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Style::Plain).trim_end())
    }
}

impl std::error::Error for ConfigError {}

impl From<&Diagnostic> for Message {
    fn from(diagnostic: &Diagnostic) -> Message {
        let place = diagnostic.place.as_ref();
        Message {
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            file: place.map(|place| place.file.clone()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
        }
    }
}

impl From<&Report> for ConfigError {
    fn from(report: &Report) -> ConfigError {
        ConfigError {
            diagnostics: report.diagnostics().to_vec(),
        }
    }
}
