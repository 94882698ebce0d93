//! A configuration as text: as `lighttpd -p` prints it, and as something that loads again.
//! The first nests blocks and may move them; the second keeps their order, because later blocks win.

use crate::{
    condition::{Condition, Field, Operator},
    config::{Block, BlockId, Config, Setting},
    value::{Array, Data, Value},
};
use std::fmt::Write;

const STEP: &str = "    ";

/// As `lighttpd -p`.
pub(crate) fn canonical(config: &Config) -> String {
    let mut printer = Canonical {
        config,
        out: String::new(),
    };
    printer.line(0, "config {");
    printer.inside(config.global(), 1);
    printer.line(0, "}");
    printer.out
}

struct Canonical<'a> {
    config: &'a Config,
    out: String,
}

impl Canonical<'_> {
    fn inside(&mut self, block: &Block, depth: usize) {
        let width = longest(block.settings.iter().map(|s| s.spelling.len()));
        for Setting {
            spelling: name,
            value,
            ..
        } in &block.settings
        {
            let value = value_text(value, depth);
            self.line(depth, &format!("{name:width$} = {value}"));
        }
        self.out.push('\n');
        let config = self.config;
        let children = config.blocks().iter().skip(1);
        for child in children.filter(|b| b.parent == Some(block.id) && b.after.is_none()) {
            self.out.push('\n');
            self.arm(child, depth, "");
        }
    }

    fn arm(&mut self, block: &Block, depth: usize, before: &str) {
        let (head, end) = match &block.condition {
            Some(condition) => (format!("{before}{condition} {{"), condition.to_string()),
            None => ("else {".to_owned(), "else".to_owned()),
        };
        self.line(depth, &head);
        self.line(depth + 1, &format!("# block {}", block.id.0));
        self.inside(block, depth + 1);
        self.line(depth, &format!("}} # end of {end}"));
        let config = self.config;
        for next in config.blocks().iter().filter(|b| b.after == Some(block.id)) {
            self.arm(next, depth, "else ");
        }
    }

    fn line(&mut self, depth: usize, text: &str) {
        for _ in 0..depth {
            self.out.push_str(STEP);
        }
        self.out.push_str(text);
        self.out.push('\n');
    }
}

/// Loads again. Each block is entered from the top, by way of the blocks around it and the arms before it.
pub(crate) fn source(config: &Config) -> String {
    let mut out = String::new();
    for block in config.blocks() {
        if block.id == BlockId::GLOBAL {
            settings(&mut out, block, 0);
            continue;
        }
        let mut depth = 0;
        for id in path_to(config, block.id) {
            indent(&mut out, depth);
            for (at, arm) in chain_to(config, id).into_iter().enumerate() {
                if at > 0 {
                    out.push_str("} else ");
                }
                if let Some(condition) = &config.block(arm).condition {
                    out.push_str(&condition_text(condition));
                    out.push(' ');
                }
                out.push_str("{ ");
            }
            out.push('\n');
            depth += 1;
        }
        settings(&mut out, block, depth);
        for depth in (0..depth).rev() {
            indent(&mut out, depth);
            out.push_str("}\n");
        }
    }
    out
}

/// The block and those around it, outermost first, the global one left out.
fn path_to(config: &Config, block: BlockId) -> Vec<BlockId> {
    let up = |id: &BlockId| {
        let parent = config.block(*id).parent?;
        (parent != BlockId::GLOBAL).then_some(parent)
    };
    let mut path: Vec<BlockId> = std::iter::successors(Some(block), up).collect();
    path.reverse();
    path
}

/// The block and the arms before it, the first one first.
fn chain_to(config: &Config, block: BlockId) -> Vec<BlockId> {
    let before = |id: &BlockId| config.block(*id).after;
    let mut chain: Vec<BlockId> = std::iter::successors(Some(block), before).collect();
    chain.reverse();
    chain
}

fn settings(out: &mut String, block: &Block, depth: usize) {
    for Setting {
        name,
        spelling,
        value,
        ..
    } in &block.settings
    {
        indent(out, depth);
        // The built-in variables are there already.
        let sign = match name.as_str() {
            "var.cwd" | "var.pid" => ":=",
            _ => "=",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{spelling} {sign} {}", value_text(value, depth));
    }
}

fn condition_text(condition: &Condition) -> String {
    let subject = match &condition.field {
        Field::RequestHeader(name) => format!("$REQUEST_HEADER[{}]", quoted(name)),
        _ => condition.subject.clone(),
    };
    let (operator, value) = match &condition.expression {
        Some(expression) => (Operator::Match, expression),
        None => (condition.operator, &condition.value),
    };
    format!("{subject} {operator} {}", quoted(value))
}

fn value_text(value: &Value, depth: usize) -> String {
    match &value.data {
        Data::String(text) => quoted(text),
        Data::Integer(number) => number.to_string(),
        Data::Array(array) if fits_a_line(array) => {
            let entries: Vec<String> = array
                .iter()
                .map(|entry| value_text(&entry.value, depth))
                .collect();
            format!("({})", entries.join(", "))
        }
        Data::Array(array) => {
            let keys = array.iter().filter_map(|entry| entry.key.as_ref());
            let width = longest(keys.map(|key| quoted(key).len()));
            let mut out = "(\n".to_owned();
            for entry in array.iter() {
                indent(&mut out, depth + 1);
                if let Some(key) = &entry.key {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "{:width$} => ", quoted(key));
                }
                out.push_str(&value_text(&entry.value, depth + 1));
                out.push_str(",\n");
            }
            indent(&mut out, depth);
            out.push(')');
            out
        }
    }
}

/// At most five entries, neither keys nor arrays among them.
fn fits_a_line(array: &Array) -> bool {
    array.len() <= 5
        && array
            .iter()
            .all(|entry| entry.key.is_none() && entry.value.as_array().is_none())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

fn longest(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.max().unwrap_or(0)
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str(STEP);
    }
}
