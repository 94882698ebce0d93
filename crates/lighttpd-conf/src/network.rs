//! Address ranges: `10.0.0.0/8`, `2001:db8::/32`, `[::1]`.
//! An IPv4 address and its v4-mapped IPv6 form are the same address here, on both sides of a comparison.

use std::{fmt, net::IpAddr};

/// All addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// Not an address.
    Address(String),
    /// Not a prefix length for this kind of address; the longest one.
    Prefix {
        /// What stands after the slash.
        text: String,
        /// 32 or 128.
        longest: u8,
    },
}

impl Network {
    /// Reads an address, brackets allowed, and an optional `/bits`.
    pub fn parse(text: &str) -> Result<Network, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let bare = address
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(address);
        let parsed: IpAddr = bare
            .parse()
            .map_err(|_| NetworkError::Address(address.to_owned()))?;
        let longest = width(parsed);
        let bits = match bits {
            None => longest,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|&bits| bits <= longest && digits.bytes().all(|b| b.is_ascii_digit()))
                .ok_or_else(|| NetworkError::Prefix {
                    text: digits.to_owned(),
                    longest,
                })?,
        };
        Ok(match parsed.to_canonical() {
            address @ IpAddr::V4(_) if longest == 128 => match bits.checked_sub(96) {
                Some(bits) => Network { address, bits },
                // Wider than all mapped addresses together: stays a v6 network.
                None => Network {
                    address: parsed,
                    bits,
                },
            },
            address => Network { address, bits },
        })
    }

    /// Whether the address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                same_bits(u32::from(net).into(), u32::from(ip).into(), 32 - self.bits)
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => same_bits(net.into(), ip.into(), 128 - self.bits),
            (IpAddr::V6(net), IpAddr::V4(ip)) => {
                same_bits(net.into(), ip.to_ipv6_mapped().into(), 128 - self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn same_bits(a: u128, b: u128, ignored: u8) -> bool {
    (a ^ b).checked_shr(u32::from(ignored)).unwrap_or(0) == 0
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetworkError::Address(text) => write!(f, "{text:?} is not an IP address"),
            NetworkError::Prefix { text, longest } => {
                write!(f, "{text:?} is not a prefix length from 0 to {longest}")
            }
        }
    }
}

impl std::error::Error for NetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containment() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.1.1.1", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "1.2.3.4", true),
            ("::/0", "2001:db8::1", true),
            ("[2001:db8::]/32", "2001:db8:1::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                inside,
                "{network} {address}"
            );
        }
    }

    #[test]
    fn what_is_no_network() {
        for text in [
            "",
            "10/8",
            "10.0.0.1/33",
            "10.0.0.1/",
            "10.0.0.1/+8",
            "::1/129",
            "[::1",
            "localhost",
            "1.2.3.4:80",
        ] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }
}
