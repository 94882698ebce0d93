//! In work.
use crate::{Config, Diagnostic, Directive};
/// Holds a configuration against a table of directives.
pub fn check<'t>(
    _config: &Config,
    _table: impl IntoIterator<Item = &'t Directive>,
) -> Vec<Diagnostic> {
    Vec::new()
}
