//! Listening addresses as `$SERVER["socket"]`, `server.bind` and `server.port` write them.
//! Text and a default port go in, an address with a canonical text comes out; names are not resolved here.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

/// Something to listen on.
///
/// Its `Display` is the canonical form: `0.0.0.0:80`, `[::1]:8080`, `localhost:80`, `/run/web.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// An address and a port; `*`, or no address at all, is any IPv4 address.
    Ip {
        /// The address.
        ip: IpAddr,
        /// The port.
        port: u16,
    },
    /// A name, or an address with a zone, that is still to be resolved, and a port.
    Host {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why a text is no listening address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// Nothing there.
    Empty,
    /// `[` without `]`, or something else than a port after it.
    Bracket,
    /// What stands after the colon is no port.
    Port(String),
    /// Only digits: a port without its colon.
    BarePort(String),
    /// Not a name.
    Host(String),
}

impl ListenAddress {
    /// Reads `host:port`, `host`, `:port`, `*:port`, `[v6]:port`, `[v6]`, a bare v6 address, or `/path`.
    pub fn parse(text: &str, default_port: u16) -> Result<ListenAddress, ListenError> {
        if text.is_empty() {
            return Err(ListenError::Empty);
        }
        if text.starts_with('/') {
            return Ok(ListenAddress::Unix(PathBuf::from(text)));
        }
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            let port = default_port;
            return Ok(ListenAddress::Ip {
                ip: ip.into(),
                port,
            });
        }
        let (host, port) = split(text)?;
        let port = match port {
            None | Some("") => default_port,
            Some(digits) => parse_port(digits)?,
        };
        if host.is_empty() || host == "*" {
            let ip = Ipv4Addr::UNSPECIFIED.into();
            return Ok(ListenAddress::Ip { ip, port });
        }
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(ListenAddress::Ip { ip, port });
        }
        if host.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ListenError::BarePort(host.to_owned()));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._%:".contains(&b);
        if !host.bytes().all(plain) {
            return Err(ListenError::Host(host.to_owned()));
        }
        let host = host.to_owned();
        Ok(ListenAddress::Host { host, port })
    }
}

/// Parts before and after the colon that ends the host, brackets removed.
fn split(text: &str) -> Result<(&str, Option<&str>), ListenError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(ListenError::Bracket)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(ListenError::Bracket),
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

fn parse_port(digits: &str) -> Result<u16, ListenError> {
    let wrong = || ListenError::Port(digits.to_owned());
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    digits.parse().map_err(|_| wrong())
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Ip {
                ip: IpAddr::V4(ip),
                port,
            } => write!(f, "{ip}:{port}"),
            ListenAddress::Ip {
                ip: IpAddr::V6(ip),
                port,
            } => write!(f, "[{ip}]:{port}"),
            ListenAddress::Host { host, port } if host.contains(':') => {
                write!(f, "[{host}]:{port}")
            }
            ListenAddress::Host { host, port } => write!(f, "{host}:{port}"),
            ListenAddress::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenError::Empty => f.write_str("the listening address is empty"),
            ListenError::Bracket => f.write_str("the listening address has unmatched brackets"),
            ListenError::Port(text) => write!(f, "{text:?} is not a port"),
            ListenError::BarePort(text) => write!(f, "{text:?} is a port without an address"),
            ListenError::Host(text) => write!(f, "{text:?} is not an address or host name"),
        }
    }
}

impl std::error::Error for ListenError {}

impl ListenError {
    /// What would have been accepted.
    pub fn help(&self) -> String {
        match self {
            ListenError::BarePort(port) => format!("write \":{port}\" for port {port}"),
            ListenError::Port(_) => "a port is an integer from 0 to 65535".to_owned(),
            ListenError::Empty | ListenError::Bracket | ListenError::Host(_) => {
                r#"write ":80", "192.0.2.1:80", "[2001:db8::1]:80" or "/path/of/socket""#.to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_of_each_spelling() {
        for (text, canonical) in [
            (":8085", "0.0.0.0:8085"),
            ("*:8085", "0.0.0.0:8085"),
            ("*", "0.0.0.0:80"),
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1:", "127.0.0.1:80"),
            ("::1", "[::1]:80"),
            ("[::1]", "[::1]:80"),
            ("[::1]:", "[::1]:80"),
            ("[::]:8085", "[::]:8085"),
            ("[0:0::1]:8085", "[::1]:8085"),
            ("localhost", "localhost:80"),
            ("localhost:8085", "localhost:8085"),
            ("[fe80::1%eth0]:80", "[fe80::1%eth0]:80"),
            ("/run/web.sock", "/run/web.sock"),
        ] {
            let address = ListenAddress::parse(text, 80).unwrap();
            assert_eq!(address.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "[::1",
            "[::1]x",
            "1.2.3.4:80:90",
            "a:99999",
            "a:http",
            "8085",
            "x y",
            "unix:/x",
        ] {
            assert!(ListenAddress::parse(text, 80).is_err(), "{text}");
        }
    }
}
