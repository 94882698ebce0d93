//! mod_dirlisting: what is in a directory, as a page or as JSON.
//!
//! In: a directory that no other module answered for. Out: the list of its files. Must hold: names are shown, linked and
//! quoted so that they can be nothing but names; what the settings hide is not in the page in any form.

mod directives;
pub mod entries;
mod escape;
mod html;
mod json;

use std::sync::Arc;

use lighttpd_conf::Pattern;
use rustix::io::Errno;

use super::{Hooks, Module};
use crate::exchange::{Exchange, Flow};
use crate::files::{EntryKind, Rules};
use crate::http1::head::Method;
use crate::response::Body;

/// Settings of mod_dirlisting. Fields are named after the directives `dir-listing.*`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `dir-listing.activate`, `server.dir-listing`; default off.
    pub activate: bool,
    /// `dir-listing.exclude`: names that one of them matches are left out.
    pub exclude: Arc<[Pattern]>,
    /// `dir-listing.hide-dotfiles`, default on.
    pub hide_dotfiles: bool,
    /// `dir-listing.external-css`: URL of a style sheet, instead of the style that is in the page.
    pub external_css: String,
    /// `dir-listing.external-js`: URL of a script, instead of the one that is in the page.
    pub external_js: String,
    /// `dir-listing.encoding`: how names are encoded, default `utf-8`.
    pub encoding: String,
    /// `dir-listing.show-header`: a file that is shown above the list. `"enable"` means `HEADER.txt`.
    pub header: Insert,
    /// `dir-listing.show-readme`: a file that is shown below the list. `"enable"` means `README.txt`.
    pub readme: Insert,
    /// `dir-listing.set-footer`: HTML below everything; default: the server's tag.
    pub footer: Option<String>,
    /// `dir-listing.auto-layout`: the list is a whole page, default on. If not, header and readme are the rest of it.
    pub auto_layout: bool,
    /// `dir-listing.sort`: by name, directories first; default on.
    pub sort: bool,
}

/// A file that is shown with the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// Its name in the directory, or an absolute path; empty: none is shown.
    pub file: String,
    /// Whether it stays out of the list (`hide-header-file`, `hide-readme-file`), default off.
    pub hide: bool,
    /// Whether it is text, shown as it is (`encode-header`, `encode-readme`); if not, it is HTML. Default on.
    pub encode: bool,
}

impl Default for Insert {
    fn default() -> Self {
        Insert {
            file: String::new(),
            hide: false,
            encode: true,
        }
    }
}

impl Insert {
    /// Takes the value of `dir-listing.show-header` or `dir-listing.show-readme`: a file, or "enable" for the usual one.
    pub fn show(&mut self, value: &str, usual: &str) {
        self.file = match value {
            "enable" => usual.to_owned(),
            "disable" => String::new(),
            file => file.to_owned(),
        };
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            activate: false,
            exclude: Arc::new([]),
            hide_dotfiles: true,
            external_css: String::new(),
            external_js: String::new(),
            encoding: "utf-8".to_owned(),
            header: Insert::default(),
            readme: Insert::default(),
            footer: None,
            auto_layout: true,
            sort: true,
        }
    }
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_dirlisting",
    directives: directives::DIRECTIVES,
    hooks: Hooks {
        subrequest_start: Some(subrequest_start),
        ..Hooks::NONE
    },
};

/// A file to be shown with the list may have so many bytes; a larger one is left out.
const MAX_INSERT: u64 = 256 * 1024;

/// Whether a name is in the list.
fn is_shown(settings: &Settings, name: &[u8]) -> bool {
    let is_hidden = (settings.hide_dotfiles && name.starts_with(b"."))
        || matches!(name, b"." | b"..")
        || [&settings.header, &settings.readme]
            .iter()
            .any(|insert| insert.hide && insert.file.as_bytes() == name);
    !is_hidden
        && !settings
            .exclude
            .iter()
            .any(|pattern| pattern.is_match(name))
}

/// What the client wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Html,
    Json,
}

/// The first of the two that the value of `Accept` names.
fn form(accept: Option<&[u8]>) -> Form {
    let accept = accept.unwrap_or_default().to_ascii_lowercase();
    let named = |media_type| memchr::memmem::find(&accept, media_type);
    match (named(b"application/json"), named(b"text/html")) {
        (Some(json), html) if html.is_none_or(|html| json < html) => Form::Json,
        _ => Form::Html,
    }
}

