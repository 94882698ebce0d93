//! mod_fastcgi: FastCGI servers answer.

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Counts, Directive, Read, Reader, Scope, Setter};
use crate::exchange::{Exchange, Flow};
use crate::gateway::config::{Command, Files};
use crate::gateway::{Backends, Protocol, choose, config};
use crate::settings;

/// Settings of mod_fastcgi.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `fastcgi.server`, `fastcgi.balance`, `fastcgi.map-extensions`
    pub backends: Backends,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "fastcgi.server",
        Setter::Own(Kind::KvArray, server),
        "()",
        "FastCGI servers, by prefix of the URL path or suffix of the file.",
    )
    .differs(
        Counts::Warned,
        "\"min-procs\" and \"tcp-fin-propagate\" have no effect",
    ),
    Directive::request(
        "fastcgi.balance",
        Setter::Own(Kind::String, balance),
        "\"least-connection\"",
        "How servers are chosen: \"least-connection\", \"round-robin\", \"hash\" (by URL) or \"sticky\" (by client).",
    )
    .differs(Counts::Used, "\"hash\" and \"sticky\" may choose another host for the same request"),
    Directive::nothing(
        "fastcgi.debug",
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
        "fastcgi.map-extensions",
        Setter::Pairs(|settings, pairs| settings.fastcgi.backends.map_extensions = pairs.into()),
        "()",
        "Suffixes that are treated as others.",
    ),
];

const SERVER: config::Kind = config::Kind {
    directive: "fastcgi.server",
    files: Files::Matter,
    command: Command::Words,
    backends: |settings| &mut settings.fastcgi.backends,
};

fn server(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    config::server(value, reader, SERVER)
}

fn balance(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    config::balance(value, SERVER)
}

fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    choose::by_url(exchange, &settings.fastcgi.backends, Protocol::FastCgi);
    Flow::GoOn
}

fn subrequest_start(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    choose::by_file(exchange, &settings.fastcgi.backends, Protocol::FastCgi)
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_fastcgi",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        subrequest_start: Some(subrequest_start),
        ..Hooks::NONE
    },
};
