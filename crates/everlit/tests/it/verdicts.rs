//! Values of the wrong kind, for every directive: `lighttpd -tt` refuses what Everlit refuses, or there is a reason.
//!
//! In: the table of directives, and values of every kind. Out: the verdicts of both. Must hold: the reasons are all there
//! are, and all of them are needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use everlit::config::{self, Directive, State, table};
use everlit::source::Source;

use crate::support::servers::{LIGHTTPD, lighttpd_is_there, lighttpd_version};

/// As they are written.
const VALUES: &[&str] = &[
    "\"\"",
    "\"no-such-word\"",
    "70000",
    "()",
    "( \"a\", \"b\" )",
    "( 1, 2 )",
    "( \"a\" => \"b\" )",
    "( \"a\" => ( \"b\", \"c\" ) )",
    "( \"a\" => ( ( \"b\" => \"c\" ) ) )",
    "( \"a\", \"b\" => \"c\" )",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
}

use Verdict::{Refused, Taken};

/// Where the verdicts differ: directive, values, what lighttpd says, why Everlit does not.
struct Reason(&'static str, &'static [&'static str], Verdict, &'static str);

/// What is no switch.
const NO_SWITCH: &[&str] = &[
    "\"\"",
    "\"no-such-word\"",
    "()",
    "( \"a\", \"b\" )",
    "( 1, 2 )",
    "( \"a\" => \"b\" )",
    "( \"a\" => ( \"b\", \"c\" ) )",
    "( \"a\" => ( ( \"b\" => \"c\" ) ) )",
    "( \"a\", \"b\" => \"c\" )",
];

const STRINGS: &[&str] = &["\"\"", "\"no-such-word\""];
const WORD: &[&str] = &["\"no-such-word\""];
const EMPTY: &[&str] = &["\"\""];
const WITH_KEYS: &[&str] = &[
    "( \"a\" => \"b\" )",
    "( \"a\" => ( \"b\", \"c\" ) )",
    "( \"a\" => ( ( \"b\" => \"c\" ) ) )",
];
const WITHOUT_KEYS: &[&str] = &["( \"a\", \"b\" )", "( 1, 2 )", "( \"a\", \"b\" => \"c\" )"];

const REASONS: &[Reason] = &[
    Reason(
        "magnet.attract-raw-url-to",
        &["\"no-such-word\""],
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "magnet.attract-physical-path-to",
        &["\"no-such-word\""],
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "magnet.attract-response-start-to",
        &["\"no-such-word\""],
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "server.upload-dirs",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "server.modules",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "url.access-deny",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "url.access-allow",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "deflate.mimetypes",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "deflate.allowed-encodings",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "compress.filetype",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "compress.allowed-encodings",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "dir-listing.exclude",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "extforward.headers",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "static-file.exclude-extensions",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "userdir.exclude-user",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "userdir.include-user",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "wstunnel.origins",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason("accesslog.format", EMPTY, Refused, "empty is the default"),
    Reason("scgi.protocol", EMPTY, Refused, "empty is the default"),
    Reason("server.port", &["70000"], Taken, "there is no such port"),
    Reason(
        "accesslog.syslog-level",
        &["70000"],
        Taken,
        "there is no such level",
    ),
    Reason("server.socket-perms", WORD, Taken, "a mode is octal digits"),
    Reason(
        "accesslog.escaping",
        WORD,
        Taken,
        "nobody knows such an escaping",
    ),
    Reason("deflate.max-loadavg", WORD, Taken, "a load is a number"),
    Reason("compress.max-loadavg", WORD, Taken, "a load is a number"),
    Reason(
        "fastcgi.balance",
        WORD,
        Taken,
        "nobody knows such a way to choose",
    ),
    Reason(
        "proxy.balance",
        WORD,
        Taken,
        "nobody knows such a way to choose",
    ),
    Reason(
        "scgi.balance",
        WORD,
        Taken,
        "nobody knows such a way to choose",
    ),
    Reason(
        "sockproxy.balance",
        WORD,
        Taken,
        "nobody knows such a way to choose",
    ),
    Reason(
        "wstunnel.balance",
        WORD,
        Taken,
        "nobody knows such a way to choose",
    ),
    Reason(
        "ajp13.balance",
        WORD,
        Taken,
        "nobody knows such a way to choose",
    ),
    Reason(
        "ssl.ech-opts",
        &[
            "\"\"",
            "\"no-such-word\"",
            "70000",
            "( \"a\", \"b\" )",
            "( 1, 2 )",
            "( \"a\", \"b\" => \"c\" )",
        ],
        Taken,
        "newer than lighttpd 1.4.69",
    ),
    Reason(
        "ssl.ech-public-name",
        &[
            "70000",
            "()",
            "( \"a\", \"b\" )",
            "( 1, 2 )",
            "( \"a\" => \"b\" )",
            "( \"a\" => ( \"b\", \"c\" ) )",
            "( \"a\" => ( ( \"b\" => \"c\" ) ) )",
            "( \"a\", \"b\" => \"c\" )",
        ],
        Taken,
        "newer than lighttpd 1.4.69",
    ),
    Reason(
        "ssl.cipher-list",
        WORD,
        Taken,
        "there would be nothing to offer",
    ),
    Reason("wstunnel.frame-type", WORD, Taken, "there is no such frame"),
    Reason(
        "server.ip-transparent",
        NO_SWITCH,
        Taken,
        "newer than lighttpd 1.4.69",
    ),
    Reason(
        "dir-listing.sort",
        NO_SWITCH,
        Taken,
        "newer than lighttpd 1.4.69",
    ),
    Reason(
        "dir-listing.activate",
        &["\"\"", "\"no-such-word\"", "()"],
        Taken,
        "lighttpd does not load the module, and so does not look",
    ),
    Reason(
        "server.dir-listing",
        &["\"\"", "\"no-such-word\"", "()"],
        Taken,
        "lighttpd does not load the module, and so does not look",
    ),
    Reason(
        "auth.cache",
        WITHOUT_KEYS,
        Taken,
        "it has keys, and none of them is empty",
    ),
    Reason(
        "cgi.limits",
        WITH_KEYS,
        Taken,
        "a key that nobody knows limits nothing",
    ),
    Reason(
        "deflate.params",
        WITH_KEYS,
        Taken,
        "a key that nobody knows limits nothing",
    ),
    Reason(
        "dir-listing.cache",
        &[
            "()",
            "( \"a\" => \"b\" )",
            "( \"a\" => ( \"b\", \"c\" ) )",
            "( \"a\" => ( ( \"b\" => \"c\" ) ) )",
        ],
        Refused,
        "any map means the same here: no list is kept",
    ),
    Reason(
        "ssl.pemfile",
        WORD,
        Refused,
        "files of TLS are read if somebody speaks it",
    ),
    Reason(
        "ssl.ca-file",
        WORD,
        Refused,
        "files of TLS are read if somebody speaks it",
    ),
    Reason(
        "ssl.verifyclient.ca-file",
        WORD,
        Refused,
        "files of TLS are read if somebody speaks it",
    ),
    Reason(
        "ssl.ca-dn-file",
        WORD,
        Refused,
        "files of TLS are read if somebody speaks it",
    ),
    Reason(
        "ssl.verifyclient.ca-dn-file",
        WORD,
        Refused,
        "files of TLS are read if somebody speaks it",
    ),
    Reason(
        "auth.backend.ldap.hostname",
        EMPTY,
        Refused,
        "empty is as if it were not set",
    ),
    Reason(
        "auth.backend.ldap.timeout",
        STRINGS,
        Taken,
        "a time is a number",
    ),
    Reason(
        "ssi.extension",
        STRINGS,
        Refused,
        "a string is a list of one; lighttpd knows that of some directives only",
    ),
    Reason(
        "vhostdb.cache",
        WITHOUT_KEYS,
        Taken,
        "it has keys, and none of them is empty",
    ),
    Reason(
        "webdav.sqlite-db-name",
        WORD,
        Refused,
        "lighttpd opens the file when it tests",
    ),
];

impl Reason {
    fn fits(&self, directive: &str, value: &str, theirs: Verdict) -> bool {
        self.0 == directive && self.2 == theirs && self.1.contains(&value)
    }
}

#[test]
fn what_lighttpd_refuses_is_refused() {
    if !lighttpd_is_there() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (mut compared, mut skipped) = (0, Vec::new());
    let mut used = vec![0; REASONS.len()];
    let mut unknown = Vec::new();
    for directive in table::all() {
        let name = directive.name;
        let module = table::module_of(directive).unwrap_or("mod_access");
        let is_theirs = !matches!(directive.state(), State::NotYet(_)) && is_installed(module);
        if !is_theirs {
            skipped.push(name);
            continue;
        }
        for value in VALUES {
            let path = directory.path().join("test.conf");
            fs::write(&path, text(directive, module, value, directory.path())).unwrap();
            let (theirs, ours) = (lighttpd(&path), everlit(path));
            compared += 1;
            if theirs == ours {
                continue;
            }
            match REASONS
                .iter()
                .position(|reason| reason.fits(name, value, theirs))
            {
                Some(index) => used[index] += 1,
                None => unknown.push(format!("{name} = {value}: lighttpd: {theirs:?}")),
            }
        }
    }
    println!(
        "{}: {compared} verdicts compared, {} different for {} reasons; not compared: {}",
        lighttpd_version(),
        used.iter().sum::<usize>(),
        REASONS.len(),
        skipped.join(" ")
    );
    for (Reason(name, values, _, why), uses) in REASONS.iter().zip(&used) {
        println!("{uses:>4} {name} = {}: {why}", values.join(" or "));
    }
    assert!(
        unknown.is_empty(),
        "nobody knows why:\n{}",
        unknown.join("\n")
    );
    let needed = REASONS
        .iter()
        .map(|reason| match skipped.contains(&reason.0) {
            true => 0,
            false => reason.1.len(),
        });
    assert!(used.into_iter().eq(needed), "reasons that nobody needs");
}

fn text(directive: &Directive, module: &str, value: &str, directory: &Path) -> String {
    let modules = match directive.name {
        "server.modules" => String::new(),
        _ => format!("server.modules = ( \"mod_auth\", \"{module}\" )\n"),
    };
    let root = match directive.name {
        "server.document-root" => String::new(),
        _ => format!("server.document-root = \"{}\"\n", directory.display()),
    };
    let port = match directive.name {
        "server.port" => "",
        _ => "server.port = 8080\n",
    };
    // Without it, lighttpd does not load the module.
    let listing = match (module, directive.name) {
        (_, "dir-listing.activate" | "server.dir-listing") => "",
        ("mod_dirlisting", _) => "dir-listing.activate = \"enable\"\n",
        _ => "",
    };
    format!(
        "{modules}{root}{port}{listing}{} = {value}\n",
        directive.name
    )
}

/// Linked in, or a file of its own.
fn is_installed(module: &str) -> bool {
    const BUILTIN: &[&str] = &[
        "mod_access",
        "mod_alias",
        "mod_evhost",
        "mod_expire",
        "mod_fastcgi",
        "mod_indexfile",
        "mod_redirect",
        "mod_rewrite",
        "mod_scgi",
        "mod_setenv",
        "mod_simple_vhost",
        "mod_staticfile",
    ];
    BUILTIN.contains(&module) || Path::new(&format!("/usr/lib/lighttpd/{module}.so")).exists()
}

fn lighttpd(path: &Path) -> Verdict {
    let status = Command::new(LIGHTTPD)
        .args(["-tt", "-f"])
        .arg(path)
        .current_dir(path.parent().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    match status.success() {
        true => Taken,
        false => Refused,
    }
}

fn everlit(path: PathBuf) -> Verdict {
    match config::plan(&Source::File(path)) {
        Ok(_) => Taken,
        Err(_) => Refused,
    }
}
