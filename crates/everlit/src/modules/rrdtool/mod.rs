//! mod_rrdtool: traffic, minute by minute, in databases of RRDtool, from which graphs are made.
//!
//! In: requests that are answered. Out: which database each of them counts for; figures in the [`board`](crate::board); lines for
//! `rrdtool -` ([`dialogue`]), which the lead thread starts and talks with. Must hold: what rrdtool has not said to be written
//! stays counted, also in the next generation; nobody waits for it.

pub mod dialogue;
pub mod traffic;

use std::path::PathBuf;
use std::time::Duration;

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::paths::absolute;
use crate::config::{Change, Counts, Directive, Draft, Read, Reader, Setter};
use crate::exchange::Exchange;
use crate::logline::PendingLine;
use crate::settings;

/// Settings of mod_rrdtool.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// `rrdtool.db-name`; `None`: requests are not counted.
    pub database: Option<DatabaseId>,
}

/// A database: index into [`Recording::databases`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseId(pub u16);

/// What is written, and by whom.
#[derive(Clone, Debug)]
pub struct Recording {
    /// `rrdtool.binary`, default `/usr/bin/rrdtool`.
    pub program: PathBuf,
    /// The files, each once.
    pub databases: Vec<String>,
    /// "everlit.statistics-period", default 60 s.
    pub period: Duration,
}

impl Default for Recording {
    fn default() -> Self {
        Recording {
            program: PathBuf::from("/usr/bin/rrdtool"),
            databases: Vec::new(),
            period: Duration::from_secs(60),
        }
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "rrdtool.db-name",
        Setter::Own(Kind::String, database),
        "",
        "File with figures, one for each name; it is made if it is not there. Empty: requests are not counted.",
    )
    .differs(
        Counts::Used,
        "a file that is named twice is one database with one update a minute; what was not written, because rrdtool failed \
         or the server was restarted, is in the next update",
    ),
    Directive::server(
        "rrdtool.binary",
        Setter::Text(|draft: &mut Draft, path| {
            draft.server.recording.program = match path {
                "" => Recording::default().program,
                path => absolute(path),
            }
        }),
        "\"/usr/bin/rrdtool\"",
        "The program that writes them, once a minute (or as server.feature-flags \"everlit.statistics-period\" says, in seconds); \
         run by the server's user, and started again if it ends or does not answer within 10 seconds.",
    ),
];

/// The module.
pub static MODULE: Module = Module {
    name: "mod_rrdtool",
    directives: DIRECTIVES,
    hooks: Hooks {
        request_done: Some(request_done),
        ..Hooks::NONE
    },
};

fn database(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let name = value.to_str()?;
    // It is told in a line, between quotes if need be.
    let is_unspeakable =
        name.contains(char::is_control) || (name.contains('"') && name.contains('\''));
    if is_unspeakable {
        return Err(value.unfit("the name of a file that rrdtool can be told"));
    }
    let database = match name {
        "" => None,
        // A name that was written down is UTF-8, and so is a working directory that it can be told with.
        name => Some(reader.database(absolute(name).to_string_lossy().into_owned())),
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.rrdtool.database = database;
    }))
}

fn request_done(_: &Exchange<'_>, settings: &settings::Settings, line: &mut PendingLine) {
    line.database = settings.rrdtool.database;
}
