//! 6. From a request to the module that answers it.
//!
//! In: a request head and what is known of its connection. Out: a response, the settings it was made under, and perhaps
//! a log line: all in the [`Desk`]. Must hold: every request is answered, with an error page if need be.

pub mod arrival;
pub(crate) mod debug;
pub mod errorpage;
mod handler;
pub mod path;
pub mod percent;
mod phases;
mod relayed;
#[cfg(test)]
mod tests;
pub mod uri;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::board::Board;
use crate::clock::Now;
use crate::config::{Resolver, Site};
use crate::exchange::{Exchange, Physical};
use crate::files::FileCache;
use crate::gateway::Target;
use crate::gateway::host::Role;
use crate::gateway::relay::{Body, Renamed};
use crate::http1::body::Framing;
use crate::http1::head::{Fields, Head, Method, Persistence, Reject, Version};
use crate::knowledge::Knowledge;
use crate::logline::PendingLine;
use crate::modules::magnet::Scripts;
use crate::net::Peer;
use crate::request::{Permit, Request, Rewritten};
use crate::response::partial::{self, Cut};
use crate::response::{self, Response};
use crate::settings::{Debug, Settings};
use crate::tls::Secured;
use crate::transport::proxy_protocol::Tls;
use errorpage::Pages;
pub use relayed::{Before, Forwarded, Second};
use uri::{ParseOption, ParseOptions, Uri};

/// `server.feature-flags`, those that change how requests are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// `server.absolute-dir-redirect`: `Location` of a directory's redirect has scheme and authority; default off.
    pub absolute_dir_redirect: bool,
    /// `server.http-pathinfo`: a file may be followed by more path; default on.
    pub path_info: bool,
    /// `http10.range`: ranges for HTTP/1.0 too; default off.
    pub http10_range: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Flags {
            absolute_dir_redirect: false,
            path_info: true,
            http10_range: false,
        }
    }
}

/// What is allowed where no module says otherwise.
const ALLOW: &str = "OPTIONS, GET, HEAD, POST";

/// What a request says of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nothing against it.
    Good,
    /// It was no good: the connection ends with the answer.
    Lost,
}

/// Where requests are answered, one at a time: the memory that one worker thread needs for it, used again and again.
#[derive(Debug)]
pub struct Desk {
    /// What is served.
    pub site: Arc<Site>,
    /// Finds the settings of a request.
    pub resolver: Resolver,
    /// Files.
    pub files: FileCache,
    /// The response to the request last answered. To HEAD it has the body that GET would get: its length is needed, and
    /// whoever frames it leaves it out.
    pub response: Response,
    /// Scripts that have run here.
    scripts: Scripts,
    /// Its line for the access log; empty text: none.
    pub line: PendingLine,
    /// Set if a backend is to answer the request: then there is no response yet.
    pub forwarded: Option<Box<Forwarded>>,
    /// What modules know. If it has a question, the request last answered was not: it is to be asked again later.
    pub knowledge: Knowledge,
    /// Figures of all worker threads.
    pub board: Arc<Board>,
    physical: Physical,
    pages: Pages,
}

/// Who answers after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// The backend: its body follows.
    Backend,
    /// We do: the response has its body, if there is one.
    Here,
}

/// What a connection tells of itself.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'c> {
    /// The client.
    pub peer: &'c Peer,
    /// Name of the listener, as in `$SERVER["socket"]`.
    pub listener: &'c str,
    /// Local port; 0 for a Unix socket.
    pub local_port: u16,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// What a proxy in front of us has told of TLS (PROXY protocol).
    pub tls: Option<&'c Tls>,
    /// What was agreed on, if TLS is spoken with us.
    pub secured: Option<&'c Secured>,
}

impl Desk {
    /// A desk for one worker thread.
    pub fn new(site: Arc<Site>) -> Desk {
        Desk {
            resolver: Resolver::new(&site),
            files: FileCache::new(site.server.stat_cache),
            response: Response::default(),
            scripts: Scripts::default(),
            line: PendingLine::default(),
            forwarded: None,
            knowledge: Knowledge {
                auth: site.server.auth,
                ..Knowledge::default()
            },
            board: Arc::default(),
            physical: Physical::default(),
            pages: Pages::default(),
            site,
        }
    }

