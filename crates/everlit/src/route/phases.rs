//! The moments of a request, in lighttpd's order, and who is asked in each.
//!
//! In: an exchange without a response. Out: a status, perhaps a body, and the settings they were made under; or a request
//! for a backend, and no status; or a question that must be answered first. Must hold: every round ends, and ends with one of
//! them; modules change their minds only so often.

use std::rc::Rc;

use super::{ALLOW, debug, path, uri};
use crate::config::{Resolver, Site};
use crate::exchange::{Exchange, Flow};
use crate::files::{EntryKind, Rules};
use crate::gateway;
use crate::http1::body::Framing;
use crate::http1::head::{Method, Reject};
use crate::modules::Hook;
use crate::request::Permit;
use crate::settings::Settings;

/// A request whose URI (or path) modules change more often than this runs in circles. mod_rewrite has a limit of its own,
/// which is lower.
const MAX_ROUNDS: u32 = 200;

/// Has a request answered, up to and without the moment `response_start`.
pub(super) fn run(
    site: &Site,
    resolver: &mut Resolver,
    exchange: &mut Exchange<'_>,
) -> Rc<Settings> {
    let mut settings = settle(site, resolver, exchange);
    for hook in &site.pipeline.uri_raw {
        match hook(exchange, &settings) {
            Flow::GoOn => {}
            Flow::Again | Flow::Settle => settings = settle(site, resolver, exchange),
            Flow::Done | Flow::Wait => return settings,
        }
    }
    // Modules are asked anew in each round, and would add what they have added already.
    let mut overrides = exchange.request.overrides.clone();
    let mut environment = exchange.request.environment.clone();
    for _ in 0..MAX_ROUNDS {
        match round(site, resolver, &mut settings, exchange) {
            Flow::Again => {
                overrides.append(&mut exchange.lasting.overrides);
                environment.append(&mut exchange.lasting.environment);
                exchange.request.overrides.clone_from(&overrides);
                exchange.request.environment.clone_from(&environment);
                if let Err(reject) = turn_to_new_target(site, exchange) {
                    exchange.response.status = reject.status;
                    return settings;
                }
                settings = settle(site, resolver, exchange);
            }
            Flow::Wait => return settings,
            Flow::Done | Flow::GoOn | Flow::Settle
                if exchange.response.status != 0 || exchange.forward.is_some() =>
            {
                return settings;
            }
            Flow::Done | Flow::GoOn | Flow::Settle => break,
        }
    }
    exchange.response.status = 500;
    settings
}

/// The URI becomes that of the new target, if a module has found one.
fn turn_to_new_target(site: &Site, exchange: &mut Exchange<'_>) -> Result<(), Reject> {
    if let Some(target) = exchange.new_target.take() {
        // What clients may ask for beside paths (`*`, `host:port`) is none, and no rule for paths holds for it.
        if target.first() != Some(&b'/') && exchange.request.head.method != Method::Connect {
            return Err(Reject::bad("a new target without a slash"));
        }
        let uri = uri::parse(&target, &site.server.parse)?;
        let old = std::mem::replace(&mut exchange.request.uri, uri.into_owned());
        let first = &mut exchange.first;
        if first.settings.is_some() && first.target.is_none() {
            first.target = Some(old.target.into_owned());
        }
    }
    Ok(())
}

/// The settings for the request as it is now, and what their conditions have matched.
fn settle(site: &Site, resolver: &mut Resolver, exchange: &mut Exchange<'_>) -> Rc<Settings> {
    let settings = resolver.resolve(site, &exchange.request);
    exchange.captured = resolver.take_captured();
    if settings.core.debug.condition_handling {
        debug::conditions(exchange, &settings.core.errors, resolver.judged(site));
    }
    settings
}

