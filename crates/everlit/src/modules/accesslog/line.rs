//! A line about one request, with holes.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;

use super::escape;
use super::format::{Clock, Part};
use super::{Settings, dates};
use crate::clock::Now;
use crate::exchange::Exchange;
use crate::http1::head::Version;
use crate::logline::{Hole, PendingLine};
use crate::modules::openssl;
use crate::response::Response;
use crate::route::uri::{self, Form};
use crate::settings;

/// Writes the line, if there is a log for it.
pub(super) fn request_done(
    exchange: &Exchange<'_>,
    settings: &settings::Settings,
    line: &mut PendingLine,
) {
    let Some(log) = settings.accesslog.log() else {
        return;
    };
    line.clear();
    line.log = log;
    let writer = Writer {
        exchange,
        settings: &settings.accesslog,
        server_name: settings.core.name.as_bytes(),
    };
    for part in settings.accesslog.format.parts() {
        match part {
            Part::Later(what) => line.holes.push(Hole {
                at: line.text.len() as u32,
                what: *what,
            }),
            part => writer.append(&mut line.text, part),
        }
    }
    line.text.push(b'\n');
}

struct Writer<'w, 'r> {
    exchange: &'w Exchange<'r>,
    settings: &'w Settings,
    server_name: &'w [u8],
}

impl Writer<'_, '_> {
    fn append(&self, out: &mut Vec<u8>, part: &Part) {
        let request = &self.exchange.request;
        let response = &self.exchange.response;
        // Writing to a Vec cannot fail.
        let _ = match part {
            Part::Text(text) => out.write_all(text),
            Part::Later(_) => Ok(()),
            Part::Unknown(_, text) => out.write_all(text.as_bytes()),
            Part::Client => write!(out, "{}", request.peer),
            Part::MaskedClient => match request.remote_ip() {
                Some(ip) => write!(out, "{}", masked(ip)),
                None => write!(out, "{}", request.peer),
            },
            Part::Listener => out.write_all(address_of(request.listener).as_bytes()),
            // A Unix socket has none.
            Part::LocalPort if request.local_port == 0 => Ok(()),
            Part::LocalPort => write!(out, "{}", request.local_port),
            Part::RemotePort => write!(out, "{}", request.peer.port()),
            Part::Status => write!(out, "{}", response.status),
            Part::Protocol => out.write_all(protocol(request.head.version)),
            Part::Date(format) => {
                dates::append(out, self.exchange.now.unix.as_secs(), format);
                Ok(())
            }
            Part::Clock(clock) => append_clock(out, self.exchange.now, *clock),
            Part::RequestLine => {
                self.escape(out, request.head.method_name);
                out.push(b' ');
                self.escape(out, origin_form(request.head.target));
                out.push(b' ');
                out.write_all(protocol(request.head.version))
            }
            Part::Method => self.some(out, Some(request.head.method_name)),
            Part::Path => self.some(out, request.uri.target.split(|byte| *byte == b'?').next()),
            Part::Query => {
                self.escape(out, request.uri.query.as_deref().unwrap_or_default());
                Ok(())
            }
            Part::File => {
                let found = self.exchange.entry.is_some();
                self.some(out, found.then_some(&self.exchange.physical.path))
            }
            Part::Host => self.some(out, Some(&request.host)),
            // mod_simple_vhost or mod_vhostdb has found one.
            Part::ServerName if self.variable("SERVER_NAME").is_some() => {
                self.some(out, self.variable("SERVER_NAME"))
            }
            Part::ServerName if self.server_name.is_empty() => self.some(out, Some(&request.host)),
            Part::ServerName => self.some(out, Some(self.server_name)),
            Part::User => self.some(out, self.variable("REMOTE_USER")),
            Part::Variable(name) => self.some(out, self.variable(name)),
            Part::RequestField(name) => self.some(out, request.field(name)),
            Part::ResponseField(name) => match response.headers.get(name) {
                None if name.eq_ignore_ascii_case("content-length") => append_length(out, response),
                value => self.some(out, value),
            },
            Part::Cookie(name) => {
                let cookies = request.field("cookie").unwrap_or_default();
                self.escape(out, cookie(cookies, name.as_bytes()).unwrap_or_default());
                Ok(())
            }
        };
    }

    fn escape(&self, out: &mut Vec<u8>, text: &[u8]) {
        escape::append(out, text, self.settings.escaping);
    }

    /// `-` for what is not there.
    fn some(&self, out: &mut Vec<u8>, text: Option<impl AsRef<[u8]>>) -> std::io::Result<()> {
        match text.as_ref().map(AsRef::as_ref) {
            None | Some([]) => out.push(b'-'),
            Some(text) => self.escape(out, text),
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let request = &self.exchange.request;
        let all = &request.environment;
        let found = all
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        match (found, request.secured) {
            (Some((_, value)), _) => Some(Cow::Borrowed(value)),
            (None, Some(secured)) => openssl::find(secured, name.as_bytes()).map(Cow::Owned),
            (None, None) => None,
        }
    }
}

fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"HTTP/1.0",
        Version::Http11 => b"HTTP/1.1",
    }
}

/// The target without scheme and authority.
fn origin_form(target: &[u8]) -> &[u8] {
    match uri::split(target) {
        Some(Form::Absolute {
            path_and_query: b"",
            ..
        }) => b"/",
        Some(Form::Absolute { path_and_query, .. }) => path_and_query,
        _ => target,
    }
}

/// A listener's name without its port; an IPv6 address keeps its brackets.
fn address_of(listener: &str) -> &str {
    match listener.rsplit_once(':') {
        Some((address, _)) if !listener.starts_with('/') => address,
        _ => listener,
    }
}

/// Without the bits that tell persons in one network apart.
fn masked(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => IpAddr::from((u32::from(ip) & !0xff).to_be_bytes()),
        IpAddr::V6(ip) => IpAddr::from((u128::from(ip) & (u128::MAX << 80)).to_be_bytes()),
    }
}

fn append_clock(out: &mut Vec<u8>, now: Now, clock: Clock) -> std::io::Result<()> {
    let time = now.unix;
    match clock {
        Clock::Seconds => write!(out, "{}", time.as_secs()),
        Clock::Millis => write!(out, "{}", time.as_millis()),
        Clock::Micros => write!(out, "{}", time.as_micros()),
        Clock::Nanos => write!(out, "{}", time.as_nanos()),
        Clock::MillisFrac => write!(out, "{:03}", time.subsec_millis()),
        Clock::MicrosFrac => write!(out, "{:06}", time.subsec_micros()),
        Clock::NanosFrac => write!(out, "{:09}", time.subsec_nanos()),
    }
}

/// The length that is sent with a response that may have a body.
fn append_length(out: &mut Vec<u8>, response: &Response) -> std::io::Result<()> {
    match response.status {
        100..=199 | 204 | 304 => write!(out, "-"),
        _ => match response.body.length() {
            Some(length) => write!(out, "{length}"),
            // It is not sent: the body is not made yet.
            None => write!(out, "-"),
        },
    }
}

/// The value of a cookie (RFC 6265 section 5.4).
fn cookie<'c>(cookies: &'c [u8], name: &[u8]) -> Option<&'c [u8]> {
    cookies
        .split(|byte| *byte == b';')
        .filter_map(|pair| pair.trim_ascii().strip_prefix(name)?.strip_prefix(b"="))
        .next()
}
