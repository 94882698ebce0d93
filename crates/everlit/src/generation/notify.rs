//! Telling whoever started us how we are (`sd_notify(3)`).
//!
//! In: lines such as `READY=1`. Out: datagrams to `NOTIFY_SOCKET`. Must hold: the socket is connected before a chroot,
//! so that it can be reached from inside.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use rustix::net::SendFlags;

use crate::sys::notify;

/// Where notifications go; nowhere if nobody asked for them.
#[derive(Debug)]
pub(super) struct Notifier(Option<OwnedFd>);

impl Notifier {
    /// Connects to `NOTIFY_SOCKET`.
    pub(super) fn from_environment() -> Notifier {
        Notifier(std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name)))
    }

    /// Sends a notification. Nobody listening is no reason to stop; somebody busy is waited for, lest a `READY=1` is lost.
    pub(super) fn send(&self, state: &str) {
        if let Some(socket) = &self.0 {
            let _ = rustix::net::send(socket, state.as_bytes(), SendFlags::NOSIGNAL);
        }
    }

    /// Sends a status text, made to fit one line.
    pub(super) fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace('\n', "\u{2028}")));
    }
}

fn connect(name: &OsStr) -> Option<OwnedFd> {
    let address = notify::address(name)?;
    let socket = notify::socket().ok()?;
    rustix::net::connect(&socket, &address).ok()?;
    Some(socket)
}
