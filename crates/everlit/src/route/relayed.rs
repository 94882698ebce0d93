//! Answers that come later: a request is given to a backend, and judged again when there is an answer.
//!
//! In: a request that was kept as it came, and an answer's status and header fields, or an error. Out: the same as of any
//! other request: a response, and perhaps a line for the log. Must hold: hooks see the request that they saw before.

use std::borrow::Cow;
use std::rc::Rc;

use super::{Desk, Origin, cut, handler, host_of_scheme, request, target, uri};
use crate::clock::Now;
use crate::exchange::Exchange;
use crate::gateway::header_map::Way;
use crate::gateway::relay::{Asked, Body};
use crate::gateway::{Forward, Protocol, Target};
use crate::http1::body::Framing;
use crate::http1::head::{self, GetBody, Limits, MAX_HEAD_BYTES, Method, Parsed, Version};
use crate::modules::staticfile;
use crate::request::{Permit, Told};
use crate::response::Headers;
use crate::response::partial::Cut;
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
    /// Whom the request's body is for.
    pub body: Body,
}

/// How a request goes on after a backend has answered, but not for the client.
#[derive(Debug)]
pub enum Second {
    /// An authorizer has said yes, and told these variables.
    Permitted(Vec<(Vec<u8>, Vec<u8>)>),
    /// A program wants this path to be answered in its place, as if it had been asked for by GET.
    Elsewhere(Vec<u8>),
}

impl Second {
    /// What an authorizer tells: fields named `Variable-NAME`.
    pub fn permitted(headers: &Headers) -> Second {
        const PREFIX: &[u8] = b"Variable-";
        let variable = |(name, value): (&[u8], &[u8])| {
            let (prefix, rest) = name.split_at_checked(PREFIX.len())?;
            prefix
                .eq_ignore_ascii_case(PREFIX)
                .then(|| (rest.to_vec(), value.to_vec()))
        };
        Second::Permitted(headers.iter().filter_map(variable).collect())
    }
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
}

/// Names the variable that counts how often programs have sent a request elsewhere. No program is told more by it than it
/// could know.
const ROUNDS: &[u8] = b"REDIRECT_COUNT";

/// A request that programs send elsewhere more often than this runs in circles (lighttpd: 5).
const ROUNDS_MAX: u32 = 5;

fn rounds(environment: &[(Vec<u8>, Vec<u8>)]) -> u32 {
    let counts = environment.iter().filter(|(name, _)| name == ROUNDS);
    let numbers = counts.filter_map(|(_, value)| str::from_utf8(value).ok()?.parse().ok());
    numbers.max().unwrap_or(0)
}

/// Whose answer is judged.
#[derive(Clone, Copy, Debug)]
enum Whose<'a> {
    /// Ours: there is none of a backend.
    Ours,
    /// This backend's, which may have error pages of its own.
    Theirs(Protocol, &'a Target),
}

/// Who answers after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// The backend: its body follows.
    Backend,
    /// We do: the response has its body, if there is one.
    Here,
}

impl Desk {
    /// A backend has answered: its status and header fields are in [`Desk::response`]. Says whose answer it is now: an
    /// error page or a file may have taken its place.
    pub fn relayed(
        &mut self,
        asked: &Asked,
        (protocol, target): (Protocol, &Target),
        origin: Origin<'_>,
        now: Now,
    ) -> Answerer {
        self.judge(asked, origin, now, Whose::Theirs(protocol, target))
    }

    /// No backend has answered, or none could be understood.
    pub fn failed(&mut self, asked: &Asked, status: u16, origin: Origin<'_>, now: Now) {
        self.response.clear();
        self.response.status = status;
        self.judge(asked, origin, now, Whose::Ours);
    }

    /// What is known of a request that another process began to answer, by its head.
    pub fn asked_before(&mut self, head: &[u8], told: Option<&Told>, origin: Origin<'_>) -> Before {
        let base = self.resolver.base().clone();
        let Parsed::Head(head) = head::parse(head, &ANY) else {
            return Before {
                method: Method::Other,
                version: Version::Http10,
                settings: base,
            };
        };
        let options = &self.site.server.parse;
        let host = head.host.map_or(Ok(Cow::Borrowed(&b""[..])), |host| {
            host_of_scheme(host, origin.scheme, options)
        });
        let settings = match (target(&head, options), host) {
            (Ok(uri), Ok(host)) => {
                let mut request = request(&head, uri, host, origin);
                if let Some(told) = told {
                    request.hear(told.clone());
                }
                self.resolver.resolve(&self.site, &request)
            }
            _ => base,
        };
        Before {
            method: head.method,
            version: head.version,
            settings,
        }
    }

