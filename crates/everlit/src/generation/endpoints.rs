//! Which inherited socket is which configured listener.
//!
//! In: sockets, and the listeners of the plan. Out: endpoints with the names that conditions use. Must hold: the same
//! socket gets the same name in every generation, so that a connection that moves keeps its own.

use std::net::SocketAddr;
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

/// Whether a socket bound to `address` serves this listener; port 0 is any port.
fn is_for(configured: &ListenAddress, address: SocketAddr) -> bool {
    match configured {
        ListenAddress::Tcp(wanted) => {
            wanted.ip() == address.ip() && (wanted.port() == address.port() || wanted.port() == 0)
        }
        ListenAddress::Unix(_) => false,
    }
}
