//! The error log and the system log.

use lighttpd_conf::{BlockId, Value};

use crate::config::LogPlace;
use crate::config::directive::{Change, Directive, Kind, Read, Setter};
use crate::config::draft::{Draft, ErrorsGo};
use crate::config::reader::Reader;
use crate::errorlog::Errors;
use crate::settings::Settings;

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "server.errorlog",
        Setter::Own(Kind::String, error_log),
        "",
        "File for messages of the server, or \"|command\" that reads them; in conditions, for those about these requests; empty: \
         standard error, or in conditions as outside of them.",
    ),
    Directive::request(
        "server.breakagelog",
        Setter::Own(Kind::String, breakage_log),
        "",
        "File, or \"|command\", for what CGI programs write to standard error, and outside of conditions programs of bin-path too (a file only); empty: server.errorlog.",
    ),
    Directive::server(
        "server.errorlog-use-syslog",
        Setter::Bool(|draft, on| {
            draft.errors = match on {
                true => ErrorsGo::ToSystemLog,
                false => ErrorsGo::WhereNamed,
            }
        }),
        "\"disable\"",
        "Whether messages of the server go to the system log, with level \"err\", instead of where server.errorlog says outside of \
         conditions.",
    ),
    Directive::server(
        "server.syslog-facility",
        Setter::Own(Kind::String, syslog_facility),
        "\"daemon\"",
        "Facility of lines in the system log (server.errorlog-use-syslog, accesslog.use-syslog).",
    ),
];

/// An empty one changes nothing, as in lighttpd: what holds outside of the condition goes on.
fn error_log(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let name = value.to_str()?;
    if name.is_empty() {
        return Ok(Change::new(|_| {}));
    }
    let place = LogPlace::named(name);
    if reader.block() == BlockId::GLOBAL {
        reader.set_error_log(place);
        return Ok(Change::new(|_| {}));
    }
    let errors = Errors::to(reader.error_log(place));
    Ok(Change::new(move |settings: &mut Settings| {
        settings.core.errors = errors.clone();
    }))
}

/// Opened like an access log, before privileges are dropped, and anew whenever those are.
fn breakage_log(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let log = match value.to_str()? {
        "" => None,
        name => Some(reader.access_log(LogPlace::named(name))),
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
