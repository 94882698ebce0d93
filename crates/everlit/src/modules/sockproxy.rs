//! mod_sockproxy: connections are passed to servers as they are; no HTTP is spoken.

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Counts, Directive, Read, Reader, Scope, Setter};
use crate::gateway::config::{Command, Files};
use crate::gateway::{Backends, choose, config};
use crate::net::Peer;
use crate::route::arrival::Arrival;
use crate::settings;

/// Settings of mod_sockproxy.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `sockproxy.server`, `sockproxy.balance`
    pub backends: Backends,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "sockproxy.server",
        Setter::Own(Kind::KvArray, server),
        "()",
        "Servers that connections are passed to as they are: under the key \"\" or \"/\", for a listener or a client's address.",
    )
    .differs(
        Counts::Warned,
        "\"min-procs\" and \"tcp-fin-propagate\" have no effect",
    ),
    Directive::request(
        "sockproxy.balance",
        Setter::Own(Kind::String, balance),
        "\"least-connection\"",
        "How servers are chosen: \"least-connection\", \"round-robin\", \"hash\" (always the same) or \"sticky\" (by client).",
    )
    .differs(Counts::Used, "\"hash\" and \"sticky\" may choose another host for the same request"),
    Directive::nothing(
        "sockproxy.debug",
        Kind::Int,
        Scope::Connection,
        "0",
        "What is logged about servers; failures always are.",
    )
    .differs(
        Counts::Used,
        "any value means the same: failures are logged, and nothing else",
    ),
];

const SERVER: config::Kind = config::Kind {
    directive: "sockproxy.server",
    files: Files::Ignored,
    command: Command::Words,
    backends: |settings| &mut settings.sockproxy.backends,
};

fn server(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    config::server(value, reader, SERVER)
}

fn balance(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    config::balance(value, SERVER)
}

/// As if `/` had been asked for: a key that does not fit that leaves the connection to HTTP.
fn connection_accept(_: &Peer, settings: &settings::Settings) -> Arrival {
    let backends = &settings.sockproxy.backends;
    match choose::for_path(backends, b"/") {
        Some(group) => Arrival::Tunnelled(group.clone(), backends.balance),
        None => Arrival::AsEver,
    }
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_sockproxy",
    directives: DIRECTIVES,
    hooks: Hooks {
        connection_accept: Some(connection_accept),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::tests::support::load;
    use crate::net::Scheme;
    use crate::route::arrival::{Arrived, Introduced};
    use crate::route::{Desk, Origin};

    fn arrival(text: &str, listener: &str) -> Arrived {
        let text = format!("server.modules = ( \"mod_extforward\", \"mod_sockproxy\" )\n{text}");
        let mut desk = Desk::new(Arc::new(load(&text).0));
        desk.arrival(Origin {
            peer: &Peer::without_port([192, 0, 2, 7].into()),
            listener,
            local_port: 0,
            scheme: Scheme::Http.as_str(),
            tls: None,
            secured: None,
        })
    }

    const HOST: &str = r#"( ( "host" => "127.0.0.1", "port" => 9000 ) )"#;

    #[test]
    fn a_key_that_fits_the_root_takes_everything() {
        for (key, expected) in [("", true), ("/", true), ("/x", false), (".php", false)] {
            let arrived = arrival(&format!("sockproxy.server = ( \"{key}\" => {HOST} )"), "l");
            assert_eq!(arrived.tunnel.is_some(), expected, "{key}");
        }
    }

    #[test]
    fn only_what_is_known_of_a_connection_counts() {
        for (condition, expected) in [
            (r#"$SERVER["socket"] == "127.0.0.1:81""#, true),
            (r#"$SERVER["socket"] == "127.0.0.1:82""#, false),
            (r#"$HTTP["remoteip"] == "192.0.2.0/24""#, true),
            (r#"$HTTP["remoteip"] != "192.0.2.0/24""#, false),
            (r#"$HTTP["host"] != "a""#, false),
            (r#"$HTTP["url"] == """#, false),
            (r#"$HTTP["scheme"] == "http""#, false),
        ] {
            let block = format!("{condition} {{ sockproxy.server = ( \"\" => {HOST} ) }}");
            let arrived = arrival(&block, "127.0.0.1:81");
            assert_eq!(arrived.tunnel.is_some(), expected, "{condition}");
            // Nor what depends on such a thing.
            let inner = format!("$HTTP[\"host\"] != \"a\" {{ {block} }}");
            assert!(arrival(&inner, "127.0.0.1:81").tunnel.is_none());
            let other = format!("$HTTP[\"host\"] == \"a\" {{ }} else {block}");
            assert!(arrival(&other, "127.0.0.1:81").tunnel.is_none());
        }
    }

    #[test]
    fn an_introduction_may_come_before() {
        let text = format!(
            "sockproxy.server = ( \"\" => {HOST} )\nextforward.hap-PROXY = \"enable\"\n\
             extforward.forwarder = ( \"192.0.2.7\" => \"trust\" )"
        );
        let arrived = arrival(&text, "l");
        assert!(arrived.tunnel.is_some() && arrived.introduction == Introduced::First);
    }
}
