//! mod_webdav: files are changed by their clients (RFC 4918, classes 1, 2 and 3).
//!
//! In: a request with one of WebDAV's methods. Out: the same as an order, for a thread that may take its time
//! ([`crate::worker::chores`]): nothing in here looks at the file system but that thread. Must hold: a document is what
//! it was before a request or what it is to be after it, never something in between.
//!
//! GET and HEAD are mod_staticfile's. Properties and locks are in an SQLite database, in the tables that lighttpd makes;
//! without one (`webdav.sqlite-db-name`) there are no locks, and only the properties that follow from the files.
//!
//! | file | what |
//! |---|---|
//! | `order` | what a client wants, as plain data |
//! | `work` | which of the others does it |
//! | `body` | what came with it |
//! | `place` | where it is to be done: a name in an open directory |
//! | `xml`, `answer` | documents that are read and written |
//! | `store` | properties and locks |
//! | `condition`, `guard` | `If` and the fields like it; whether locks stand in the way |
//! | `propfind`, `proppatch`, `put`, `tree`, `transfer`, `lock` | the methods |

#[cfg(feature = "webdav")]
mod answer;
#[cfg(feature = "webdav")]
mod body;
#[cfg(feature = "webdav")]
mod condition;
#[cfg(feature = "webdav")]
mod guard;
#[cfg(feature = "webdav")]
mod lock;
#[cfg_attr(
    not(feature = "webdav"),
    allow(dead_code, reason = "nobody carries them out")
)]
mod order;
#[cfg(feature = "webdav")]
mod place;
#[cfg(feature = "webdav")]
mod propfind;
#[cfg(feature = "webdav")]
mod proppatch;
#[cfg(feature = "webdav")]
mod put;
#[cfg(feature = "webdav")]
mod store;
#[cfg(feature = "webdav")]
mod transfer;
#[cfg(feature = "webdav")]
mod tree;
#[cfg(feature = "webdav")]
mod work;
#[cfg(feature = "webdav")]
mod xml;

use std::sync::Arc;

use lighttpd_conf::{Kind, Value};
use rustix::io::Errno;

use self::order::{Order, Verb};
use super::{Hooks, Module};
use crate::config::nearest::nearest;
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::files::Rules;
use crate::gateway::Handler;
use crate::http1::body::Framing;
use crate::http1::head::Method;
use crate::settings;
use crate::worker::chores::Piece;

/// Settings of mod_webdav.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `webdav.activate`
    pub activate: bool,
    /// `webdav.is-readonly`
    pub is_readonly: bool,
    /// `webdav.sqlite-db-name`: file for properties and locks.
    pub database: Option<Arc<str>>,
    /// `webdav.log-xml`
    pub log_xml: bool,
    /// `webdav.opts`
    pub options: Options,
}

/// `webdav.opts`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `deprecated-unsafe-partial-put`, `partial-put-copy-modify`: whether PUT may have a `Content-Range`.
    pub partial_put: bool,
    /// `propfind-depth-infinity`: whether a whole tree may be asked for at once.
    pub depth_infinity: bool,
    /// `unsafe-propfind-follow-symlink`: whether links are shown as what they lead to.
    pub follow_links: bool,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "webdav.activate",
        Setter::Own(Kind::Bool, activate),
        "\"disable\"",
        "Whether files can be changed by way of WebDAV.",
    )
    .differs(
        crate::config::Counts::Used,
        "locks and conditions are those of RFC 4918: a lock of a collection counts for what is made in it, and one that is gone \
         cannot be refreshed; without webdav.sqlite-db-name, LOCK is not allowed; what is changed or listed is no link itself",
    ),
    Directive::request(
        "webdav.is-readonly",
        Setter::Bool(|settings, on| settings.webdav.is_readonly = on),
        "\"disable\"",
        "Whether WebDAV may only read.",
    ),
    Directive::request(
        "webdav.sqlite-db-name",
        Setter::Text(|settings, path| {
            settings.webdav.database = (!path.is_empty()).then(|| path.into());
        }),
        "",
        "File for properties and locks, with lighttpd's tables; none: no locks.",
    ),
    Directive::request(
        "webdav.log-xml",
        Setter::Bool(|settings, on| settings.webdav.log_xml = on),
        "\"disable\"",
        "Whether XML bodies are written to the error log.",
    ),
    Directive::request(
        "webdav.opts",
        Setter::Own(Kind::KvAny, options),
        "()",
        "Switches: partial-put-copy-modify (or deprecated-unsafe-partial-put), propfind-depth-infinity, \
         unsafe-propfind-follow-symlink.",
    ),
];

fn activate(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let on = value.to_bool()?;
    if on && !cfg!(feature = "webdav") {
        let help = "build it with the feature \"webdav\"";
        reader.error(value.span, "this program has no WebDAV".to_owned(), help);
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.webdav.activate = on;
    }))
}

const OPTIONS: &[&str] = &[
    "deprecated-unsafe-partial-put",
    "partial-put-copy-modify",
    "propfind-depth-infinity",
    "unsafe-propfind-follow-symlink",
];

