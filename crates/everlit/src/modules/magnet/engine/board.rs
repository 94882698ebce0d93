//! What a script sees of a request and its response, as plain data.
//!
//! In: an exchange, before a script runs. Out: what the script has changed, applied to the exchange afterwards. Must hold:
//! nothing here borrows from the request, so that Lua's functions can be made once and used for every request; memory is kept
//! from one to the next.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use crate::clock::Now;
use crate::config::StatCache;
use crate::errorlog::Errors;
use crate::exchange::{Exchange, Flow, Reach};
use crate::files::{FileCache, Rules};
use crate::http1::body::Framing;
use crate::http1::head::{Persistence, Version};
use crate::mime::Table;
use crate::net::Peer;
use crate::request::{Rewritten, Told};
use crate::response::{Body, Headers};
use crate::settings::{Core, EtagParts, MimeAttribute, Settings};

/// When a script runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::modules::magnet) enum Stage {
    /// `magnet.attract-raw-url-to`
    #[default]
    Url,
    /// `magnet.attract-physical-path-to`
    Path,
    /// `magnet.attract-response-start-to`
    Response,
}

/// What `lighty.r.req_attr` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Path,
    RelativePath,
    DocumentRoot,
    Base,
    UrlPath,
    RawPath,
    Scheme,
    Authority,
    Query,
    Method,
    Target,
    FirstTarget,
    PathInfo,
    RemoteIp,
    RemoteAddress,
    RemotePort,
    ServerAddress,
    ServerPort,
    Protocol,
    ServerName,
    Stage,
}

use Attribute as A;

/// All of them, with their names, in the order in which `pairs` gives them.
pub(super) const ATTRIBUTES: [(&[u8], Attribute); 21] = [
    (b"physical.path", A::Path),
    (b"physical.rel-path", A::RelativePath),
    (b"physical.doc-root", A::DocumentRoot),
    (b"physical.basedir", A::Base),
    (b"uri.path", A::UrlPath),
    (b"uri.path-raw", A::RawPath),
    (b"uri.scheme", A::Scheme),
    (b"uri.authority", A::Authority),
    (b"uri.query", A::Query),
    (b"request.method", A::Method),
    (b"request.uri", A::Target),
    (b"request.orig-uri", A::FirstTarget),
    (b"request.path-info", A::PathInfo),
    (b"request.remote-ip", A::RemoteIp),
    (b"request.remote-addr", A::RemoteAddress),
    (b"request.remote-port", A::RemotePort),
    (b"request.server-addr", A::ServerAddress),
    (b"request.server-port", A::ServerPort),
    (b"request.protocol", A::Protocol),
    (b"request.server-name", A::ServerName),
    (b"request.stage", A::Stage),
];

/// A text that a script may read and perhaps change.
#[derive(Debug, Default)]
struct Text {
    /// Whether there is one.
    is_there: bool,
    is_changed: bool,
    bytes: Vec<u8>,
}

/// Names and values.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The board.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) stage: Stage,
    pub(super) now: Now,
    /// Where it is said what scripts do wrong.
    pub(super) errors: Errors,
    texts: [Text; ATTRIBUTES.len()],
    /// Header fields of the request.
    pub(super) fields: Headers,
    /// Those that were changed; an empty value removes one.
    field_changes: Pairs,
    /// Variables for backends and logs.
    pub(super) environment: Pairs,
    environment_changes: Pairs,
    /// Status of the response; 0: there is none.
    pub(super) status: u16,
    /// Its header fields.
    pub(super) headers: Headers,
    /// Its body.
    pub(super) body: Body,
    /// The file that is to be the response.
    pub(super) file: Option<Vec<u8>>,
    /// Length of the request's body in bytes; -1 if that is not known.
    pub(super) request_length: i64,
    /// Length of the request's head in bytes.
    pub(super) head_length: i64,
    /// Whether the client wants the connection to stay.
    pub(super) keeps_alive: bool,
    /// When this worker began.
    pub(super) since: Now,
    /// What is in the file system. While no script runs it is an empty one.
    pub(super) files: FileCache,
    pub(super) rules: Rules,
    pub(super) mime: Arc<Table>,
    pub(super) mime_attribute: MimeAttribute,
    pub(super) etag: EtagParts,
    /// `lighty.status`: what scripts count in this worker.
    pub(super) counters: BTreeMap<Vec<u8>, i64>,
}

impl Board {
    /// An empty one. `since`: when the worker began.
    pub(super) fn new(since: Now) -> Board {
        let core = Core::default();
        Board {
            stage: Stage::default(),
            now: since,
            errors: Errors::default(),
            texts: Default::default(),
            fields: Headers::default(),
            field_changes: Pairs::default(),
            environment: Pairs::default(),
            environment_changes: Pairs::default(),
            status: 0,
            headers: Headers::default(),
            body: Body::Empty,
            file: None,
            request_length: 0,
            head_length: 0,
            keeps_alive: true,
            since,
            files: FileCache::new(StatCache::Simple),
            rules: Rules::FollowLinks,
            mime: core.mime,
            mime_attribute: core.mime_attribute,
            etag: core.etag,
            counters: BTreeMap::new(),
        }
    }

