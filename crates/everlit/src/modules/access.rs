//! mod_access

use super::{Hooks, Module};

/// Settings of mod_access.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_access",
    directives: &[],
    hooks: Hooks::NONE,
};
