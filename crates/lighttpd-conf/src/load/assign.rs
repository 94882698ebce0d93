//! Assignments and the values of expressions.
//! An expression either has a value or an error has been reported for it; a name that should have got its value is
//! remembered as failed.

use super::Loader;
use crate::{
    ast::{Assign, Element, Expression, Term, TermKind, Word},
    config::{BlockId, Setting},
    diagnostic::Diagnostic,
    nearest::nearest,
    source::Span,
    value::{Array, Data, Entry, JoinError, Keys, Value},
};
use std::env::{self, VarError};

impl Loader {
    pub(super) fn assignment(
        &mut self,
        name: &Word,
        how: Assign,
        value: &Expression,
        block: BlockId,
    ) {
        if let Some(variable) = name.text.strip_prefix("env.") {
            let message = format!("the environment variable {variable} cannot be set");
            self.error(name.span, message, "the environment can only be read");
            return;
        }
        let spelling = full_name(&name.text);
        let full = spelling.to_ascii_lowercase();
        let Some(value) = self.evaluate(value, block) else {
            self.failed.insert(full);
            return;
        };
        let here = self.blocks[block.index()]
            .settings
            .iter()
            .find(|s| s.name == full);
        if let (Some(first), Assign::Set) = (here, how) {
            let help = "+= adds to a value, := replaces it";
            let diagnostic = Diagnostic::error(format!("{full} is set twice in this block"))
                .at(&self.sources, name.span)
                .note("first set here", &self.sources, first.span)
                .help(help);
            self.diagnostics.push(diagnostic);
            return;
        }
        if how != Assign::Append {
            self.put(block, spelling, value, name.span);
            return;
        }
        let Some(before) = self.lookup(&full, block).cloned() else {
            if !self.failed.contains(&full) {
                self.put(block, spelling, value, name.span);
            }
            return;
        };
        let span = value.span;
        match before.join(value) {
            Ok(joined) => {
                // As lighttpd does it: taken out, the last one put in its place, added at the end.
                let settings = &mut self.blocks[block.index()].settings;
                if let Some(at) = settings.iter().position(|s| s.name == full) {
                    settings.swap_remove(at);
                }
                self.put(block, spelling, Value { span, ..joined }, name.span);
            }
            Err(error) => {
                self.cannot_join(error, span);
                self.failed.insert(full);
            }
        }
    }

    pub(super) fn put(&mut self, block: BlockId, spelling: String, value: Value, span: Span) {
        let name = spelling.to_ascii_lowercase();
        let settings = &mut self.blocks[block.index()].settings;
        let setting = Setting {
            name,
            spelling,
            value,
            span,
        };
        match settings.iter_mut().find(|s| s.name == setting.name) {
            Some(earlier) => *earlier = setting,
            None => settings.push(setting),
        }
    }

    /// In this block or the nearest one around it. The name in lower case.
    fn lookup(&self, name: &str, block: BlockId) -> Option<&Value> {
        let mut at = Some(block);
        while let Some(id) = at {
            let block = &self.blocks[id.index()];
            if let Some(value) = block.get(name) {
                return Some(value);
            }
            at = block.parent;
        }
        None
    }

    pub(super) fn evaluate(&mut self, expression: &Expression, block: BlockId) -> Option<Value> {
        let mut sum: Option<Value> = None;
        let mut failed = false;
        for term in &expression.terms {
            let value = self.term(term, block);
            sum = match (sum, value) {
                (_, None) => {
                    failed = true;
                    None
                }
                (None, value) => value,
                (Some(left), Some(right)) => match left.join(right) {
                    Ok(joined) => Some(joined),
                    Err(error) => {
                        self.cannot_join(error, term.span);
                        failed = true;
                        None
                    }
                },
            };
        }
        sum.filter(|_| !failed).map(|sum| Value {
            span: expression.span,
            ..sum
        })
    }

    fn term(&mut self, term: &Term, block: BlockId) -> Option<Value> {
        let data = match &term.kind {
            TermKind::String(text) => Data::String(text.clone()),
            TermKind::Integer(number) => Data::Integer(*number),
            TermKind::Name(name) => self.name(name, term.span, block)?,
            TermKind::Array(elements) => Data::Array(self.array(elements, block)?),
        };
        Some(Value::new(data, term.span))
    }

