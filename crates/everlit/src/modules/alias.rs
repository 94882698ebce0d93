//! mod_alias

use super::{Hooks, Module};

/// Settings of mod_alias.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_alias",
    directives: &[],
    hooks: Hooks::NONE,
};
