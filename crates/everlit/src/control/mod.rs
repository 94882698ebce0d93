//! The control socket: how operators and new instances talk to a running one.
//!
//! In: lines of JSON, one request each. Out: lines of JSON, progress first and one final answer. Must hold: only the owner
//! and root are heard; nobody who connects can make the server wait; a bad request changes nothing.

// In the order of a request's way.
pub mod address;
pub mod client;
pub mod line;
pub mod message;
pub mod orphan;
pub(crate) mod server;
pub(crate) mod socket;

use std::os::fd::BorrowedFd;

use rustix::net::{SocketAddrAny, SocketAddrUnix, getsockname};

/// Where a socket is bound, in words: `127.0.0.1:8080`, `[::1]:8080`, a path, or `unknown`.
pub(crate) fn bound_address(socket: BorrowedFd<'_>) -> String {
    let Ok(address) = getsockname(socket) else {
        return "unknown".to_owned();
    };
    inet_address(&address)
        .map(|address| address.to_string())
        .or_else(|| {
            let unix = SocketAddrUnix::try_from(address).ok()?;
            Some(unix.path()?.to_string_lossy().into_owned())
        })
        .unwrap_or_else(|| "unknown".to_owned())
}

fn inet_address(address: &SocketAddrAny) -> Option<std::net::SocketAddr> {
    std::net::SocketAddr::try_from(address.clone()).ok()
}
