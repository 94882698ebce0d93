//! Paths and hosts on their way to an HTTP backend and back (`proxy.header`), and what it is told of the client
//! (`proxy.forwarded`).
//!
//! In: targets, hosts and header fields. Out: the same as the other side knows them. Must hold: what is not mapped stays
//! as it is, byte for byte; of a URI only authority and path are looked at, and the scheme where `https-remap` says so.

use std::borrow::Cow;
use std::ops::Range;

use super::fields;
use crate::request::Request;

mod forwarded;
#[cfg(test)]
mod tests;

pub use forwarded::Forwarded;

/// `proxy.header`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderMap {
    /// `https-remap`: with a host that is mapped, `https` becomes `http` in requests, and `http` becomes `https` in
    /// responses, for clients that came by `https`.
    pub https_remap: bool,
    /// `force-http10`: the backend is spoken to in HTTP/1.0.
    pub force_http10: bool,
    /// `upgrade`: clients may change the protocol; like `upgrade` of each host.
    pub upgrade: bool,
    /// `connect`: the method CONNECT is allowed.
    pub connect: bool,
    /// `map-urlpath`: beginnings of paths here, and what they are at the backend. The first that fits counts.
    pub urlpath: Vec<(String, String)>,
    /// `map-host-request`: hosts in requests. `-` as key stands for the client's, and as value too; an empty value stops
    /// the search without a change.
    pub host_request: Vec<(String, String)>,
    /// `map-host-response`: hosts in responses. `-` as key stands for what the client's host was mapped to, as value for
    /// the client's; an empty value stops the search without a change.
    pub host_response: Vec<(String, String)>,
    /// `map-urlpath-resp-host-include`: the only hosts in responses whose paths are mapped; empty: all.
    pub path_hosts: Vec<String>,
    /// `map-urlpath-resp-host-exclude`: hosts in responses whose paths are not mapped.
    pub no_path_hosts: Vec<String>,
}

/// How one request was mapped, for its response. Plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// `Host` as the client sent it; empty: none.
    pub host: Vec<u8>,
    /// What it was mapped to; empty: it was not.
    pub mapped_host: Vec<u8>,
    /// The beginning of the path here and at the backend, if it was mapped.
    pub path: Option<(String, String)>,
    /// Whether schemes are mapped: `https-remap`, and the client came by `https`.
    pub https: bool,
}

/// Which way a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

impl Way {
    /// For a request; `None` if neither paths nor hosts are mapped.
    pub fn new(map: &HeaderMap, request: &Request<'_>) -> Option<Way> {
        let maps = [&map.urlpath, &map.host_request, &map.host_response];
        let host = fields::host(request);
        (!maps.iter().all(|map| map.is_empty()))
            .then(|| Way::of(map, host, &request.uri.target, request.scheme))
    }

    fn of(map: &HeaderMap, host: &[u8], target: &[u8], scheme: &str) -> Way {
        let mut way = Way {
            host: host.to_vec(),
            mapped_host: Vec::new(),
            path: None,
            https: map.https_remap && scheme == "https",
        };
        if let Some(Named::Text(mapped)) = map.find_host(&way, Direction::Request, host) {
            way.mapped_host = mapped.as_bytes().to_vec();
        }
        let fits = |(here, _): &&(String, String)| target.starts_with(here.as_bytes());
        way.path = map.urlpath.iter().find(fits).cloned();
        way
    }
}

/// What a host is mapped to.
enum Named<'m> {
    /// This one.
    Text(&'m str),
    /// The one that the client asked for.
    Clients,
}

