//! mod_setenv

use super::{Hooks, Module};

/// Settings of mod_setenv.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_setenv",
    directives: &[],
    hooks: Hooks::NONE,
};
