//! In work.
use crate::{Config, Report};
use std::path::Path;
/// Loads a file and everything it includes.
pub fn load(path: &Path) -> Result<Config, Report> {
    unimplemented!("{path:?}")
}
/// Loads a text as if it were a file in `dir`.
pub fn load_text(text: &str, name: &str, dir: &Path) -> Result<Config, Report> {
    unimplemented!("{text}{name}{dir:?}")
}
