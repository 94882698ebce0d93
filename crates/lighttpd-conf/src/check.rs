//! A configuration held against a table of directives.
//! Every setting that is no variable is looked up; what is unknown, of the wrong type, or where it has no effect is
//! reported. Like lighttpd, an unknown directive is a warning, a wrong type an error.

use crate::{
    config::{Block, BlockId, Config, Setting},
    diagnostic::Diagnostic,
    directive::{Directive, Kind, Scope},
    nearest::nearest,
    value::{Value, ValueError},
};
use std::collections::HashMap;

/// Checks all settings of all blocks. In the order of blocks and settings.
pub fn check<'t>(
    config: &Config,
    table: impl IntoIterator<Item = &'t Directive>,
) -> Vec<Diagnostic> {
    let by_name = |own: &'t Directive| (own.name.to_ascii_lowercase(), own);
    let table: HashMap<String, &Directive> = table.into_iter().map(by_name).collect();
    let mut names: Vec<&str> = table.values().map(|own| own.name).collect();
    names.sort_unstable();
    let mut diagnostics = Vec::new();
    for block in config.blocks() {
        for setting in block.settings.iter().filter(|s| !s.is_variable()) {
            match table.get(setting.name.as_str()) {
                Some(directive) => {
                    diagnostics.extend(misplaced(config, block, setting, directive));
                    if let Err(error) = directive.kind.accepts(&setting.value) {
                        diagnostics.push(config.unfit(directive.name, &error));
                    }
                }
                None => diagnostics.push(unknown(config, setting, &names)),
            }
        }
    }
    diagnostics
}

fn unknown(config: &Config, setting: &Setting, names: &[&str]) -> Diagnostic {
    let message = format!("unknown directive {} is ignored", setting.name);
    let warning = config.warning(setting.span, message);
    match nearest(&setting.name, names.iter().copied()) {
        Some(name) => warning.help(format!("did you mean {name}?")),
        None => warning,
    }
}

fn misplaced(
    config: &Config,
    block: &Block,
    setting: &Setting,
    directive: &Directive,
) -> Option<Diagnostic> {
    let name = directive.name;
    let listener = block.condition.as_ref().is_some_and(|c| c.opens_listener());
    let (message, help) = match directive.scope {
        Scope::Connection => return None,
        _ if block.id == BlockId::GLOBAL => return None,
        Scope::Socket if listener => return None,
        Scope::Server => (
            format!("{name} has no effect inside a condition"),
            "set it outside of all conditions",
        ),
        Scope::Socket => (
            format!("{name} has no effect inside this condition"),
            r#"set it outside of all conditions, or in $SERVER["socket"] == "...""#,
        ),
    };
    Some(config.warning(setting.span, message).help(help))
}

impl Kind {
    /// Whether a value can be read as this.
    pub fn accepts(self, value: &Value) -> Result<(), ValueError> {
        match self {
            Kind::String => value.to_str().map(drop),
            Kind::Short => value.to_short().map(drop),
            Kind::Int => value.to_int().map(drop),
            Kind::Bool => value.to_bool().map(drop),
            Kind::List => value.to_list().map(drop),
            Kind::KvString => value.to_pairs().map(drop),
            Kind::KvAny => value.to_map().map(drop),
            Kind::KvArray => value.to_map_of_arrays().map(drop),
        }
    }
}
