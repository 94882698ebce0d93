//! Whether what a configuration names is there: files, directories, users, groups.
//!
//! In: a configuration, and the machine it is checked on. Out: errors for what would stop a start, warnings for what would
//! make all answers errors. Must hold: nothing is created or changed.

use std::path::Path;

use lighttpd_conf::{Block, Config, Diagnostic, Value};

use super::paths::absolute;
use crate::sys::privilege;

/// Looks at everything.
pub(super) fn look(config: &Config, problems: &mut Vec<Diagnostic>) {
    let chroot = chroot(config, problems);
    for block in config.blocks() {
        if let Some((value, path)) = text(block, "server.document-root") {
            let seen = match &chroot {
                Some(root) => root.join(path.trim_start_matches('/')),
                None => absolute(path),
            };
            if !seen.is_dir() {
                let message = format!(
                    "server.document-root: {} is not a directory",
                    seen.display()
                );
                problems.push(config.warning(value.span, message));
            }
        }
        for name in ["server.errorlog", "accesslog.filename"] {
            log_file(config, block, name, problems);
        }
    }
    let pid_file = text(config.global(), "server.pid-file");
    if let Some((value, path)) = pid_file {
        in_a_directory(config, "server.pid-file", value, path, problems);
    }
    accounts(config, problems);
}

fn text<'c>(block: &'c Block, name: &str) -> Option<(&'c Value, &'c str)> {
    let value = block.get(name)?;
    Some((value, value.as_str().filter(|text| !text.is_empty())?))
}

fn chroot(config: &Config, problems: &mut Vec<Diagnostic>) -> Option<std::path::PathBuf> {
    let (value, path) = text(config.global(), "server.chroot")?;
    let root = absolute(path);
    if !root.is_dir() {
        let message = format!("server.chroot: {} is not a directory", root.display());
        problems.push(config.error(value.span, message));
    }
    Some(root)
}

/// A file that is opened for appending; `|command` is none.
fn log_file(config: &Config, block: &Block, name: &str, problems: &mut Vec<Diagnostic>) {
    if let Some((value, path)) = text(block, name)
        && !path.starts_with('|')
    {
        in_a_directory(config, name, value, path, problems);
    }
}

fn in_a_directory(
    config: &Config,
    name: &str,
    value: &Value,
    path: &str,
    problems: &mut Vec<Diagnostic>,
) {
    let path = absolute(path);
    let directory = path.parent().unwrap_or(Path::new("/"));
    if path.is_dir() {
        let message = format!("{name}: {} is a directory", path.display());
        problems.push(config.error(value.span, message).help("name a file"));
    } else if !directory.is_dir() {
        let message = format!("{name}: there is no directory {}", directory.display());
        problems.push(config.error(value.span, message).help("create it first"));
    }
}

fn accounts(config: &Config, problems: &mut Vec<Diagnostic>) {
    let mut unknown = |value: &Value, message: String| {
        problems.push(config.error(value.span, message));
    };
    if let Some((value, name)) = text(config.global(), "server.username") {
        match privilege::user(name) {
            Ok(Some(_)) => {}
            Ok(None) => unknown(
                value,
                format!("server.username: there is no user \"{name}\""),
            ),
            Err(error) => unknown(
                value,
                format!("server.username: look up \"{name}\": {error}"),
            ),
        }
    }
    if let Some((value, name)) = text(config.global(), "server.groupname") {
        match privilege::group(name) {
            Ok(Some(_)) => {}
            Ok(None) => unknown(
                value,
                format!("server.groupname: there is no group \"{name}\""),
            ),
            Err(error) => unknown(
                value,
                format!("server.groupname: look up \"{name}\": {error}"),
            ),
        }
    }
}
