//! The variables of CGI/1.1 (RFC 3875 section 4.1), in lighttpd's words and order, for every protocol that has them.
//!
//! In: an exchange. Out: variables, one by one, without allocation. Must hold: no variable comes twice, so that it does not
//! matter which one a backend believes; what a client sends is in `HTTP_*`, `CONTENT_TYPE` and the parts of the URL only.
//!
//! `CONTENT_LENGTH` is missing: it is not known yet (see [`super::preface`]).

use std::fmt;
use std::io::Write;

use super::Upgrade;
use super::fields::{self, Field};
use super::host::Role;
use super::preface::Terms;
use crate::exchange::Exchange;
use crate::http1::head::Version;
use crate::modules::openssl;
use crate::request::Request;
use crate::route::uri::without_any_port;
use crate::settings::Settings;

mod paths;
#[cfg(test)]
mod tests;

use paths::Paths;
#[cfg(feature = "lua")]
pub(crate) use paths::asked;

/// What [`super::preface`] adds itself.
const LENGTH: Name<'static> = Name::Ours("CONTENT_LENGTH");

/// A variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variable<'v> {
    pub(super) name: Name<'v>,
    value: Value<'v>,
}

/// A value in parts, because paths are joined.
type Value<'v> = [&'v [u8]; 3];

/// What a variable is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name<'v> {
    /// This.
    Ours(&'static str),
    /// Made of the name of a header field: `HTTP_ACCEPT_LANGUAGE`.
    Field(&'v [u8]),
    /// Made of a name from the configuration: `foo-bar` is `FOO_BAR`.
    Set(&'v [u8]),
}

/// All variables but the length of the body, for whoever else wants to know them.
pub fn variables(exchange: &Exchange<'_>, settings: &Settings) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    each(
        exchange,
        settings,
        &Terms::of_program(Upgrade::No),
        |variable| {
            let (mut name, mut value) = (Vec::new(), Vec::new());
            variable.name.append(&mut name);
            variable.append_value(&mut value);
            all.push((name, value));
        },
    );
    all
}

/// Gives `put` all variables but the length of the body.
pub(super) fn each(
    exchange: &Exchange<'_>,
    settings: &Settings,
    terms: &Terms<'_>,
    mut put: impl FnMut(Variable<'_>),
) {
    let request = &exchange.request;
    let set = &request.environment[..];
    // What modules set goes before what we would say.
    let is_set = |set: &[(Vec<u8>, Vec<u8>)], name: Name<'_>| {
        set.iter().any(|(other, _)| Name::Set(other).is_same(name))
    };
    let mut unless_set = |name: Name<'_>, value: Value<'_>| {
        if !is_set(set, name) {
            put(Variable { name, value });
        }
    };
    let paths = Paths::of(exchange, settings, terms);
    url(request, &paths, terms, &mut unless_set);
    connection(request, settings, &mut unless_set);
    headers(request, terms, &mut unless_set);
    for (at, (name, value)) in set.iter().enumerate() {
        let name = Name::Set(name);
        if !name.is_empty() && !name.is_same(LENGTH) && !is_set(&set[at + 1..], name) {
            // The host, where a module has found a document root for it.
            let value = match name.is_same(Name::Ours("SERVER_NAME")) {
                true => without_any_port(value),
                false => value,
            };
            put(Variable {
                name,
                value: whole(value),
            });
        }
    }
}

/// What was asked for, and where that leads.
fn url(
    request: &Request<'_>,
    paths: &Paths<'_>,
    terms: &Terms<'_>,
    put: &mut impl FnMut(Name<'_>, Value<'_>),
) {
    let mut ours = |name, value: &[u8]| put(Name::Ours(name), whole(value));
    ours(
        "QUERY_STRING",
        request.uri.query.as_deref().unwrap_or_default(),
    );
    let asked = paths::asked(request);
    ours(
        "REQUEST_URI",
        paths::stripped(asked, &terms.script.strip_request_uri),
    );
    if asked != &request.uri.target[..] {
        ours("REDIRECT_URI", &request.uri.target);
    }
    // PHP wants to know that it is not called directly.
    ours("REDIRECT_STATUS", b"200");
    if terms.role == Role::Responder {
        ours("SCRIPT_NAME", paths.script_name);
        if !paths.path_info.is_empty() {
            ours("PATH_INFO", paths.path_info);
            put(
                Name::Ours("PATH_TRANSLATED"),
                paths::joined(paths.document_root, paths.path_info),
            );
        }
    }
    put(Name::Ours("SCRIPT_FILENAME"), paths.script_filename);
    put(Name::Ours("DOCUMENT_ROOT"), whole(paths.document_root));
}

/// Both ends, and what they speak.
fn connection(
    request: &Request<'_>,
    settings: &Settings,
    put: &mut impl FnMut(Name<'_>, Value<'_>),
) {
    let mut ours = |name, value: &[u8]| put(Name::Ours(name), whole(value));
    ours("REQUEST_METHOD", request.head.method_name);
    ours(
        "SERVER_PROTOCOL",
        match request.head.version {
            Version::Http10 => b"HTTP/1.0",
            Version::Http11 => b"HTTP/1.1",
        },
    );
    ours("SERVER_SOFTWARE", settings.core.tag.as_bytes());
    ours("GATEWAY_INTERFACE", b"CGI/1.1");
    ours("REQUEST_SCHEME", request.scheme.as_bytes());
    if request.scheme == "https" {
        ours("HTTPS", b"on");
    }
    if let Some(secured) = request.secured {
        openssl::tell(secured, &mut ours);
    }
    let mut text = Text::default();
    ours(
        "SERVER_PORT",
        text.of(format_args!("{}", request.local_port)),
    );
    let address = server_address(request);
    ours("SERVER_ADDR", address.as_bytes());
    ours(
        "SERVER_NAME",
        match (settings.core.name.as_bytes(), &request.host[..]) {
            ([], []) => address.as_bytes(),
            ([], host) => without_any_port(host),
            (name, _) => without_any_port(name),
        },
    );
    match request.remote_ip() {
        Some(ip) => ours("REMOTE_ADDR", text.of(format_args!("{ip}"))),
        None => ours("REMOTE_ADDR", b""),
    }
    ours(
        "REMOTE_PORT",
        text.of(format_args!("{}", request.peer.port())),
    );
}

/// The header fields. Of those that would be the same variable (`X-A`, `X_A`, `X.A`) only one is told: the one that is
/// made of letters, digits and hyphens, because proxies in front of us know that one; otherwise the first.
fn headers(request: &Request<'_>, terms: &Terms<'_>, put: &mut impl FnMut(Name<'_>, Value<'_>)) {
    let upgrade = match fields::upgrade(request) {
        Some(_) => terms.upgrade,
        None => Upgrade::No,
    };
    for (at, field) in fields::of(request).enumerate() {
        if is_hidden(&field, upgrade) || (!is_plain(&field) && is_taken(request, at, &field)) {
            continue;
        }
        let name = match field.name.len() {
            12 if field.is("Content-Type") => Name::Ours("CONTENT_TYPE"),
            _ => Name::Field(field.name),
        };
        let value = match field.name.len() {
            4 if field.is("Host") => fields::host(request),
            _ => field.value,
        };
        put(name, whole(value));
    }
}

/// Whether backends are not told of a field. `upgrade`: whether the protocol may change.
pub(super) fn is_hidden(field: &Field<'_>, upgrade: Upgrade) -> bool {
    let is = |name: &str| Name::Field(field.name).is_same(Name::Field(name.as_bytes()));
    match field.name.len() {
        // httpoxy: programs would use it for requests of their own.
        5 => is("Proxy"),
        6 => is("Expect"),
        7 => is("Upgrade") && upgrade == Upgrade::No,
        14 => is("HTTP2-Settings"),
        17 => is("Transfer-Encoding"),
        _ => false,
    }
}

fn is_plain(field: &Field<'_>) -> bool {
    field
        .name
        .iter()
        .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether the variable of this field, the one at position `at`, belongs to another field.
fn is_taken(request: &Request<'_>, at: usize, field: &Field<'_>) -> bool {
    fields::of(request).enumerate().any(|(other_at, other)| {
        other_at != at
            && Name::Field(other.name).is_same(Name::Field(field.name))
            && (other_at < at || is_plain(&other))
    })
}

/// Where the client came in: the listener without its port. Empty if it listens on every address, or on a Unix socket.
fn server_address<'r>(request: &Request<'r>) -> &'r str {
    match request.listener.rsplit_once(':') {
        Some(("0.0.0.0" | "[::]" | "*" | "", _)) | None => "",
        Some((address, _)) => address,
    }
}

