//! Walks the tree and makes the configuration.
//! Statements go in, in their order; variables are looked up, includes read, blocks found again or begun, and what
//! `=`, `:=` and `+=` mean is settled. Errors are collected: a value that could not be had is remembered, so that its
//! absence is reported once.

mod assign;
mod chain;

use crate::{
    ast::{Expression, Include, Statement},
    config::{Block, BlockId, Config},
    diagnostic::{Diagnostic, Report},
    include::{self, IncludeError},
    parser,
    source::{FileId, Origin, Sources, Span},
    value::{Data, Value},
};
use std::{
    collections::{HashMap, HashSet},
    env,
    path::{Path, PathBuf},
};

/// Includes within each other.
const DEEPEST_INCLUDE: usize = 32;
/// After so many errors one stops.
const MOST_ERRORS: usize = 100;

/// Loads a file and everything it includes.
///
/// Relative includes are looked for, and commands run, in the directory of this file.
pub fn load(path: &Path) -> Result<Config, Report> {
    let directory = std::path::absolute(path)
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned))
        .unwrap_or_else(|| PathBuf::from("."));
    let mut loader = Loader::new(directory);
    match include::read(path) {
        Ok(text) => {
            let file = loader
                .sources
                .add(Origin::File(path.to_owned()), text, None);
            loader.open.extend(path.canonicalize());
            loader.main(file);
        }
        Err(error) => loader
            .diagnostics
            .push(Diagnostic::error(error.to_string())),
    }
    loader.finish()
}

/// Loads a text, such as what was read from standard input, as if it were a file in `directory`.
///
/// `name` stands for the file in messages.
pub fn load_text(text: &str, name: &str, directory: &Path) -> Result<Config, Report> {
    load_bytes(text.as_bytes(), name, directory)
}

/// The same for bytes: comments need not be UTF-8, strings do.
pub fn load_bytes(text: &[u8], name: &str, directory: &Path) -> Result<Config, Report> {
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let mut loader = Loader::new(directory);
    if text.len() > include::LARGEST_TEXT {
        let error = include::IncludeError::TooLarge;
        loader
            .diagnostics
            .push(Diagnostic::error(error.to_string()));
    } else {
        let origin = Origin::Text(name.to_owned());
        let file = loader.sources.add(origin, text.to_vec(), None);
        loader.main(file);
    }
    loader.finish()
}

/// Where statements stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Block(BlockId),
    /// `global { ... }`: settings are global, conditions are not allowed.
    Global,
}

impl Within {
    fn block(self) -> BlockId {
        match self {
            Within::Block(id) => id,
            Within::Global => BlockId::GLOBAL,
        }
    }
}

struct Loader {
    sources: Sources,
    directory: PathBuf,
    blocks: Vec<Block>,
    /// Those but the global one, by what makes them the same.
    same: HashMap<chain::Same, BlockId>,
    diagnostics: Vec<Diagnostic>,
    /// Names that have no value because of an error that has been reported.
    failed: HashSet<String>,
    /// Files that are being read, the main one first.
    open: Vec<PathBuf>,
    /// Texts within each other.
    depth: usize,
}

impl Loader {
    fn new(directory: PathBuf) -> Loader {
        Loader {
            sources: Sources::default(),
            directory,
            same: HashMap::new(),
            blocks: vec![Block {
                id: BlockId::GLOBAL,
                parent: None,
                condition: None,
                after: None,
                settings: Vec::new(),
            }],
            diagnostics: Vec::new(),
            failed: HashSet::new(),
            open: Vec::new(),
            depth: 0,
        }
    }

    fn main(&mut self, file: FileId) {
        self.add_built_ins();
        self.text(file, Within::Block(BlockId::GLOBAL));
    }

    /// `var.CWD` and `var.PID`, as if the program had written them.
    fn add_built_ins(&mut self) {
        let directory = env::current_dir().unwrap_or_default();
        let values = [
            (
                "var.CWD",
                Data::String(directory.to_string_lossy().into_owned()),
            ),
            ("var.PID", Data::Integer(std::process::id())),
        ];
        let text = values.each_ref().map(|(name, _)| *name).join("\n");
        let origin = Origin::Text("built-in variables".to_owned());
        let file = self.sources.add(origin, text.into_bytes(), None);
        let mut start = 0;
        for (name, data) in values {
            let end = start + name.len() as u32;
            let span = Span { file, start, end };
            let value = Value::new(data, span);
            self.put(BlockId::GLOBAL, name.to_owned(), value, span);
            start = end + 1;
        }
    }

