//! mod_evhost: the document root is made of the parts of the host.

use std::sync::Arc;

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module, is_directory};
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::route::uri;
use crate::settings;

/// Settings of mod_evhost.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `evhost.path-pattern`; none: the document root is what it is.
    pub pattern: Option<Arc<[Part]>>,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands; `%%` is a percent sign.
    Text(String),
    /// `%_`: the host without its port.
    Host,
    /// `%0`: its last two labels.
    Domain(Letters),
    /// `%1` to `%9`: one label, counted from the end.
    Label(usize, Letters),
}

/// How much of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// All of it.
    All,
    /// `%{1.2}`: this letter, counted from 1.
    One(usize),
}

static DIRECTIVES: &[Directive] = &[Directive::request(
    "evhost.path-pattern",
    Setter::Own(Kind::String, pattern),
    "",
    "Document root, made of the host: %_ is all of it, %0 its domain, %1 its top level, %2 the label before, %{3.1} the \
     first letter of the next; used if there is such a directory.",
)];

fn pattern(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let text = value.to_str()?;
    let parts = parse(text).unwrap_or_else(|| {
        reader.error(
            value.span,
            format!("evhost.path-pattern: \"{text}\" has a % that means nothing"),
            "write %_, %0 to %9, %{2} or %{2.1} for the first letter of a label, and %% for a percent sign",
        );
        Vec::new()
    });
    let pattern: Option<Arc<[Part]>> = (!text.is_empty()).then(|| parts.into());
    Ok(Change::new(move |settings: &mut settings::Settings| {
        // As in lighttpd, no pattern is none of one's own.
        if pattern.is_some() {
            settings.evhost.pattern.clone_from(&pattern);
        }
    }))
}

fn parse(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        parts.push(Part::Text(before.to_owned()));
        let (part, length) = part(after)?;
        parts.push(part);
        rest = &after[length..];
    }
    parts.push(Part::Text(rest.to_owned()));
    parts.retain(|part| *part != Part::Text(String::new()));
    Some(parts)
}

/// What a percent sign and what follows mean, and how much of it.
fn part(after: &str) -> Option<(Part, usize)> {
    let of_host = |number: usize, letters| match number {
        0 => Part::Domain(letters),
        number => Part::Label(number, letters),
    };
    let digit = |text: &str| match text.as_bytes() {
        [digit @ b'0'..=b'9'] => Some(usize::from(digit - b'0')),
        _ => None,
    };
    match after.as_bytes().first()? {
        b'%' => Some((Part::Text("%".to_owned()), 1)),
        b'_' => Some((Part::Host, 1)),
        b'0'..=b'9' => Some((of_host(digit(&after[..1])?, Letters::All), 1)),
        b'{' => {
            let (inside, _) = after[1..].split_once('}')?;
            let (number, letters) = match inside.split_once('.') {
                None => (digit(inside)?, Letters::All),
                Some((number, letter)) => (
                    digit(number)?,
                    match digit(letter)? {
                        0 => Letters::All,
                        letter => Letters::One(letter),
                    },
                ),
            };
            Some((of_host(number, letters), inside.len() + 2))
        }
        _ => None,
    }
}

/// The directory for a host.
fn fill(pattern: &[Part], host: &[u8], out: &mut Vec<u8>) {
    let name = uri::without_any_port(host);
    // An address in brackets has no labels.
    let is_address = name.first() == Some(&b'[');
    let mut dots = memchr::memrchr_iter(b'.', name);
    let domain = match dots.nth(1) {
        Some(dot) if !is_address => &name[dot + 1..],
        _ => name,
    };
    let label = |number: usize| {
        let mut labels = name
            .rsplit(|byte| *byte == b'.')
            .filter(|label| !label.is_empty());
        match is_address {
            true => None,
            false => labels.nth(number - 1),
        }
    };
    out.clear();
    for part in pattern {
        let (text, letters) = match part {
            Part::Text(text) => (Some(text.as_bytes()), Letters::All),
            Part::Host => (Some(name), Letters::All),
            Part::Domain(letters) => (Some(domain), *letters),
            Part::Label(number, letters) => (label(*number), *letters),
        };
        let text = text.unwrap_or_default();
        match letters {
            Letters::All => out.extend_from_slice(text),
            Letters::One(letter) => out.extend(text.get(letter - 1)),
        }
    }
}

fn docroot(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let Some(pattern) = &settings.evhost.pattern else {
        return Flow::GoOn;
    };
    if exchange.request.host.is_empty() {
        return Flow::GoOn;
    }
    let mut root = Vec::new();
    fill(pattern, &exchange.request.host, &mut root);
    if is_directory(exchange, &root) {
        exchange.physical.document_root = root;
    }
    Flow::GoOn
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_evhost",
    directives: DIRECTIVES,
    hooks: Hooks {
        docroot: Some(docroot),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::support::remarks;

    fn filled(pattern: &str, host: &str) -> String {
        let mut out = Vec::new();
        fill(&parse(pattern).unwrap(), host.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parts_of_hosts() {
        for (pattern, host, expected) in [
            ("/w/%0/%1/%2/%3/%4", "a.b.c.org", "/w/c.org/org/c/b/a"),
            (
                "/w/%0/%1/%2/%3/",
                "example.org:8080",
                "/w/example.org/org/example//",
            ),
            ("/w/%_/", "example.org:8080", "/w/example.org/"),
            ("/w/%0/%1/%2", "localhost", "/w/localhost/localhost/"),
            (
                "/w/%{2.1}/%{2.2}/%{2}/%{2.0}/%{2.9}",
                "ab.org",
                "/w/a/b/ab/ab/",
            ),
            ("/w/%{0.1}%%%%", "ab.org", "/w/a%%"),
            (
                "/w/%_/%0/%1",
                "[2001:db8::1]:80",
                "/w/[2001:db8::1]/[2001:db8::1]/",
            ),
            ("/w/%0", "192.0.2.1", "/w/2.1"),
            ("/w", "example.org", "/w"),
        ] {
            assert_eq!(filled(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn what_means_nothing_is_an_error() {
        for pattern in [
            "%a", "/%", "/%{", "/%{1", "/%{x}", "/%{1.x}", "/%{12}", "/%{1.}", "/%{1.12}",
        ] {
            assert_eq!(parse(pattern), None, "{pattern}");
        }
        let said = remarks("server.modules = ( \"mod_evhost\" )\nevhost.path-pattern = \"/w/%x\"");
        assert_eq!(
            said,
            ["2:23 error: evhost.path-pattern: \"/w/%x\" has a % that means nothing"]
        );
    }
}
