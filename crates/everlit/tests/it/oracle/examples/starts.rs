//! Mistakes that people make, and what looks like one: `-tt` of both servers says the same of them, or there is a reason.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::servers::{LIGHTTPD, lighttpd_is_there};

const TEXTS: &[&str] = &[
    // Modules.
    r#"server.modules += ("mod_no_such_thing")"#,
    r#"server.modules += ("mod_setenv", "mod_setenv")"#,
    r#"server.modules += ("setenv")"#,
    r#"server.modules = () server.compat-module-load = "disable""#,
    // The language.
    "server.tag = \"a\"\nserver.tag = \"b\"",
    "server.tag = \"a\"\nserver.tag := \"b\"\nserver.tag += \"c\"",
    r#"server.tag = "a" server.name = "b""#,
    r#"server.tag = "a";"#,
    "server.tag = 'a'",
    "server.tag = \"unfinished",
    "server.tag = a b",
    "server.tag == \"a\"",
    "server.tag \"a\"",
    "server.tag =",
    "index-file.names = ( \"a\",, \"b\" )",
    "index-file.names = ( \"a\" \"b\" )",
    "index-file.names = ( \"a\", )",
    "index-file.names = ( \"a\"",
    "index-file.names += ( \"a\" )\nindex-file.names += ( \"a\" )",
    "var.a = 1 + \"b\"",
    "var.a = \"b\" + 1",
    "var.a = ( \"b\" ) + \"c\"",
    "var.a = nothing",
    "var.a = env.EVERLIT_NOT_SET",
    "env.A = \"b\"",
    "var.a = server.port + 1",
    "var.a = -1",
    "var.a = 0x10",
    "var.a = 1.5",
    "server.port = \"80x\"",
    "server.max-fds = \"1024\"",
    "include \"missing.conf\"",
    "include \"missing*.conf\"",
    "include_shell \"exit 3\"",
    "include_shell \"echo nonsense\"",
    "include_shell \"true\"",
    "global { server.tag = \"a\" }",
    "global { $HTTP[\"url\"] == \"/\" { server.tag = \"a\" } }",
    // Conditions.
    r#"$HTTP["nothing"] == "x" { server.tag = "a" }"#,
    r#"$HTTP["url"] ~= "x" { server.tag = "a" }"#,
    r#"$HTTP["url"] = "x" { server.tag = "a" }"#,
    r#"$HTTP["url"] == x { server.tag = "a" }"#,
    r#"$HTTP[url] == "x" { server.tag = "a" }"#,
    r#"$HTTP["url"] == "x" server.tag = "a""#,
    r#"$HTTP["url"] == "x" { server.tag = "a""#,
    r#"$HTTP["url"] == "x" { }"#,
    r#"$HTTP["url"] =~ "(" { server.tag = "a" }"#,
    r#"$HTTP["url"] =~ "[a-" { server.tag = "a" }"#,
    r#"$HTTP["url"] =~ "*" { server.tag = "a" }"#,
    r#"$HTTP["remote-ip"] == "300.1.1.1" { server.tag = "a" }"#,
    r#"$HTTP["remote-ip"] == "10.0.0.0/33" { server.tag = "a" }"#,
    r#"$HTTP["remote-ip"] == "10.0.0.0/" { server.tag = "a" }"#,
    r#"$HTTP["remote-ip"] == "::1/129" { server.tag = "a" }"#,
    r#"$HTTP["remote-ip"] == "localhost" { server.tag = "a" }"#,
    r#"$HTTP["remote-ip"] == "10.0.0.0/8" { server.tag = "a" }"#,
    r#"$HTTP["url"] == "x" { server.port = 81 }"#,
    r#"$HTTP["url"] == "x" { server.modules += ("mod_setenv") }"#,
    r#"$REQUEST_HEADER["X"] == "x" { server.tag = "a" }"#,
    r#"$SERVER["socket"] == "127.0.0.1:999999" { server.tag = "a" }"#,
    r#"$SERVER["socket"] == "nonsense" { server.tag = "a" }"#,
    r#"$SERVER["name"] == "x" { server.tag = "a" }"#,
    r#"$PHYSICAL["path"] == "x" { server.tag = "a" }"#,
    // Directives.
    r#"server.http-parseopts = ("nothing" => "enable")"#,
    r#"server.http-parseopts = ("url-normalize" => "perhaps")"#,
    r#"server.feature-flags = ("no.such-flag" => "enable")"#,
    r#"server.max-worker = 70000"#,
    r#"mimetype.assign = ("text/html")"#,
    r#"mimetype.assign = (".html" => 5)"#,
    r#"accesslog.format = "%Z""#,
    r#"accesslog.format = "%P""#,
    r#"accesslog.format = "%{x""#,
    r#"accesslog.format = "%{Referer}""#,
    r#"accesslog.format = "100%""#,
    r#"alias.url = ("/a" => "/x", "/a/b" => "/y")"#,
    r#"alias.url = ("/a/b" => "/y", "/a" => "/x")"#,
    r#"setenv.add-response-header = ("A" => "1", "a" => "2")"#,
    r#"setenv.add-response-header = ("A" => 1)"#,
    r#"expire.url = ("" => "nonsense")"#,
    r#"expire.url = ("" => "access plus 1 fortnights")"#,
    r#"expire.url = ("" => "access plus x days")"#,
    r#"expire.url = ("" => "access 1")"#,
    r#"expire.url = ("" => "access plus 1 days 2")"#,
    r#"expire.url = ("" => "access")"#,
    r#"evhost.path-pattern = "/srv/%""#,
    r#"evhost.path-pattern = "/srv/%x""#,
    r#"evhost.path-pattern = "/srv/%{1""#,
    r#"url.redirect = ("(" => "/x")"#,
    r#"url.redirect = ("^/a")"#,
    r#"url.rewrite-once = ("^/a" => "")"#,
    r#"url.rewrite-once = ("^/a" => 5)"#,
    r#"dir-listing.exclude = ("(")"#,
    r#"auth.require = ("/" => ("method" => "basic", "require" => "valid-user"))"#,
    r#"auth.require = ("/" => ("method" => "basic", "realm" => "r"))"#,
    r#"auth.require = ("/" => ("realm" => "r", "require" => "valid-user"))"#,
    r#"auth.require = ("/" => ("method" => "nothing", "realm" => "r", "require" => "valid-user"))"#,
    r#"auth.require = ("/" => ("method" => "basic", "realm" => "r", "require" => "nothing"))"#,
    r#"auth.require = ("/" => ("method" => "basic", "realm" => "r", "require" => "user=a|valid-user"))"#,
    r#"auth.require = ("/" => ("method" => "basic", "realm" => "r", "require" => "user=a|group=b|host=c"))"#,
    r#"auth.require = ("/" => ("method" => "basic", "realm" => "r", "require" => "user="))"#,
    r#"auth.require = ("/" => ("method" => "digest", "algorithm" => "SHA-1", "realm" => "r", "require" => "valid-user"))"#,
    r#"auth.require = ("/" => "valid-user")"#,
    r#"cgi.assign = (".pl" => 5)"#,
    r#"fastcgi.server = (".php" => ("host" => "127.0.0.1", "port" => 9000))"#,
    r#"fastcgi.server = (".php" => (("port" => 9000)))"#,
    r#"fastcgi.server = (".php" => (("host" => "127.0.0.1")))"#,
    r#"fastcgi.server = (".php" => (("host" => "127.0.0.1", "port" => 9000, "socket" => "/tmp/x")))"#,
    r#"fastcgi.server = (".php" => (("socket" => "/tmp/x", "nothing" => 1)))"#,
    r#"fastcgi.server = (".php" => (("socket" => "/tmp/x", "mode" => "authorizer")))"#,
    r#"fastcgi.server = (".php" => ())"#,
    r#"proxy.server = ("" => (("host" => "127.0.0.1")))"#,
    r#"proxy.server = ("" => (("host" => "127.0.0.1", "port" => "8080")))"#,
    r#"proxy.server = ("" => (("port" => 8080)))"#,
    r#"proxy.forwarded = ("nothing" => 1)"#,
    r#"proxy.header = ("nothing" => "enable")"#,
    r#"proxy.header = ("map-urlpath" => "/x")"#,
    r#"proxy.balance = "round-robin""#,
    r#"deflate.allowed-encodings = ("nothing")"#,
    r#"deflate.compression-level = 10"#,
    r#"extforward.forwarder = ("nonsense" => "trust")"#,
    r#"extforward.forwarder = ("10.0.0.0/99" => "trust")"#,
    r#"extforward.forwarder = ("10.0.0.1" => "trusted")"#,
    r#"extforward.params = ("nothing" => 1)"#,
    r#"simple-vhost.server-root = "/nonexistent""#,
    r#"userdir.exclude-user = ("")"#,
    r#"ssi.extension = ("shtml")"#,
    r#"status.status-url = "server-status""#,
    r#"server.errorfile-prefix = "/nonexistent/""#,
    r#"server.error-handler-404 = "no-slash""#,
    r#"server.upload-dirs = ("/nonexistent")"#,
];

