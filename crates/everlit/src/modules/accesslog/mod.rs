//! mod_accesslog: a line for each request.
//!
//! The line is written when the head of the response is complete, with holes for what is known only at the end.

mod dates;
mod escape;
mod format;
mod line;

use std::sync::Arc;

use lighttpd_conf::{Kind, Scope, Value};

use self::escape::Escaping;
use self::format::Format;
use super::{Hooks, Module};
use crate::config::{Change, Counts, Directive, LogPlace, Read, Reader, Setter};
use crate::logline::LogId;
use crate::settings;

/// Settings of mod_accesslog.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `accesslog.filename`; `None`: no log, unless there is the other.
    file: Option<LogId>,
    /// `accesslog.use-syslog`; if it is used, the file is not.
    syslog: Option<LogId>,
    /// `accesslog.format`
    format: Arc<Format>,
    /// `accesslog.escaping`
    escaping: Escaping,
}

impl Settings {
    /// The log that is written to.
    fn log(&self) -> Option<LogId> {
        self.syslog.or(self.file)
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "accesslog.filename",
        Setter::Own(Kind::String, file),
        "",
        "File for a line about each request, or \"|command\" that reads them; empty: no log.",
    ),
    Directive::request(
        "accesslog.format",
        Setter::Own(Kind::String, compiled),
        r#""%h %V %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"""#,
        "What the line says.",
    ),
    Directive::request(
        "accesslog.escaping",
        Setter::Own(Kind::String, escaping),
        "\"default\"",
        "How strange characters are written: \"default\" (\\xHH) or \"json\".",
    ),
    Directive::request(
        "accesslog.use-syslog",
        Setter::Own(Kind::Bool, use_syslog),
        "\"disable\"",
        "Whether lines go to the system log instead of the file.",
    ),
    Directive::server(
        "accesslog.syslog-level",
        Setter::Own(Kind::Short, syslog_level),
        "6",
        "Level of lines in the system log, 0 to 7; 6 is \"info\".",
    )
    .differs(Counts::Warned, "it counts outside of conditions only")
    .in_scope(Scope::Connection),
];

fn file(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let log = match value.to_str()? {
        "" | "/dev/null" => None,
        name => Some(reader.access_log(LogPlace::named(name))),
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.accesslog.file = log;
    }))
}

fn compiled(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let text = value.to_str()?;
    let format = match text {
        "" => Format::default(),
        text => Format::compile(text).unwrap_or_else(|error| {
            reader.error(
                value.span,
                format!("accesslog.format: {error}"),
                error.help(),
            );
            Format::default()
        }),
    };
    for (directive, text) in format.without_meaning() {
        reader.warn(
            value.span,
            format!(
                "accesslog.format: this version does not know {directive}; \"{text}\" is written"
            ),
        );
    }
    let format = Arc::new(format);
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.accesslog.format = format.clone();
    }))
}

fn escaping(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    let escaping = match value.to_str()? {
        "" | "default" => Escaping::Default,
        "json" => Escaping::Json,
        _ => return Err(value.unfit("\"default\" or \"json\"")),
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.accesslog.escaping = escaping;
    }))
}

fn use_syslog(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let log = match value.to_bool()? {
        true => Some(reader.access_log(LogPlace::Syslog(0))),
        false => None,
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.accesslog.syslog = log;
    }))
}

fn syslog_level(value: &Value, _: &mut Reader) -> Read<crate::config::Draft> {
    let level = value.to_short()?;
    if level > 7 {
        return Err(value.unfit("a level of the system log from 0 (emergency) to 7 (debug)"));
    }
    Ok(Change::new(move |draft: &mut crate::config::Draft| {
        draft.syslog_level = level;
    }))
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_accesslog",
    directives: DIRECTIVES,
    hooks: Hooks {
        request_done: Some(line::request_done),
        ..Hooks::NONE
    },
};
