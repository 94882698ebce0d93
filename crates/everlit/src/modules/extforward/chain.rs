//! What proxies say of a client: `X-Forwarded-For`, and `Forwarded` (RFC 7239).
//!
//! In: a field's value, and who is trusted. Out: the client as the farthest trusted proxy saw it. Must hold: the list is
//! read from its end, which the nearest proxy wrote; nothing that stands before the first address without trust has any
//! influence.

use std::net::IpAddr;

/// What a `Forwarded` field says of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said<'f> {
    /// Its address.
    pub(super) address: IpAddr,
    /// What it spoke with the proxy that saw it.
    pub(super) proto: Option<&'f [u8]>,
    /// The host it asked for, as the farthest trusted proxy tells it.
    pub(super) host: Option<Vec<u8>>,
    /// Who it is, as the nearest proxy tells it that tells at all.
    pub(super) user: Option<Vec<u8>>,
}

/// A quoted string without an end: what stands in it and what does not cannot be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed;

/// The last address of the list that is not trusted. None if all are, or if something else stands in its place.
///
/// As lighttpd has it, addresses are what is made of digits, `a` to `f`, dots and colons; whatever else there is separates
/// them. So a port makes an address something else.
pub(super) fn x_forwarded_for(list: &[u8], trusts: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    list.rsplit(|byte| !is_part(byte))
        .filter(|word| !word.is_empty())
        .map(address)
        .find(|address| !address.is_some_and(&trusts))?
}

/// The client of a `Forwarded` field. None: it does not tell an address.
pub(super) fn forwarded(
    list: &[u8],
    trusts: impl Fn(IpAddr) -> bool,
) -> Result<Option<Said<'_>>, Unclosed> {
    let elements = elements(list)?;
    let mut found = None;
    for (at, element) in elements.iter().enumerate().rev() {
        let Some(node) = element.node.map(bare) else {
            continue;
        };
        if is_hidden(node) {
            break;
        }
        let address = address(node);
        found = Some((at, address));
        if !address.is_some_and(&trusts) {
            break;
        }
    }
    let Some((at, Some(address))) = found else {
        return Ok(None);
    };
    let trusted = &elements[at..];
    Ok(Some(Said {
        address,
        proto: trusted[0].proto.map(unquoted),
        host: trusted.iter().find_map(|e| e.host).map(unescaped),
        user: trusted.iter().rev().find_map(|e| e.user).map(unescaped),
    }))
}

/// What one proxy has written; values as they stand there.
#[derive(Clone, Copy, Debug, Default)]
struct Element<'f> {
    node: Option<&'f [u8]>,
    proto: Option<&'f [u8]>,
    host: Option<&'f [u8]>,
    user: Option<&'f [u8]>,
}

/// Takes a field apart. What is no `name=value` is skipped; of equal names in one element the last counts.
fn elements(list: &[u8]) -> Result<Vec<Element<'_>>, Unclosed> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut rest = list;
    while !rest.is_empty() {
        let (pair, end) = rest.split_at(pair_length(rest)?);
        if let Some(equals) = pair.iter().position(|byte| *byte == b'=') {
            let (name, value) = (pair[..equals].trim_ascii_start(), &pair[equals + 1..]);
            let value = Some(value.trim_ascii_end());
            match name.len() {
                3 if name.eq_ignore_ascii_case(b"for") => element.node = value,
                4 if name.eq_ignore_ascii_case(b"host") => element.host = value,
                5 if name.eq_ignore_ascii_case(b"proto") => element.proto = value,
                11 if name.eq_ignore_ascii_case(b"remote_user") => element.user = value,
                _ => {}
            }
        }
        if end.first() == Some(&b',') {
            elements.push(std::mem::take(&mut element));
        }
        rest = end.get(1..).unwrap_or_default();
    }
    elements.push(element);
    Ok(elements)
}

/// Up to the next comma or semicolon outside of quotes.
fn pair_length(text: &[u8]) -> Result<usize, Unclosed> {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b',' | b';' => break,
            b'"' => at += quoted_length(&text[at..])?,
            _ => at += 1,
        }
    }
    Ok(at)
}

/// Length of the quoted string at the beginning.
fn quoted_length(text: &[u8]) -> Result<usize, Unclosed> {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'"' => return Ok(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Err(Unclosed)
}

/// What stands between the quotes, if there are any.
fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        value => value,
    }
}

fn unescaped(value: &[u8]) -> Vec<u8> {
    let inner = unquoted(value);
    if inner.len() == value.len() {
        return value.to_vec();
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        out.extend(match byte {
            b'\\' => bytes.next(),
            byte => Some(byte),
        });
    }
    out
}