fn subrequest_start(exchange: &mut Exchange<'_>, all: &crate::settings::Settings) -> Flow {
    let settings = &all.dirlisting;
    let head = exchange.request.head;
    if !settings.activate
        || !matches!(head.method, Method::Get | Method::Head)
        || exchange.request.uri.path.last() != Some(&b'/')
    {
        return Flow::GoOn;
    }
    let Some(entry) = exchange.entry.clone() else {
        return Flow::GoOn;
    };
    if entry.metadata.kind != EntryKind::Directory {
        return Flow::GoOn;
    }
    let rules = Rules::from(&all.core);
    let listed = entry.open_directory().and_then(|directory| {
        entries::read(&directory, rules, settings.sort, |name| {
            is_shown(settings, name)
        })
    });
    let listed = match listed {
        Ok(listed) => listed,
        Err(errno) => {
            exchange.response.status = crate::route::path::status(errno);
            return Flow::Done;
        }
    };
    let body = match form(exchange.request.field("Accept")) {
        Form::Json => {
            let headers = &mut exchange.response.headers;
            headers.set("Content-Type", "application/json");
            json::list(&listed)
        }
        Form::Html => {
            let mut media_type = "text/html".to_owned();
            if !settings.encoding.is_empty() {
                media_type = format!("{media_type};charset={}", settings.encoding);
            }
            exchange.response.headers.set("Content-Type", media_type);
            let inserts = [&settings.header, &settings.readme]
                .map(|insert| read_insert(exchange, insert, rules));
            html::page(&html::Listing {
                path: &exchange.request.uri.path,
                entries: &listed,
                settings,
                mime: &all.core.mime,
                header: inserts[0].as_deref(),
                readme: inserts[1].as_deref(),
                tag: &all.core.tag,
            })
        }
    };
    exchange.response.headers.append("Vary", "Accept");
    exchange.response.body = Body::Bytes(body);
    exchange.response.status = 200;
    Flow::Done
}

/// A file that is shown with the list, if there is one.
fn read_insert(exchange: &mut Exchange<'_>, insert: &Insert, rules: Rules) -> Option<Vec<u8>> {
    if insert.file.is_empty() {
        return None;
    }
    let path = if insert.file.starts_with('/') {
        insert.file.clone().into_bytes()
    } else {
        let mut path = exchange.physical.path.clone();
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(insert.file.as_bytes());
        path
    };
    let mut entry = exchange.files.look_up(&path, rules, exchange.now).ok()?;
    if entry.open().err() == Some(Errno::STALE) {
        entry = exchange.files.renew(&path, rules, exchange.now).ok()?;
    }
    if entry.metadata.size > MAX_INSERT {
        return None;
    }
    let file = entry.open().ok()?;
    crate::files::read_whole(&file, entry.metadata.size as usize).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hidden_as_configured() {
        let exclude = ["^b", "log$"].map(|source| Pattern::new(source).unwrap());
        let settings = Settings {
            exclude: exclude.into(),
            header: Insert {
                file: "HEADER.txt".to_owned(),
                hide: true,
                encode: true,
            },
            readme: Insert {
                file: "README.txt".to_owned(),
                hide: false,
                encode: true,
            },
            ..Settings::default()
        };
        for (name, shown) in [
            ("a.txt", true),
            ("b.txt", false),
            ("x.log", false),
            ("x.logs", true),
            (".profile", false),
            ("HEADER.txt", false),
            ("README.txt", true),
        ] {
            assert_eq!(is_shown(&settings, name.as_bytes()), shown, "{name}");
        }
        let open = Settings {
            hide_dotfiles: false,
            ..Settings::default()
        };
        for (name, shown) in [(".profile", true), (".", false), ("..", false)] {
            assert_eq!(is_shown(&open, name.as_bytes()), shown, "{name}");
        }
    }

    #[test]
    fn json_is_for_those_who_ask_for_it() {
        for (accept, expected) in [
            ("", Form::Html),
            ("*/*", Form::Html),
            (
                "text/html,application/xhtml+xml,application/json;q=0.1",
                Form::Html,
            ),
            ("application/json", Form::Json),
            ("Application/JSON, */*", Form::Json),
            ("application/json, text/html", Form::Json),
        ] {
            assert_eq!(form(Some(accept.as_bytes())), expected, "{accept}");
        }
        assert_eq!(form(None), Form::Html);
    }

    #[test]
    fn the_usual_inserts_are_enabled_by_a_word() {
        let mut insert = Insert::default();
        for (value, file) in [
            ("enable", "HEADER.txt"),
            ("disable", ""),
            ("top.html", "top.html"),
        ] {
            insert.show(value, "HEADER.txt");
            assert_eq!(insert.file, file);
        }
    }
}