    fn array(&mut self, elements: &[Element], block: BlockId) -> Option<Array> {
        let mut array = Array::default();
        let mut keys = Keys::default();
        let mut failed = false;
        for element in elements {
            let key = match &element.key {
                Some(key) => self.string(key, block, "a key").map(Some),
                None => Some(None),
            };
            let value = self.evaluate(&element.value, block);
            let (Some(key), Some(value)) = (key, value) else {
                failed = true;
                continue;
            };
            let span = element.key.as_ref().map_or(value.span, |key| key.span);
            let name = key.clone().unwrap_or_default();
            if let Err(first) = array.push(Entry { key, value }, &mut keys) {
                self.duplicate_key(first, span, &name);
                failed = true;
            }
        }
        (!failed).then_some(array)
    }

    fn name(&mut self, name: &str, span: Span, block: BlockId) -> Option<Data> {
        if let Some(variable) = name.strip_prefix("env.") {
            return match env::var(variable) {
                Ok(text) => Some(Data::String(text)),
                Err(error) => {
                    let (what, help) = match error {
                        VarError::NotPresent => ("set", "set it before the server is started"),
                        VarError::NotUnicode(_) => ("UTF-8", "strings are UTF-8 here"),
                    };
                    let message = format!("the environment variable {variable} is not {what}");
                    self.error(span, message, help);
                    None
                }
            };
        }
        let full = full_name(name).to_ascii_lowercase();
        if let Some(value) = self.lookup(&full, block) {
            return Some(value.data.clone());
        }
        if !self.failed.contains(&full) {
            let help = self.help_for_unknown(name, &full, block);
            self.error(span, format!("{full} has no value here"), help);
        }
        None
    }

    fn help_for_unknown(&self, name: &str, full: &str, block: BlockId) -> String {
        let numeric = name.trim_start_matches('-');
        if numeric.starts_with(|c: char| c.is_ascii_digit()) {
            return "integers are decimal, without sign or fraction".to_owned();
        }
        let words = ["enable", "disable", "true", "false", "on", "off"];
        if words.iter().any(|word| word.eq_ignore_ascii_case(name)) {
            return "switches are strings: \"enable\" or \"disable\"".to_owned();
        }
        let mut visible: Vec<&str> = Vec::new();
        let mut at = Some(block);
        while let Some(id) = at {
            let block = &self.blocks[id.index()];
            visible.extend(block.settings.iter().map(|s| s.name.as_str()));
            at = block.parent;
        }
        // What names of one kind have in common says nothing about how near they are.
        let kind = if full.starts_with("var.") { "var." } else { "" };
        let names = visible.iter().filter_map(|name| name.strip_prefix(kind));
        match nearest(&full[kind.len()..], names) {
            Some(known) => format!("did you mean {kind}{known}?"),
            None => "set it above, or write it in quotes if it is meant as text".to_owned(),
        }
    }

    /// A string, or an integer as text.
    pub(super) fn string(
        &mut self,
        expression: &Expression,
        block: BlockId,
        what: &str,
    ) -> Option<String> {
        let value = self.evaluate(expression, block)?;
        match value.data {
            Data::String(text) => Some(text),
            Data::Integer(number) => Some(number.to_string()),
            Data::Array(_) => {
                let message = format!("{what} must be a string, not a list");
                self.error(expression.span, message, "write it in quotes");
                None
            }
        }
    }

    fn cannot_join(&mut self, error: JoinError, span: Span) {
        match error {
            JoinError::Mismatch { left, right } => {
                let message = format!("cannot add {right} to {left}");
                let help = "lists join with lists, strings and integers with each other";
                self.error(span, message, help);
            }
            JoinError::Overflow { left, right } => {
                let message = format!("{left} + {right} is too large");
                self.error(span, message, "integers go from 0 to 4294967295");
            }
            JoinError::DuplicateKey { key, first, second } => {
                self.duplicate_key(first, second, &key);
            }
        }
    }

    fn duplicate_key(&mut self, first: Span, second: Span, key: &str) {
        let diagnostic = Diagnostic::error(format!("the key {key:?} stands twice in this list"))
            .at(&self.sources, second)
            .note("its first value", &self.sources, first);
        self.diagnostics.push(diagnostic);
    }
}

/// A name without a dot is a variable.
fn full_name(name: &str) -> String {
    if name.contains('.') {
        name.to_owned()
    } else {
        format!("var.{name}")
    }
}
