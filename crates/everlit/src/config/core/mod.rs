//! Directives of the core, by subject.

use super::directive::Directive;

mod debug;
pub(super) mod features;
mod files;
mod limits;
mod logging;
mod network;
mod parsing;
mod process;

/// All of them.
pub(super) static TABLES: &[&[Directive]] = &[
    debug::DIRECTIVES,
    features::DIRECTIVES,
    files::DIRECTIVES,
    limits::DIRECTIVES,
    logging::DIRECTIVES,
    network::DIRECTIVES,
    parsing::DIRECTIVES,
    process::DIRECTIVES,
];
