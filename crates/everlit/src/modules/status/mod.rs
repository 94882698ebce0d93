//! mod_status: pages that tell what the server is doing (`status.status-url`), what it is made of (`status.config-url`), and
//! figures by name (`status.statistics-url`).
//!
//! In: the board. Out: pages. Must hold: who asks counts like everybody else, and stops nobody: connections are counted by
//! what they do, not listed one by one as in lighttpd, because only their own thread could do that.

mod page;
#[cfg(test)]
mod tests;

use super::{Hooks, Module};
use crate::config::{Directive, Setter};
use crate::exchange::{Exchange, Flow};
use crate::response::Body;
use crate::settings;

/// Settings of mod_status: paths; empty: none.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `status.status-url`
    pub status: String,
    /// `status.config-url`
    pub config: String,
    /// `status.statistics-url`
    pub statistics: String,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "status.status-url",
        Setter::Text(|settings, path| settings.status.status = path.to_owned()),
        "",
        "Path of a page with what the server is doing; with ?auto as text, with ?json as JSON. Figures go on after a restart.",
    )
    .differs(crate::config::Counts::Used, "the page has looks of its own and lists no single connections; with ?auto and ?json it is the same"),
    Directive::request(
        "status.config-url",
        Setter::Text(|settings, path| settings.status.config = path.to_owned()),
        "",
        "Path of a page with what the server is made of.",
    )
    .differs(crate::config::Counts::Used, "the page has looks of its own"),
    Directive::request(
        "status.statistics-url",
        Setter::Text(|settings, path| settings.status.statistics = path.to_owned()),
        "",
        "Path of a text with figures by name.",
    )
    .differs(crate::config::Counts::Used, "figures have names of their own, and there are always some"),
    Directive::nothing(
        "status.enable-sort",
        lighttpd_conf::Kind::Bool,
        lighttpd_conf::Scope::Connection,
        "\"enable\"",
        "Whether the list of connections can be sorted.",
    )
    .differs(
        crate::config::Counts::Used,
        "there is no such list: connections are counted by what they do",
    ),
];

/// The module.
pub static MODULE: Module = Module {
    name: "mod_status",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        ..Hooks::NONE
    },
};

fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let status = &settings.status;
    let path = &exchange.request.uri.path[..];
    let is = |url: &str| !url.is_empty() && path == url.as_bytes();
    let query = exchange.request.uri.query.as_deref().unwrap_or_default();
    let (board, now) = (exchange.board, exchange.now);
    let (media_type, text) = if is(&status.status) {
        match query {
            b"auto" => ("text/plain", page::text(board, now)),
            query if query.starts_with(b"json") => {
                ("application/javascript", page::json(board, now, query))
            }
            query => {
                let about = page::About {
                    tag: &settings.core.tag,
                    host: &String::from_utf8_lossy(&exchange.request.host),
                    name: &settings.core.name,
                };
                ("text/html", page::html(board, now, &about, query))
            }
        }
    } else if is(&status.config) {
        ("text/html", page::config(board, &settings.core.tag))
    } else if is(&status.statistics) {
        ("text/plain", page::statistics(board, now))
    } else {
        return Flow::GoOn;
    };
    let response = &mut *exchange.response;
    response.status = 200;
    response.headers.set("Content-Type", media_type);
    // Out of date as soon as it is read.
    response.headers.set("Cache-Control", "no-store");
    response.body = Body::Bytes(text.into_bytes());
    Flow::Done
}