    /// The exchange is put on the board.
    pub(super) fn lay(&mut self, exchange: &mut Exchange<'_>, settings: &Settings, stage: Stage) {
        let core = &settings.core;
        self.stage = stage;
        self.now = exchange.now;
        self.errors = core.errors.clone();
        self.rules = Rules::from(core);
        self.mime = core.mime.clone();
        self.mime_attribute = core.mime_attribute.clone();
        self.etag = core.etag;
        self.file = None;
        self.lay_texts(exchange, settings);
        self.lay_fields(exchange);
        self.environment.clone_from(&exchange.request.environment);
        self.environment_changes.clear();
        self.request_length = match exchange.request.head.framing {
            Framing::Empty => 0,
            Framing::Length(length) => length as i64,
            Framing::Chunked(_) => -1,
        };
        self.head_length = exchange.request.head.length as i64;
        self.keeps_alive = exchange.request.head.persistence == Persistence::KeepAlive;
        let response = &mut *exchange.response;
        self.status = response.status;
        self.headers = std::mem::take(match stage {
            Stage::Url | Stage::Path => &mut exchange.lasting.fields,
            Stage::Response => &mut response.headers,
        });
        self.body = std::mem::take(&mut response.body);
        std::mem::swap(&mut self.files, exchange.files);
    }

    fn lay_texts(&mut self, exchange: &Exchange<'_>, settings: &Settings) {
        for text in &mut self.texts {
            *text = Text {
                bytes: std::mem::take(&mut text.bytes),
                ..Text::default()
            };
            text.bytes.clear();
        }
        let (request, physical) = (&exchange.request, &*exchange.physical);
        if self.stage != Stage::Url {
            self.lay_text(A::Path, &physical.path);
            self.lay_text(A::RelativePath, &physical.relative);
            self.lay_text(A::DocumentRoot, &physical.document_root);
            self.lay_text(A::Base, &physical.base);
            if !physical.path_info.is_empty() {
                self.lay_text(A::PathInfo, &physical.path_info);
            }
        }
        let uri = &request.uri;
        self.lay_text(A::UrlPath, &uri.path);
        self.lay_text(A::RawPath, path_of(&uri.target));
        self.lay_text(A::Target, &uri.target);
        self.lay_text(A::FirstTarget, crate::gateway::environment::asked(request));
        if let Some(query) = &uri.query {
            self.lay_text(A::Query, query);
        }
        self.lay_text(A::Scheme, request.scheme.as_bytes());
        self.lay_text(A::Authority, &request.host);
        self.lay_text(A::Method, request.head.method_name);
        let protocol: &[u8] = match request.head.version {
            Version::Http10 => b"HTTP/1.0",
            Version::Http11 => b"HTTP/1.1",
        };
        self.lay_text(A::Protocol, protocol);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = request.remote_ip().map(|ip| write!(text, "{ip}"));
        self.lay_text(A::RemoteIp, text.as_bytes());
        self.lay_text(A::RemoteAddress, text.as_bytes());
        self.lay_text(A::RemotePort, request.peer.port().to_string().as_bytes());
        let (address, port) = match request.listener.rsplit_once(':') {
            Some((address, port)) => (address, port),
            None => (request.listener, ""),
        };
        self.lay_text(A::ServerAddress, address.as_bytes());
        self.lay_text(A::ServerPort, port.as_bytes());
        let name = match settings.core.name.as_bytes() {
            [] => &request.host[..],
            name => name,
        };
        self.lay_text(A::ServerName, name);
        self.lay_text(A::Stage, b"handle-req");
    }

    fn lay_text(&mut self, attribute: Attribute, value: &[u8]) {
        let text = &mut self.texts[attribute as usize];
        text.is_there = true;
        text.bytes.extend_from_slice(value);
    }

    fn lay_fields(&mut self, exchange: &Exchange<'_>) {
        self.fields.clear();
        self.field_changes.clear();
        for field in exchange.request.head.fields.iter() {
            let name = str::from_utf8(field.name).unwrap_or_default();
            // Repeated ones are joined in the overrides.
            if self.fields.get(name).is_none() {
                self.fields.add(name, field.value);
            }
        }
        for (name, value) in &exchange.request.overrides {
            if let Ok(name) = str::from_utf8(name) {
                match &value[..] {
                    [] => self.fields.remove(name),
                    value => self.fields.set(name, value),
                }
            }
        }
    }

    /// What this attribute is, if it is anything.
    pub(super) fn text(&self, attribute: Attribute) -> Option<&[u8]> {
        let text = &self.texts[attribute as usize];
        text.is_there.then_some(&text.bytes[..])
    }

