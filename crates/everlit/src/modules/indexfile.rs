//! mod_indexfile

use super::{Hooks, Module};

/// Settings of mod_indexfile.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_indexfile",
    directives: &[],
    hooks: Hooks::NONE,
};
