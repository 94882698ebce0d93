//! mod_magnet: scripts in Lua decide over requests and responses.
//!
//! In: an exchange, at three moments. Out: the same, as scripts have left it; an answer, if they gave one. Must hold: a request
//! for which no script is configured costs nothing; a script that fails is an error 500, never an answer that it did not give.

#[cfg(feature = "lua")]
mod engine;

use std::sync::Arc;

use super::{Hooks, Module};
use crate::config::Directive;
#[cfg(feature = "lua")]
pub use engine::Scripts;

/// Without Lua there are none.
#[cfg(not(feature = "lua"))]
#[derive(Debug, Default)]
pub struct Scripts {}

/// Settings of mod_magnet: paths of scripts.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `magnet.attract-raw-url-to`
    pub url: Arc<[String]>,
    /// `magnet.attract-physical-path-to`
    pub path: Arc<[String]>,
    /// `magnet.attract-response-start-to`
    pub response: Arc<[String]>,
}

#[cfg(feature = "lua")]
static DIRECTIVES: &[Directive] = {
    use crate::config::{Counts, Kind, Setter};
    const LIMITS: &str = "a script sees no body of a request, loads no modules in C, and has neither debug (but for traceback) nor \
                          finalizers (__gc); it runs for 50 million instructions of Lua at most (what a function of its library does in \
                          one call, a pattern that is tried for long, is not counted, and the worker answers nobody else meanwhile) and \
                          has 64 MiB, and as much for a body; it may run again for a request that has waited for a password or a document \
                          root; lighty.status counts in each worker";
    &[
        Directive::request(
            "magnet.attract-raw-url-to",
            Setter::Own(Kind::List, |value, reader| {
                read(value, reader, |settings| &mut settings.url)
            }),
            "()",
            "Lua scripts that see the URL, one after the other, until one of them answers.",
        )
        .differs(Counts::Used, LIMITS),
        Directive::request(
            "magnet.attract-physical-path-to",
            Setter::Own(Kind::List, |value, reader| {
                read(value, reader, |settings| &mut settings.path)
            }),
            "()",
            "Lua scripts that see the path of the file.",
        )
        .differs(Counts::Used, LIMITS),
        Directive::request(
            "magnet.attract-response-start-to",
            Setter::Own(Kind::List, |value, reader| {
                read(value, reader, |settings| &mut settings.response)
            }),
            "()",
            "Lua scripts that see the response, a backend's too, before its head is sent.",
        )
        .differs(Counts::Used, LIMITS),
    ]
};

#[cfg(feature = "lua")]
fn read(
    value: &lighttpd_conf::Value,
    reader: &mut crate::config::Reader,
    which: fn(&mut Settings) -> &mut Arc<[String]>,
) -> crate::config::Read<crate::settings::Settings> {
    let scripts = value.to_list()?;
    if scripts.iter().any(String::is_empty) {
        let help = "name a file, as in ( \"/etc/lighttpd/script.lua\" )";
        reader.error(value.span, "a script without a name", help);
    }
    let scripts: Arc<[String]> = scripts.into();
    Ok(crate::config::Change::new(
        move |settings: &mut crate::settings::Settings| {
            *which(&mut settings.magnet) = scripts.clone();
        },
    ))
}

#[cfg(not(feature = "lua"))]
static DIRECTIVES: &[Directive] = {
    use crate::config::{Kind, Lack, Risk, Scope};
    const fn without(name: &'static str, doc: &'static str) -> Directive {
        let lack = Lack::Feature("this program was built without Lua");
        let risk = Risk::Exposes("what the script refuses would be served");
        Directive::unsupported(name, Kind::List, Scope::Connection, lack, risk, doc)
    }
    &[
        without("magnet.attract-raw-url-to", "Lua scripts that see the URL."),
        without(
            "magnet.attract-physical-path-to",
            "Lua scripts that see the path of the file.",
        ),
        without(
            "magnet.attract-response-start-to",
            "Lua scripts that see the response.",
        ),
    ]
};

#[cfg(feature = "lua")]
mod hooks {
    use super::engine::{self, Stage};
    use crate::exchange::{Exchange, Flow};
    use crate::settings::Settings;
    use std::sync::Arc;

    pub(super) fn uri_clean(exchange: &mut Exchange<'_>, settings: &Settings) -> Flow {
        run(&settings.magnet.url, exchange, settings, Stage::Url)
    }

    pub(super) fn physical(exchange: &mut Exchange<'_>, settings: &Settings) -> Flow {
        run(&settings.magnet.path, exchange, settings, Stage::Path)
    }

    pub(super) fn response_start(exchange: &mut Exchange<'_>, settings: &Settings) -> Flow {
        let scripts = &settings.magnet.response;
        run(scripts, exchange, settings, Stage::Response)
    }

    fn run(
        paths: &Arc<[String]>,
        exchange: &mut Exchange<'_>,
        settings: &Settings,
        stage: Stage,
    ) -> Flow {
        if paths.is_empty() {
            return Flow::GoOn;
        }
        engine::run(paths, exchange, settings, stage)
    }
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_magnet",
    directives: DIRECTIVES,
    #[cfg(feature = "lua")]
    hooks: Hooks {
        uri_clean: Some(hooks::uri_clean),
        physical: Some(hooks::physical),
        response_start: Some(hooks::response_start),
        ..Hooks::NONE
    },
    #[cfg(not(feature = "lua"))]
    hooks: Hooks::NONE,
};