/// A node without brackets and port, which may be there only between quotes (RFC 7239 section 6).
fn bare(value: &[u8]) -> &[u8] {
    let inner = unquoted(value);
    if inner.len() == value.len() {
        return value;
    }
    match inner {
        [b'[', rest @ ..] => match rest.iter().position(|byte| *byte == b']') {
            Some(end) => &rest[..end],
            None => inner,
        },
        // A name that hides an address may contain anything.
        [b'_' | b'/' | b'u', ..] => inner,
        _ => inner.split(|byte| *byte == b':').next().unwrap_or(inner),
    }
}

/// Whether a node is there but does not tell its address (RFC 7239 sections 6.2 and 6.3).
fn is_hidden(node: &[u8]) -> bool {
    matches!(node, [b'_' | b'/', ..]) || node.eq_ignore_ascii_case(b"unknown")
}

fn address(text: &[u8]) -> Option<IpAddr> {
    let address: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 10.0.0.0/8, 127.0.0.1 and 2001:db8::1.
    fn trusts(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(ip) => ip.octets()[0] == 10 || ip.is_loopback(),
            ip => ip.to_string() == "2001:db8::1",
        }
    }

    #[test]
    fn the_last_address_without_trust_is_the_clients() {
        for (list, expected) in [
            ("1.2.3.4", Some("1.2.3.4")),
            ("1.2.3.4, 5.6.7.8", Some("5.6.7.8")),
            ("1.2.3.4, 5.6.7.8, 10.1.1.1", Some("5.6.7.8")),
            ("1.2.3.4,10.1.1.1,127.0.0.1", Some("1.2.3.4")),
            ("1.2.3.4, 2001:DB8:0::1", Some("1.2.3.4")),
            ("1.2.3.4, ::ffff:10.1.1.1", Some("1.2.3.4")),
            ("2001:db8::5", Some("2001:db8::5")),
            ("1.2.3.4;5.5.5.5", Some("5.5.5.5")),
            ("1.2.3.4, unknown", Some("1.2.3.4")),
            ("fe80::1%lo", Some("fe80::1")),
            ("10.1.1.1, 10.2.2.2", None),
            ("1.2.3.4, abc", None),
            ("1.2.3.4, abc, 10.1.1.1", None),
            ("1.2.3.4:80", None),
            ("[2001:db8::5]:80", None),
            ("256.1.1.1", None),
            ("unknown", None),
            ("", None),
        ] {
            let found = x_forwarded_for(list.as_bytes(), trusts);
            assert_eq!(
                found.map(|ip| ip.to_string()).as_deref(),
                expected,
                "{list}"
            );
        }
    }

    /// Address, proto, host and user, separated by spaces, `-` for what is not told.
    fn read(list: &str) -> String {
        let text = |bytes: Option<&[u8]>| match bytes {
            None => "-".to_owned(),
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        match forwarded(list.as_bytes(), trusts) {
            Err(Unclosed) => "unclosed".to_owned(),
            Ok(None) => "none".to_owned(),
            Ok(Some(said)) => [
                said.address.to_string(),
                text(said.proto),
                text(said.host.as_deref()),
                text(said.user.as_deref()),
            ]
            .join(" "),
        }
    }

    #[test]
    fn forwarded_is_read_from_its_end() {
        for (list, expected) in [
            ("for=1.2.3.4", "1.2.3.4 - - -"),
            ("For=\"1.2.3.4:8080\"", "1.2.3.4 - - -"),
            ("for=\"[2001:db8::5]:80\"", "2001:db8::5 - - -"),
            ("for=\"[2001:db8::5]\"", "2001:db8::5 - - -"),
            ("for=1.2.3.4, for=10.0.0.1", "1.2.3.4 - - -"),
            ("for=1.2.3.4, for=5.5.5.5, for=10.0.0.1", "5.5.5.5 - - -"),
            ("for=10.0.0.2, for=10.0.0.1", "10.0.0.2 - - -"),
            (
                "for=1.2.3.4, for=\"[2001:db8::1]:1\", for=10.0.0.1",
                "1.2.3.4 - - -",
            ),
            ("for=1.2.3.4;proto=https;host=a", "1.2.3.4 https a -"),
            (
                "for=1.2.3.4;host=a;remote_user=u, for=10.0.0.1;host=b;proto=https;remote_user=v",
                "1.2.3.4 - a v",
            ),
            (
                "for=1.2.3.4;remote_user=u, for=10.0.0.1;host=b",
                "1.2.3.4 - b u",
            ),
            ("for=1.2.3.4;host=x, for=5.5.5.5;host=y", "5.5.5.5 - y -"),
            ("for=1.2.3.4, proto=https", "1.2.3.4 - - -"),
            (" ; ; for=1.2.3.4 ; proto=\"https\" ;;", "1.2.3.4 https - -"),
            ("a;b;for=1.2.3.4,,", "1.2.3.4 - - -"),
            ("for=1.2.3.4;for=6.6.6.6", "6.6.6.6 - - -"),
            (
                "for=1.2.3.4;host=\"a\\\"\\\\b;c,d\"",
                "1.2.3.4 - a\"\\b;c,d -",
            ),
            ("x=\"\\\"\";for=1.2.3.4", "1.2.3.4 - - -"),
            // Who hides ends the chain.
            ("for=_x, for=10.0.0.1", "10.0.0.1 - - -"),
            (
                "for=1.2.3.4, for=unknown, for=10.0.0.1;proto=http",
                "10.0.0.1 http - -",
            ),
            ("for=1.2.3.4, for=_x", "none"),
            ("for=\"_x\"", "none"),
            ("for=\"/tmp/x\"", "none"),
            ("for=Unknown", "none"),
            // What is no address changes nothing.
            ("for=1.2.3.4, for=abc", "none"),
            ("for=1.2.3.4, for=\"unknown:80\", for=10.0.0.1", "none"),
            ("for=1.2.3.4:80", "none"),
            ("for=[2001:db8::5]", "none"),
            ("for=\"[2001:db8::5\"", "none"),
            ("for=\"1.2.3.4\"x", "none"),
            ("for = 1.2.3.4", "none"),
            ("for=", "none"),
            ("proto=https", "none"),
            ("=1.2.3.4", "none"),
            ("", "none"),
            ("for=\"1.2.3.4", "unclosed"),
            ("for=1.2.3.4;x=\"\\\"", "unclosed"),
        ] {
            assert_eq!(read(list), expected, "{list}");
        }
    }

    fn an_address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 3]>().prop_map(|[b, c, d]| IpAddr::from([10, b, c, d])),
            any::<[u8; 16]>().prop_map(IpAddr::from),
        ]
    }

    fn element(address: &IpAddr) -> String {
        match address {
            IpAddr::V4(ip) => format!("for={ip}"),
            IpAddr::V6(ip) => format!("for=\"[{ip}]:1\""),
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(list in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = x_forwarded_for(&list, trusts);
            let _ = forwarded(&list, trusts);
        }

        #[test]
        fn anything_like_it_is_read(list in "(for=|host=|\"|[\\\\,; =a1.:\\[\\]_]){0,30}") {
            let _ = x_forwarded_for(list.as_bytes(), trusts);
            let _ = forwarded(list.as_bytes(), trusts);
        }

        #[test]
        fn both_fields_tell_the_same(chain in prop::collection::vec(an_address(), 1..6)) {
            let plain: Vec<String> = chain.iter().map(ToString::to_string).collect();
            let first = x_forwarded_for(plain.join(", ").as_bytes(), trusts);
            let expected = chain.iter().rev().map(IpAddr::to_canonical).find(|ip| !trusts(*ip));
            prop_assert_eq!(first, expected);

            let elements: Vec<String> = chain.iter().map(element).collect();
            let list = elements.join(",");
            let second = forwarded(list.as_bytes(), trusts).unwrap().unwrap();
            // If all are trusted, the farthest is the client.
            prop_assert_eq!(second.address, expected.unwrap_or(chain[0].to_canonical()));
        }

        #[test]
        fn what_comes_before_has_no_influence(
            before in "[^\"\\\\]{0,30}",
            client in any::<[u8; 3]>(),
            proxies in prop::collection::vec(any::<[u8; 3]>(), 0..3),
        ) {
            let [a, b, c] = client;
            let mut list = format!("for=192.{a}.{b}.{c};host=h");
            let mut plain = format!("192.{a}.{b}.{c}");
            for [a, b, c] in proxies {
                list.push_str(&format!(", for=10.{a}.{b}.{c};remote_user=u"));
                plain.push_str(&format!(", 10.{a}.{b}.{c}"));
            }
            let alone = forwarded(list.as_bytes(), trusts).unwrap();
            let more = format!("{before},{list}");
            prop_assert_eq!(forwarded(more.as_bytes(), trusts).unwrap(), alone);
            let alone = x_forwarded_for(plain.as_bytes(), trusts);
            prop_assert!(alone.is_some());
            let more = format!("{before}, {plain}");
            prop_assert_eq!(x_forwarded_for(more.as_bytes(), trusts), alone);
        }
    }
}
