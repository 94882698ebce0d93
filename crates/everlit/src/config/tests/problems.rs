//! What is said about configurations that are wrong, or mean something that is not supported.

use super::support::*;

#[test]
fn everything_is_found_in_one_go() {
    let text = r#"server.port = "eighty"
server.modules = ( "mod_acess", "mod_vhostdb_dbi" )
srever.tag = "x"
auth.require = ( "/" => ( "method" => "basic" ) )
server.http-parseopts = ( "url-nothing" => "enable" )
$HTTP["host"] =~ "(" { server.tag = "x" }
"#;
    assert_eq!(
        remarks(text),
        [
            "1:15 error: server.port: expected an integer from 0 to 65535, found the string \"eighty\"",
            "2:20 error: server.modules: there is no module \"mod_acess\"",
            "2:33 warning: server.modules: this version does not have mod_vhostdb_dbi",
            "3:1 warning: unknown directive srever.tag is ignored",
            "4:1 warning: auth.require has no effect: mod_auth is not in server.modules",
            "5:44 error: unknown key \"url-nothing\" in server.http-parseopts",
            "6:18 error: not a regular expression: unclosed group",
        ]
    );
}

#[test]
fn an_error_is_rendered_with_place_and_help() {
    let error = try_load("server.modules = ( \"mod_acess\" )").unwrap_err();
    let text = error.to_string();
    for part in [
        "test.conf:1:20",
        "there is no module",
        "did you mean \"mod_access\"?",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let message = &error.messages()[0];
    assert_eq!(message.severity, "error");
    assert_eq!(message.file.as_deref(), Some("test.conf"));
    assert_eq!(
        message.help.as_deref(),
        Some("did you mean \"mod_access\"?")
    );
    assert!(
        serde_json::to_string(message)
            .unwrap()
            .contains("\"line\":1")
    );
}

#[cfg(not(feature = "lua"))]
#[test]
fn what_would_expose_something_is_an_error() {
    let text = "server.modules = ( \"mod_magnet\" )\nmagnet.attract-raw-url-to = ( \"/a.lua\" )";
    let found = remarks(text);
    let errors: Vec<&String> = found.iter().filter(|r| r.contains("error: ")).collect();
    assert_eq!(errors.len(), 1, "{found:?}");
    for part in ["cannot be ignored", "would be served"] {
        assert!(errors[0].contains(part), "{errors:?}");
    }
}

#[test]
fn what_is_turned_off_is_not_missed() {
    for text in [
        "debug.log-state-handling = \"disable\"\nserver.kbytes-per-second = 0",
        "ssl.engine = \"disable\"",
        "server.modules = ( \"mod_auth\" )\nauth.require = ()",
        "server.modules = ( \"mod_magnet\" )\nmagnet.attract-raw-url-to = ()",
    ] {
        let mut found = remarks(text);
        found.retain(|remark| !remark.contains("this version does not have mod_"));
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn what_is_only_missing_is_a_warning_said_once() {
    let text = r#"server.modules = ( "mod_authn_sasl" )
$HTTP["url"] =^ "/a" { auth.backend.sasl.opts = ( "a" => "1" ) }
$HTTP["url"] =^ "/b" { auth.backend.sasl.opts = ( "a" => "2" ) }
"#;
    assert_eq!(
        remarks(text),
        [
            "1:20 warning: server.modules: this version does not have mod_authn_sasl",
            "2:24 warning: auth.backend.sasl.opts has no effect: Cyrus SASL is C code; most of what it asks has a backend here: PAM, LDAP, files",
        ]
    );
}

#[test]
fn directives_of_modules_that_are_not_loaded_have_no_effect() {
    let text = "url.access-deny = ( \"\" )\nindex-file.names = ( \"index.html\" )";
    assert_eq!(
        remarks(text),
        ["1:1 warning: url.access-deny has no effect: mod_access is not in server.modules"]
    );
    assert!(base(text).access.deny.is_empty());
    assert_eq!(base(text).indexfile.names, ["index.html"]);

    let strict = format!("server.compat-module-load = \"disable\"\n{text}");
    assert_eq!(remarks(&strict).len(), 2);
    assert!(base(&strict).indexfile.names.is_empty());
}

#[test]
fn scopes_are_respected() {
    let text = r#"$HTTP["url"] =^ "/a" {
    server.port = 81
    server.listen-backlog = 5
    accesslog.syslog-level = 5
}
server.modules = ( "mod_accesslog" )
"#;
    let found = remarks(text);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("2:5 warning: server.port has no effect inside a condition"));
    assert!(found[1].starts_with("3:5 warning: server.listen-backlog has no effect"));
    assert!(found[2].starts_with("4:5 warning: accesslog.syslog-level has no effect"));
    let (_, plan) = load(text);
    assert_eq!(plan.listeners[0].name, "0.0.0.0:80");
}

#[test]
fn obsolete_directives_say_what_to_write_instead() {
    for (text, instead) in [
        ("server.indexfiles = ( \"a\" )", "write index-file.names"),
        (
            "server.http-parseopt-host-strict = \"disable\"",
            "write server.http-parseopts",
        ),
        ("server.protocol-http11 = \"enable\"", "leave it out"),
        (
            "server.modules = ( \"mod_deflate\" )\ncompress.filetype = ( \"text/plain\" )",
            "write deflate.mimetypes",
        ),
    ] {
        let (_, plan) = load(text);
        let found = plan
            .warnings
            .iter()
            .any(|w| w.contains("is obsolete") && w.contains(instead));
        assert!(found, "{:?}", plan.warnings);
    }
}

#[test]
fn a_document_root_is_needed() {
    let source = crate::source::Source::Text {
        name: "t".to_owned(),
        text: "server.port = 80\n".to_owned(),
        directory: "/".into(),
    };
    let error = crate::config::load(&source).unwrap_err();
    assert_eq!(
        short(&error.messages()[0]),
        "error: server.document-root is not set"
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let source = crate::source::Source::File("/no/such/file.conf".into());
    let error = crate::config::load(&source).unwrap_err();
    assert!(error.to_string().contains("/no/such/file.conf"), "{error}");
}

#[test]
fn limits_that_contradict_each_other_are_corrected() {
    let text = "server.max-fds = 100\nserver.max-connections = 80";
    assert_eq!(
        remarks(text),
        ["2:26 warning: server.max-connections is 36: server.max-fds, less 64"]
    );
    assert_eq!(load(text).0.server.max_connections, Some(36));
}

#[test]
fn core_files_with_keys_in_them_are_warned_of() {
    let wanted = "server.core-files = \"enable\"\n";
    assert_eq!(remarks(wanted), [""; 0]);
    let secured = "$SERVER[\"socket\"] == \":443\" { ssl.engine = \"enable\" }";
    assert_eq!(
        remarks(&format!("{wanted}{secured}")),
        [
            "1:21 warning: server.core-files: whoever reads a core file reads the keys of certificates and of \
          connections (ssl.engine)"
        ]
    );
}

#[test]
fn warnings_are_rendered_one_each() {
    let (_, plan) = load("a.b = 1\nserver.reject-expect-100-with-417 = \"enable\"");
    assert_eq!(plan.warnings.len(), 2);
    assert!(
        plan.warnings[0].contains("test.conf:1:1"),
        "{:?}",
        plan.warnings
    );
}
