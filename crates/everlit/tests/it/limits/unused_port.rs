//! Ports for configurations that must name one.

use std::net::{Ipv4Addr, TcpListener};

/// A port that the kernel gave to nobody else a moment ago.
pub(super) fn any() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("there are many");
    listener.local_addr().expect("bound").port()
}

/// A port that only root may bind, as far as this system has such ports.
pub(super) fn privileged() -> u16 {
    (1..1024)
        .rev()
        .find(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok())
        .expect("not all of them are in use")
}
