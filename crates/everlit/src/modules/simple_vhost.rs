//! mod_simple_vhost: a directory for each host, below one for all.

use super::{Hooks, Module, is_directory};
use crate::config::{Directive, Setter};
use crate::exchange::{Exchange, Flow};
use crate::route::uri;
use crate::settings;

/// Settings of mod_simple_vhost.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `simple-vhost.server-root`; empty: the module has nothing to do.
    pub server_root: String,
    /// `simple-vhost.default-host`: for hosts without a directory.
    pub default_host: String,
    /// `simple-vhost.document-root`: below the directory of the host.
    pub document_root: String,
    /// `simple-vhost.debug`
    pub debug: Debug,
}

/// Whether directories that are not there are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Debug {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "simple-vhost.server-root",
        Setter::Text(|settings, text| settings.simple_vhost.server_root = text.to_owned()),
        "",
        "Directory with one directory for each host; one that is there is the document root.",
    ),
    Directive::request(
        "simple-vhost.default-host",
        Setter::Text(|settings, text| settings.simple_vhost.default_host = text.to_owned()),
        "",
        "Host that serves for those without a directory.",
    ),
    Directive::request(
        "simple-vhost.document-root",
        Setter::Text(|settings, text| settings.simple_vhost.document_root = text.to_owned()),
        "",
        "Document root, below the directory of the host.",
    ),
    Directive::request(
        "simple-vhost.debug",
        Setter::Short(|settings, level| {
            settings.simple_vhost.debug = match level {
                0 => Debug::Off,
                _ => Debug::On,
            };
        }),
        "0",
        "Whether directories that are not there are logged, if it is not 0.",
    ),
];

/// The directory of a host; without one, that of all.
fn directory(settings: &Settings, host: &[u8]) -> Vec<u8> {
    let name = uri::without_any_port(host);
    let below = settings.document_root.trim_start_matches('/');
    let root = settings.server_root.trim_end_matches('/').as_bytes();
    match name {
        b"" => [root, b"/", below.as_bytes()].concat(),
        name => [root, b"/", name, b"/", below.as_bytes()].concat(),
    }
}

fn docroot(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let errors = &settings.core.errors;
    let settings = &settings.simple_vhost;
    if settings.server_root.is_empty() {
        return Flow::GoOn;
    }
    let host = exchange.request.host.to_vec();
    let hosts = [&host[..], settings.default_host.as_bytes()];
    for (host, may_be_none) in hosts.into_iter().zip([false, true]) {
        if host.is_empty() && !may_be_none {
            continue;
        }
        let directory = directory(settings, host);
        if is_directory(exchange, &directory) {
            if !host.is_empty() {
                // Backends and logs hear of it as the server's name.
                let environment = &mut exchange.request.environment;
                environment.push((b"SERVER_NAME".to_vec(), host.to_vec()));
            }
            exchange.physical.document_root = directory;
            break;
        }
        if settings.debug == Debug::On {
            let shown = String::from_utf8_lossy(&directory);
            errors.say(MODULE.name, format_args!("there is no directory {shown}"));
        }
    }
    Flow::GoOn
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_simple_vhost",
    directives: DIRECTIVES,
    hooks: Hooks {
        docroot: Some(docroot),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_hosts() {
        for (root, below, host, expected) in [
            ("/srv", "", "example.org", "/srv/example.org/"),
            (
                "/srv/",
                "/htdocs/",
                "example.org:8080",
                "/srv/example.org/htdocs/",
            ),
            ("/srv", "htdocs", "[::1]:80", "/srv/[::1]/htdocs"),
            ("/srv/", "", "", "/srv/"),
        ] {
            let settings = Settings {
                server_root: root.to_owned(),
                document_root: below.to_owned(),
                ..Settings::default()
            };
            let found = directory(&settings, host.as_bytes());
            assert_eq!(String::from_utf8(found).unwrap(), expected);
        }
    }
}
