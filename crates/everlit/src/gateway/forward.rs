//! From a handler to a request on its way.
//!
//! In: an exchange whose handler is known. Out: [`Exchange::forward`], or a status. Must hold: a request that is on its
//! way has no status yet; one that cannot be sent anywhere has.

use super::balance::{self, Preference};
use super::header_map::Way;
use super::host::Script;
use super::preface::Preface;
use super::{Forward, Handler, Protocol, Target, Upgrade};
use crate::exchange::{Exchange, Flow};
use crate::http1::body::Framing;
use crate::http1::head::{Method, Version};
use crate::settings::Settings;

/// Chooses the host and writes the head. All hosts are left alone: 503.
pub fn forward(exchange: &mut Exchange<'_>, settings: &Settings) -> Flow {
    let Some(handler) = exchange.handler.take() else {
        return Flow::GoOn;
    };
    let (target, protocol, tunnels, script) = match handler {
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
                _ => host.upgrade,
            };
            let script = host.script.clone();
            let target = Target::Host {
                group,
                host: index,
                preference,
            };
            (target, protocol, allowed(may), script)
        }
        Handler::Program(program) => {
            let may = allowed(settings.cgi.upgrade);
            let target = Target::Program(program);
            (target, Protocol::Cgi, may, Script::default())
        }
    };
    let upgrade = asked(exchange, settings, protocol, tunnels);
    exchange.forward = Some(Box::new(Forward {
        target,
        preface: Preface::new(protocol, exchange, settings, &script),
        upgrade,
        way: (protocol == Protocol::Http)
            .then(|| Way::new(&settings.proxy.header, &exchange.request))
            .flatten(),
    }));
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

/// What the client asks for. A wish that is not granted is hidden from the backend: the request is one like any other.
fn asked(
    exchange: &mut Exchange<'_>,
    settings: &Settings,
    protocol: Protocol,
    tunnels: Tunnels,
) -> Upgrade {
    let request = &mut exchange.request;
    let head = request.head;
    if head.method == Method::Connect {
        // mod_proxy has refused it already if it is not allowed.
        return match protocol == Protocol::Http || tunnels == Tunnels::Allowed {
            true => Upgrade::Connect,
            false => Upgrade::No,
        };
    }
    if request.field("Upgrade").is_none() {
        return Upgrade::No;
    }
    let force_http10 = protocol == Protocol::Http && settings.proxy.header.force_http10;
    let possible = head.version == Version::Http11 && head.framing == Framing::Empty;
    if tunnels == Tunnels::Allowed && possible && !force_http10 {
        return Upgrade::Asked;
    }
    request.overrides.push((b"Upgrade".to_vec(), Vec::new()));
    Upgrade::No
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
