//! Where connections come in.

use std::os::fd::OwnedFd;

/// A listening socket, or only the memory of one: a connection that was taken over may have come in where nobody
/// listens any more.
#[derive(Debug)]
pub struct Endpoint {
    /// As in `$SERVER["socket"]`, and the same in every generation.
    pub name: String,
    /// Local port; 0 for a Unix socket.
    pub port: u16,
    /// The socket, while we listen.
    pub socket: Option<OwnedFd>,
}
