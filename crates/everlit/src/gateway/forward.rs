//! From a handler to a request on its way.
//!
//! In: an exchange whose handler is known. Out: [`Exchange::forward`], or a status. Must hold: a request that is on its
//! way has no status yet; one that cannot be sent anywhere has.

use super::balance::{self, Preference};
use super::fields;
use super::preface::{Preface, Terms, TooLong};
use super::websocket::handshake;
use super::websocket::session::Session;
use super::{Forward, Handler, Protocol, Target, Upgrade};
use crate::exchange::{Exchange, Flow};
use crate::http1::body::Framing;
use crate::http1::head::Method;
use crate::settings::Settings;

/// Chooses the host and writes the head. All hosts are left alone: 503.
pub fn forward(exchange: &mut Exchange<'_>, settings: &Settings) -> Flow {
    let Some(handler) = exchange.handler.take() else {
        return Flow::GoOn;
    };
    let (target, protocol, tunnels) = match handler {
        Handler::Group {
            group,
            protocol,
            balance,
            path_info,
        } => {
            split(exchange, path_info);
            let request = &exchange.request;
            let preference = Preference::new(
                balance,
                &request.uri.path,
                &request.host,
                request.remote_ip(),
            );
            let now = exchange.now.monotonic.as_secs();
            let Some(index) = balance::choose(&group, preference, now, &[]) else {
                exchange.response.status = 503;
                return Flow::Done;
            };
            let host = &group.hosts[index];
            let may = match protocol {
                Protocol::Http => host.upgrade || settings.proxy.header.upgrade,
                // What goes through a tunnel would have to stand in records, whose end it is told with the request.
                Protocol::FastCgi => false,
                Protocol::Scgi
                | Protocol::Uwsgi
                | Protocol::Cgi
                | Protocol::Raw
                | Protocol::Chore
                | Protocol::WebSocket => host.upgrade,
            };
            let target = Target::Host {
                group,
                host: index,
                preference,
            };
            (target, protocol, allowed(may))
        }
        Handler::Program(program) => {
            let may = allowed(settings.cgi.upgrade);
            let target = Target::Program(program);
            (target, Protocol::Cgi, may)
        }
        Handler::Chore(order) => {
            exchange.forward = Some(Box::new(Forward {
                target: Target::Chore,
                preface: Preface {
                    protocol: Protocol::Chore,
                    bytes: order,
                },
                upgrade: Upgrade::No,
                websocket: None,
            }));
            return Flow::Done;
        }
    };
    let websocket = match protocol {
        Protocol::WebSocket => match handshake::greet(&exchange.request, &settings.wstunnel) {
            Ok((greeting, kind)) => {
                let interval = settings.wstunnel.ping_interval;
                Some(Box::new(Session::new(greeting, kind, interval)))
            }
            Err(refusal) => {
                let response = &mut *exchange.response;
                refusal.tell(&mut response.status, &mut response.headers);
                return Flow::Done;
            }
        },
        _ => None,
    };
    let upgrade = match websocket {
        Some(_) => Upgrade::Asked,
        None => asked(exchange, settings, protocol, tunnels),
    };
    let terms = match &target {
        Target::Host { group, host, .. } => Terms::of(group, &group.hosts[*host], upgrade),
        Target::Program(_) | Target::Chore => Terms::of_program(upgrade),
    };
    let label = match &target {
        Target::Host { group, host, .. } if protocol == Protocol::Http => &group.hosts[*host].label,
        _ => "",
    };
    // Only the backend is told: logs know the host that the client asked for.
    let known = exchange.request.overrides.len();
    if settings.proxy.replace_host && !label.is_empty() {
        let host = (b"Host".to_vec(), label.as_bytes().to_vec());
        exchange.request.overrides.push(host);
    }
    let preface = Preface::new(protocol, exchange, settings, &terms);
    exchange.request.overrides.truncate(known);
    match preface {
        Ok(preface) => {
            exchange.forward = Some(Box::new(Forward {
                target,
                preface,
                upgrade,
                websocket,
            }));
        }
        Err(TooLong) => exchange.response.status = 431,
    }
    Flow::Done
}

/// Whether clients may change the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tunnels {
    Allowed,
    Refused,
}

fn allowed(may: bool) -> Tunnels {
    match may {
        true => Tunnels::Allowed,
        false => Tunnels::Refused,
    }
}

/// What the client asks for, if it is granted.
fn asked(
    exchange: &Exchange<'_>,
    settings: &Settings,
    protocol: Protocol,
    tunnels: Tunnels,
) -> Upgrade {
    let request = &exchange.request;
    let is_http = protocol == Protocol::Http;
    if request.head.method == Method::Connect {
        // mod_proxy has refused it already if it is not allowed.
        return match is_http || tunnels == Tunnels::Allowed {
            true => Upgrade::Connect,
            false => Upgrade::No,
        };
    }
    let possible = request.head.framing == Framing::Empty
        && !(is_http && settings.proxy.header.force_http10)
        && fields::upgrade(request).is_some();
    match possible && tunnels == Tunnels::Allowed {
        true => Upgrade::Asked,
        false => Upgrade::No,
    }
}

/// Moves the end of the path to `PATH_INFO`, as the file system does where files are looked for.
fn split(exchange: &mut Exchange<'_>, path_info: usize) {
    let path = &exchange.request.uri.path;
    let physical = &mut *exchange.physical;
    let info = &path[path.len().saturating_sub(path_info)..];
    if physical.path.len() >= info.len() && !info.is_empty() {
        let length = physical.path.len() - info.len();
        physical.path.truncate(length);
        physical.path_info.clear();
        physical.path_info.extend_from_slice(info);
    }
}
