//! Answers that come later: a request is given to a backend, and judged again when there is an answer.
//!
//! In: a request that was kept as it came, and an answer's status and header fields, or an error. Out: the same as of any
//! other request: a response, and perhaps a line for the log. Must hold: hooks see the request that they saw before.

use std::rc::Rc;

use super::{Answerer, Desk, Origin, Trust, conclude, handler, read};
use crate::clock::Now;
use crate::exchange::{Exchange, First, Lasting};
use crate::gateway::header_map::Way;
use crate::gateway::relay::{Asked, Body, Renamed, Source};
use crate::gateway::{Forward, Protocol, Target};
use crate::http1::body::Framing;
use crate::http1::head::{
    self, GetBody, Head, Limits, MAX_HEAD_BYTES, Method, Parsed, Reject, Version,
};
use crate::modules::staticfile;
use crate::request::{Permit, Request, Rewritten, Told};
use crate::response::{self, Headers};
use crate::settings::Settings;

use super::uri::{self, ParseOptions};

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
    /// Header fields that scripts gave its answer, whoever makes that.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Its target, if that is another one than was asked for (mod_rewrite).
    pub rewritten: Option<Renamed>,
    /// The settings it is answered under.
    pub settings: Rc<Settings>,
    /// The settings when modules first saw it.
    pub first: Rc<Settings>,
    /// The error that it answers, if its status is kept.
    pub status: Option<u16>,
    /// Whom the request's body is for.
    pub body: Body,
}

/// Names and values.
pub(super) type Variables = Vec<(Vec<u8>, Vec<u8>)>;

/// How a request goes on after a backend has answered, but not for the client.
#[derive(Debug)]
pub enum Second {
    /// An authorizer has said yes.
    Permitted(Permitted),
    /// A program wants this path to be answered in its place, as if it had been asked for by GET.
    Elsewhere(Vec<u8>),
}

/// What an authorizer tells with its yes.
#[derive(Debug)]
pub struct Permitted {
    permit: Permit,
    variables: Variables,
}