fn whole(value: &[u8]) -> Value<'_> {
    [value, b"", b""]
}

impl Variable<'_> {
    /// Length of the value in bytes.
    pub(super) fn value_length(&self) -> usize {
        self.value.iter().map(|part| part.len()).sum()
    }

    /// Appends the value. There is no NUL in it: some protocols end values with that.
    pub(super) fn append_value(&self, out: &mut Vec<u8>) {
        let from = out.len();
        for part in self.value {
            out.extend_from_slice(part);
        }
        for byte in &mut out[from..] {
            if *byte == 0 {
                *byte = b' ';
            }
        }
    }
}

impl Name<'_> {
    /// Length in bytes.
    pub(super) fn length(self) -> usize {
        let (prefix, name) = self.parts();
        prefix.len() + name.len()
    }

    /// Appends it: letters in upper case, digits, and underscores for everything else.
    pub(super) fn append(self, out: &mut Vec<u8>) {
        out.extend(self.bytes());
    }

    fn is_empty(self) -> bool {
        self.length() == 0
    }

    fn is_same(self, other: Name<'_>) -> bool {
        self.length() == other.length() && self.bytes().eq(other.bytes())
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        let (prefix, name) = self.parts();
        prefix.iter().chain(name).map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' => *byte,
            b'a'..=b'z' => byte.to_ascii_uppercase(),
            _ => b'_',
        })
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        match self {
            Name::Ours(name) => (b"", name.as_bytes()),
            Name::Field(name) => (b"HTTP_", name),
            Name::Set(name) => (b"", name),
        }
    }
}

/// Room for a number or an address as text.
struct Text([u8; 48]);

impl Default for Text {
    fn default() -> Self {
        Text([0; 48])
    }
}

impl Text {
    /// The text, cut where there is no more room.
    fn of(&mut self, text: fmt::Arguments<'_>) -> &[u8] {
        let mut room = &mut self.0[..];
        // What does not fit is missing; addresses and ports do.
        let _ = room.write_fmt(text);
        let left = room.len();
        &self.0[..self.0.len() - left]
    }
}