    fn finish(self) -> Result<Config, Report> {
        let warnings = match Report::new(self.diagnostics) {
            Ok(report) => return Err(report),
            Err(warnings) => warnings,
        };
        Ok(Config {
            sources: self.sources,
            directory: self.directory,
            blocks: self.blocks,
            warnings,
        })
    }

    fn text(&mut self, file: FileId, within: Within) {
        let (statements, diagnostics) = parser::parse(&self.sources, file);
        self.diagnostics.extend(diagnostics);
        self.statements(&statements, within);
    }

    fn statements(&mut self, statements: &[Statement], within: Within) {
        for statement in statements {
            if self.diagnostics.len() >= MOST_ERRORS {
                return;
            }
            match statement {
                Statement::Assignment { name, how, value } => {
                    self.assignment(name, *how, value, within.block());
                }
                Statement::Include {
                    what,
                    keyword,
                    argument,
                } => self.include(*what, *keyword, argument, within),
                Statement::Global { body } => self.statements(body, Within::Global),
                Statement::Chain { arms } => self.chain(arms, within),
            }
        }
    }

    fn include(&mut self, what: Include, keyword: Span, argument: &Expression, within: Within) {
        let (block, span) = (within.block(), argument.span);
        let name = match what {
            Include::File => self.string(argument, block, "a file name"),
            Include::Command => self.string(argument, block, "a command"),
        };
        let Some(name) = name else { return };
        if self.depth >= DEEPEST_INCLUDE {
            let message = format!("more than {DEEPEST_INCLUDE} includes within each other");
            self.error(span, message, "does a file include itself?");
            return;
        }
        self.depth += 1;
        match what {
            Include::File => self.include_files(&name, keyword, span, within),
            Include::Command => self.include_output(name, keyword, span, within),
        }
        self.depth -= 1;
    }

    fn include_files(&mut self, name: &str, keyword: Span, span: Span, within: Within) {
        let paths = match include::find(&self.directory, name) {
            Ok(paths) => paths,
            Err(error) => return self.cannot_include(&error, span),
        };
        for path in paths {
            let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
            if self.open.contains(&canonical) {
                let message = format!("{} includes itself", path.display());
                self.error(span, message, "leave this include out");
                continue;
            }
            match include::read(&path) {
                Ok(text) => {
                    let file = self.sources.add(Origin::File(path), text, Some(keyword));
                    self.open.push(canonical);
                    self.text(file, within);
                    self.open.pop();
                }
                Err(error) => self.cannot_include(&error, span),
            }
        }
    }

    fn include_output(&mut self, command: String, keyword: Span, span: Span, within: Within) {
        match include::run(&command, &self.directory) {
            Ok(output) => {
                if !output.stderr.is_empty() {
                    let message = format!("the command complained: {}", output.stderr);
                    let warning = Diagnostic::warning(message).at(&self.sources, span);
                    self.diagnostics.push(warning);
                }
                let origin = Origin::Command(command);
                let file = self.sources.add(origin, output.stdout, Some(keyword));
                self.text(file, within);
            }
            Err(error) => self.cannot_include(&error, span),
        }
    }

    fn cannot_include(&mut self, error: &IncludeError, span: Span) {
        let mut diagnostic = Diagnostic::error(error.to_string()).at(&self.sources, span);
        diagnostic.help = match error {
            IncludeError::NotFound { .. } => Some(
                "relative names start at the directory of the main file; a name with * need not match"
                    .to_owned(),
            ),
            _ => None,
        };
        self.diagnostics.push(diagnostic);
    }

    fn error(&mut self, span: Span, message: String, help: impl Into<String>) {
        let diagnostic = Diagnostic::error(message)
            .at(&self.sources, span)
            .help(help);
        self.diagnostics.push(diagnostic);
    }
}
