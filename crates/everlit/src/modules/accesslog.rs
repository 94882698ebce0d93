//! mod_accesslog

use super::{Hooks, Module};

/// Settings of mod_accesslog.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_accesslog",
    directives: &[],
    hooks: Hooks::NONE,
};
