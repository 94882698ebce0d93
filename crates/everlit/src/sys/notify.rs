//! The way to whoever wants to know how we are (`sd_notify(3)`).
//!
//! In: the value of `NOTIFY_SOCKET`. Out: an address, and a socket for datagrams to it. Must hold: whoever must not wait
//! for a receiver that does not read says so when it sends.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

/// Where it is: a path, or with `@` in front an abstract name; nothing else is an address.
pub(crate) fn address(name: &OsStr) -> Option<SocketAddrUnix> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name).ok(),
        name @ [b'/', ..] => SocketAddrUnix::new(name).ok(),
        _ => None,
    }
}

/// A socket for datagrams.
pub(crate) fn socket() -> rustix::io::Result<OwnedFd> {
    socket_with(
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_an_abstract_name_are_addresses() {
        let path = address(OsStr::new("/run/notify")).unwrap();
        assert_eq!(path.path_bytes(), Some(&b"/run/notify"[..]));
        let name = address(OsStr::new("@name")).unwrap();
        assert_eq!(name.abstract_name(), Some(&b"name"[..]));
        assert!(address(OsStr::new("relative")).is_none());
        assert!(address(OsStr::new("")).is_none());
    }
}
