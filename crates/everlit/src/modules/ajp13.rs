//! mod_ajp13: servers that speak AJP 1.3 answer, such as Tomcat.
//!
//! In: requests, by prefix or suffix of the path. Out: a group of hosts. Must hold: files never matter, as in lighttpd. The
//! secret that such a server may want is the variable `AJP13_SECRET`, which mod_setenv sets, as in lighttpd.

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Counts, Directive, Read, Reader, Scope, Setter};
use crate::exchange::{Exchange, Flow};
use crate::gateway::config::{Command, Files};
use crate::gateway::{Backends, Protocol, choose, config};
use crate::settings;

/// Settings of mod_ajp13.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `ajp13.server`, `ajp13.balance`, `ajp13.map-extensions`
    pub backends: Backends,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "ajp13.server",
        Setter::Own(Kind::KvArray, server),
        "()",
        "Servers that speak AJP 1.3, by prefix or suffix of the path.",
    )
    .differs(
        Counts::Warned,
        "\"min-procs\" and \"tcp-fin-propagate\" have no effect",
    ),
    Directive::request(
        "ajp13.balance",
        Setter::Own(Kind::String, balance),
        "\"least-connection\"",
        "How servers are chosen: \"least-connection\", \"round-robin\", \"hash\" (by URL) or \"sticky\" (by client).",
    )
    .differs(Counts::Used, "\"hash\" and \"sticky\" may choose another host for the same request"),
    Directive::nothing(
        "ajp13.debug",
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
        "ajp13.map-extensions",
        Setter::Pairs(|settings, pairs| settings.ajp13.backends.map_extensions = pairs.into()),
        "()",
        "Suffixes that are treated as others.",
    ),
];

const SERVER: config::Kind = config::Kind {
    directive: "ajp13.server",
    files: Files::Ignored,
    command: Command::Words,
    backends: |settings| &mut settings.ajp13.backends,
};

fn server(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    config::server(value, reader, SERVER)
}

fn balance(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    config::balance(value, SERVER)
}

fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    choose::by_url(exchange, &settings.ajp13.backends, Protocol::Ajp);
    Flow::GoOn
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_ajp13",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        ..Hooks::NONE
    },
};