    /// Has a request go through the modules once more. Afterwards there is a response, or it is forwarded. Returns the
    /// method it has now; nothing if its head cannot be read any more.
    pub fn again(
        &mut self,
        asked: &Asked,
        second: &Second,
        origin: Origin<'_>,
        now: Now,
    ) -> Option<Method> {
        self.clear();
        let Parsed::Head(mut head) = head::parse(&asked.head, &ANY) else {
            return None;
        };
        let options = &self.site.server.parse;
        let host = head.host.map_or(Ok(Cow::Borrowed(&b""[..])), |host| {
            host_of_scheme(host, origin.scheme, options)
        });
        let mut body_fields = Vec::new();
        if let Second::Elsewhere(_) = second {
            head.framing = Framing::Empty;
            if head.method != Method::Head {
                head.method = Method::Get;
                head.method_name = b"GET";
            }
            for name in ["Content-Length", "Content-Type", "Transfer-Encoding"] {
                body_fields.push((name.into(), Vec::new()));
            }
        }
        let uri = match second {
            Second::Permitted(_) => target(&head, options),
            Second::Elsewhere(path) => uri::parse(path, options),
        };
        let (uri, host) = match (uri, host) {
            (Ok(uri), Ok(host)) => (uri, host),
            (Err(reject), _) | (_, Err(reject)) => {
                self.reject(reject.status, &head, origin, now);
                return Some(head.method);
            }
        };
        let mut request = request(&head, uri, host, origin);
        if let Some(told) = &asked.told {
            request.hear((**told).clone());
        }
        // Modules set theirs anew.
        request.overrides.append(&mut body_fields);
        match second {
            Second::Permitted(variables) => {
                request.permit = Permit::Given;
                request.environment.clone_from(variables);
                // A program may have sent it to where the authorizer is: that counts, or it would run in circles.
                let round = rounds(&asked.environment);
                if round > 0 {
                    let count = round.to_string().into_bytes();
                    request.environment.push((ROUNDS.to_vec(), count));
                }
            }
            Second::Elsewhere(_) => {
                let round = rounds(&asked.environment) + 1;
                if round > ROUNDS_MAX {
                    self.reject(500, &head, origin, now);
                    return Some(head.method);
                }
                let count = round.to_string().into_bytes();
                request.environment.push((ROUNDS.to_vec(), count));
            }
        }
        let method = head.method;
        self.process(request, now);
        Some(method)
    }

    fn judge(&mut self, asked: &Asked, origin: Origin<'_>, now: Now, whose: Whose<'_>) -> Answerer {
        let mut answerer = match whose {
            Whose::Ours => Answerer::Here,
            Whose::Theirs(..) => Answerer::Backend,
        };
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
            return answerer;
        };
        let host = head.host.map_or(Ok(Cow::Borrowed(&b""[..])), |host| {
            host_of_scheme(host, origin.scheme, options)
        });
        let (Ok(uri), Ok(host)) = (target(&head, options), host) else {
            return answerer;
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
        if let Whose::Theirs(protocol, target) = whose {
            if protocol == Protocol::Http {
                map_back(&mut exchange, settings);
            }
            if let Some(file) = named_file(&mut exchange, target, settings) {
                staticfile::send_in_place(&mut exchange, settings, &file);
                answerer = Answerer::Here;
            }
        }
        let is_ours = answerer == Answerer::Here || settings.core.error_intercept;
        if exchange.response.status >= 400 && is_ours {
            answerer = Answerer::Here;
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
        if answerer == Answerer::Here
            && cut(&mut exchange, settings, site.server.flags) == Cut::Unsatisfiable
        {
            pages.fill(
                exchange.response,
                &settings.core,
                exchange.files,
                exchange.now,
            );
        }
        for hook in &site.pipeline.request_done {
            hook(&exchange, settings, line);
        }
        answerer
    }
}

/// Names hosts and paths as the client knows them (`proxy.header`).
fn map_back(exchange: &mut Exchange<'_>, settings: &Settings) {
    let map = &settings.proxy.header;
    let Some(way) = Way::new(map, &exchange.request) else {
        return;
    };
    let mut mapped = Headers::default();
    for (name, value) in exchange.response.headers.iter() {
        if let Ok(text) = str::from_utf8(name) {
            mapped.add(text, map.response_field(&way, name, value));
        }
    }
    exchange.response.headers = mapped;
}

/// The file that is to be sent in place of the backend's body, if it names one and may do so. The fields that name it are
/// never for clients.
fn named_file(
    exchange: &mut Exchange<'_>,
    target: &Target,
    settings: &Settings,
) -> Option<staticfile::Named> {
    let headers = &mut exchange.response.headers;
    let mut named = None;
    for name in ["X-LIGHTTPD-send-file", "X-Sendfile"] {
        if let Some(value) = headers.get(name) {
            named = Some(value.to_vec());
            headers.remove(name);
        }
    }
    let cgi = &settings.cgi;
    let roots = match target {
        Target::Host { group, host, .. } => group.hosts[*host].x_sendfile.as_deref()?,
        Target::Program(_) => cgi.x_sendfile.then_some(&cgi.x_sendfile_docroot[..])?,
    };
    let path = named.filter(|path| !path.is_empty())?;
    Some(staticfile::Named::new(&path, roots))
}
