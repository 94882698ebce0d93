//! Which inherited socket is which configured listener.
//!
//! In: sockets, and the listeners of the plan. Out: endpoints with the names that conditions use. Must hold: the same
//! socket gets the same name in every generation, so that a connection that moves keeps its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::getsockname;

use crate::plan::{ListenAddress, ListenSpec};
use crate::worker::endpoint::Endpoint;

/// Names a socket after the listener it was bound for, or after its address if that is configured no longer.
pub(super) fn endpoint(socket: OwnedFd, listeners: &[ListenSpec]) -> Arc<Endpoint> {
    // Whoever bound it may have left it blocking, and an accept would then hold up all other connections. It can fail
    // only for a descriptor that is not open.
    let _ = rustix::io::ioctl_fionbio(&socket, true);
    // Each response is sent in as few pieces as possible already; the last one must not wait for the client's
    // acknowledgement. Connections inherit it from the listener; a Unix socket has no such thing.
    let _ = rustix::net::sockopt::set_tcp_nodelay(&socket, true);
    let bound = getsockname(&socket).ok();
    let tcp = bound
        .clone()
        .and_then(|address| SocketAddr::try_from(address).ok());
    let (name, port) = match (tcp, bound) {
        (Some(address), _) => {
            let spec = listeners.iter().find(|spec| is_for(&spec.address, address));
            (
                spec.map_or_else(|| address.to_string(), |spec| spec.name.clone()),
                address.port(),
            )
        }
        (None, Some(address)) => {
            let unix = rustix::net::SocketAddrUnix::try_from(address).ok();
            let path = unix
                .as_ref()
                .and_then(|unix| unix.path())
                .map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default();
            let at = ListenAddress::Unix(PathBuf::from(&path));
            let spec = listeners.iter().find(|spec| spec.address == at);
            (spec.map_or(path, |spec| spec.name.clone()), 0)
        }
        (None, None) => (String::new(), 0),
    };
    Arc::new(Endpoint {
        name,
        port,
        socket: Some(socket),
    })
}

/// Listens at sockets that are only bound: each takes clients from a socket of an overlapping address, which our
/// predecessor has served until now.
pub(super) fn listen(
    endpoints: &[Arc<Endpoint>],
    listeners: &[ListenSpec],
) -> Result<(), (String, Errno)> {
    for endpoint in endpoints {
        let spec = listeners.iter().find(|spec| spec.name == endpoint.name);
        let backlog = spec.map_or(i32::MAX, |spec| {
            i32::try_from(spec.backlog).unwrap_or(i32::MAX)
        });
        if let Some(socket) = &endpoint.socket {
            rustix::net::listen(socket, backlog).map_err(|errno| (endpoint.name.clone(), errno))?;
        }
    }
    Ok(())
}

/// Where a connection came in that nobody here accepted: at the listener it would have come to, or else at the first one.
/// `local`: its local address; none if it is not TCP.
pub(super) fn arrival(local: Option<SocketAddr>, listeners: &[ListenSpec]) -> Endpoint {
    let exact = |address: SocketAddr| {
        listeners
            .iter()
            .find(move |spec| is_for(&spec.address, address))
    };
    let spec = local
        .and_then(|local| {
            let wildcard = match local.ip() {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            exact(local).or_else(|| exact(SocketAddr::new(wildcard, local.port())))
        })
        .or(listeners.first());
    let port = match (local, spec.map(|spec| &spec.address)) {
        (Some(local), _) => local.port(),
        (None, Some(ListenAddress::Tcp(address))) => address.port(),
        (None, _) => 0,
    };
    Endpoint {
        name: spec.map_or_else(String::new, |spec| spec.name.clone()),
        port,
        socket: None,
    }
}

/// Whether a socket bound to `address` serves this listener; port 0 is any port.
fn is_for(configured: &ListenAddress, address: SocketAddr) -> bool {
    match configured {
        ListenAddress::Tcp(wanted) => {
            wanted.ip() == address.ip() && (wanted.port() == address.port() || wanted.port() == 0)
        }
        ListenAddress::Unix(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(name: &str) -> ListenSpec {
        ListenSpec {
            name: name.to_owned(),
            address: name
                .parse()
                .map_or_else(|_| ListenAddress::Unix(name.into()), ListenAddress::Tcp),
            backlog: 1024,
            defer_accept: false,
            v6_only: true,
            transparent: false,
            permissions: None,
        }
    }

    #[test]
    fn a_connection_has_come_to_the_listener_that_fits_best() {
        let listeners = ["/run/x.sock", "0.0.0.0:80", "127.0.0.1:80", "[::]:80"].map(listener);
        for (local, name, port) in [
            (Some("127.0.0.1:80"), "127.0.0.1:80", 80),
            (Some("192.0.2.1:80"), "0.0.0.0:80", 80),
            (Some("[2001:db8::1]:80"), "[::]:80", 80),
            (Some("192.0.2.1:81"), "/run/x.sock", 81),
            (None, "/run/x.sock", 0),
        ] {
            let local = local.map(|local| local.parse().unwrap());
            let endpoint = arrival(local, &listeners);
            assert_eq!((endpoint.name.as_str(), endpoint.port), (name, port));
        }
        assert_eq!(arrival(None, &listeners[1..]).port, 80);
        assert_eq!(arrival(None, &[]).name, "");
    }
}