    /// Answers a request: afterwards [`Desk::response`] and [`Desk::line`] hold the outcome, or [`Desk::forwarded`] says who
    /// is to answer, or [`Knowledge::question`] what is to be known first. Returns the settings it was made under.
    pub fn answer(
        &mut self,
        head: &Head<'_>,
        origin: Origin<'_>,
        now: Now,
    ) -> (Rc<Settings>, Trust) {
        self.clear();
        match read(head, origin, &self.site.server.parse) {
            Ok(request) => self.process(request, now),
            Err(reject) => (self.reject(reject.status, head, origin, now), Trust::Lost),
        }
    }

    /// Answers something that is not a request: a head that was refused, or one that did not come in time.
    pub fn refuse(&mut self, status: u16, origin: Origin<'_>, now: Now) -> Rc<Settings> {
        self.clear();
        let head = Head {
            method: Method::Other,
            method_name: b"-",
            target: b"-",
            version: Version::Http10,
            fields: Fields::NONE,
            host: None,
            persistence: Persistence::Close,
            framing: Framing::Empty,
            expects_continue: false,
            length: 0,
        };
        self.reject(status, &head, origin, now)
    }

    /// Bytes that scripts have here.
    #[cfg(test)]
    #[cfg(feature = "lua")]
    pub(crate) fn script_memory(&self) -> usize {
        self.scripts.memory()
    }

    fn clear(&mut self) {
        self.forwarded = None;
        self.knowledge.question = None;
        self.response.clear();
        self.line.clear();
        self.physical.clear();
    }

    /// A request that can be read.
    fn process(&mut self, request: Request<'_>, now: Now) -> (Rc<Settings>, Trust) {
        let Desk {
            site,
            resolver,
            files,
            response,
            scripts,
            line,
            forwarded,
            knowledge,
            physical,
            pages,
            board,
        } = self;
        let mut exchange = Exchange {
            request,
            physical,
            flags: site.server.flags,
            first: Default::default(),
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
            lasting: Default::default(),
            now,
        };
        let mut settings = phases::run(site, resolver, &mut exchange);
        if exchange.knowledge.question.is_some() {
            return (settings, Trust::Good);
        }
        let mut kept_status = None;
        let mut of_request = Body::Backend;
        // A script may have given an error its page.
        if exchange.response.status >= 400
            && matches!(exchange.response.body, response::Body::Empty)
            && let Some(answered) = handler::run(site, resolver, &settings, &mut exchange)
        {
            settings = answered.settings;
            kept_status = answered.status;
            of_request = answered.request_body;
        }
        if exchange.knowledge.question.is_some() {
            return (settings, Trust::Good);
        }
        let trust = exchange.trust;
        if let Some(forward) = exchange.forward.take() {
            let whose_body = match &forward.target {
                Target::Host { group, .. } if group.role == Role::Authorizer => Body::Later,
                _ => of_request,
            };
            *forwarded = Some(Box::new(Forwarded {
                forward: *forward,
                told: exchange.request.told.take(),
                rewritten: match exchange.request.rewritten {
                    Rewritten::Not => None,
                    Rewritten::Times(_) | Rewritten::ForGood => {
                        let target = exchange.request.uri.target.to_vec();
                        let first = exchange.first.target.take();
                        let first = first.unwrap_or_else(|| target.clone());
                        Some(Renamed { target, first })
                    }
                },
                first: match exchange.first.settings.take() {
                    Some(first) => first,
                    None => settings.clone(),
                },
                overrides: std::mem::take(&mut exchange.request.overrides),
                environment: std::mem::take(&mut exchange.request.environment),
                fields: exchange.lasting.fields.to_pairs(),
                settings: settings.clone(),
                status: kept_status,
                body: whose_body,
            }));
            return (settings, trust);
        }
        conclude(site, &settings, &mut exchange, pages, line, Answerer::Here);
        (settings, trust)
    }

    /// A request, or not even that, of which nothing can be said but that it is wrong. No condition holds for it and no
    /// module is asked, but for an error handler and the log.
    fn reject(
        &mut self,
        status: u16,
        head: &Head<'_>,
        origin: Origin<'_>,
        now: Now,
    ) -> Rc<Settings> {
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
        let settings = resolver.base().clone();
        let uri = Uri {
            target: Cow::Borrowed(head.target),
            path: Cow::Borrowed(head.target),
            query: None,
        };
        response.status = status;
        let mut exchange = Exchange {
            request: request(head, uri, Cow::Borrowed(b""), origin),
            physical,
            flags: site.server.flags,
            first: Default::default(),
            new_target: None,
            captured: Default::default(),
            entry: None,
            handler: None,
            forward: None,
            response,
            files,
            knowledge,
            trust: Trust::Lost,
            board,
            scripts,
            lasting: Default::default(),
            now,
        };
        let handled = handler::run(site, resolver, &settings, &mut exchange).is_some();
        // It is no request, so there is nothing that could be asked again.
        exchange.knowledge.question = None;
        // No backend is told of what is no request.
        if exchange.forward.is_some() {
            exchange.response.clear();
            exchange.response.status = status;
        }
        if !handled || exchange.forward.is_some() {
            pages.fill(exchange.response, &settings.core, exchange.files, now);
        }
        for hook in &site.pipeline.request_done {
            hook(&exchange, &settings, line);
        }
        settings
    }
}

