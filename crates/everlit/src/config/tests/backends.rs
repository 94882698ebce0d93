//! Host blocks: each key, what they become, and what is said about those that are wrong.

use std::path::Path;
use std::sync::Arc;

use super::support::*;
use crate::gateway::host::{Address, CheckLocal, Group, Role, Spawn};

/// `fastcgi.server = ( ".x" => ( BLOCKS ) )`
fn server(blocks: &str) -> String {
    format!("server.modules = ( \"mod_fastcgi\" )\nfastcgi.server = ( \".x\" => ( {blocks} ) )")
}

fn groups(blocks: &str) -> Arc<[Arc<Group>]> {
    base(&server(blocks)).fastcgi.backends.groups.clone()
}

/// The only group, of a block with these keys and an address.
fn group(keys: &str) -> Arc<Group> {
    let groups = groups(&format!("( \"socket\" => \"/run/s\", {keys} )"));
    assert_eq!(groups.len(), 1, "{keys}");
    groups[0].clone()
}

fn names(group: &Group) -> Vec<&str> {
    group.hosts.iter().map(|host| host.name.as_str()).collect()
}

fn programs(text: &str) -> Vec<Spawn> {
    load(text).0.server.programs.clone()
}

/// The only program of a block with these keys, an address, and something to start.
fn program(keys: &str) -> Spawn {
    let block = format!("( \"socket\" => \"/run/s\", \"bin-path\" => \"/bin/p\", {keys} )");
    let programs = programs(&server(&block));
    assert_eq!(programs.len(), 1, "{keys}");
    programs[0].clone()
}

