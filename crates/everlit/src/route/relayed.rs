//! Answers that come later: a request is given to a backend, and judged again when there is an answer.
//!
//! In: a request that was kept as it came, and an answer's status and header fields, or an error. Out: the same as of any
//! other request: a response, and perhaps a line for the log. Must hold: hooks see the request that they saw before.

use std::borrow::Cow;
use std::rc::Rc;

use super::{Desk, Origin, handler, host_of_scheme, request, target};
use crate::clock::Now;
use crate::exchange::Exchange;
use crate::gateway::Forward;
use crate::gateway::header_map::{HeaderMap, Way};
use crate::gateway::relay::Asked;
use crate::http1::head::{self, GetBody, Limits, MAX_HEAD_BYTES, Method, Parsed, Version};
use crate::request::Told;
use crate::response::Headers;
use crate::settings::Settings;

/// A head that was read once is read again whatever the limits are now.
const ANY: Limits = Limits {
    head_bytes: MAX_HEAD_BYTES,
    get_body: GetBody::Accept,
};

/// A request that a backend is to answer.
#[derive(Debug)]
pub struct Forwarded {
    /// Where it goes, and as what.
    pub forward: Forward,
    /// What a proxy in front of us has told.
    pub told: Option<Box<Told>>,
    /// Header fields that modules changed.
    pub overrides: Vec<(Vec<u8>, Vec<u8>)>,
    /// Variables that modules set.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// The settings it is answered under.
    pub settings: Rc<Settings>,
    /// The error that it answers, if its status is kept.
    pub status: Option<u16>,
}

/// What is known of a request that another process began to answer.
#[derive(Debug)]
pub struct Before {
    /// Method.
    pub method: Method,
    /// Version.
    pub version: Version,
    /// The settings that it has here.
    pub settings: Rc<Settings>,
    /// How its target would be mapped here.
    pub way: Option<Way>,
}

/// Whose errors get our pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errors {
    /// Ours.
    Ours,
    /// A backend's, which may have pages of its own.
    Theirs,
}

impl Desk {
    /// A backend has answered: its status and header fields are in [`Desk::response`]. If there is a body afterwards, it
    /// takes the place of the backend's.
    pub fn relayed(&mut self, asked: &Asked, origin: Origin<'_>, now: Now) {
        self.judge(asked, origin, now, Errors::Theirs);
    }

    /// No backend has answered, or none could be understood.
    pub fn failed(&mut self, asked: &Asked, status: u16, origin: Origin<'_>, now: Now) {
        self.response.clear();
        self.response.status = status;
        self.judge(asked, origin, now, Errors::Ours);
    }

    /// What is known of a request that another process began to answer, by its head.
    pub fn asked_before(&mut self, head: &[u8], told: Option<&Told>, origin: Origin<'_>) -> Before {
        let base = self.resolver.base().clone();
        let Parsed::Head(head) = head::parse(head, &ANY) else {
            return Before {
                method: Method::Other,
                version: Version::Http10,
                settings: base,
                way: None,
            };
        };
        let options = &self.site.server.parse;
        let host = head.host.map_or(Ok(Cow::Borrowed(&b""[..])), |host| {
            host_of_scheme(host, origin.scheme, options)
        });
        let (settings, way) = match (target(&head, options), host) {
            (Ok(uri), Ok(host)) => {
                let mut request = request(&head, uri, host, origin);
                if let Some(told) = told {
                    request.hear(told.clone());
                }
                let settings = self.resolver.resolve(&self.site, &request);
                let way = Way::new(&settings.proxy.header, &request);
                (settings, way)
            }
            _ => (base, None),
        };
        Before {
            method: head.method,
            version: head.version,
            settings,
            way,
        }
    }

    fn judge(&mut self, asked: &Asked, origin: Origin<'_>, now: Now, errors: Errors) {
        self.line.clear();
        self.physical.clear();
        let Desk {
            site,
            resolver,
            files,
            response,
            line,
            physical,
            pages,
            ..
        } = self;
        let options = &site.server.parse;
        // It was read before, perhaps by another process with other options; what cannot be read now has no hooks.
        let Parsed::Head(head) = head::parse(&asked.head, &ANY) else {
            return;
        };
        let host = head.host.map_or(Ok(Cow::Borrowed(&b""[..])), |host| {
            host_of_scheme(host, origin.scheme, options)
        });
        let (Ok(uri), Ok(host)) = (target(&head, options), host) else {
            return;
        };
        let mut request = request(&head, uri, host, origin);
        if let Some(told) = &asked.told {
            request.hear((**told).clone());
        }
        request.overrides.clone_from(&asked.overrides);
        request.environment.clone_from(&asked.environment);
        let settings = &asked.settings;
        let mut exchange = Exchange {
            request,
            physical,
            entry: None,
            handler: None,
            forward: None,
            response,
            files,
            now,
        };
        if errors == Errors::Theirs
            && let Some(way) = &asked.way
        {
            map(&settings.proxy.header, way, &mut exchange.response.headers);
        }
        let is_ours = errors == Errors::Ours || settings.core.error_intercept;
        if exchange.response.status >= 400 && is_ours {
            exchange.response.headers.remove("Content-Type");
            // A handler that is a backend itself is not asked: the error may be its own.
            let _ = handler::run(site, resolver, settings, &mut exchange);
            exchange.forward = None;
            pages.fill(
                exchange.response,
                &settings.core,
                exchange.files,
                exchange.now,
            );
        }
        for hook in &site.pipeline.response_start {
            hook(&mut exchange, settings);
        }
        for hook in &site.pipeline.request_done {
            hook(&exchange, settings, line);
        }
    }
}

/// Header fields of an answer, as the client knows paths and hosts.
fn map(map: &HeaderMap, way: &Way, headers: &mut Headers) {
    let mut mapped = Headers::default();
    for (name, value) in headers.iter() {
        mapped.add(
            &String::from_utf8_lossy(name),
            map.response_field(way, name, value),
        );
    }
    *headers = mapped;
}
