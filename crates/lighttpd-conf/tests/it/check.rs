//! Configurations against a table.

use lighttpd_conf::{Directive, Kind, Scope, Severity, check, load_text};
use std::path::Path;

const fn directive(name: &'static str, kind: Kind, scope: Scope) -> Directive {
    Directive {
        name,
        kind,
        scope,
        default: "",
        doc: "",
    }
}

const TABLE: [Directive; 8] = [
    directive("server.port", Kind::Short, Scope::Server),
    directive("server.document-root", Kind::String, Scope::Connection),
    directive("server.max-request-size", Kind::Int, Scope::Connection),
    directive("server.follow-symlink", Kind::Bool, Scope::Connection),
    directive("ssl.engine", Kind::Bool, Scope::Socket),
    directive("index-file.names", Kind::List, Scope::Connection),
    directive("alias.url", Kind::KvString, Scope::Connection),
    directive("fastcgi.server", Kind::KvArray, Scope::Connection),
];

/// Severity, line and message of each complaint.
fn complaints(text: &str) -> Vec<String> {
    let config =
        load_text(text, "test", Path::new("/")).unwrap_or_else(|report| panic!("{report}"));
    check(&config, &TABLE)
        .iter()
        .map(|d| {
            let letter = match d.severity {
                Severity::Warning => 'w',
                Severity::Error => 'e',
            };
            format!("{letter}{} {}", d.place.as_ref().unwrap().line, d.message)
        })
        .collect()
}

#[test]
fn what_is_known_and_right_is_not_mentioned() {
    let text = r#"
        x = 1
        server.port = "8080"
        Server.Document-Root = "/srv"
        server.follow-symlink = "Enable"
        index-file.names = "index.html"
        alias.url = ()
        fastcgi.server = (".php" => (("host" => "127.0.0.1", "port" => 9000)))
        $SERVER["socket"] == ":443" { ssl.engine = "enable" }
    "#;
    assert_eq!(complaints(text), [""; 0]);
}

#[test]
fn unknown_directives_are_ignored_with_a_guess() {
    let config = load_text("server.prot = 80", "test", Path::new("/")).unwrap();
    let found = check(&config, &TABLE);
    assert_eq!(found[0].message, "unknown directive server.prot is ignored");
    assert_eq!(found[0].help.as_deref(), Some("did you mean server.port?"));
    assert_eq!(found[0].severity, Severity::Warning);
}

#[test]
fn wrong_types_are_errors_that_point_at_the_value() {
    let text = r#"
server.port = "http"
server.document-root = 1
server.follow-symlink = "yes"
server.max-request-size = "1k"
index-file.names = ("a" => "b")
alias.url = (
    "/a" => "/b",
    "/c",
    "/d" => 1,
)
fastcgi.server = (".php" => "localhost")
"#;
    assert_eq!(
        complaints(text),
        [
            "e2 server.port: expected an integer from 0 to 65535, found the string \"http\"",
            "e3 server.document-root: expected a string, found the integer 1",
            "e4 server.follow-symlink: expected \"enable\" or \"disable\", found the string \"yes\"",
            "e5 server.max-request-size: expected an integer from 0 to 4294967295, found the string \"1k\"",
            "e6 index-file.names: expected a list of strings ( \"...\", \"...\" ), found an entry with a key",
            "e9 alias.url: expected a list of pairs of strings ( \"...\" => \"...\", \"...\" => \"...\" ), \
             found an entry without a key",
            "e12 fastcgi.server: expected a list of pairs ( \"...\" => ( ... ), \"...\" => ( ... ) ), \
             found the string \"localhost\"",
        ]
    );
}

#[test]
fn what_has_no_effect_where_it_stands_is_a_warning() {
    let text = r#"
$HTTP["host"] == "a" {
    server.port = 80
    ssl.engine = "enable"
}
$SERVER["socket"] != ":80" { ssl.engine = "enable" }
"#;
    assert_eq!(
        complaints(text),
        [
            "w3 server.port has no effect inside a condition",
            "w4 ssl.engine has no effect inside this condition",
            "w6 ssl.engine has no effect inside this condition",
        ]
    );
}
