//! mod_cgi: programs answer, started anew for each request.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::nearest::nearest;
use crate::config::{Change, Counts, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::files::{EntryKind, Metadata};
use crate::gateway::Handler;
use crate::gateway::config::directories;
use crate::gateway::host::Program;
use crate::settings;

/// Settings of mod_cgi.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `cgi.assign`: suffixes of files, and what runs them; an empty value: the file runs itself.
    pub assign: Arc<[(String, String)]>,
    /// `cgi.execute-x-only`
    pub execute_x_only: bool,
    /// `cgi.x-sendfile`: whether answers may name a file.
    pub x_sendfile: bool,
    /// `cgi.x-sendfile-docroot`: directories that such a file must be in; empty: all.
    pub x_sendfile_docroot: Arc<[PathBuf]>,
    /// `cgi.local-redir`: whether an answer with nothing but a path in `Location` leads to another request here.
    pub local_redirect: bool,
    /// `cgi.upgrade`: whether clients may change the protocol.
    pub upgrade: bool,
    /// `cgi.limits`
    pub limits: Limits,
}

/// `cgi.limits`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `read-timeout` in seconds: how long a program may be silent; 0, the default: no limit.
    pub read_timeout: u32,
    /// `write-timeout` in seconds: how long it may leave the request's body unread; 0, the default: no limit.
    pub write_timeout: u32,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "cgi.assign",
        Setter::Pairs(|settings, pairs| settings.cgi.assign = pairs.into()),
        "()",
        "Interpreters of CGI programs by suffix of the file, the first that fits; \"\" runs the file itself.",
    ),
    Directive::request(
        "cgi.execute-x-only",
        Setter::Bool(|settings, on| settings.cgi.execute_x_only = on),
        "\"disable\"",
        "Whether programs must be executable; others are files like any other.",
    ),
    Directive::request(
        "cgi.x-sendfile",
        Setter::Bool(|settings, on| settings.cgi.x_sendfile = on),
        "\"disable\"",
        "Whether programs may name a file to be sent.",
    ),
    Directive::request(
        "cgi.x-sendfile-docroot",
        Setter::Own(Kind::List, x_sendfile_docroot),
        "()",
        "Directories that such a file must be in; none: any.",
    ),
    Directive::request(
        "cgi.local-redir",
        Setter::Bool(|settings, on| settings.cgi.local_redirect = on),
        "\"disable\"",
        "Whether local redirects of programs are followed here (RFC 3875 section 6.2.2).",
    ),
    Directive::request(
        "cgi.upgrade",
        Setter::Bool(|settings, on| settings.cgi.upgrade = on),
        "\"disable\"",
        "Whether programs may change the protocol of the connection.",
    ),
    Directive::request(
        "cgi.limits",
        Setter::Own(Kind::KvAny, limits),
        "()",
        "How long programs may be silent (read-timeout) and leave a body unread (write-timeout).",
    )
    .differs(
        Counts::Warned,
        "\"tcp-fin-propagate\" is not there: a program is told by SIGTERM that its client is gone",
    ),
];

fn x_sendfile_docroot(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    let directories: Arc<[PathBuf]> = directories(value)?.into();
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.cgi.x_sendfile_docroot = directories.clone();
    }))
}

const LIMITS: &[&str] = &["read-timeout", "tcp-fin-propagate", "write-timeout"];

fn limits(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut limits = Limits::default();
    for (key, setting) in value.to_map()? {
        match key.to_ascii_lowercase().as_str() {
            "read-timeout" => limits.read_timeout = setting.to_int()?,
            "write-timeout" => limits.write_timeout = setting.to_int()?,
            "tcp-fin-propagate" => match signal(setting) {
                Some(0) => {}
                Some(_) => reader.warn(
                    setting.span,
                    "tcp-fin-propagate has no effect: a program is only told (SIGTERM) that its client is gone",
                ),
                None => return Err(setting.unfit("a signal such as \"SIGTERM\"")),
            },
            _ => {
                let help = match nearest(key, LIMITS.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("keys are {}", LIMITS.join(", ")),
                };
                let message = format!("unknown key \"{key}\" in cgi.limits");
                reader.error(setting.span, message, help);
            }
        }
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.cgi.limits = limits;
    }))
}

/// A signal by number or name, with or without `SIG`, in any case.
fn signal(value: &Value) -> Option<i32> {
    if let Ok(number) = value.to_int() {
        return i32::try_from(number).ok().filter(|number| *number <= 64);
    }
    let name = value.as_str()?.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

/// As Linux numbers them on most machines.
const SIGNALS: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CHLD", 17),
    ("CONT", 18),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
];

/// What runs a file, if it is a program: the first suffix that fits.
fn interpreter<'s>(settings: &'s Settings, path: &[u8], metadata: &Metadata) -> Option<&'s str> {
    let mut assigned = settings.assign.iter();
    let (_, interpreter) = assigned.find(|(suffix, _)| path.ends_with(suffix.as_bytes()))?;
    let is_executable = metadata.mode & 0o111 != 0;
    let runs = metadata.kind == EntryKind::File && (is_executable || !settings.execute_x_only);
    runs.then_some(interpreter)
}

fn subrequest_start(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let path = &exchange.physical.path;
    let Some(entry) = &exchange.entry else {
        return Flow::GoOn;
    };
    let Some(interpreter) = interpreter(&settings.cgi, path, &entry.metadata) else {
        return Flow::GoOn;
    };
    exchange.handler = Some(Handler::Program(Program {
        interpreter: (!interpreter.is_empty()).then(|| interpreter.into()),
        script: OsStr::from_bytes(path).into(),
    }));
    Flow::Done
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_cgi",
    directives: DIRECTIVES,
    hooks: Hooks {
        subrequest_start: Some(subrequest_start),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(kind: EntryKind, mode: u32) -> Metadata {
        Metadata {
            kind,
            device: 1,
            inode: 1,
            size: 1,
            mtime: 0,
            mtime_nanos: 0,
            ctime: (0, 0),
            mode,
        }
    }

    #[test]
    fn programs_are_files_with_a_suffix() {
        let assign = [(".pl", "/usr/bin/perl"), ("x.sh", ""), (".sh", "/bin/sh")];
        let mut settings = Settings {
            assign: assign
                .iter()
                .map(|(suffix, program)| ((*suffix).to_owned(), (*program).to_owned()))
                .collect(),
            ..Settings::default()
        };
        let file = metadata(EntryKind::File, 0o644);
        let find = |settings: &Settings, path: &str, metadata: &Metadata| {
            interpreter(settings, path.as_bytes(), metadata).map(str::to_owned)
        };
        for (path, expected) in [
            ("/srv/a.pl", Some("/usr/bin/perl")),
            ("/srv/x.sh", Some("")),
            ("/srv/a.sh", Some("/bin/sh")),
            ("/srv/a.PL", None),
            ("/srv/a.pl.txt", None),
        ] {
            assert_eq!(find(&settings, path, &file).as_deref(), expected, "{path}");
        }
        let directory = metadata(EntryKind::Directory, 0o755);
        assert_eq!(find(&settings, "/srv/d.pl", &directory), None);
        settings.execute_x_only = true;
        assert_eq!(find(&settings, "/srv/a.pl", &file), None);
        let executable = metadata(EntryKind::File, 0o744);
        assert!(find(&settings, "/srv/a.pl", &executable).is_some());
    }
}
