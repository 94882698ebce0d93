//! Where a configuration listens. Expected values were compared with what lighttpd 1.4.69 binds, unless they say
//! `differs`.

use super::support::*;
use crate::plan::{ListenAddress, ListenSpec};

fn listeners(text: &str) -> Vec<ListenSpec> {
    load(text).1.listeners
}

/// Name and address, which are mostly the same.
fn names(text: &str) -> Vec<String> {
    let name = |spec: &ListenSpec| {
        let address = match &spec.address {
            ListenAddress::Tcp(address) => address.to_string(),
            ListenAddress::Unix(path) => path.display().to_string(),
        };
        match address == spec.name {
            true => address,
            false => format!("{} at {address}", spec.name),
        }
    };
    listeners(text).iter().map(name).collect()
}

#[test]
fn bind_and_port_name_the_first_listener() {
    for (text, expected) in [
        ("", "0.0.0.0:80"),
        ("server.port = 8080", "0.0.0.0:8080"),
        ("server.port = \"8080\"\nserver.bind = \"\"", "0.0.0.0:8080"),
        // differs: 80 there
        ("server.port = 0", "0.0.0.0:0"),
        ("server.port = 81\nserver.bind = \"*\"", "0.0.0.0:81"),
        (
            "server.port = 81\nserver.bind = \"127.0.0.1\"",
            "127.0.0.1:81",
        ),
        (
            "server.port = 81\nserver.bind = \"127.0.0.1:82\"",
            "127.0.0.1:82",
        ),
        ("server.port = 81\nserver.bind = \"[::1]\"", "[::1]:81"),
        ("server.port = 81\nserver.bind = \"[::1]:82\"", "[::1]:82"),
        // differs: an error there
        ("server.port = 81\nserver.bind = \"::\"", "[::]:81"),
        ("server.bind = \"/run/web.sock\"", "/run/web.sock"),
        // differs: an error there
        ("server.bind = \"unix:/run/web.sock\"", "/run/web.sock"),
        ("server.use-ipv6 = \"enable\"", "[::]:80"),
        (
            "server.use-ipv6 = \"enable\"\nserver.bind = \"0.0.0.0\"",
            "0.0.0.0:80",
        ),
        (
            "server.bind = \"localhost:82\"",
            "localhost:82 at 127.0.0.1:82",
        ),
    ] {
        assert_eq!(names(text), [expected], "{text}");
    }
}

#[test]
fn socket_conditions_open_more() {
    let text = r#"
server.port = 81
$SERVER["socket"] == ":443" { }
$SERVER["socket"] == "[::]:81" { }
$SERVER["socket"] == "10.0.0.1" { }
$SERVER["socket"] == "/run/web.sock" { }
$SERVER["socket"] != ":999" { }
"#;
    assert_eq!(
        names(text),
        [
            "0.0.0.0:81",
            "0.0.0.0:443",
            "[::]:81",
            "10.0.0.1:81",
            "/run/web.sock"
        ]
    );
    assert_eq!(
        names("$SERVER[\"socket\"] == \"0.0.0.0:80\" { }"),
        ["0.0.0.0:80"]
    );
}

#[test]
fn socket_options_are_inherited_and_overridden() {
    let text = r#"
server.listen-backlog = 7
$SERVER["socket"] == ":81" {
    server.listen-backlog = 8
    server.defer-accept = "disable"
}
$SERVER["socket"] == "[::]:82" { server.set-v6only = "disable" }
$SERVER["socket"] == "[::]:83" { server.v4mapped = "enable" }
$SERVER["socket"] == "/run/web.sock" { server.socket-perms = "0660" }
"#;
    let all = listeners(text);
    assert_eq!(
        all.iter().map(|l| l.backlog).collect::<Vec<_>>(),
        [7, 8, 7, 7, 7]
    );
    assert_eq!(
        all.iter().map(|l| l.defer_accept).collect::<Vec<_>>(),
        [true, false, true, true, true]
    );
    assert_eq!(
        all.iter().map(|l| l.v6_only).collect::<Vec<_>>(),
        [true, true, false, false, true]
    );
    assert_eq!(all[4].permissions, Some(0o660));
    assert_eq!(all[0].permissions, None);
}

#[test]
fn what_cannot_be_listened_on_is_said_with_its_place() {
    assert_eq!(
        remarks("server.bind = \"127.0.0.1:http\""),
        ["1:15 error: server.bind: \"http\" is not a port"]
    );
    let found = remarks("$SERVER[\"socket\"] == \"no-such-host.invalid:80\" { }");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("1:22 error: listen on no-such-host.invalid:80: "),
        "{found:?}"
    );
    assert_eq!(remarks("server.socket-perms = \"rw\"").len(), 1);
}
