//! What holds for every text.

use lighttpd_conf::{Conditions, Config, Facts, Field, Matches, Pattern, load_bytes, load_text};
use proptest::{collection::vec, prelude::*, sample::select};
use std::{net::IpAddr, path::Path};

fn load(text: &str) -> Option<Config> {
    load_text(text, "test", Path::new("/nonexistent")).ok()
}

/// Pieces that are likely to fit together; `include_shell` is left out so that nothing is run.
const PIECES: &[&str] = &[
    "a",
    "b",
    "server.port",
    "Server.Port",
    "env.PATH",
    "env.NOPE",
    "var.CWD",
    "$HTTP",
    "$SERVER",
    "$X",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "\"url\"",
    "\"host\"",
    "\"socket\"",
    "\"\"",
    "\"^/x\"",
    "\"(\"",
    "\"a\\\"b\"",
    "\"open",
    "\"",
    "=",
    ":=",
    "+=",
    "+",
    "==",
    "!=",
    "=~",
    "!~",
    "=^",
    "=$",
    "=>",
    ",",
    "1",
    "0",
    "4294967295",
    "99999999999",
    "else",
    "if",
    "elif",
    "global",
    "include",
    "#",
    "\n",
    "\n",
    "\n",
    "\r",
    "\r\n",
    " ",
    "\t",
    "\u{a0}",
    "é",
    "\0",
    ";",
    "'",
];

/// A string literal's content that has a literal form: no backslash at its end.
fn text() -> impl Strategy<Value = String> {
    "[a-z/.%\"\\\\ \né]{0,6}".prop_map(|text| text.trim_end_matches('\\').to_owned())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        text().prop_map(|t| quoted(&t)),
        any::<u32>().prop_map(|n| n.to_string())
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        vec((proptest::option::of(0..4_u8), inner), 0..4).prop_map(|entries| {
            let entry = |(at, (key, value)): (usize, (Option<u8>, String))| match key {
                Some(key) => format!("\"{key}{at}\" => {value}"),
                None => value,
            };
            let entries: Vec<String> = entries.into_iter().enumerate().map(entry).collect();
            format!("({})", entries.join(", "))
        })
    })
}

/// Statements of which most are right.
fn statements() -> impl Strategy<Value = String> {
    let name = select(&["a", "b", "c", "server.x", "D.e"][..]);
    let assignment = (name, select(&[":=", ":=", "+="][..]), value())
        .prop_map(|(name, sign, value)| format!("{name} {sign} {value}\n"));
    let condition = (
        select(
            &[
                "$HTTP[\"url\"]",
                "$HTTP[\"host\"]",
                "$REQUEST_HEADER[\"a b\"]",
            ][..],
        ),
        select(&["==", "!=", "=^", "=$"][..]),
        text(),
    )
        .prop_map(|(subject, operator, text)| format!("{subject} {operator} {}", quoted(&text)));
    let expression = select(&["^/a", "b$", "^c$", "\\.d$", "(e|f)+", ""][..])
        .prop_map(|expression| format!("$HTTP[\"url\"] =~ \"{expression}\""));
    let condition = prop_oneof![condition, expression];
    let line = assignment.boxed();
    line.prop_recursive(3, 24, 5, move |inner| {
        let body = vec(inner, 0..4).prop_map(|lines| lines.concat());
        let arms = vec((condition.clone(), body.clone()), 1..3);
        (arms, proptest::option::of(body)).prop_map(|(arms, rest)| {
            let mut arms: Vec<String> = arms
                .into_iter()
                .map(|(c, body)| format!("{c} {{\n{body}}}"))
                .collect();
            arms.extend(rest.map(|body| format!("{{\n{body}}}")));
            arms.join(" else ") + "\n"
        })
    })
}

struct Anything(Vec<u8>);

impl Facts for Anything {
    fn bytes(&self, _: &Field) -> Option<&[u8]> {
        Some(&self.0)
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        None
    }
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(bytes in vec(any::<u8>(), 0..200)) {
        let _ = load_bytes(&bytes, "test", Path::new("/nonexistent"));
    }

    #[test]
    fn any_pieces_give_an_answer(pieces in vec(select(PIECES), 0..60)) {
        let text = pieces.concat();
        match load_text(&text, "test", Path::new("/nonexistent")) {
            Ok(config) => {
                let _ = Conditions::new(&config);
            }
            Err(report) => prop_assert!(!report.to_string().is_empty()),
        }
    }

    #[test]
    fn what_is_printed_loads_again(lines in vec(statements(), 0..6)) {
        let Some(config) = load(&lines.concat()) else {
            // Some sums are refused; most are not, see below.
            return Ok(());
        };
        let source = config.to_source();
        let again = load_text(&source, "test", Path::new("/nonexistent"));
        let again = again.map_err(|report| TestCaseError::fail(format!("{report}\n{source}")))?;
        prop_assert_eq!(&again, &config, "{}", source);
        prop_assert_eq!(again.print_canonical(), config.print_canonical());
    }

    #[test]
    fn blocks_in_force_stand_in_blocks_in_force(lines in vec(statements(), 0..6), bytes in vec(any::<u8>(), 0..8)) {
        let Some(config) = load(&lines.concat()) else { return Ok(()) };
        let Ok(conditions) = Conditions::new(&config) else { return Ok(()) };
        let mut matches = Matches::default();
        conditions.evaluate(&Anything(bytes), &mut matches);
        let set = matches.blocks();
        for id in set.iter() {
            let block = config.block(id);
            prop_assert!(block.parent.is_none_or(|parent| set.contains(parent)));
            prop_assert!(block.after.is_none_or(|before| !set.contains(before)));
        }
    }

    #[test]
    fn any_expression_gives_an_answer(expression in r"[a-c()\[\]{}*+?|^$.\\,0-9:=!<>&~#'QERhKkgx -]{0,20}", text in vec(any::<u8>(), 0..20)) {
        if let Ok(pattern) = Pattern::new(&expression) {
            prop_assert_eq!(pattern.is_match(&text), pattern.captures(&text).is_some());
        }
    }
}

/// The property above is about something: many of the texts load.
#[test]
fn most_generated_texts_load() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let loaded = (0..200)
        .filter(|_| {
            let lines = vec(statements(), 0..6)
                .new_tree(&mut runner)
                .unwrap()
                .current();
            load(&lines.concat()).is_some()
        })
        .count();
    assert!(loaded > 60, "{loaded} of 200");
}