    /// Says what it is from now on.
    pub(super) fn set_text(&mut self, attribute: Attribute, value: Option<&[u8]>) {
        if attribute == A::RawPath {
            let query = self.text(A::Target).unwrap_or_default();
            let query = query[path_of(query).len()..].to_vec();
            let target = [value.unwrap_or_default(), &query].concat();
            return self.set_text(A::Target, Some(&target));
        }
        let text = &mut self.texts[attribute as usize];
        text.is_there = value.is_some();
        text.is_changed = true;
        text.bytes.clear();
        text.bytes.extend_from_slice(value.unwrap_or_default());
        if matches!(attribute, A::Scheme | A::Authority) {
            text.bytes.make_ascii_lowercase();
        }
    }

    /// Changes a header field of the request; an empty value removes it.
    pub(super) fn set_field(&mut self, name: &str, value: &[u8]) {
        match value {
            [] => self.fields.remove(name),
            value => self.fields.set(name, value),
        }
        self.field_changes.push((name.into(), value.to_vec()));
    }

    /// Changes a variable.
    pub(super) fn set_variable(&mut self, name: &[u8], value: Option<&[u8]>) {
        let is_same = |known: &[u8]| known.eq_ignore_ascii_case(name);
        self.environment.retain(|(known, _)| !is_same(known));
        if let Some(value) = value {
            self.environment.push((name.to_vec(), value.to_vec()));
        }
        let value = value.unwrap_or_default().to_vec();
        self.environment_changes.push((name.to_vec(), value));
    }

    /// The exchange is what the script has made of it, but for its answer. `Again`: conditions may decide otherwise now.
    pub(super) fn clear_away(&mut self, exchange: &mut Exchange<'_>) -> Flow {
        std::mem::swap(&mut self.files, exchange.files);
        let mut flow = Flow::GoOn;
        for (name, value) in self.field_changes.drain(..) {
            flow = Flow::Settle;
            let pair = (name, value);
            exchange.lasting.overrides.push(pair.clone());
            exchange.request.overrides.push(pair);
        }
        for (name, value) in self.environment_changes.drain(..) {
            let environment = &mut exchange.request.environment;
            environment.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            exchange
                .lasting
                .environment
                .push((name.clone(), value.clone()));
            if !value.is_empty() {
                environment.push((name, value));
            }
        }
        let headers = std::mem::take(&mut self.headers);
        match self.stage {
            Stage::Url | Stage::Path => exchange.lasting.fields = headers,
            Stage::Response => exchange.response.headers = headers,
        }
        exchange.response.body = std::mem::take(&mut self.body);
        if self.stage == Stage::Response {
            return Flow::GoOn;
        }
        if self.clear_texts(exchange) == Flow::Settle {
            flow = Flow::Settle;
        }
        flow
    }

    fn clear_texts(&mut self, exchange: &mut Exchange<'_>) -> Flow {
        let mut flow = Flow::GoOn;
        for (_, attribute) in ATTRIBUTES {
            let text = &mut self.texts[attribute as usize];
            if !std::mem::take(&mut text.is_changed) {
                continue;
            }
            let (request, physical) = (&mut exchange.request, &mut *exchange.physical);
            let bytes = text.bytes.clone();
            match attribute {
                A::Path => {
                    physical.path = bytes;
                    physical.reach = Reach::Anywhere;
                    continue;
                }
                A::RelativePath => {
                    physical.relative = bytes;
                    continue;
                }
                A::DocumentRoot => {
                    physical.document_root = bytes;
                    continue;
                }
                A::Base => {
                    physical.base = bytes;
                    continue;
                }
                A::UrlPath => request.uri.path = Cow::Owned(bytes),
                A::Query => request.uri.query = text.is_there.then_some(Cow::Owned(bytes)),
                A::Target => {
                    request.uri.target = Cow::Owned(bytes);
                    if request.rewritten == Rewritten::Not {
                        request.rewritten = Rewritten::Times(0);
                    }
                }
                A::Scheme => match &bytes[..] {
                    b"http" => request.scheme = "http",
                    b"https" => request.scheme = "https",
                    _ => {}
                },
                A::Authority => request.host = Cow::Owned(bytes),
                A::RemoteIp | A::RemoteAddress => {
                    if let Some(ip) = ip_of(&bytes) {
                        let peer = Peer::without_port(ip);
                        let (scheme, host) = (None, None);
                        let told = match request.told.take() {
                            Some(told) => Told { peer, ..*told },
                            None => Told { peer, scheme, host },
                        };
                        request.hear(told);
                    }
                }
                A::RawPath
                | A::Method
                | A::FirstTarget
                | A::PathInfo
                | A::RemotePort
                | A::ServerAddress
                | A::ServerPort
                | A::Protocol
                | A::ServerName
                | A::Stage => continue,
            }
            flow = Flow::Settle;
        }
        flow
    }
}

/// The address that this text names.
pub(super) fn ip_of(text: &[u8]) -> Option<IpAddr> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// A target without its query.
fn path_of(target: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'?', target).unwrap_or(target.len());
    &target[..end]
}
