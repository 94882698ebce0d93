//! mod_dirlisting

use super::{Hooks, Module};

/// Settings of mod_dirlisting.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_dirlisting",
    directives: &[],
    hooks: Hooks::NONE,
};