/// Where they do not agree: the text, and why.
const REASONS: &[(&str, &str)] = &[
    (r#"server.tag == "a""#, "an equation is no assignment"),
    (
        r#"index-file.names = ( "a" "b" )"#,
        "lighttpd drops what has no comma before it, and does not say so",
    ),
    (
        r#"$HTTP["remote-ip"] == "10.0.0.0/33" { server.tag = "a" }"#,
        "a mask is not longer than the address",
    ),
    (
        r#"$HTTP["remote-ip"] == "10.0.0.0/" { server.tag = "a" }"#,
        "a slash goes before a mask",
    ),
    (
        r#"$HTTP["remote-ip"] == "::1/129" { server.tag = "a" }"#,
        "a mask is not longer than the address",
    ),
    (
        r#"dir-listing.exclude = ("(")"#,
        "what cannot be read excludes nothing: files would be shown that should not be",
    ),
    (
        r#"extforward.forwarder = ("10.0.0.0/99" => "trust")"#,
        "a mask is not longer than the address",
    ),
];

const BASE: &str = "server.document-root = \"/tmp\"\nserver.port = 8080\n\
    server.modules = ( \"mod_access\", \"mod_alias\", \"mod_setenv\", \"mod_accesslog\", \"mod_expire\", \"mod_evhost\", \
    \"mod_redirect\", \"mod_rewrite\", \"mod_auth\", \"mod_cgi\", \"mod_fastcgi\", \"mod_proxy\", \"mod_deflate\", \
    \"mod_extforward\", \"mod_simple_vhost\", \"mod_userdir\", \"mod_ssi\", \"mod_status\" )\n";

/// Whether a server would start with it.
fn is_taken(program: &Path, place: &Path) -> bool {
    let status = Command::new(program)
        .args(["-tt", "-f", "server.conf"])
        .current_dir(place)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("run it");
    status.success()
}

#[test]
fn both_start_or_neither() {
    if !lighttpd_is_there() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut used = Vec::new();
    for text in TEXTS {
        fs::write(
            place.path().join("server.conf"),
            [BASE, text, "\n"].concat(),
        )
        .unwrap();
        let theirs = is_taken(Path::new(LIGHTTPD), place.path());
        let ours = is_taken(Path::new(env!("CARGO_BIN_EXE_everlit")), place.path());
        match REASONS.iter().find(|(known, _)| known == text) {
            Some((known, _)) if theirs != ours => used.push(*known),
            None if theirs == ours => {}
            _ => wrong.push(format!("lighttpd: {theirs}, everlit: {ours}: {text}")),
        }
    }
    println!(
        "{} configurations: the same verdict on {}",
        TEXTS.len(),
        TEXTS.len() - used.len() - wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing: Vec<_> = REASONS
        .iter()
        .filter(|(text, _)| !used.contains(text))
        .collect();
    assert!(missing.is_empty(), "reasons for nothing: {missing:#?}");
}
