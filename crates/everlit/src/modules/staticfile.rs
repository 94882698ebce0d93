//! mod_staticfile

use super::{Hooks, Module};

/// Settings of mod_staticfile.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_staticfile",
    directives: &[],
    hooks: Hooks::NONE,
};
