//! Configurations from text, and requests to ask them with.

use std::path::PathBuf;
use std::rc::Rc;

use crate::clock::Now;
use crate::config::{self, ConfigError, Message, Resolver, Site};
use crate::http1::head::{self, Limits, Parsed};
use crate::net::Peer;
use crate::plan::Plan;
use crate::request::Request;
use crate::route::uri::{self, ParseOptions};
use crate::route::{Desk, Origin};
use crate::settings::Settings;
use crate::source::Source;

/// The text as a source; `server.document-root` is added if it does not set one.
pub(crate) fn source(text: &str) -> Source {
    let root = match text.contains("server.document-root") {
        true => "",
        false => "server.document-root = \"/srv/www\"\n",
    };
    Source::Text {
        name: "test.conf".to_owned(),
        text: format!("{text}\n{root}"),
        directory: PathBuf::from("/"),
    }
}

pub(crate) fn try_load(text: &str) -> Result<(Site, Plan), ConfigError> {
    config::load(&source(text))
}

pub(crate) fn load(text: &str) -> (Site, Plan) {
    try_load(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Settings without any condition.
pub(crate) fn base(text: &str) -> Rc<Settings> {
    Resolver::new(&load(text).0).base().clone()
}

/// What is said about it, as `line:column severity: message`.
pub(crate) fn remarks(text: &str) -> Vec<String> {
    let examined = config::read(&source(text))
        .and_then(|config| config::examine(&config, config::Depth::Text));
    let messages = match examined {
        Ok((warnings, _, _)) => warnings.iter().map(Message::from).collect(),
        Err(error) => error.messages(),
    };
    messages.iter().map(short).collect()
}

pub(crate) fn short(message: &Message) -> String {
    let place = match (message.line, message.column) {
        (Some(line), Some(column)) => format!("{line}:{column} "),
        _ => String::new(),
    };
    format!("{place}{}: {}", message.severity, message.message)
}

/// A request to ask conditions with.
pub(crate) struct Asked<'a> {
    pub(crate) head: &'a str,
    pub(crate) peer: Peer,
    pub(crate) listener: &'a str,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(head: &'a str) -> Asked<'a> {
        Asked {
            head,
            peer: Peer::V4 {
                ip: [192, 0, 2, 7],
                port: 1234,
            },
            listener: "0.0.0.0:80",
        }
    }

    /// The settings for it.
    pub(crate) fn resolve(&self, site: &Site, resolver: &mut Resolver) -> Rc<Settings> {
        let text = format!("{}\r\n\r\n", self.head.replace('\n', "\r\n"));
        let Parsed::Head(head) = head::parse(text.as_bytes(), &Limits::default()) else {
            panic!("not a request: {text}");
        };
        let options = ParseOptions::default();
        let request = Request {
            uri: uri::parse(head.target, &options).unwrap(),
            host: head.host.map_or("".as_bytes().into(), |host| {
                uri::host(host, &options).unwrap()
            }),
            head: &head,
            peer: self.peer,
            neighbour: &self.peer,
            listener: self.listener,
            local_port: 80,
            scheme: "http",
            tls: None,
            secured: None,
            told: None,
            permit: Default::default(),
            rewritten: Default::default(),
            overrides: Vec::new(),
            environment: Vec::new(),
        };
        resolver.resolve(site, &request)
    }
}

/// Asks a desk.
pub(crate) fn ask(desk: &mut Desk, head: &str) {
    let text = format!("{}\r\n\r\n", head.replace('\n', "\r\n"));
    let Parsed::Head(head) = head::parse(text.as_bytes(), &Limits::default()) else {
        panic!("not a request: {text}");
    };
    let peer = Peer::V4 {
        ip: [192, 0, 2, 7],
        port: 1234,
    };
    let origin = Origin {
        peer: &peer,
        listener: "127.0.0.1:8080",
        local_port: 8080,
        scheme: "http",
        tls: None,
        secured: None,
    };
    desk.answer(&head, origin, Now::read());
}