/// The end of every answer: an error page if it wants one, what modules add to it, ranges, the line for the log.
fn conclude(
    site: &Site,
    settings: &Settings,
    exchange: &mut Exchange<'_>,
    pages: &mut Pages,
    line: &mut PendingLine,
    answerer: Answerer,
) {
    let core = &settings.core;
    exchange.response.headers.overlay(&exchange.lasting.fields);
    if answerer == Answerer::Here {
        pages.fill(exchange.response, core, exchange.files, exchange.now);
    }
    for hook in &site.pipeline.response_start {
        hook(exchange, settings);
    }
    if answerer == Answerer::Here
        && cut(exchange, settings, site.server.flags) == Cut::Unsatisfiable
    {
        pages.fill(exchange.response, core, exchange.files, exchange.now);
    }
    for hook in &site.pipeline.request_done {
        hook(exchange, settings, line);
    }
    if core.debug != Debug::default() {
        debug::tell(exchange, core);
    }
}

/// A request, made of its head.
fn read<'r>(
    head: &'r Head<'r>,
    origin: Origin<'r>,
    options: &ParseOptions,
) -> Result<Request<'r>, Reject> {
    let host = head.host.map_or(Ok(Cow::Borrowed(&b""[..])), |host| {
        host_of_scheme(host, origin.scheme, options)
    });
    let uri = target(head, options)?;
    Ok(request(head, uri, host?, origin))
}

/// The target of a request, taken apart. That of CONNECT is an authority (RFC 9112 section 3.2.3), and was looked at as such
/// by whoever read the head.
fn target<'h>(head: &Head<'h>, options: &ParseOptions) -> Result<Uri<'h>, Reject> {
    match head.method {
        Method::Connect => Ok(Uri {
            target: Cow::Borrowed(head.target),
            path: Cow::Borrowed(head.target),
            query: None,
        }),
        _ => uri::parse(head.target, options),
    }
}

fn request<'r>(
    head: &'r Head<'r>,
    uri: Uri<'r>,
    host: Cow<'r, [u8]>,
    origin: Origin<'r>,
) -> Request<'r> {
    Request {
        head,
        uri,
        host,
        peer: *origin.peer,
        neighbour: origin.peer,
        listener: origin.listener,
        local_port: origin.local_port,
        scheme: origin.scheme,
        tls: origin.tls,
        secured: origin.secured,
        told: None,
        permit: Permit::Sought,
        rewritten: Default::default(),
        overrides: head.fields.repeated(),
        environment: Vec::new(),
    }
}

/// The host as it is compared: normalised and, if it is at all, without the port that goes without saying.
fn host_of_scheme<'h>(
    host: &'h [u8],
    scheme: &str,
    options: &ParseOptions,
) -> Result<Cow<'h, [u8]>, Reject> {
    let host = uri::host(host, options)?;
    if !options.has(ParseOption::HostStrict) && !options.has(ParseOption::HostNormalize) {
        return Ok(host);
    }
    Ok(match host {
        Cow::Borrowed(host) => Cow::Borrowed(uri::without_port(host, scheme)),
        Cow::Owned(mut host) => {
            let length = uri::without_port(&host, scheme).len();
            host.truncate(length);
            Cow::Owned(host)
        }
    })
}

/// Offers ranges, and answers those that were asked for.
fn cut(exchange: &mut Exchange<'_>, settings: &Settings, flags: Flags) -> Cut {
    let head = exchange.request.head;
    let reads = matches!(head.method, Method::Get | Method::Head);
    let knows_ranges = head.version != Version::Http10 || flags.http10_range;
    if exchange.response.status != 200 || !reads || !knows_ranges || !settings.core.range_requests {
        return Cut::Done;
    }
    if exchange.response.headers.get("Content-Encoding").is_some() {
        return Cut::Done;
    }
    exchange.response.headers.add("Accept-Ranges", "bytes");
    if head.method == Method::Head {
        return Cut::Done;
    }
    partial::cut(&exchange.request, exchange.response)
}