fn options(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut options = Options::default();
    for (key, setting) in value.to_map()? {
        match key {
            // Both are done in the safe way, with a copy: half a change is never seen.
            "deprecated-unsafe-partial-put" | "partial-put-copy-modify" => {
                options.partial_put |= setting.to_bool()?;
            }
            "propfind-depth-infinity" => options.depth_infinity = setting.to_bool()?,
            "unsafe-propfind-follow-symlink" => options.follow_links = setting.to_bool()?,
            _ => {
                let help = match nearest(key, OPTIONS.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("keys are {}", OPTIONS.join(", ")),
                };
                let message = format!("unknown key \"{key}\" in webdav.opts");
                reader.error(setting.span, message, help);
            }
        }
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.webdav.options = options;
    }))
}

/// What OPTIONS says of us.
fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let webdav = &settings.webdav;
    if exchange.request.head.method != Method::Options || !webdav.activate {
        return Flow::GoOn;
    }
    let (classes, allowed) = match (webdav.is_readonly, &webdav.database) {
        (true, Some(_)) => ("1,2,3", "PROPFIND"),
        (true, None) => ("1,3", "PROPFIND"),
        (false, Some(_)) => (
            "1,2,3",
            "PROPFIND, DELETE, MKCOL, PUT, MOVE, COPY, PROPPATCH, LOCK, UNLOCK",
        ),
        (false, None) => ("1,3", "PROPFIND, DELETE, MKCOL, PUT, MOVE, COPY"),
    };
    let headers = &mut exchange.response.headers;
    headers.set("DAV", classes);
    headers.set("MS-Author-Via", "DAV");
    headers.set("Allow", allowed);
    Flow::GoOn
}

/// Gives the request to a thread, unless it is no good whatever there is.
fn physical(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let webdav = &settings.webdav;
    let head = exchange.request.head;
    if !webdav.activate {
        return Flow::GoOn;
    }
    let Some(verb) = Verb::of(head) else {
        return if head.method == Method::Options {
            unmapped(exchange, settings)
        } else {
            look_anew(exchange, settings);
            Flow::GoOn
        };
    };
    let has_body = !matches!(head.framing, Framing::Empty | Framing::Length(0));
    let is_partial = exchange.request.field("Content-Range").is_some();
    let refusal = match verb {
        _ if verb.changes() && webdav.is_readonly => Some(403),
        // It was meant for a part of something, and would hit all of it.
        _ if memchr::memchr(b'#', head.target).is_some() => Some(403),
        _ if has_body && !verb.takes_body() => Some(415),
        Verb::Proppatch | Verb::Lock if webdav.database.is_none() => {
            let headers = &mut exchange.response.headers;
            headers.set(
                "Allow",
                "GET, HEAD, PROPFIND, DELETE, MKCOL, PUT, MOVE, COPY",
            );
            Some(405)
        }
        Verb::Put if is_partial && !webdav.options.partial_put => Some(400),
        Verb::Put if exchange.physical.path.ends_with(b"/") => Some(400),
        _ => None,
    };
    if let Some(status) = refusal {
        exchange.response.status = status;
        return Flow::Done;
    }
    let order = Order::new(verb, exchange);
    exchange.handler = Some(Handler::Chore(order.to_bytes()));
    Flow::GoOn
}

/// Whoever has changed a document and asks for it gets the new one: it is not believed here that it was there a moment ago.
fn look_anew(exchange: &mut Exchange<'_>, settings: &settings::Settings) {
    if !settings.webdav.is_readonly {
        let rules = Rules::from(&settings.core);
        // What is found now is found again when it is looked for.
        let _ = (exchange.files).renew(&exchange.physical.path, rules, exchange.now);
    }
}

/// OPTIONS of something that is not there yet: it could be made.
fn unmapped(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let rules = Rules::from(&settings.core);
    let path = &exchange.physical.path;
    match exchange.files.look_up(path, rules, exchange.now) {
        Err(Errno::NOENT) => {
            exchange.response.status = 200;
            Flow::Done
        }
        _ => Flow::GoOn,
    }
}

/// How an order is carried out: takes time, and gives an answer as a CGI program does.
#[cfg(feature = "webdav")]
pub fn work(
    order: &[u8],
    body: Vec<Piece>,
    settings: &settings::Settings,
) -> Result<Box<dyn FnOnce() -> Vec<u8> + Send>, Errno> {
    let order = Order::from_bytes(order).ok_or(Errno::INVAL)?;
    let task = work::Task::new(order, body, settings);
    Ok(Box::new(move || task.run()))
}

/// The same of a program that was built without it.
#[cfg(not(feature = "webdav"))]
pub fn work(
    _: &[u8],
    _: Vec<Piece>,
    _: &settings::Settings,
) -> Result<Box<dyn FnOnce() -> Vec<u8> + Send>, Errno> {
    Err(Errno::NOSYS)
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_webdav",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        physical: Some(physical),
        ..Hooks::NONE
    },
};
