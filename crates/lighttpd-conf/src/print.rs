//! In work.
use crate::config::Config;
pub(crate) fn canonical(_: &Config) -> String {
    String::new()
}
pub(crate) fn source(_: &Config) -> String {
    String::new()
}
