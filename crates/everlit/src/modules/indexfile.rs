//! mod_indexfile: a request for a directory gets a file in it.

use rustix::io::Errno;

use super::{Hooks, Module};
use crate::config::{Directive, Setter};
use crate::exchange::{Exchange, Flow, Physical};
use crate::files::{EntryKind, Rules};
use crate::settings;

/// Settings of mod_indexfile.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `index-file.names`, in the order in which they are tried. One that begins with `/` is looked for in the document
    /// root, the others in the directory.
    pub names: Vec<String>,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "index-file.names",
        Setter::List(|settings, names| settings.indexfile.names = names.to_vec()),
        "()",
        "Files that answer for a directory, the first that is there; \"/...\" is looked for in the document root.",
    ),
    Directive::request(
        "server.indexfiles",
        Setter::List(|settings, names| settings.indexfile.names = names.to_vec()),
        "()",
        "The same as index-file.names.",
    )
    .obsolete("write index-file.names"),
];

/// Where a name is looked for.
fn candidate(out: &mut Vec<u8>, name: &str, physical: &Physical) {
    out.clear();
    match name.starts_with('/') {
        true => out.extend_from_slice(&physical.document_root),
        false => out.extend_from_slice(&physical.path),
    }
    out.extend_from_slice(name.as_bytes());
}

fn subrequest_start(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let is_directory =
        matches!(&exchange.entry, Some(entry) if entry.metadata.kind == EntryKind::Directory);
    // Without the slash at the end a directory is answered with a redirect, by others.
    if !is_directory || exchange.request.uri.path.last() != Some(&b'/') {
        return Flow::GoOn;
    }
    let rules = Rules::from(&settings.core);
    let mut path = Vec::new();
    for name in &settings.indexfile.names {
        candidate(&mut path, name, exchange.physical);
        match exchange.files.look_up(&path, rules, exchange.now) {
            Ok(entry) => {
                found(exchange, name);
                exchange.physical.path = path;
                exchange.entry = Some(entry);
                return Flow::GoOn;
            }
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(errno) => {
                exchange.response.status = match errno {
                    Errno::ACCESS | Errno::LOOP => 403,
                    _ => 500,
                };
                return Flow::Done;
            }
        }
    }
    Flow::GoOn
}

/// The URL path becomes that of the file, for modules that look at endings. The conditions that held stay in force. A program
/// for all directories is told which one was asked for.
fn found(exchange: &mut Exchange<'_>, name: &str) {
    let path = exchange.request.uri.path.to_mut();
    let physical = &mut *exchange.physical;
    if name.starts_with('/') {
        let directory = (b"PATH_TRANSLATED_DIRINDEX".to_vec(), physical.path.clone());
        exchange.request.environment.push(directory);
        path.clear();
        physical.relative.clear();
        physical.base.clone_from(&physical.document_root);
    }
    path.extend_from_slice(name.as_bytes());
    physical.relative.extend_from_slice(name.as_bytes());
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_indexfile",
    directives: DIRECTIVES,
    hooks: Hooks {
        subrequest_start: Some(subrequest_start),
        ..Hooks::NONE
    },
};
