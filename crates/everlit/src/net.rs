//! Addresses of connections.
//!
//! In: what the kernel says of a socket. Out: [`Peer`], small enough to keep for each idle connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use minicbor::{Decode, Encode};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Peer {
    /// TCP over IPv4.
    #[n(0)]
    V4 {
        /// Address.
        #[n(0)]
        ip: [u8; 4],
        /// Port.
        #[n(1)]
        port: u16,
    },
    /// TCP over IPv6.
    #[n(1)]
    V6 {
        /// Address.
        #[n(0)]
        ip: [u8; 16],
        /// Port.
        #[n(1)]
        port: u16,
    },
    /// A Unix socket; its clients have no address.
    #[n(2)]
    Unix,
}

/// How a client came, as far as it matters to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Scheme {
    /// In plain text.
    #[n(0)]
    Http,
    /// Over TLS.
    #[n(1)]
    Https,
}

impl Scheme {
    /// As URLs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The one of this name, in any case.
    pub fn named(name: &[u8]) -> Option<Scheme> {
        let all = [Scheme::Http, Scheme::Https].into_iter();
        all.into_iter()
            .find(|scheme| name.eq_ignore_ascii_case(scheme.as_str().as_bytes()))
    }
}

impl Peer {
    /// A client of whom only the address is known.
    pub fn without_port(ip: IpAddr) -> Peer {
        Peer::from(SocketAddr::new(ip, 0))
    }

    /// The IP address; a v4-mapped one as IPv4.
    pub fn ip(&self) -> Option<IpAddr> {
        match *self {
            Peer::V4 { ip, .. } => Some(IpAddr::V4(Ipv4Addr::from(ip))),
            Peer::V6 { ip, .. } => Some(IpAddr::V6(Ipv6Addr::from(ip)).to_canonical()),
            Peer::Unix => None,
        }
    }

    /// The port; 0 for a Unix socket.
    pub fn port(&self) -> u16 {
        match *self {
            Peer::V4 { port, .. } | Peer::V6 { port, .. } => port,
            Peer::Unix => 0,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(a) => Peer::V4 {
                ip: a.ip().octets(),
                port: a.port(),
            },
            SocketAddr::V6(a) => Peer::V6 {
                ip: a.ip().octets(),
                port: a.port(),
            },
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip() {
            Some(ip) => write!(f, "{ip}"),
            None => f.write_str("unix"),
        }
    }
}
