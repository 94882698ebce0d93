//! mod_vhostdb: the document root of each host, from a database.
//!
//! In: the request's host. Out: its document root; or none, and the request goes on with the one it has; or a question. Must
//! hold: no host can say anything to a database but its own name.

mod backends;

use std::sync::Arc;
use std::time::Duration;

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::files::{EntryKind, Rules};
use crate::inquiry::{Answer, Lives, Question, Work};
use crate::settings;
pub use backends::{LDAP, MYSQL, PGSQL, Source};

/// Settings of mod_vhostdb.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `vhostdb.backend`
    pub backend: Option<Backend>,
    /// `vhostdb.cache`: how long a document root is not asked for again.
    pub cache: Option<Duration>,
    /// `vhostdb.pgsql`
    pub pgsql: Option<Arc<Source>>,
    /// `vhostdb.mysql`
    pub mysql: Option<Arc<Source>>,
    /// `vhostdb.ldap`
    pub ldap: Option<Arc<Source>>,
}

/// Where document roots are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `vhostdb.pgsql`
    Pgsql,
    /// `vhostdb.mysql`
    Mysql,
    /// `vhostdb.ldap`
    Ldap,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "vhostdb.backend",
        Setter::Own(Kind::String, backend),
        "",
        "Database with the document root of each host: pgsql, mysql or ldap.",
    )
    .differs(
        crate::config::Counts::Used,
        "while the database does not answer, or with an error, it is 503 instead of 500",
    ),
    Directive::request(
        "vhostdb.cache",
        Setter::Own(Kind::KvAny, cache),
        "()",
        "How long document roots are remembered, in seconds: \"max-age\", default 600.",
    ),
];

fn backend(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let name = value.to_str()?;
    let found = match name {
        "" => return Ok(Change::none()),
        "pgsql" if cfg!(feature = "pgsql") => Some(Backend::Pgsql),
        "mysql" if cfg!(feature = "mysql") => Some(Backend::Mysql),
        "ldap" if cfg!(feature = "ldap") => Some(Backend::Ldap),
        _ => None,
    };
    if found.is_none() {
        let help = match name {
            "pgsql" | "mysql" | "ldap" => "this program was built without it",
            "dbi" => {
                "libdbi is C code with a driver for each database; PostgreSQL and MySQL have backends of their own"
            }
            _ => "write \"pgsql\", \"mysql\" or \"ldap\"",
        };
        let message = format!("vhostdb.backend: there is no backend \"{name}\"");
        reader.error(value.span, message, help);
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.vhostdb.backend = found;
    }))
}

/// Seconds that document roots are remembered for where `vhostdb.cache` does not say.
const MAX_AGE: u32 = 600;

fn cache(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut seconds = MAX_AGE;
    for (name, setting) in value.to_map()? {
        match name {
            "max-age" => seconds = setting.to_int()?,
            _ => reader.warn(
                setting.span,
                format!("vhostdb.cache: there is no \"{name}\""),
            ),
        }
    }
    let age = Duration::from_secs(seconds.into());
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.vhostdb.cache = Some(age);
    }))
}

/// Whether it is a name that can stand in any query without meaning anything there.
fn is_plain(host: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
    !host.is_empty() && host.len() <= 255 && host.iter().all(fits)
}

fn docroot(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let errors = &settings.core.errors;
    let vhostdb = &settings.vhostdb;
    let source = match vhostdb.backend {
        None => return Flow::GoOn,
        Some(Backend::Pgsql) => &vhostdb.pgsql,
        Some(Backend::Mysql) => &vhostdb.mysql,
        Some(Backend::Ldap) => &vhostdb.ldap,
    };
    let Some(source) = source.clone() else {
        return Flow::GoOn;
    };
    let host = &exchange.request.host;
    if !is_plain(host) {
        return Flow::GoOn;
    }
    let Ok(host) = String::from_utf8(host.to_vec()) else {
        return Flow::GoOn;
    };
    let parts = [source.identity().as_bytes(), host.as_bytes()];
    let key = exchange.knowledge.answers.key("vhostdb", &parts);
    let to_say = errors.clone();
    let question = Question {
        key,
        work: Work::Job(Box::new(move || match source.look_up(&host) {
            Ok(Some(root)) if !root.is_empty() => Answer::Yes(root),
            Ok(_) => Answer::No,
            Err(why) => {
                to_say.say("mod_vhostdb", why);
                Answer::Unavailable
            }
        })),
        lives: match vhostdb.cache {
            Some(yes) => Lives {
                yes,
                ..Lives::SHORT
            },
            None => Lives::SHORT,
        },
    };
    let now = exchange.now;
    match exchange.knowledge.ask(question, now.monotonic).cloned() {
        None => Flow::Wait,
        Some(Answer::No) => Flow::GoOn,
        Some(Answer::Unavailable) => status(exchange, 503),
        Some(Answer::Yes(mut root)) => {
            while root.last() == Some(&b'/') {
                root.pop();
            }
            let looked = [&root[..], b"/"].concat();
            let found = exchange.files.look_up(&looked, Rules::FollowLinks, now);
            if !found.is_ok_and(|entry| entry.metadata.kind == EntryKind::Directory) {
                let shown = String::from_utf8_lossy(&root);
                errors.say("mod_vhostdb", format_args!("{shown} is not a directory"));
                return status(exchange, 500);
            }
            exchange.physical.document_root = root;
            // Backends and logs hear of it as the server's name.
            let host = exchange.request.host.to_vec();
            exchange.request.set_variable("SERVER_NAME", &host);
            Flow::GoOn
        }
    }
}

fn status(exchange: &mut Exchange<'_>, status: u16) -> Flow {
    exchange.response.status = status;
    Flow::Done
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_vhostdb",
    directives: DIRECTIVES,
    hooks: Hooks {
        docroot: Some(docroot),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_asked_for() {
        for (host, expected) in [
            ("example.org", true),
            ("example.org:8080", true),
            ("[::1]:80", true),
            ("a_b-c.d", true),
            ("", false),
            ("a'b", false),
            ("a\\b", false),
            ("a b", false),
            ("é", false),
            ("a*b", false),
            ("a(b", false),
        ] {
            assert_eq!(is_plain(host.as_bytes()), expected, "{host}");
        }
        assert!(!is_plain(&[b'a'; 256]));
    }
}
