//! Values that do not fit, for every directive of the table: what is said names the place, the directive, and what would
//! fit. And any value at all, for every directive: nobody panics.

use lighttpd_conf::{Config, Kind, Value};
use proptest::prelude::*;

use super::support::*;
use crate::config::{self, Directive, Message, Scope, State, table};

/// Values as they are written, of every type.
const VALUES: &[&str] = &[
    "\"\"",
    "\"no-such-word\"",
    "\"enable\"",
    "\"12x\"",
    "7",
    "70000",
    "4294967295",
    "()",
    "( \"a\", \"b\" )",
    "( 1, 2 )",
    "( \"a\" => \"b\" )",
    "( \"a\" => 1 )",
    "( \"a\" => ( \"b\", \"c\" ) )",
    "( \"a\" => ( \"b\" => \"c\" ) )",
    "( \"a\" => ( ( \"b\" => \"c\" ) ) )",
    "( \"a\" => ( \"b\" => ( \"c\" => \"d\" ) ) )",
    "( ( \"a\" => \"b\" ) )",
    "( \"a\", \"b\" => \"c\" )",
];

/// A configuration that sets this directive to this value, in its third line, and loads its module.
fn text(directive: &Directive, value: &str) -> String {
    let module = table::module_of(directive);
    let modules = match (directive.name, module) {
        ("server.modules", _) => "# it loads them itself".to_owned(),
        (_, module) => format!(
            "server.modules = ( \"mod_auth\", \"{}\" )",
            module.unwrap_or("mod_access")
        ),
    };
    let root = match directive.name {
        "server.document-root" => "",
        _ => "server.document-root = \"/srv/www\"",
    };
    format!("{modules}\n{root}\n{} = {value}\n", directive.name)
}

fn messages(text: &str) -> Vec<Message> {
    let source = crate::source::Source::Text {
        name: "test.conf".to_owned(),
        text: text.to_owned(),
        directory: "/".into(),
    };
    let examined =
        config::read(&source).and_then(|config| config::examine(&config, config::Depth::Text));
    match examined {
        Ok((warnings, _, _)) => warnings.iter().map(Message::from).collect(),
        Err(error) => error.messages(),
    }
}

fn value(written: &str) -> Value {
    let text = format!("var.x = {written}");
    let config: Config = lighttpd_conf::load_text(&text, "value", "/".as_ref()).unwrap();
    config.global().get("var.x").unwrap().clone()
}

#[test]
fn what_does_not_fit_is_told_with_its_place_its_name_and_what_would_fit() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for directive in table::all() {
        for written in VALUES {
            tried += 1;
            let name = directive.name;
            let found = messages(&text(directive, written));
            let errors: Vec<&Message> = found.iter().filter(|m| m.severity == "error").collect();
            let fits = directive.kind().accepts(&value(written)).is_ok();
            if !fits && errors.is_empty() {
                wrong.push(format!("{name} = {written}: nothing is said of {found:?}"));
            }
            for message in &found {
                let spoken = format!(
                    "{} {}",
                    message.message,
                    message.help.as_deref().unwrap_or_default()
                );
                let is_about_modules = spoken.contains("this version does not have mod_");
                let has_place = message.line == Some(3) && message.column.is_some();
                let names = spoken.contains(name);
                let is_told = has_place && names;
                if !(is_about_modules || is_told) {
                    wrong.push(format!(
                        "{name} = {written}: no place or name: {}",
                        short(message)
                    ));
                }
                if message.severity == "error" && message.help.is_none() {
                    wrong.push(format!("{name} = {written}: no help: {}", short(message)));
                }
            }
        }
    }
    assert!(tried > 4000);
    assert!(
        wrong.is_empty(),
        "{} of {tried}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// In the language there are no such values.
#[test]
fn numbers_that_are_none_are_told_with_their_place() {
    for written in [
        "-1",
        "99999999999",
        "1.5",
        "0x10",
        "yes",
        "\"open",
        "( \"a\"",
        "\"a\" => \"b\"",
    ] {
        for directive in table::all().filter(|own| own.scope == Scope::Server) {
            let found = messages(&text(directive, written));
            let first = found
                .first()
                .unwrap_or_else(|| panic!("{} = {written}", directive.name));
            assert_eq!(first.severity, "error", "{} = {written}", directive.name);
            assert!(
                first.line >= Some(3),
                "{} = {written}: {first:?}",
                directive.name
            );
        }
    }
}

/// What is not in this version is still read, so that a mistake is not found on the day of an upgrade.
#[test]
fn what_is_not_there_yet_is_checked_too() {
    for directive in
        table::all().filter(|own| matches!(own.state(), State::NotYet(_) | State::Refused(_)))
    {
        let written = match directive.kind() {
            Kind::String | Kind::Bool | Kind::Short | Kind::Int => "( \"a\" => \"b\" )",
            Kind::List | Kind::KvString | Kind::KvAny | Kind::KvArray => "7",
        };
        let found = messages(&text(directive, written));
        assert!(
            found.iter().any(|m| m.severity == "error"),
            "{}: {found:?}",
            directive.name
        );
    }
}

/// Any value, as it is written.
fn any_value() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("enable".to_owned()),
        Just("max-age".to_owned()),
        Just("host".to_owned()),
        Just("port".to_owned()),
        Just("/".to_owned()),
        Just("^/(.*)$".to_owned()),
        Just("127.0.0.1:80".to_owned()),
        Just("access plus 1 hours".to_owned()),
        Just("%{x}t %".to_owned()),
        "[0-9]{1,12}",
        "\\PC{0,12}",
        "[a-z0-9%$(){}/.:*+?^|\\-]{0,16}",
    ];
    // The only escape is that of a quote; a backslash before it would be another one.
    let quoted = word.prop_map(|word| format!("\"{}\"", word.replace(['\\', '"'], "")));
    let leaf = prop_oneof![
        quoted.clone(),
        any::<u32>().prop_map(|number| number.to_string())
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let entry = prop_oneof![
            inner.clone(),
            (quoted.clone(), inner).prop_map(|(key, value)| format!("{key} => {value}")),
        ];
        prop::collection::vec(entry, 0..4).prop_map(|entries| format!("( {} )", entries.join(", ")))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn no_value_is_too_strange(values in prop::collection::vec(any_value(), 8)) {
        for directive in table::all() {
            for value in &values {
                for message in messages(&text(directive, value)) {
                    prop_assert!(!message.message.is_empty());
                }
            }
        }
    }
}
