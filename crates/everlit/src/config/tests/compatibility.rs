//! `doc/compatibility.md` is made from the table, and from `compatibility.txt` for what no table has: run with
//! `EVERLIT_WRITE_DOC=1` to write it.

use std::fmt::Write as _;
use std::path::Path;

use crate::config::core::features;
use crate::config::{Counts, Directive, Lack, State, table};
use crate::route::uri::ParseOption;

/// What differs beside directives and flags. Gathered from the tables of known differences in `tests/it/oracle`, which are
/// complete for what they compare.
const OTHERS: &str = include_str!("compatibility.txt");

const HEAD: &str = "\
# Compatibility with lighttpd

What a `lighttpd.conf` and its users meet that is not as in lighttpd 1.4.85. `everlit check -f lighttpd.conf` says what of it
concerns your configuration. This file is made from the table of directives in `crates/everlit/src/config`, and a test compares
the two; `doc/directives.md` has all of them.

";

fn document() -> String {
    let lighttpds = || table::all().filter(|own| !own.name.starts_with("secdownload."));
    let count = |state: fn(State) -> bool| lighttpds().filter(|own| state(own.state())).count();
    let figures = [
        ("same", count(|state| state == State::Same)),
        (
            "different",
            count(|state| matches!(state, State::Different(_))),
        ),
        ("refused", count(|state| matches!(state, State::Refused(_)))),
        (
            "not in this version yet",
            count(|state| matches!(state, State::NotYet(_))),
        ),
    ];
    let mut text = HEAD.to_owned();
    let all = lighttpds().count();
    assert_eq!(figures.iter().map(|(_, count)| count).sum::<usize>(), all);
    let figures = figures.map(|(name, count)| format!("{count} {name}"));
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "Of lighttpd's {all} directives: {}.",
        figures.join(", ")
    );

    section(&mut text, "Different", |own| match own.state() {
        State::Different(other) if other.counts != Counts::Unset => Some(other.how.to_owned()),
        _ => None,
    });
    section(&mut text, "Other defaults", |own| match own.state() {
        State::Different(other) if other.counts == Counts::Unset => Some(other.how.to_owned()),
        _ => None,
    });
    section(&mut text, "Refused", |own| match own.state() {
        State::Refused(why) => Some(why.to_owned()),
        _ => None,
    });
    section(&mut text, "Not yet", |own| match own.state() {
        State::NotYet(Lack::Module(module)) => Some(format!("it belongs to {module}")),
        State::NotYet(Lack::Feature(why) | Lack::Purpose(why) | Lack::Without { why, .. }) => {
            Some(why.to_owned())
        }
        _ => None,
    });

    text.push_str("\n## Flags (server.feature-flags)\n\n");
    let mut same = Vec::new();
    for (name, differs) in features::flags() {
        match differs {
            _ if name.starts_with("everlit.") => {}
            Some(other) => {
                let what = match other.counts {
                    Counts::Unset => "the default is another: ",
                    Counts::Used | Counts::Warned => "",
                };
                let _ = writeln!(text, "- `{name}`: {what}{}.", other.how);
            }
            None => same.push(format!("`{name}`")),
        }
    }
    let _ = writeln!(text, "\nThe same: {}.", same.join(", "));

    text.push_str("\n## Keys of server.http-parseopts\n\n");
    let (differing, same): (Vec<_>, Vec<_>) =
        ParseOption::all().partition(|option| option.differs().is_some());
    for option in differing {
        let how = option.differs().unwrap_or_default();
        let _ = writeln!(text, "- `{}`: {how}.", option.key());
    }
    let same: Vec<String> = same
        .iter()
        .map(|option| format!("`{}`", option.key()))
        .collect();
    let _ = writeln!(
        text,
        "\nThe same, with lighttpd's defaults: {}.\n",
        same.join(", ")
    );
    text.push_str(OTHERS);
    text
}

fn section(text: &mut String, title: &str, of: impl Fn(&Directive) -> Option<String>) {
    let mut rows: Vec<(&str, String)> = table::all()
        .filter_map(|own| Some((own.name, of(own)?)))
        .collect();
    rows.sort_unstable();
    // Names with the same sentence stand together, where the first of them does.
    let mut lines: Vec<(Vec<&str>, String)> = Vec::new();
    for (name, sentence) in rows {
        match lines.iter_mut().find(|(_, known)| *known == sentence) {
            Some((names, _)) => names.push(name),
            None => lines.push((vec![name], sentence)),
        }
    }
    if lines.is_empty() {
        return;
    }
    let _ = write!(text, "\n## {title}\n\n");
    for (names, sentence) in lines {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(text, "- {}: {sentence}.", names.join(", "));
    }
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/compatibility.md");
    let wanted = document();
    if std::env::var_os("EVERLIT_WRITE_DOC").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let same = found == wanted;
    assert!(
        same,
        "run `EVERLIT_WRITE_DOC=1 cargo test -p everlit --lib the_document` and commit doc/compatibility.md"
    );
}

/// Nothing is unlisted, and nothing that has become the same stays listed.
#[test]
fn every_difference_is_in_the_document() {
    let text = document();
    let (tables, _) = text.split_once("\n## Flags").unwrap();
    for own in table::all() {
        let is_there = tables.contains(&format!("`{}`", own.name));
        assert_eq!(is_there, own.state() != State::Same, "{}", own.name);
    }
}