/// All moments once. `Again`: the URI changed.
fn round(
    site: &Site,
    resolver: &mut Resolver,
    settings: &mut Rc<Settings>,
    exchange: &mut Exchange<'_>,
) -> Flow {
    let mut ask = |hooks: &[Hook], settings: &mut Rc<Settings>, exchange: &mut Exchange<'_>| {
        ask(hooks, settings, exchange, |exchange| {
            settle(site, resolver, exchange)
        })
    };
    exchange.handler = None;
    let head = exchange.request.head;
    let limit = settings.core.max_request_size;
    match head.framing {
        Framing::Length(length) if limit != 0 && length > limit => return done(exchange, 413),
        _ => {}
    }
    match ask(&site.pipeline.uri_rewrite, settings, exchange) {
        Flow::GoOn => {}
        flow => return flow,
    }
    if exchange.first.settings.is_none() {
        exchange.first.settings = Some(settings.clone());
    }
    match head.method {
        Method::Options if exchange.request.uri.path[..] == *b"*" => return allow(exchange),
        _ => {}
    }
    if settings.core.debug.request_handling {
        debug::url(exchange, &settings.core.errors);
    }
    let before = settings.clone();
    match ask(&site.pipeline.uri_clean, settings, exchange) {
        Flow::GoOn => {}
        flow => return flow,
    }
    if exchange.first.target.is_none() && !Rc::ptr_eq(&before, settings) {
        exchange.first.settings = Some(settings.clone());
    }
    if head.method == Method::Connect {
        // Its target is no URL: there is nothing else that could answer.
        if exchange.handler.is_some() {
            return gateway::forward(exchange, settings);
        }
        let _ = allow(exchange);
        return done(exchange, 405);
    }
    let physical = &mut *exchange.physical;
    physical.document_root.clear();
    // An authorizer that has documents of its own knows where they are.
    let is_settled = match &exchange.request.permit {
        Permit::Below(root) => {
            physical.document_root.extend_from_slice(root);
            true
        }
        Permit::Sought | Permit::Given => {
            let root = &settings.core.document_root;
            physical.document_root.extend_from_slice(root);
            false
        }
    };
    if !is_settled {
        match ask(&site.pipeline.docroot, settings, exchange) {
            Flow::GoOn => {}
            flow => return flow,
        }
    }
    if exchange.handler.is_none() && exchange.physical.document_root.is_empty() {
        return done(exchange, 404);
    }
    path::join(
        exchange.physical,
        &exchange.request.uri.path,
        &settings.core,
    );
    if settings.core.debug.request_handling {
        debug::paths(exchange, &settings.core.errors, "before modules map it");
    }
    // A backend that answers for the URL: whether there is such a file does not matter, nor where.
    if exchange.handler.is_some() {
        return gateway::forward(exchange, settings);
    }
    if !is_settled {
        match ask(&site.pipeline.physical, settings, exchange) {
            Flow::GoOn => {}
            flow => return flow,
        }
    }
    // Whether there is such a file is for whoever does the work to find out.
    if exchange.handler.is_some() {
        if !path::is_contained(exchange.physical) {
            return done(exchange, 403);
        }
        return gateway::forward(exchange, settings);
    }
    if settings.core.debug.request_handling {
        debug::paths(exchange, &settings.core.errors, "to be looked up");
    }
    if let Err(status) = look_up(site, settings, exchange) {
        return done(exchange, status);
    }
    let is_directory = exchange
        .entry
        .as_ref()
        .is_some_and(|entry| entry.metadata.kind == EntryKind::Directory);
    if is_directory && exchange.request.uri.path.last() != Some(&b'/') {
        let location =
            path::directory_location(&exchange.request, &settings.core, site.server.flags);
        exchange.response.headers.set("Location", location);
        return done(exchange, 301);
    }
    subrequest(site, resolver, settings, exchange)
}

/// The moment at which a module answers. One that says `Again` chose another file.
fn subrequest(
    site: &Site,
    resolver: &mut Resolver,
    settings: &mut Rc<Settings>,
    exchange: &mut Exchange<'_>,
) -> Flow {
    for _ in 0..MAX_ROUNDS {
        let hooks = &site.pipeline.subrequest_start;
        let flow = ask(hooks, settings, exchange, |exchange| {
            settle(site, resolver, exchange)
        });
        match flow {
            Flow::Done if exchange.handler.is_some() => {
                return gateway::forward(exchange, settings);
            }
            flow @ (Flow::Done | Flow::Wait) => return flow,
            Flow::GoOn | Flow::Settle => {
                return match exchange.request.head.method {
                    Method::Get | Method::Head | Method::Post => done(exchange, 403),
                    Method::Options => allow(exchange),
                    _ => done(exchange, 501),
                };
            }
            Flow::Again => {
                if let Err(status) = look_up(site, settings, exchange) {
                    return done(exchange, status);
                }
            }
        }
    }
    done(exchange, 500)
}

/// Looks up where the physical path leads.
fn look_up(site: &Site, settings: &Settings, exchange: &mut Exchange<'_>) -> Result<(), u16> {
    if !path::is_contained(exchange.physical) {
        return Err(403);
    }
    exchange.entry = Some(path::find(
        exchange.files,
        exchange.physical,
        Rules::from(&settings.core),
        site.server.flags,
        exchange.now,
    )?);
    Ok(())
}

fn ask(
    hooks: &[Hook],
    settings: &mut Rc<Settings>,
    exchange: &mut Exchange<'_>,
    mut settle: impl FnMut(&mut Exchange<'_>) -> Rc<Settings>,
) -> Flow {
    for hook in hooks {
        match hook(exchange, settings) {
            Flow::GoOn => {}
            Flow::Settle => *settings = settle(exchange),
            flow => return flow,
        }
    }
    Flow::GoOn
}

fn done(exchange: &mut Exchange<'_>, status: u16) -> Flow {
    exchange.response.status = status;
    Flow::Done
}

fn allow(exchange: &mut Exchange<'_>) -> Flow {
    // What a module allows besides comes first.
    let allowed = match exchange.response.headers.get("Allow") {
        Some(more) => [more, b", ", ALLOW.as_bytes()].concat(),
        None => ALLOW.into(),
    };
    exchange.response.headers.set("Allow", allowed);
    done(exchange, 200)
}