impl HeaderMap {
    /// The target of a request as the backend knows it.
    pub fn request_target<'v>(&self, way: &Way, target: &'v [u8]) -> Cow<'v, [u8]> {
        self.uri(way, Direction::Request, target)
    }

    /// `Host` of a request as the backend knows it.
    pub fn request_host<'v>(&self, way: &Way, host: &'v [u8]) -> Cow<'v, [u8]> {
        match self.mapped_host(way, Direction::Request, host) {
            Some(mapped) => Cow::Owned(mapped.to_vec()),
            None => Cow::Borrowed(host),
        }
    }

    /// A URL in another field of a request (`Destination`, `Content-Location`) as the backend knows it.
    pub fn request_url<'v>(&self, way: &Way, value: &'v [u8]) -> Cow<'v, [u8]> {
        self.uri(way, Direction::Request, value)
    }

    /// A field of a response as the client knows it.
    pub fn response_field<'v>(&self, way: &Way, name: &[u8], value: &'v [u8]) -> Cow<'v, [u8]> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("Location") || is("Content-Location") {
            self.uri(way, Direction::Response, value)
        } else if is("Set-Cookie") {
            self.cookie(way, value)
        } else {
            Cow::Borrowed(value)
        }
    }

    /// Authority and path of a URI, or of a reference that begins with one of them.
    fn uri<'v>(&self, way: &Way, direction: Direction, value: &'v [u8]) -> Cow<'v, [u8]> {
        let Some((scheme, rest)) = split_scheme(value) else {
            return match value.starts_with(b"/") {
                true => self.path(way, direction, value),
                false => Cow::Borrowed(value),
            };
        };
        let end = rest.iter().position(|byte| b"/?#".contains(byte));
        let (authority, path) = rest.split_at(end.unwrap_or(rest.len()));
        if authority.is_empty() {
            return Cow::Borrowed(value);
        }
        let host = self.mapped_host(way, direction, authority);
        // No path is the same as a slash.
        let whole = if path.is_empty() { &b"/"[..] } else { path };
        let mapped = match self.maps_path_of(direction, authority) {
            true => self.path(way, direction, whole),
            false => Cow::Borrowed(path),
        };
        let path = match &mapped {
            Cow::Owned(mapped) => mapped,
            Cow::Borrowed(_) => path,
        };
        let scheme = match (direction, host) {
            (Direction::Request, Some(_)) if way.https && scheme == b"https:" => &b"http:"[..],
            (Direction::Response, Some(_)) if way.https && scheme == b"http:" => b"https:",
            _ => scheme,
        };
        Cow::Owned([scheme, b"//", host.unwrap_or(authority), path].concat())
    }

    /// Whether a path is mapped that belongs to this host: that of a request always.
    fn maps_path_of(&self, direction: Direction, authority: &[u8]) -> bool {
        let names = |list: &[String]| {
            list.iter()
                .any(|host| authority.eq_ignore_ascii_case(host.as_bytes()))
        };
        direction == Direction::Request
            || ((self.path_hosts.is_empty() || names(&self.path_hosts))
                && !names(&self.no_path_hosts))
    }

    /// The beginning of a path. On the way back the pair counts first that was used on the way there.
    fn path<'v>(&self, way: &Way, direction: Direction, path: &'v [u8]) -> Cow<'v, [u8]> {
        let used = way.path.iter().filter(|_| direction == Direction::Response);
        let found = used.chain(&self.urlpath).find_map(|(here, there)| {
            let (from, to) = match direction {
                Direction::Request => (here, there),
                Direction::Response => (there, here),
            };
            let rest = path.strip_prefix(from.as_bytes())?;
            Some([to.as_bytes(), rest].concat())
        });
        found.map_or(Cow::Borrowed(path), Cow::Owned)
    }

    /// What a host is mapped to, if it is.
    fn mapped_host<'m>(
        &'m self,
        way: &'m Way,
        direction: Direction,
        host: &[u8],
    ) -> Option<&'m [u8]> {
        Some(match self.find_host(way, direction, host)? {
            Named::Text(text) => text.as_bytes(),
            Named::Clients => &way.host,
        })
    }

    fn find_host(&self, way: &Way, direction: Direction, host: &[u8]) -> Option<Named<'_>> {
        let (hosts, special) = match direction {
            Direction::Request => (&self.host_request, &way.host),
            Direction::Response => (&self.host_response, &way.mapped_host),
        };
        let fits = |(from, _): &&(String, String)| match from.as_str() {
            "-" => !special.is_empty() && host.eq_ignore_ascii_case(special),
            from => host.eq_ignore_ascii_case(from.as_bytes()),
        };
        match hosts.iter().find(fits)?.1.as_str() {
            "" => None,
            "-" => Some(Named::Clients),
            to => Some(Named::Text(to)),
        }
    }

    /// `Path` and `Domain` of a cookie (RFC 6265 section 4.1).
    fn cookie<'v>(&self, way: &Way, value: &'v [u8]) -> Cow<'v, [u8]> {
        let mut mapped = Vec::with_capacity(value.len());
        for (index, part) in value.split(|byte| *byte == b';').enumerate() {
            if index > 0 {
                mapped.push(b';');
            }
            match Attribute::find(part).filter(|_| index > 0) {
                Some((attribute, place)) => {
                    mapped.extend_from_slice(&part[..place.start]);
                    let text = &part[place.clone()];
                    match attribute {
                        Attribute::Path => {
                            mapped.extend_from_slice(&self.path(way, Direction::Response, text));
                        }
                        Attribute::Domain => {
                            let host = self.mapped_host(way, Direction::Response, text);
                            mapped.extend_from_slice(host.unwrap_or(text));
                        }
                    }
                    mapped.extend_from_slice(&part[place.end..]);
                }
                None => mapped.extend_from_slice(part),
            }
        }
        Cow::Owned(mapped)
    }
}

/// What of a cookie is mapped.
enum Attribute {
    Path,
    Domain,
}

impl Attribute {
    /// The attribute, and where in the text its value is, without a quotation mark, and without the dot before a domain.
    fn find(text: &[u8]) -> Option<(Attribute, Range<usize>)> {
        let equals = memchr::memchr(b'=', text)?;
        let name = text[..equals].trim_ascii();
        let (attribute, skipped) = if name.eq_ignore_ascii_case(b"path") {
            (Attribute::Path, &b"\""[..])
        } else if name.eq_ignore_ascii_case(b"domain") {
            (Attribute::Domain, &b"\"."[..])
        } else {
            return None;
        };
        let mut start = equals + 1;
        for byte in skipped {
            start += usize::from(text.get(start) == Some(byte));
        }
        let rest = &text[start..];
        let length = rest.iter().position(|byte| b"\" \t".contains(byte));
        let end = start + length.unwrap_or(rest.len());
        let fits = match attribute {
            Attribute::Path => rest.starts_with(b"/"),
            Attribute::Domain => end > start,
        };
        fits.then_some((attribute, start..end))
    }
}

/// `http:` and what follows the two slashes; for a reference without a scheme the former is empty.
fn split_scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = match value.starts_with(b"//") {
        true => 0,
        false => value.iter().position(|byte| b":/?#".contains(byte))? + 1,
    };
    let (scheme, rest) = value.split_at(length);
    let rest = rest.strip_prefix(b"//")?;
    (scheme.is_empty() || scheme.ends_with(b":")).then_some((scheme, rest))
}
