//! `doc/directives.md` is made from the table: run with `EVERLIT_WRITE_DOC=1` to write it.

use std::fmt::Write as _;
use std::path::Path;

use crate::config::{Apply, Counts, Directive, Kind, Lack, Risk, Scope, State, table};

const HEAD: &str = "\
# Directives

All directives of lighttpd 1.4.85 and those of mod_secdownload, which it had until 1.4.67; and what Everlit does with them. This file is made from the table in
`crates/everlit/src/config`; a test compares the two.

- **same**: as in lighttpd.
- **different**: it works in another way, told behind \"Differs\"; or, if it is not set, from another default.
- **refused**: left out on purpose, for the reason that is given. A warning names it, unless the value is empty or \"disable\".
- **not yet**: not in this version; the configuration is used as if the directive were not there, and a warning names it,
  unless the value is empty or \"disable\".
- **not yet, an error**: not in this version, and a configuration that counts on it would show or do what it should not. It is
  an error, unless the value is empty or \"disable\".

`doc/compatibility.md` has those that are not the same, and what else differs.

A directive whose module is not named in `server.modules` has no effect, and a warning says so, as in lighttpd. Types: list,
pairs (of strings), map (of anything), lists by key. Places: server (outside of all conditions), socket (there, or in
`$SERVER[\"socket\"] == \"...\"`), anywhere.
";

fn document() -> String {
    let mut modules: Vec<&str> = table::all().map(module).collect();
    modules.sort_unstable_by_key(|name| (*name != "core", *name));
    modules.dedup();
    let mut text = HEAD.to_owned();
    for name in modules {
        let mut own: Vec<&Directive> = table::all().filter(|d| module(d) == name).collect();
        own.sort_unstable_by_key(|directive| directive.name);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n## {name}\n\n| directive | type | place | default | here | |\n|---|---|---|---|---|---|\n"
        );
        for directive in own {
            let _ = writeln!(text, "{}", row(directive));
        }
    }
    text
}

fn module(directive: &Directive) -> &'static str {
    table::module_of(directive).unwrap_or("core")
}

fn row(directive: &Directive) -> String {
    let kind = match directive.kind() {
        Kind::String => "string",
        Kind::Short => "0 to 65535",
        Kind::Int => "number",
        Kind::Bool => "switch",
        Kind::List => "list",
        Kind::KvString => "pairs",
        Kind::KvAny => "map",
        Kind::KvArray => "lists by key",
    };
    let place = match directive.scope {
        Scope::Server => "server",
        Scope::Socket => "socket",
        Scope::Connection => "anywhere",
    };
    let default = match directive.default {
        "" => String::new(),
        text => format!("`{}`", text.replace('|', "\\|")),
    };
    let here = match directive.state() {
        State::Same => "same",
        State::Different(_) => "different",
        State::Refused(_) => "refused",
        State::NotYet(_) => match directive.apply {
            Apply::Unsupported {
                risk: Risk::Exposes(_),
                ..
            } => "not yet, an error",
            _ => "not yet",
        },
    };
    let mut doc = directive.doc.replace('|', "\\|");
    match directive.state() {
        State::Same | State::NotYet(Lack::Module(_)) => {}
        State::Different(other) => {
            let what = match other.counts {
                Counts::Used | Counts::Warned => "Differs",
                Counts::Unset => "Another default",
            };
            let _ = write!(doc, " {what}: {}.", other.how.replace('|', "\\|"));
        }
        State::Refused(why)
        | State::NotYet(Lack::Feature(why) | Lack::Purpose(why) | Lack::Without { why, .. }) => {
            let _ = write!(doc, " Not here: {why}.");
        }
    }
    if let Apply::Unsupported {
        risk: Risk::Exposes(harm),
        ..
    } = directive.apply
    {
        let _ = write!(doc, " Without it, {harm}.");
    }
    if let Some(instead) = directive.obsolete {
        let _ = write!(doc, " Obsolete: {}.", instead.replace('|', "\\|"));
    }
    format!(
        "| {} | {kind} | {place} | {default} | {here} | {doc} |",
        directive.name
    )
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/directives.md");
    let wanted = document();
    if std::env::var_os("EVERLIT_WRITE_DOC").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let same = found == wanted;
    assert!(
        same,
        "run `EVERLIT_WRITE_DOC=1 cargo test -p everlit --lib the_document` and commit doc/directives.md"
    );
}