#[test]
fn addresses() {
    for (keys, expected) in [
        (r#""host" => "127.0.0.1", "port" => 9000"#, "127.0.0.1:9000"),
        (
            r#""host" => "127.0.0.1", "port" => "9000""#,
            "127.0.0.1:9000",
        ),
        (r#""host" => "127.0.0.1""#, "127.0.0.1:80"),
        (r#""host" => "127.0.0.1", "port" => 0"#, "127.0.0.1:80"),
        (r#""host" => "::1", "port" => 9000"#, "[::1]:9000"),
        (r#""host" => "[::1]", "port" => 9000"#, "[::1]:9000"),
        (r#""host" => "localhost", "port" => 1"#, "127.0.0.1:1"),
        (r#""host" => "/run/s""#, "/run/s"),
        (r#""socket" => "/run/s""#, "/run/s"),
        (r#""Socket" => "/run/s", "host" => """#, "/run/s"),
    ] {
        let groups = groups(&format!("( {keys} )"));
        assert_eq!(names(&groups[0]), [expected], "{keys}");
        let is_unix = matches!(&groups[0].hosts[0].address, Address::Unix(_));
        assert_eq!(is_unix, expected.starts_with('/'));
    }
}

#[test]
fn defaults_are_lighttpds() {
    let group = group("");
    assert_eq!(group.key, ".x");
    assert_eq!(group.role, Role::Responder);
    assert_eq!(group.check_local, CheckLocal::Checked);
    let host = &group.hosts[0];
    assert_eq!(host.connect_timeout, 8);
    assert_eq!((host.read_timeout, host.write_timeout), (0, 0));
    assert_eq!(host.disable_time, 1);
    assert_eq!(host.x_sendfile, None);
    assert!(!host.upgrade);
    assert_eq!(host.script, crate::gateway::host::Script::default());

    let spawn = program("");
    assert_eq!(spawn.command, ["/bin/p"]);
    assert_eq!(spawn.addresses.len(), 4);
    assert_eq!((spawn.kill_signal, spawn.backlog), (15, 4096));
    assert!(spawn.environment.is_empty() && spawn.copy_environment.is_empty());
}

#[test]
fn keys_of_hosts() {
    let unchecked = group(r#""check-local" => "disable""#);
    assert_eq!(unchecked.check_local, CheckLocal::Unchecked);
    assert_eq!(group(r#""mode" => "authorizer""#).role, Role::Authorizer);
    let host = |keys: &str| group(keys).hosts[0].clone();
    assert_eq!(host(r#""docroot" => "/jail""#).script.docroot, "/jail");
    assert_eq!(
        host(r#""strip-request-uri" => "/a/""#)
            .script
            .strip_request_uri,
        "/a"
    );
    assert!(host(r#""fix-root-scriptname" => "enable""#).script.fix_root);
    assert!(
        host(r#""broken-scriptfilename" => "enable""#)
            .script
            .broken_filename
    );
    assert!(host(r#""upgrade" => "enable""#).upgrade);
    assert_eq!(
        host(r#""connect-timeout" => 100000"#).connect_timeout,
        100_000
    );
    assert_eq!(host(r#""read-timeout" => 5"#).read_timeout, 5);
    assert_eq!(host(r#""write-timeout" => 6"#).write_timeout, 6);
    assert_eq!(host(r#""disable-time" => 7"#).disable_time, 7);
    assert_eq!(host(r#""x-sendfile" => "enable""#).x_sendfile, Some(vec![]));
    assert_eq!(
        host(r#""allow-x-send-file" => "enable""#).x_sendfile,
        Some(vec![])
    );
    let some = host(r#""x-sendfile" => "enable", "x-sendfile-docroot" => ( "/a", "/b" )"#);
    assert_eq!(some.x_sendfile.unwrap(), [Path::new("/a"), Path::new("/b")]);
    assert_eq!(host(r#""x-sendfile-docroot" => ( "/a" )"#).x_sendfile, None);
}

#[test]
fn keys_of_programs() {
    assert_eq!(program(r#""max-procs" => 2"#).addresses.len(), 2);
    assert_eq!(program(r#""kill-signal" => 10"#).kill_signal, 10);
    assert_eq!(program(r#""listen-backlog" => 128"#).backlog, 128);
    let set = program(r#""bin-environment" => ( "A" => "b" )"#);
    assert_eq!(set.environment, [("A".to_owned(), "b".to_owned())]);
    let copied = program(r#""bin-copy-environment" => ( "PATH" )"#);
    assert_eq!(copied.copy_environment, ["PATH"]);
}

#[test]
fn a_program_is_one_host_for_each_process() {
    let text =
        server(r#"( "socket" => "/run/s", "bin-path" => "/bin/p  -a b", "max-procs" => 3 )"#);
    let (site, _) = load(&text);
    let expected = ["/run/s-0", "/run/s-1", "/run/s-2"];
    let groups = base(&text).fastcgi.backends.groups.clone();
    assert_eq!(names(&groups[0]), expected);
    let spawn = &site.server.programs[0];
    assert_eq!(spawn.command, ["/bin/p", "-a", "b"]);
    let addresses: Vec<String> = spawn.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, expected);

    let tcp = r#"( "port" => 9000, "bin-path" => "/bin/p", "max-procs" => 2 )"#;
    assert_eq!(
        names(&self::groups(tcp)[0]),
        ["127.0.0.1:9000", "127.0.0.1:9001"]
    );

    // SCGI has a shell take words apart.
    let scgi = text.replace("fastcgi", "scgi");
    assert_eq!(
        programs(&scgi)[0].command,
        ["/bin/sh", "-c", "exec /bin/p  -a b"]
    );
    let alone = scgi.replace("  -a b", "");
    assert_eq!(programs(&alone)[0].command, ["/bin/p"]);
}

#[test]
fn the_same_program_is_started_once() {
    let block = r#"( ( "socket" => "/run/s", "bin-path" => "/bin/p", "max-procs" => 1 ) )"#;
    let twice = format!(
        "server.modules = ( \"mod_fastcgi\" )\nfastcgi.server = ( \".x\" => {block}, \".y\" => {block} )\n\
         $HTTP[\"host\"] == \"h\" {{ fastcgi.server = ( \".z\" => {block} ) }}"
    );
    assert_eq!(programs(&twice).len(), 1);
    let groups = base(&twice).fastcgi.backends.groups.clone();
    let states = [&groups[0], &groups[1]].map(|group| &group.hosts[0].state);
    assert!(Arc::ptr_eq(states[0], states[1]));

    let other = twice.replacen("/bin/p", "/bin/q", 1);
    let errors: Vec<String> = remarks(&other);
    let expected = "error: fastcgi.server: another program listens on /run/s-0";
    assert!(errors[0].ends_with(expected), "{errors:?}");
}

#[test]
fn several_hosts_and_labels() {
    let groups = groups(
        r#""one" => ( "socket" => "/a" ), ( "socket" => "/b" ), "two" => ( "socket" => "/c", "mode" => "authorizer" )"#,
    );
    assert_eq!(groups.len(), 2);
    assert_eq!(
        (groups[0].role, names(&groups[0])),
        (Role::Authorizer, vec!["/c"])
    );
    assert_eq!(
        (groups[1].role, names(&groups[1])),
        (Role::Responder, vec!["/a", "/b"])
    );
    let labels: Vec<&str> = groups[1]
        .hosts
        .iter()
        .map(|host| host.label.as_str())
        .collect();
    assert_eq!(labels, ["one", ""]);
}

#[test]
fn mod_proxy_never_looks_for_files() {
    let text = |more: &str| {
        format!(
            "server.modules = ( \"mod_proxy\" )\nproxy.server = ( \"\" => ( ( \"host\" => \"/p\" {more} ) ) )"
        )
    };
    let settings = base(&text(""));
    assert_eq!(
        settings.proxy.backends.groups[0].check_local,
        CheckLocal::Unchecked
    );
    let checked = text(", \"check-local\" => \"enable\"");
    assert_eq!(
        remarks(&checked),
        ["2:62 warning: check-local has no effect in proxy.server: files are never looked for"]
    );
    assert_eq!(
        base(&checked).proxy.backends.groups[0].check_local,
        CheckLocal::Unchecked
    );
}

#[test]
fn mistakes_have_places() {
    for (blocks, expected) in [
        (
            r#"( "port" => 9000 )"#,
            "2:30 error: fastcgi.server: the backend has no address",
        ),
        (
            r#"()"#,
            "2:30 error: fastcgi.server: the backend has no address",
        ),
        (
            r#"( "host" => "127.0.0.1", "socket" => "/s" )"#,
            "2:30 error: fastcgi.server: the backend has two addresses",
        ),
        (
            r#"( "port" => 1, "socket" => "/s" )"#,
            "2:30 error: fastcgi.server: the backend has two addresses",
        ),
        (
            r#"( "bin-path" => "/bin/p" )"#,
            "2:30 error: fastcgi.server: bin-path needs an address for the program to listen on",
        ),
        (
            r#"( "bin-path" => " ", "socket" => "/s" )"#,
            "2:30 error: fastcgi.server: bin-path is blank",
        ),
        (
            r#"( "bin-path" => "/bin/p", "socket" => "/s", "max-procs" => 0 )"#,
            "2:30 error: fastcgi.server: max-procs is 0",
        ),
        (
            r#"( "bin-path" => "/bin/p", "port" => 65534 )"#,
            "2:30 error: fastcgi.server: there are not that many ports",
        ),
        (
            r#""host" => "127.0.0.1", "port" => 9000"#,
            "2:40 error: fastcgi.server: \".x\" needs a list of backends",
        ),
        (
            r#"( "port" => 70000, "host" => "::1" )"#,
            "2:42 error: fastcgi.server: there is no such port",
        ),
        (
            r#"( "kill-signal" => 65, "host" => "::1" )"#,
            "2:49 error: fastcgi.server: there is no such signal",
        ),
        (
            r#"( "mode" => "authoriser", "host" => "::1" )"#,
            "2:42 error: fastcgi.server: expected \"responder\" or \"authorizer\", found the string \"authoriser\"",
        ),
        (
            r#"( "x-sendfile-docroot" => ( "a" ), "host" => "::1" )"#,
            "2:56 error: fastcgi.server: expected directories that begin with \"/\", found a list",
        ),
        (
            r#"( "sokcet" => "/s", "host" => "::1" )"#,
            "2:44 warning: unknown key \"sokcet\" in fastcgi.server is ignored; did you mean \"socket\"?",
        ),
        (
            r#"( "bin_path" => "/s", "host" => "::1" )"#,
            "2:46 warning: unknown key \"bin_path\" in fastcgi.server is ignored; did you mean \"bin-path\"?",
        ),
        (
            r#"( "gibberish-all-of-it" => "/s", "host" => "::1" )"#,
            "2:57 warning: unknown key \"gibberish-all-of-it\" in fastcgi.server is ignored",
        ),
        (
            r#"( "host" => "/a" ), ( "host" => "/b", "check-local" => 0 )"#,
            "2:50 warning: fastcgi.server: check-local of the first backend for \".x\" counts for all of them",
        ),
        (
            r#"( "host" => "::1", "tcp-fin-propagate" => "enable" )"#,
            "2:72 warning: fastcgi.server: tcp-fin-propagate has no effect: that a client has closed its direction is passed on in tunnels only",
        ),
        (
            r#"( "socket" => "/s", "bin-path" => "/p", "min-procs" => 1 )"#,
            "2:30 warning: fastcgi.server: min-procs has no effect: all max-procs processes (4) always run",
        ),
        (
            "",
            "2:18 warning: fastcgi.server: there is no backend for \".x\"",
        ),
    ] {
        assert_eq!(remarks(&server(blocks)), [expected], "{blocks}");
    }

    let long = format!("( \"socket\" => \"/{}\" )", "s".repeat(107));
    let found = remarks(&server(&long));
    assert!(
        found[0].contains("the path of the socket is too long"),
        "{found:?}"
    );
    let nowhere = remarks(&server("( \"host\" => \"no-such-host.invalid\" )"));
    assert!(
        nowhere[0].starts_with("2:30 error: fastcgi.server: look up \"no-such-host.invalid\": "),
        "{nowhere:?}"
    );
}

#[test]
fn remedies_are_told() {
    for (blocks, remedy) in [
        (
            r#"( "port" => 9000 )"#,
            "set \"host\" and \"port\", or \"socket\"",
        ),
        (
            r#""host" => "127.0.0.1""#,
            "put another pair of parentheses",
        ),
        (r#"( "bin-path" => "/bin/p" )"#, "set \"socket\""),
    ] {
        let error = try_load(&server(blocks)).unwrap_err().to_string();
        assert!(error.contains(remedy), "{error}");
    }
}
