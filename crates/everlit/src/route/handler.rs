//! Error handlers: another URL that answers in place of an error (`server.error-handler`, `server.error-handler-404`).
//!
//! In: an exchange with an error status. Out: the handler's response, or the error as it was. Must hold: a handler is
//! asked once; its own errors are never shown.

use std::borrow::Cow;
use std::rc::Rc;

use super::{phases, uri};
use crate::config::{Resolver, Site};
use crate::exchange::{Exchange, First};
use crate::gateway::relay;
use crate::http1::body::Framing;
use crate::http1::head::{Head, Method};
use crate::request::{Permit, Request};
use crate::response::{Body, Response};
use crate::settings::{Core, Settings};

/// Which handler, and so what becomes of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `server.error-handler`: a GET; the client is still told the error's status.
    Any,
    /// `server.error-handler-404`: the request's own method; the handler's status is the answer's. For 403 as well.
    NotFound,
}

/// The handler for this status, if there is one.
fn choose(core: &Core, status: u16) -> Option<(Kind, &str)> {
    if !core.error_handler.is_empty() {
        Some((Kind::Any, &core.error_handler))
    } else if !core.error_handler_404.is_empty() && matches!(status, 403 | 404) {
        Some((Kind::NotFound, &core.error_handler_404))
    } else {
        None
    }
}

/// What a handler has made of an error.
#[derive(Debug)]
pub(super) struct Answered {
    /// The settings for the rest of the exchange.
    pub(super) settings: Rc<Settings>,
    /// The error's status, if a backend is to answer and the client is still told that status: a backend has a status of
    /// its own, which counts unless errors of backends are not shown (`server.error-intercept`).
    pub(super) status: Option<u16>,
    /// Whom the request's body is for, if a backend is to answer.
    pub(super) request_body: relay::Body,
}

/// What a 401 says of logging in (RFC 9110 section 11.6.1).
const CHALLENGE: &[u8] = b"WWW-Authenticate";

/// Asks the handler for this error, if there is one, and if it answers.
pub(super) fn run(
    site: &Site,
    resolver: &mut Resolver,
    settings: &Rc<Settings>,
    exchange: &mut Exchange<'_>,
) -> Option<Answered> {
    let error = exchange.response.status;
    let (kind, target) = choose(&settings.core, error)?;
    let uri = uri::parse(target.as_bytes(), &site.server.parse).ok()?;
    // The error as it was, in case the handler fails.
    let kept = std::mem::take(exchange.response);
    let request = &exchange.request;
    let mut head = Head {
        framing: Framing::Empty,
        ..request.head.clone()
    };
    // Modules are asked anew, and would add what they have added already.
    let mut overrides = request.head.fields.repeated();
    if kind == Kind::Any {
        head.method = Method::Get;
        head.method_name = b"GET";
        // They are about what was asked for, not about the handler.
        for name in [
            "If-Match",
            "If-None-Match",
            "If-Modified-Since",
            "If-Unmodified-Since",
            "Range",
        ] {
            overrides.push((name.into(), Vec::new()));
        }
    }
    let environment = vec![
        (b"REDIRECT_STATUS".to_vec(), error.to_string().into_bytes()),
        (b"REDIRECT_URI".to_vec(), target.as_bytes().to_vec()),
    ];
    let mut inner = Exchange {
        request: Request {
            head: &head,
            uri,
            host: Cow::Borrowed(&request.host),
            peer: request.peer,
            neighbour: request.neighbour,
            listener: request.listener,
            local_port: request.local_port,
            scheme: request.scheme,
            tls: request.tls,
            secured: request.secured,
            told: None,
            overrides,
            environment,
            // The request itself was refused, or may be answered by now.
            permit: Permit::Given,
            // As in lighttpd: what was rewritten for good is not rewritten again, not even for the handler.
            rewritten: request.rewritten,
        },
        physical: &mut *exchange.physical,
        flags: exchange.flags,
        // As in lighttpd: mod_setenv has its say once, as the conditions were for what was asked for.
        first: First {
            settings: exchange.first.settings.clone(),
            target: None,
        },
        new_target: None,
        captured: Default::default(),
        entry: None,
        handler: None,
        forward: None,
        response: &mut *exchange.response,
        files: &mut *exchange.files,
        knowledge: &mut *exchange.knowledge,
        trust: exchange.trust,
        board: exchange.board,
        scripts: &mut *exchange.scripts,
        lasting: Default::default(),
        now: exchange.now,
    };
    inner.physical.clear();
    let of_handler = phases::run(site, resolver, &mut inner);
    if inner.knowledge.question.is_some() {
        // All of it again when the answer is there.
        *exchange.response = kept;
        return None;
    }
    let entry = inner.entry.take();
    let first = std::mem::take(&mut inner.first);
    let lasting = std::mem::take(&mut inner.lasting);
    if let Some(forward) = inner.forward.take() {
        let Request {
            overrides,
            environment,
            ..
        } = inner.request;
        exchange.request.overrides = overrides;
        exchange.request.environment = environment;
        exchange.forward = Some(forward);
        exchange.lasting = lasting;
        exchange.first = first;
        // In case the backend is not asked after all.
        *exchange.response = Response {
            body: Body::Empty,
            ..kept
        };
        return Some(Answered {
            status: (kind == Kind::Any && of_handler.core.error_intercept).then_some(error),
            settings: of_handler,
            request_body: match kind {
                // It is told that it was a GET.
                Kind::Any => relay::Body::Nobody,
                // A site whose every path is a program's (lighttpd's users do that) has forms, too.
                Kind::NotFound => relay::Body::Backend,
            },
        });
    }
    let response = &mut *exchange.response;
    let answered = match kind {
        Kind::Any => response.status == 200 && !matches!(response.body, Body::Empty),
        Kind::NotFound => response.status < 400,
    };
    if !answered {
        *response = kept;
        return None;
    }
    if kind == Kind::Any {
        response.status = error;
        // Whatever page there is, clients must know how to log in.
        let challenges = kept.headers.iter().filter(|(name, _)| *name == CHALLENGE);
        challenges.for_each(|(_, value)| response.headers.add("WWW-Authenticate", value));
    }
    exchange.entry = entry;
    exchange.lasting = lasting;
    exchange.first = first;
    Some(Answered {
        settings: of_handler,
        status: None,
        request_body: relay::Body::Nobody,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_general_handler_goes_first() {
        let mut core = Core::default();
        assert_eq!(choose(&core, 404), None);
        core.error_handler_404 = "/lost".to_owned();
        for (status, expected) in [
            (404, Some((Kind::NotFound, "/lost"))),
            (403, Some((Kind::NotFound, "/lost"))),
            (405, None),
            (500, None),
        ] {
            assert_eq!(choose(&core, status), expected);
        }
        core.error_handler = "/any".to_owned();
        for status in [400, 403, 404, 500] {
            assert_eq!(choose(&core, status), Some((Kind::Any, "/any")));
        }
    }
}
