//! mod_proxy: HTTP servers answer.

use std::sync::Arc;

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Counts, Directive, Read, Reader, Scope, Setter};
use crate::exchange::{Exchange, Flow};
use crate::gateway::config::{Command, Files};
use crate::gateway::header_map::{Forwarded, HeaderMap};
use crate::gateway::{Backends, Handler, Protocol, choose, config};
use crate::http1::head::Method;
use crate::settings;

mod headers;

/// Settings of mod_proxy.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `proxy.server`, `proxy.balance`, `proxy.map-extensions`
    pub backends: Backends,
    /// `proxy.header`
    pub header: Arc<HeaderMap>,
    /// `proxy.forwarded`
    pub forwarded: Forwarded,
    /// `proxy.replace-http-host`: `Host` is the label of the backend, if it has one.
    pub replace_host: bool,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "proxy.server",
        Setter::Own(Kind::KvArray, server),
        "()",
        "HTTP servers behind this one, by prefix or suffix of the URL path.",
    )
    .differs(
        Counts::Used,
        "connections are kept and used again, where lighttpd opens one for each request",
    ),
    Directive::request(
        "proxy.balance",
        Setter::Own(Kind::String, balance),
        "\"least-connection\"",
        "How servers are chosen: \"least-connection\", \"round-robin\", \"hash\" (by URL) or \"sticky\" (by client).",
    )
    .differs(Counts::Used, "\"hash\" and \"sticky\" may choose another host for the same request"),
    Directive::nothing(
        "proxy.debug",
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
        "proxy.map-extensions",
        Setter::Pairs(|settings, pairs| settings.proxy.backends.map_extensions = pairs.into()),
        "()",
        "Suffixes that are treated as others.",
    ),
    Directive::request(
        "proxy.forwarded",
        Setter::Own(Kind::KvAny, headers::forwarded),
        "()",
        "What the Forwarded field tells servers of the client: by, for, host, proto, remote_user.",
    ),
    Directive::request(
        "proxy.header",
        Setter::Own(Kind::KvAny, headers::header),
        "()",
        "How paths and hosts are mapped on the way to servers and back, and what servers may do.",
    ),
    Directive::request(
        "proxy.replace-http-host",
        Setter::Bool(|settings, on| settings.proxy.replace_host = on),
        "\"disable\"",
        "Whether the Host field is replaced by the server's label.",
    )
    .obsolete("write proxy.header = ( \"map-host-request\" => ... )"),
];

const SERVER: config::Kind = config::Kind {
    directive: "proxy.server",
    files: Files::Ignored,
    command: Command::Words,
    backends: |settings| &mut settings.proxy.backends,
};

fn server(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    config::server(value, reader, SERVER)
}

fn balance(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    config::balance(value, SERVER)
}

fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let proxy = &settings.proxy;
    choose::by_url(exchange, &proxy.backends, Protocol::Http);
    let ours = matches!(&exchange.handler, Some(Handler::Group { protocol, .. }) if *protocol == Protocol::Http);
    if ours && exchange.request.head.method == Method::Connect && !proxy.header.connect {
        exchange.response.status = 405;
        return Flow::Done;
    }
    Flow::GoOn
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_proxy",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        ..Hooks::NONE
    },
};
