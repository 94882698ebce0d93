//! The table of all directives.
//!
//! In: the slices of the core, of each module, and of what is missing. Out: look-up by name. Must hold: every directive of
//! lighttpd is there once.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::directive::Directive;
use super::{core, unsupported};
use crate::modules;

/// All directives, by subject.
pub fn all() -> impl Iterator<Item = &'static Directive> {
    let core = core::TABLES.iter().copied();
    let own = modules::TABLE.iter().map(|module| module.directives);
    let missing = unsupported::TABLES.iter().copied();
    core.chain(own).chain(missing).flatten()
}

/// The directive of this name.
pub fn find(name: &str) -> Option<&'static Directive> {
    static BY_NAME: OnceLock<HashMap<&str, &Directive>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| all().map(|own| (own.name, own)).collect());
    by_name.get(name).copied()
}

/// The module that a directive belongs to; `None`: the core.
pub(super) fn module_of(directive: &Directive) -> Option<&'static str> {
    let own = modules::TABLE.iter().find(|module| {
        module
            .directives
            .iter()
            .any(|own| own.name == directive.name)
    });
    match (own, directive.apply) {
        (Some(module), _) => Some(module.name),
        (None, super::directive::Apply::Unsupported { lack, .. }) => match lack {
            super::directive::Lack::Module(name) => Some(name),
            super::directive::Lack::Feature(_) => None,
        },
        (None, _) => None,
    }
}
