//! mod_wstunnel: what clients say through WebSocket goes to servers that know nothing of it.

use std::sync::Arc;

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Change, Counts, Directive, Read, Reader, Scope, Setter};
use crate::exchange::{Exchange, Flow};
use crate::gateway::config::{Command, Files};
use crate::gateway::websocket::{self, handshake};
use crate::gateway::{Backends, Protocol, choose, config};
use crate::settings;

/// Settings of mod_wstunnel.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `wstunnel.server`, `wstunnel.balance`, `wstunnel.map-extensions`
    pub backends: Backends,
    /// `wstunnel.frame-type`
    pub frame_type: websocket::Kind,
    /// `wstunnel.origins`; empty: all.
    pub origins: Arc<[String]>,
    /// `wstunnel.ping-interval`, in seconds; 0: never.
    pub ping_interval: u16,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "wstunnel.server",
        Setter::Own(Kind::KvArray, server),
        "()",
        "Servers that are reached through WebSocket, by prefix or suffix of the URL path; they see the data only.",
    )
    .differs(
        Counts::Warned,
        "\"min-procs\" and \"tcp-fin-propagate\" have no effect",
    ),
    Directive::request(
        "wstunnel.balance",
        Setter::Own(Kind::String, balance),
        "\"least-connection\"",
        "How servers are chosen: \"least-connection\", \"round-robin\", \"hash\" (by URL) or \"sticky\" (by client).",
    )
    .differs(Counts::Used, "\"hash\" and \"sticky\" may choose another host for the same request"),
    Directive::nothing(
        "wstunnel.debug",
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
        "wstunnel.map-extensions",
        Setter::Pairs(|settings, pairs| settings.wstunnel.backends.map_extensions = pairs.into()),
        "()",
        "Suffixes that are treated as others.",
    ),
    Directive::request(
        "wstunnel.frame-type",
        Setter::Own(Kind::String, frame_type),
        "\"text\"",
        "How clients are sent data: \"text\" (it should be UTF-8) or \"binary\". Those who offer the subprotocol \"binary\" get that.",
    ),
    Directive::request(
        "wstunnel.origins",
        Setter::List(|settings, list| settings.wstunnel.origins = list.into()),
        "()",
        "Ends of the origins whose pages may open a tunnel, such as \"example.org\"; empty: all.",
    ),
    Directive::request(
        "wstunnel.ping-interval",
        Setter::Short(|settings, seconds| settings.wstunnel.ping_interval = seconds),
        "0",
        "Seconds of silence after which a client is sent a ping; 0: never.",
    ),
];

const SERVER: config::Kind = config::Kind {
    directive: "wstunnel.server",
    files: Files::Ignored,
    command: Command::Words,
    backends: |settings| &mut settings.wstunnel.backends,
};

fn server(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    config::server(value, reader, SERVER)
}

fn balance(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    config::balance(value, SERVER)
}

fn frame_type(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    let kind = match value.to_str()?.to_ascii_lowercase().as_str() {
        "" | "text" => websocket::Kind::Text,
        "binary" => websocket::Kind::Binary,
        _ => return Err(value.unfit("\"text\" or \"binary\"")),
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.wstunnel.frame_type = kind;
    }))
}

/// Whatever is no handshake is left to others.
fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    if handshake::is_asked(&exchange.request) {
        choose::by_url(exchange, &settings.wstunnel.backends, Protocol::WebSocket);
    }
    Flow::GoOn
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_wstunnel",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        ..Hooks::NONE
    },
};
