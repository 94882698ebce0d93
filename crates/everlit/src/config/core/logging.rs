//! The error log and the system log.

use lighttpd_conf::Value;

use crate::config::AccessLog;
use crate::config::directive::{Change, Counts, Directive, Kind, Lack, Read, Risk, Scope, Setter};
use crate::config::draft::Draft;
use crate::config::paths::absolute;
use crate::config::reader::Reader;
use crate::settings::Settings;

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::server(
        "server.errorlog",
        Setter::Own(Kind::String, error_log),
        "",
        "File for messages of the server; empty: standard error.",
    )
    .differs(
        Counts::Warned,
        "it counts outside of conditions only, and \"|command\" is an error",
    )
    .in_scope(Scope::Connection),
    Directive::request(
        "server.breakagelog",
        Setter::Own(Kind::String, breakage_log),
        "",
        "File, or \"|command\", for what CGI programs write to standard error, and outside of conditions programs of bin-path too; empty: server.errorlog.",
    ),
    Directive::unsupported(
        "server.errorlog-use-syslog",
        Kind::Bool,
        Scope::Server,
        Lack::Feature(
            "messages go to server.errorlog, or to standard error, where systemd's journal takes them",
        ),
        Risk::Visible,
        "Whether messages of the server go to the system log.",
    ),
    Directive::server(
        "server.syslog-facility",
        Setter::Own(Kind::String, syslog_facility),
        "\"daemon\"",
        "Facility of lines in the system log (accesslog.use-syslog).",
    ),
];

fn error_log(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let text = value.to_str()?;
    if let Some(command) = text.strip_prefix('|') {
        reader.error(
            value.span,
            format!(
                "server.errorlog: this version does not start \"{}\" as a logger",
                command.trim()
            ),
            "name a file, or leave it out to write to standard error",
        );
    }
    let path = (!text.is_empty()).then(|| absolute(text));
    Ok(Change::new(move |draft: &mut Draft| {
        draft.server.error_log = path.clone();
    }))
}

/// Opened like an access log, before privileges are dropped, and anew whenever those are.
fn breakage_log(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let log = match value.to_str()? {
        "" => None,
        name => Some(reader.access_log(AccessLog::named(name))),
    };
    Ok(Change::new(move |settings: &mut Settings| {
        settings.core.breakage_log = log;
    }))
}

/// Names as in syslog(3).
const FACILITIES: &[(&str, u16)] = &[
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("security", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// lighttpd takes an unknown name for the default without a word.
fn syslog_facility(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let name = value.to_str()?;
    let known = FACILITIES.iter().find(|(known, _)| *known == name);
    if known.is_none() {
        reader.warn(
            value.span,
            format!("server.syslog-facility: \"{name}\" is not a facility; \"daemon\" is used"),
        );
    }
    let facility = known.map_or(3, |(_, number)| *number);
    Ok(Change::new(move |draft: &mut Draft| {
        draft.syslog_facility = facility;
    }))
}