impl Second {
    /// What an authorizer tells: fields named `Variable-NAME`; and where its documents are.
    pub fn permitted(target: &Target, headers: &Headers) -> Second {
        const PREFIX: &[u8] = b"Variable-";
        let variable = |(name, value): (&[u8], &[u8])| {
            let (prefix, rest) = name.split_at_checked(PREFIX.len())?;
            prefix
                .eq_ignore_ascii_case(PREFIX)
                .then(|| (rest.to_vec(), value.to_vec()))
        };
        let docroot = match target {
            Target::Host { group, host, .. } => &group.hosts[*host].script.docroot[..],
            Target::Program(_) | Target::Chore => "",
        };
        Second::Permitted(Permitted {
            permit: match docroot {
                "" => Permit::Given,
                docroot => Permit::Below(docroot.into()),
            },
            variables: headers.iter().filter_map(variable).collect(),
        })
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
    /// Those that it had when modules first saw it.
    pub first: Rc<Settings>,
}

/// Whose answer is judged.
#[derive(Clone, Copy, Debug)]
enum Whose<'a> {
    /// Ours: there is none of a backend.
    Ours,
    /// This backend's, which may have error pages of its own.
    Theirs(Protocol, &'a Target),
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

    /// What is known of a request that another process began to answer.
    pub fn asked_before(
        &mut self,
        source: &Source,
        rewritten: Option<&Renamed>,
        origin: Origin<'_>,
    ) -> Before {
        let base = self.resolver.base().clone();
        let Some(head) = head_of(source) else {
            return Before {
                method: Method::Other,
                version: Version::Http10,
                settings: base.clone(),
                first: base,
            };
        };
        let options = &self.site.server.parse;
        let mut under =
            |target: Option<&[u8]>| match rewritten_of(source, target, &head, origin, options) {
                Ok(request) => self.resolver.resolve(&self.site, &request),
                Err(_) => base.clone(),
            };
        let settings = under(rewritten.map(|renamed| &renamed.target[..]));
        let first = match rewritten {
            Some(renamed) => under(Some(&renamed.first)),
            None => settings.clone(),
        };
        Before {
            method: head.method,
            version: head.version,
            settings,
            first,
        }
    }

    /// Has a request go through the modules once more. `permitted`: what an authorizer has told, if one has said yes.
    /// Afterwards there is a response, or it is forwarded. Returns the method it has now; nothing if its head
    /// cannot be read any more.
    pub fn again(
        &mut self,
        source: &Source,
        permitted: Option<Permitted>,
        origin: Origin<'_>,
        now: Now,
    ) -> Option<Method> {
        self.clear();
        let head = head_of(source)?;
        if source.runs_in_circles() {
            self.reject(500, &head, origin, now);
            return Some(head.method);
        }
        match request_of(source, &head, origin, &self.site.server.parse) {
            Ok(mut request) => {
                if let Some(permitted) = permitted {
                    request.permit = permitted.permit;
                    request.environment = permitted.variables;
                }
                let (settings, _) = self.process(request, now);
                if self.knowledge.question.take().is_some() {
                    // It has been with a backend, and cannot be put off any more.
                    settings.core.errors.say(
                        "server",
                        "a request that has been with a backend would have to wait for an answer (see auth.cache): 503",
                    );
                    self.clear();
                    self.reject(503, &head, origin, now);
                }
            }
            Err(reject) => {
                self.reject(reject.status, &head, origin, now);
            }
        }
        Some(head.method)
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
            scripts,
            line,
            knowledge,
            physical,
            pages,
            board,
            ..
        } = self;
        // It was read before, perhaps by another process with other options; what cannot be read now has no hooks.
        let Some(head) = head_of(&asked.source) else {
            return answerer;
        };
        let rewritten = asked.rewritten.as_ref();
        let rewritten = rewritten.map(|renamed| &renamed.target[..]);
        let options = &site.server.parse;
        let Ok(mut request) = rewritten_of(&asked.source, rewritten, &head, origin, options) else {
            return answerer;
        };
        request.overrides.clone_from(&asked.overrides);
        request.environment.clone_from(&asked.environment);
        let settings = &asked.settings;
        let mut exchange = Exchange {
            request,
            physical,
            flags: site.server.flags,
            first: First {
                settings: Some(asked.first.clone()),
                target: None,
            },
            new_target: None,
            captured: Default::default(),
            entry: None,
            handler: None,
            forward: None,
            response,
            files,
            knowledge,
            trust: Trust::Good,
            board,
            scripts,
            lasting: Lasting {
                fields: fields_of(asked),
                ..Lasting::default()
            },
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
        let is_ours = match whose {
            _ if answerer == Answerer::Here || settings.core.error_intercept => true,
            // Its errors are ours; what it has to say of them, it says as a document.
            Whose::Theirs(_, Target::Chore) => {
                exchange.response.headers.get("Content-Type").is_none()
            }
            Whose::Theirs(..) | Whose::Ours => false,
        };
        // A file that a backend has named is what it wants to show.
        let is_shown = !matches!(exchange.response.body, response::Body::Empty);
        if (400..600).contains(&exchange.response.status) && is_ours && !is_shown {
            answerer = Answerer::Here;
            exchange.response.headers.remove("Content-Type");
            // A handler that is a backend itself is not asked: the error may be its own.
            let _ = handler::run(site, resolver, settings, &mut exchange);
            exchange.forward = None;
            // An answer cannot be put off.
            exchange.knowledge.question = None;
        }
        if answerer == Answerer::Backend {
            exchange.response.body = response::Body::Coming;
        }
        conclude(site, settings, &mut exchange, pages, line, answerer);
        match exchange.response.body {
            response::Body::Coming => exchange.response.body = response::Body::Empty,
            // A script has put another body in the place of the backend's.
            _ if answerer == Answerer::Backend => answerer = Answerer::Here,
            _ => {}
        }
        answerer
    }
}

/// What scripts gave the answer before it came.
fn fields_of(asked: &Asked) -> Headers {
    let mut fields = Headers::default();
    for (name, value) in &asked.fields {
        // They were text when they were set.
        if let Ok(name) = str::from_utf8(name) {
            fields.add(name, value);
        }
    }
    fields
}

/// The head of a request, read once more.
fn head_of(source: &Source) -> Option<Head<'_>> {
    let Parsed::Head(mut head) = head::parse(&source.head, &ANY) else {
        return None;
    };
    if source.detour.is_some() {
        head.framing = Framing::Empty;
        if head.method != Method::Head {
            head.method = Method::Get;
            head.method_name = b"GET";
        }
    }
    Some(head)
}

/// A request as it was before it met any module.
fn request_of<'r>(
    source: &'r Source,
    head: &'r Head<'r>,
    origin: Origin<'r>,
    options: &ParseOptions,
) -> Result<Request<'r>, Reject> {
    let mut request = read(head, origin, options)?;
    if let Some(detour) = &source.detour {
        request.uri = uri::parse(&detour.path, options)?;
        // What describes a body that is not its own.
        for name in ["Content-Length", "Content-Type", "Transfer-Encoding"] {
            request.overrides.push((name.into(), Vec::new()));
        }
    }
    if let Some(told) = &source.told {
        request.hear((**told).clone());
    }
    Ok(request)
}

/// A request as the modules have left it.
fn rewritten_of<'r>(
    source: &'r Source,
    rewritten: Option<&'r [u8]>,
    head: &'r Head<'r>,
    origin: Origin<'r>,
    options: &ParseOptions,
) -> Result<Request<'r>, Reject> {
    let mut request = request_of(source, head, origin, options)?;
    if let Some(target) = rewritten {
        request.rewritten = Rewritten::ForGood;
        // A script may have told a backend anything. For us it is still a request then.
        if let Ok(uri) = uri::parse(target, options) {
            request.uri = uri;
        }
    }
    Ok(request)
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
        Target::Chore => return None,
    };
    let path = named.filter(|path| !path.is_empty())?;
    Some(staticfile::Named::new(&path, roots))
}
