//! mod_scgi: SCGI or uwsgi servers answer.

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Change, Counts, Directive, Read, Reader, Scope, Setter};
use crate::exchange::{Exchange, Flow};
use crate::gateway::config::{Command, Files};
use crate::gateway::{Backends, Protocol, choose, config};
use crate::settings;

/// Settings of mod_scgi.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `scgi.server`, `scgi.balance`, `scgi.map-extensions`
    pub backends: Backends,
    /// `scgi.protocol`
    pub dialect: Dialect,
}

/// `scgi.protocol`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `scgi`, the default.
    #[default]
    Scgi,
    /// `uwsgi`
    Uwsgi,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "scgi.server",
        Setter::Own(Kind::KvArray, server),
        "()",
        "SCGI or uwsgi servers, by prefix of the URL path or suffix of the file.",
    )
    .differs(
        Counts::Warned,
        "\"min-procs\" and \"tcp-fin-propagate\" have no effect",
    ),
    Directive::request(
        "scgi.balance",
        Setter::Own(Kind::String, balance),
        "\"least-connection\"",
        "How servers are chosen: \"least-connection\", \"round-robin\", \"hash\" (by URL) or \"sticky\" (by client).",
    )
    .differs(Counts::Used, "\"hash\" and \"sticky\" may choose another host for the same request"),
    Directive::nothing(
        "scgi.debug",
        Kind::Int,
        Scope::Connection,
        "0",
        "What is logged about servers; failures always are.",
    )
    .differs(
        Counts::Used,
        "any value means the same: failures are logged, and nothing else",
    ),
    Directive::request(
        "scgi.map-extensions",
        Setter::Pairs(|settings, pairs| settings.scgi.backends.map_extensions = pairs.into()),
        "()",
        "Suffixes that are treated as others.",
    ),
    Directive::request(
        "scgi.protocol",
        Setter::Own(Kind::String, dialect),
        "\"scgi\"",
        "What servers speak: \"scgi\" or \"uwsgi\".",
    ),
];

const SERVER: config::Kind = config::Kind {
    directive: "scgi.server",
    files: Files::Matter,
    command: Command::Shell,
    backends: |settings| &mut settings.scgi.backends,
};

fn server(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    config::server(value, reader, SERVER)
}

fn balance(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    config::balance(value, SERVER)
}

fn dialect(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    let dialect = match value.to_str()? {
        "" | "scgi" => Dialect::Scgi,
        "uwsgi" => Dialect::Uwsgi,
        _ => return Err(value.unfit("\"scgi\" or \"uwsgi\"")),
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.scgi.dialect = dialect;
    }))
}

fn protocol(settings: &settings::Settings) -> Protocol {
    match settings.scgi.dialect {
        Dialect::Scgi => Protocol::Scgi,
        Dialect::Uwsgi => Protocol::Uwsgi,
    }
}

fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    choose::by_url(exchange, &settings.scgi.backends, protocol(settings));
    Flow::GoOn
}

fn subrequest_start(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    choose::by_file(exchange, &settings.scgi.backends, protocol(settings))
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_scgi",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        subrequest_start: Some(subrequest_start),
        ..Hooks::NONE
    },
};
