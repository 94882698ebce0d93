//! Binding one address.
//!
//! In: a listener as configured, and the sockets that are about to retire. Out: a listening socket, or an error that says
//! who is in the way and what to do. Must hold: a file that is not a dead socket is never removed; a port is shared with
//! nobody but our own retiring sockets, and with them only until it is decided who stays.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr, set_socket_reuseport};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, listen, socket_with};

use super::listeners::Listener;
use super::occupant;
use crate::plan::{ListenAddress, ListenSpec};
use crate::sys;

/// As in lighttpd.
pub(super) const DEFAULT_BACKLOG: u32 = 1024;
/// How long the kernel holds a connection back that has not sent anything, in seconds.
const DEFER_SECONDS: u32 = 1;

/// Why a listening socket cannot be had.
#[derive(Debug)]
pub(crate) struct BindError {
    /// As configured.
    name: String,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// Somebody else listens there.
    InUse { by: Option<String> },
    /// The file is something else.
    NotASocket,
    /// A socket has this setting for life.
    Fixed { setting: &'static str },
    /// The kernel refuses this operation.
    Io {
        operation: &'static str,
        cause: io::Error,
    },
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.reason {
            Reason::InUse { by: Some(by) } => write!(
                f,
                "bind {name}: address in use by {by}; stop that, or configure another address"
            ),
            Reason::InUse { by: None } => write!(
                f,
                "bind {name}: address in use; stop whoever uses it (ss -ltnp shows who), or configure another address"
            ),
            Reason::NotASocket => write!(
                f,
                "bind {name}: the file exists and is not a socket; remove it, or configure another path"
            ),
            Reason::Fixed { setting } => write!(
                f,
                "{name}: {setting} stays as it was, because a bound socket cannot change it; to change it, stop the server and start it again"
            ),
            Reason::Io { operation, cause } => {
                // The cause is part of the text: it is read by people, in one line, in a report.
                write!(f, "{operation} {name}: {cause}")?;
                match cause.kind() {
                    io::ErrorKind::PermissionDenied => f.write_str(
                        "; ports below 1024 need root, CAP_NET_BIND_SERVICE or a lower net.ipv4.ip_unprivileged_port_start",
                    ),
                    io::ErrorKind::AddrNotAvailable => {
                        f.write_str("; no interface has this address (ip address shows which there are)")
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for BindError {}

impl BindError {
    /// Whether it is only that somebody else is there.
    pub(super) fn is_in_use(&self) -> bool {
        matches!(self.reason, Reason::InUse { .. })
    }
}

/// Binds and listens. `retiring` are our own sockets that may be in the way, because they go when this one comes; if they
/// are, the new one does not listen yet.
pub(super) fn bind(spec: &ListenSpec, retiring: &[&Listener]) -> Result<OwnedFd, BindError> {
    match &spec.address {
        ListenAddress::Tcp(address) => bind_tcp(spec, *address, retiring),
        ListenAddress::Unix(path) => bind_unix(spec, path),
    }
}

/// Gives a socket that stays the settings that can change under it; what cannot, and what fails, is told.
pub(super) fn adjust(listener: &mut Listener, spec: ListenSpec) -> Vec<BindError> {
    let old = std::mem::replace(&mut listener.spec, spec);
    let spec = &mut listener.spec;
    let fixed = if old.v6_only != spec.v6_only {
        Some("server.set-v6only")
    } else if old.transparent != spec.transparent {
        Some("server.ip-transparent")
    } else {
        None
    };
    (spec.v6_only, spec.transparent) = (old.v6_only, old.transparent);
    let spec = &listener.spec;
    let socket = listener.socket.as_fd();
    let adjusted = listen(socket, backlog(spec))
        .map_err(|errno| io("set the backlog of", errno.into()))
        .and_then(|()| match spec.address {
            ListenAddress::Tcp(_) if old.defer_accept != spec.defer_accept => {
                sys::socket::set_defer_accept(socket, defer_seconds(spec))
                    .map_err(|cause| io("set server.defer-accept of", cause))
            }
            ListenAddress::Unix(_) if old.permissions != spec.permissions => permit(spec),
            _ => Ok(()),
        });
    let fixed = match spec.address {
        ListenAddress::Tcp(address) => {
            fixed.filter(|setting| address.is_ipv6() || *setting != "server.set-v6only")
        }
        ListenAddress::Unix(_) => None,
    };
    let fixed = fixed.map(|setting| Reason::Fixed { setting });
    let complaint = |reason| BindError {
        name: spec.name.clone(),
        reason,
    };
    adjusted
        .err()
        .into_iter()
        .chain(fixed)
        .map(complaint)
        .collect()
}

fn bind_tcp(
    spec: &ListenSpec,
    address: SocketAddr,
    retiring: &[&Listener],
) -> Result<OwnedFd, BindError> {
    let fail = |reason| BindError {
        name: spec.name.clone(),
        reason,
    };
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = stream_socket(family)
        .and_then(|socket| {
            set_socket_reuseaddr(&socket, true)?;
            if address.is_ipv6() {
                set_ipv6_v6only(&socket, spec.v6_only)?;
            }
            if spec.transparent {
                sys::socket::set_transparent(socket.as_fd(), family)?;
            }
            Ok(socket)
        })
        .map_err(|cause| fail(io("make a socket for", cause)))?;
    let in_the_way: Vec<&Listener> = retiring
        .iter()
        .copied()
        .filter(|listener| same_port(listener, address))
        .collect();
    let bound = match in_the_way.as_slice() {
        // A busy address may show only when listening: two sockets may be bound where one may listen.
        [] => rustix::net::bind(&socket, &address).and_then(|()| listen(&socket, backlog(spec))),
        in_the_way => {
            share_port(in_the_way, &socket).and_then(|()| rustix::net::bind(&socket, &address))
        }
    };
    match bound.map_err(io::Error::from) {
        Ok(()) => {}
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => {
            let by = occupant::of(address);
            return Err(fail(Reason::InUse { by }));
        }
        Err(cause) => return Err(fail(io("bind", cause))),
    }
    if spec.defer_accept {
        sys::socket::set_defer_accept(socket.as_fd(), DEFER_SECONDS)
            .map_err(|cause| fail(io("set server.defer-accept of", cause)))?;
    }
    Ok(socket)
}

/// Two sockets of one port with overlapping addresses (`0.0.0.0:80`, `127.0.0.1:80`) bear each other only if both say so.
/// Ours say so until it is decided which of them stays ([`keep_port`]); the kernel lets only processes of our user join.
///
/// The new one is only bound: from the moment when it listens it takes clients from the old one, so that is left to the
/// successor, which serves them at once.
fn share_port(in_the_way: &[&Listener], socket: &OwnedFd) -> rustix::io::Result<()> {
    for listener in in_the_way {
        set_socket_reuseport(&listener.socket, true)?;
    }
    set_socket_reuseport(socket, true)
}

/// Shares the port no longer.
pub(super) fn keep_port(listener: &Listener) {
    if let ListenAddress::Tcp(_) = listener.spec.address {
        // It cannot fail for a socket of this kind.
        let _ = set_socket_reuseport(&listener.socket, false);
    }
}

fn same_port(listener: &Listener, address: SocketAddr) -> bool {
    matches!(listener.spec.address, ListenAddress::Tcp(other) if other.port() == address.port())
}

fn bind_unix(spec: &ListenSpec, path: &Path) -> Result<OwnedFd, BindError> {
    let fail = |reason| BindError {
        name: spec.name.clone(),
        reason,
    };
    let address = SocketAddrUnix::new(path).map_err(|errno| fail(io("bind", errno.into())))?;
    make_way(path).map_err(fail)?;
    let socket =
        stream_socket(AddressFamily::UNIX).map_err(|cause| fail(io("make a socket for", cause)))?;
    if spec.permissions.is_some() {
        // With a mode of its own it must at no time be more open than that: the file gets no more than the socket has.
        rustix::fs::fchmod(&socket, Mode::empty())
            .map_err(|errno| fail(io("set the mode of", errno.into())))?;
    }
    rustix::net::bind(&socket, &address).map_err(|errno| fail(io("bind", errno.into())))?;
    permit(spec).map_err(fail)?;
    listen(&socket, backlog(spec)).map_err(|errno| fail(io("listen on", errno.into())))?;
    Ok(socket)
}

/// Removes the file of a socket that nobody listens on.
fn make_way(path: &Path) -> Result<(), Reason> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if !metadata.file_type().is_socket() => Err(Reason::NotASocket),
        Ok(_) if is_stale(path) => {
            fs::remove_file(path).map_err(|cause| io("remove the stale socket", cause))
        }
        Ok(_) => Err(Reason::InUse { by: None }),
    }
}

/// Whether nobody listens there. Somebody with a full queue does, and is not waited for (`EAGAIN`).
pub(super) fn is_stale(path: &Path) -> bool {
    let Ok(address) = SocketAddrUnix::new(path) else {
        return false;
    };
    stream_socket(AddressFamily::UNIX)
        .is_ok_and(|socket| rustix::net::connect(&socket, &address) == Err(Errno::CONNREFUSED))
}

fn permit(spec: &ListenSpec) -> Result<(), Reason> {
    match (&spec.address, spec.permissions) {
        (ListenAddress::Unix(path), Some(mode)) => {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
                .map_err(|cause| io("set the mode of", cause))
        }
        _ => Ok(()),
    }
}

fn stream_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    Ok(socket_with(
        family,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?)
}

fn backlog(spec: &ListenSpec) -> i32 {
    i32::try_from(spec.backlog).unwrap_or(i32::MAX)
}

fn defer_seconds(spec: &ListenSpec) -> u32 {
    if spec.defer_accept { DEFER_SECONDS } else { 0 }
}

fn io(operation: &'static str, cause: io::Error) -> Reason {
    Reason::Io { operation, cause }
}
