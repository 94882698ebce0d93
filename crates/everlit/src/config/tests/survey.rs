//! What is said to those who come from lighttpd.

use super::support::*;
use crate::config::{self, Standing, Survey};

fn survey(text: &str) -> Survey {
    config::check(&source(text)).survey.unwrap()
}

/// `line:column state directive`
fn notes(text: &str) -> Vec<String> {
    let survey = survey(text);
    let notes = survey.notes.iter();
    notes
        .map(|note| {
            format!(
                "{}:{} {} {}",
                note.line, note.column, note.state, note.directive
            )
        })
        .collect()
}

#[test]
fn each_directive_has_one_state() {
    let text = r#"server.modules = ( "mod_deflate" )
server.max-worker = 4
server.reject-expect-100-with-417 = "enable"

server.follow-symlinks = "enable"
compress.filetype = ( "text/plain" )
server.feature-flags = ( "server.h2c" => "enable", "http10.range" => "enable" )
server.port = 81
"#;
    assert_eq!(
        notes(text),
        [
            "2:1 different server.max-worker",
            "3:1 refused server.reject-expect-100-with-417",
            "5:1 unknown server.follow-symlinks",
            "6:1 obsolete compress.filetype",
            "7:42 different server.feature-flags: server.h2c",
        ]
    );
    let survey = survey(text);
    // server.modules, server.port and server.document-root.
    assert_eq!((survey.directives, survey.same), (8, 3));
    let help = |state| {
        survey
            .notes
            .iter()
            .find(|note| note.state == state)?
            .help
            .clone()
    };
    assert_eq!(
        help(Standing::Unknown).as_deref(),
        Some("did you mean server.follow-symlink?")
    );
    assert_eq!(
        help(Standing::Obsolete).as_deref(),
        Some("write deflate.mimetypes")
    );
}

#[test]
fn what_is_off_makes_no_difference() {
    let off = "dir-listing.activate = \"disable\"\nserver.feature-flags = ( \"server.h2proto\" => 0 )\n\
               server.reject-expect-100-with-417 = \"disable\"\nmaxminddb.activate = \"disable\"";
    // It is obsolete all the same.
    assert_eq!(
        notes(off),
        ["3:1 obsolete server.reject-expect-100-with-417"]
    );
    let later = "dir-listing.activate = \"disable\"\n$HTTP[\"url\"] =^ \"/a\" { dir-listing.activate = \"enable\" }";
    assert_eq!(notes(later), ["2:24 different dir-listing.activate"]);
}

#[test]
fn other_defaults_count_where_nothing_is_set() {
    let defaults = |text: &str| {
        let survey = survey(text);
        let names = survey.defaults.iter().map(|other| other.directive);
        names.collect::<Vec<_>>()
    };
    assert!(defaults("").contains(&"server.max-fds"));
    assert!(defaults("").contains(&"server.graceful-shutdown-timeout"));
    let set = "server.max-fds = 100\nserver.feature-flags = ( \"server.graceful-shutdown-timeout\" => 5 )";
    assert!(!defaults(set).contains(&"server.max-fds"));
    assert!(!defaults(set).contains(&"server.graceful-shutdown-timeout"));
}

#[test]
fn what_opens_too_much_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display();
    let key = directory.path().join("key.pem");
    std::fs::write(&key, "").unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let text = format!(
        r#"server.document-root = "{path}/www"
auth.backend.htpasswd.userfile = "{path}/www/.htpasswd"
accesslog.filename = "{path}/www-log"
ssl.privkey = "{path}/key.pem"
extforward.forwarder = ( "all" => "trust" )
server.http-parseopts = ( "host-strict" => "disable", "url-ctrls-reject" => "enable" )
cgi.assign = ( ".sh" => "/bin/sh", "" => "" )
"#
    );
    assert_eq!(
        notes(&text),
        [
            "2:34 unsafe auth.backend.htpasswd.userfile",
            "4:15 unsafe ssl.privkey",
            "5:35 unsafe extforward.forwarder",
            "6:44 unsafe server.http-parseopts",
            "7:42 unsafe cgi.assign",
        ]
    );
    // What is closed already is not spoken of.
    let denied = format!("{text}url.access-deny = ( \".htpasswd\" )");
    assert!(!notes(&denied)[0].contains("userfile"));
    let under = "$HTTP[\"url\"] =^ \"/cgi-bin/\" { cgi.assign = ( \"\" => \"\" ) }";
    assert_eq!(notes(under), [""; 0]);
}

#[test]
fn a_survey_needs_a_text_that_can_be_read() {
    let checked = config::check(&source("server.port = ("));
    assert!(checked.outcome.is_err() && checked.survey.is_none());
}
