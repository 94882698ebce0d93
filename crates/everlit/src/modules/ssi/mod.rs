//! mod_ssi: documents with directives in them, which are carried out before the document is sent.
//!
//! In: a file with one of the suffixes. Out: a page; or, if there are commands in it (`exec`), an order for a thread that runs
//! them and makes the page ([`crate::worker::chores`]). Must hold: no worker waits for a command; nothing that a client says becomes
//! part of one.

mod command;
mod expression;
mod order;
mod page;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::staticfile::etag::entity_tag;
use super::staticfile::validators::{Conditions, Validators, Verdict};
use super::{Hooks, Module};
use crate::config::{Counts, Directive, Setter};
use crate::exchange::{Exchange, Flow};
use crate::files::{EntryKind, Metadata};
use crate::gateway::{self, Handler};
use crate::http1::head::Method;
use crate::response::{Body, Part};
use crate::settings;
use crate::worker::chores::Work;
use order::{Limits, Order};
use page::{Content, Page};
use rustix::io::Errno;

/// Settings of mod_ssi.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ssi.extension`: suffixes of documents.
    pub extensions: Arc<[String]>,
    /// `ssi.content-type`; empty: `text/html`.
    pub content_type: String,
    /// `ssi.conditional-requests`: whether pages have validators, made of their files; default off.
    pub conditional: bool,
    /// `ssi.exec`: whether commands are run; default on.
    pub exec: bool,
    /// `ssi.recursion-max`: how deep documents that are included by `virtual` are carried out themselves. Default 0: they
    /// are included as they are.
    pub recursion_max: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            extensions: Arc::default(),
            content_type: String::new(),
            conditional: false,
            exec: true,
            recursion_max: 0,
        }
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "ssi.extension",
        Setter::List(|settings, list| settings.ssi.extensions = list.into()),
        "()",
        "Suffixes of documents with directives.",
    )
    .differs(
        crate::config::Counts::Used,
        "echo heeds \"encoding\" and does not know USER_NAME; where a file cannot be included, the rest of the page is there; \
         OPTIONS and PUT do not give a page",
    ),
    Directive::request(
        "ssi.content-type",
        Setter::Text(|settings, text| settings.ssi.content_type = text.to_owned()),
        "\"text/html\"",
        "Media type of such pages.",
    ),
    Directive::request(
        "ssi.conditional-requests",
        Setter::Bool(|settings, on| settings.ssi.conditional = on),
        "\"disable\"",
        "Whether pages have an ETag and a date, made of those of their files.",
    ),
    Directive::request(
        "ssi.exec",
        Setter::Bool(|settings, on| settings.ssi.exec = on),
        "\"enable\"",
        "Whether documents may run commands (exec cmd).",
    )
    .differs(
        Counts::Used,
        "other requests do not wait for commands; those of a page are ended after 30 seconds in all, and when the page is \
         longer than 16 MiB; such a page is always sent whole (Range)",
    ),
    Directive::request(
        "ssi.recursion-max",
        Setter::Short(|settings, depth| settings.ssi.recursion_max = depth),
        "0",
        "How deep documents that are included (virtual) are carried out themselves; at most 16.",
    ),
];

/// The module.
pub static MODULE: Module = Module {
    name: "mod_ssi",
    directives: DIRECTIVES,
    hooks: Hooks {
        subrequest_start: Some(subrequest_start),
        ..Hooks::NONE
    },
};

fn subrequest_start(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let ssi = &settings.ssi;
    let method = exchange.request.head.method;
    let path = &exchange.physical.path;
    let is_document = ssi
        .extensions
        .iter()
        .any(|suffix| path.ends_with(suffix.as_bytes()));
    if !is_document || !matches!(method, Method::Get | Method::Head | Method::Post) {
        return Flow::GoOn;
    }
    let Some(entry) = exchange.entry.clone() else {
        return Flow::GoOn;
    };
    if entry.metadata.kind != EntryKind::File {
        return Flow::GoOn;
    }
    if let Err(errno) = entry.open() {
        exchange.response.status = crate::route::path::status(errno);
        return Flow::Done;
    }
    let mut page = Page::new(settings, gateway::variables(exchange, settings), exchange);
    page.add(&entry, exchange, 0);
    let metadata = Metadata {
        mtime: page.mtime,
        ..entry.metadata
    };
    let contents = page.contents;
    exchange.response.status = 200;
    let headers = &mut exchange.response.headers;
    let media_type = match ssi.content_type.as_str() {
        "" => "text/html",
        own => own,
    };
    headers.set("Content-Type", media_type);
    if ssi.conditional {
        let tag = entity_tag(&metadata, settings.core.etag);
        let since = std::time::Duration::from_secs(u64::try_from(metadata.mtime).unwrap_or(0));
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + since);
        if let Some(tag) = &tag {
            headers.set("ETag", tag);
        }
        headers.set("Last-Modified", &date);
        let validators = Validators {
            tag: tag.as_ref().map(String::as_bytes),
            date: Some(date.as_bytes()),
            mtime: metadata.mtime,
        };
        match Conditions::of(&exchange.request).weigh(method, &validators) {
            Verdict::Serve => {}
            Verdict::NotModified => {
                exchange.response.status = 304;
                return Flow::Done;
            }
            Verdict::PreconditionFailed => {
                exchange.response.headers.clear();
                exchange.response.status = 412;
                return Flow::Done;
            }
        }
    }
    if contents
        .iter()
        .any(|own| matches!(own, Content::Command(_)))
    {
        let field = |name: &str| {
            let value = headers.get(name)?.to_vec();
            Some((name.to_owned(), value.into()))
        };
        let names = ["Content-Type", "ETag", "Last-Modified"];
        let fields = names.into_iter().filter_map(field).collect();
        // It is an answer only when the thread has given it.
        headers.clear();
        exchange.response.status = 0;
        let order = Order {
            fields,
            contents: contents.into_iter().map(order::Content::from).collect(),
        };
        exchange.handler = Some(Handler::Chore(order.to_bytes()));
    } else {
        exchange.response.body = body(contents.into_iter().filter_map(part).collect());
    }
    Flow::Done
}

/// How an order is carried out. Commands are run only if they may be by now.
pub fn work(order: &[u8], settings: &settings::Settings) -> Result<Work, Errno> {
    let mut order = Order::from_bytes(order).ok_or(Errno::INVAL)?;
    if !settings.ssi.exec {
        let is_command = |own: &order::Content| matches!(own, order::Content::Command(_));
        order.contents.retain(|own| !is_command(own));
    }
    Ok(Box::new(move || order.carry_out(Limits::OF_PAGES)))
}

impl From<Content> for order::Content {
    fn from(content: Content) -> Self {
        match content {
            Content::Text(text) => order::Content::Text(text.into()),
            Content::File { path, .. } => order::Content::File(path.into()),
            Content::Command(text) => order::Content::Command(text.into()),
        }
    }
}

fn part(content: Content) -> Option<Part> {
    match content {
        Content::Text(text) => Some(Part::Bytes(text)),
        Content::File { range, .. } => Some(Part::File(range)),
        Content::Command(_) => None,
    }
}

/// Text alone is one piece, so that parts of it can be asked for.
fn body(mut parts: Vec<Part>) -> Body {
    match (parts.pop(), parts.is_empty()) {
        (None, _) => Body::Empty,
        (Some(Part::Bytes(bytes)), true) => Body::Bytes(bytes),
        (Some(last), _) => {
            parts.push(last);
            Body::Parts(parts)
        }
    }
}
