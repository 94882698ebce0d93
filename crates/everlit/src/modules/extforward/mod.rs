//! mod_extforward: the client is who a trusted proxy says it is.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use lighttpd_conf::network::Network;
use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::nearest::nearest;
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::net::{Peer, Scheme};
use crate::request::{Request, Told};
use crate::route::arrival::Arrival;
use crate::route::uri::{self, ParseOptions};
use crate::settings;
use crate::transport::proxy_protocol::Certificate;

mod chain;

use chain::Unclosed;

/// Settings of mod_extforward.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `extforward.forwarder`
    pub forwarders: Arc<Forwarders>,
    /// `extforward.headers`: names of fields, the first that is there counts; empty: `X-Forwarded-For` or
    /// `Forwarded-For`, unless `extforward.hap-PROXY` tells the client.
    pub headers: Arc<[String]>,
    /// `extforward.params`
    pub params: Params,
    /// `extforward.hap-PROXY`
    pub proxy_protocol: bool,
    /// `extforward.hap-PROXY-ssl-client-verify`
    pub client_certificates: bool,
}

/// `extforward.params`: what else `Forwarded` may tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// The host that the client asked for.
    pub host: bool,
    /// The name of an authenticated user.
    pub remote_user: bool,
}

/// `extforward.forwarder`: who is trusted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forwarders {
    /// "all": decides for the other end of a connection, whoever that is. Addresses that a proxy tells of are judged one
    /// by one nevertheless: otherwise a client could write what it likes.
    everybody: Option<Trust>,
    /// Single addresses, which go before networks.
    addresses: HashMap<IpAddr, Trust>,
    /// Trusted networks.
    networks: Vec<Network>,
}

/// Whether somebody is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Given,
    Refused,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "extforward.forwarder",
        Setter::Own(Kind::KvString, forwarder),
        "()",
        "Proxies that may tell the client's address: IP addresses, networks or \"all\", each => \"trust\" or \"untrusted\".",
    ),
    Directive::request(
        "extforward.headers",
        Setter::List(|settings, names| settings.extforward.headers = names.into()),
        "()",
        "Header fields that tell it, the first that is there; none: X-Forwarded-For or Forwarded-For.",
    ),
    Directive::request(
        "extforward.params",
        Setter::Own(Kind::KvAny, params),
        "()",
        "What else the Forwarded field may tell: host, remote_user.",
    ),
    Directive::request(
        "extforward.hap-PROXY",
        Setter::Bool(|settings, on| settings.extforward.proxy_protocol = on),
        "\"disable\"",
        "Whether connections of trusted proxies begin with the PROXY protocol, version 1 or 2.",
    ),
    Directive::request(
        "extforward.hap-PROXY-ssl-client-verify",
        Setter::Bool(|settings, on| settings.extforward.client_certificates = on),
        "\"disable\"",
        "Whether the name in a client certificate that the PROXY protocol tells of is that of the user.",
    ),
];

fn forwarder(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut forwarders = Forwarders::default();
    for (who, trust) in value.to_map()? {
        let word = trust.to_str()?;
        let trusts = match word.to_ascii_lowercase().as_str() {
            "trust" => Trust::Given,
            "untrusted" => Trust::Refused,
            _ => {
                let message = format!("\"{who}\" is not trusted: \"trust\" is expected here");
                reader.warn(trust.span, message);
                Trust::Refused
            }
        };
        if who == "all" {
            forwarders.everybody = Some(trusts);
            continue;
        }
        match (Network::parse(who), who.contains('/')) {
            (Ok(network), true) if trusts == Trust::Given => forwarders.networks.push(network),
            (Ok(_), true) => reader.warn(
                trust.span,
                format!("network {who} has no effect: only single addresses can be untrusted"),
            ),
            (Ok(_), false) => {
                let bare = who.trim_start_matches('[').trim_end_matches(']');
                if let Ok(address) = bare.parse::<IpAddr>() {
                    forwarders.addresses.insert(address.to_canonical(), trusts);
                }
            }
            (Err(error), true) => reader.error(
                trust.span,
                format!("extforward.forwarder: {error}"),
                "write a network as in \"10.0.0.0/8\"",
            ),
            (Err(error), false) => {
                reader.warn(trust.span, format!("extforward.forwarder: {error}"));
            }
        }
    }
    let forwarders = Arc::new(forwarders);
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.extforward.forwarders = forwarders.clone();
    }))
}

const PARAMS: &[&str] = &["host", "remote_user"];

fn params(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut params = Params::default();
    for (key, setting) in value.to_map()? {
        let on = setting.to_bool()?;
        match key {
            "host" => params.host = on,
            "remote_user" => params.remote_user = on,
            _ => {
                let help = match nearest(key, PARAMS.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("keys are {}", PARAMS.join(", ")),
                };
                let message = format!("unknown key \"{key}\" in extforward.params");
                reader.error(setting.span, message, help);
            }
        }
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.extforward.params = params;
    }))
}

impl Forwarders {
    /// Whether the other end of a connection may say who the client is.
    pub fn trusts_neighbour(&self, peer: &Peer) -> bool {
        match (self.everybody, peer.ip()) {
            (Some(trust), _) => trust == Trust::Given,
            (None, Some(ip)) => self.trusts(ip),
            (None, None) => false,
        }
    }

    /// Whether an address that a proxy tells of is that of a trusted proxy.
    fn trusts(&self, address: IpAddr) -> bool {
        match self.addresses.get(&address) {
            Some(trust) => *trust == Trust::Given,
            None => self
                .networks
                .iter()
                .any(|network| network.contains(address)),
        }
    }
}

impl Settings {
    /// The field that tells of the client: its name and value.
    fn field<'s, 'r>(&'s self, request: &'r Request<'_>) -> Option<(&'s str, &'r [u8])> {
        let find = |name: &'s str| {
            let value = request.field(name).filter(|value| !value.is_empty())?;
            Some((name, value))
        };
        match &self.headers[..] {
            [] if self.proxy_protocol => None,
            [] => find("X-Forwarded-For").or_else(|| find("Forwarded-For")),
            names => names.iter().find_map(|name| find(name)),
        }
    }
}

/// What is told of a client, and the name of a user.
type Named = (Told, Option<Vec<u8>>);

/// What a request's fields tell of the client.
fn told(request: &Request<'_>, settings: &Settings) -> Result<Option<Named>, Wrong> {
    let trusts = |address| settings.forwarders.trusts(address);
    let Some((name, value)) = settings.field(request) else {
        return Ok(None);
    };
    if !name.eq_ignore_ascii_case("Forwarded") {
        let address = chain::x_forwarded_for(value, trusts);
        return Ok(address.map(|address| {
            let told = Told {
                peer: Peer::without_port(address),
                scheme: request.field("X-Forwarded-Proto").and_then(Scheme::named),
                host: None,
            };
            (told, None)
        }));
    }
    let said = chain::forwarded(value, trusts).map_err(|Unclosed| Wrong::Quotes)?;
    let Some(said) = said else {
        return Ok(None);
    };
    let host = match said.host.filter(|_| settings.params.host) {
        Some(host) => {
            let normal = uri::host(&host, &ParseOptions::default());
            Some(normal.map_err(|_| Wrong::Host)?.into_owned())
        }
        None => None,
    };
    let told = Told {
        peer: Peer::without_port(said.address),
        scheme: said.proto.and_then(Scheme::named),
        host,
    };
    Ok(Some((
        told,
        said.user.filter(|_| settings.params.remote_user),
    )))
}

/// What is wrong with a field of a trusted proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// A quoted string has no end.
    Quotes,
    /// The host is none.
    Host,
}

fn uri_raw(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let errors = &settings.core.errors;
    let settings = &settings.extforward;
    let request = &mut exchange.request;
    tell_tls(request, settings);
    if !settings.forwarders.trusts_neighbour(request.neighbour) {
        return Flow::GoOn;
    }
    match told(request, settings) {
        Ok(None) => Flow::GoOn,
        Ok(Some((told, user))) => {
            request.hear(told);
            if let Some(user) = user {
                request.set_variable("REMOTE_USER", &user);
            }
            Flow::Again
        }
        Err(wrong) => {
            let what = match wrong {
                Wrong::Quotes => "a quoted string without an end",
                Wrong::Host => "a host that is none",
            };
            let text = format_args!("{}: Forwarded has {what}", request.neighbour);
            errors.say(MODULE.name, text);
            exchange.response.status = 400;
            Flow::Done
        }
    }
}

/// Tells backends and logs what a proxy has told of TLS (PROXY protocol), in the words of mod_openssl.
fn tell_tls(request: &mut Request<'_>, settings: &Settings) {
    if let Some(tls) = request.tls {
        for (name, value) in [
            ("SSL_PROTOCOL", &tls.version),
            ("SSL_CIPHER", &tls.cipher),
            ("SSL_SERVER_A_SIG", &tls.signature),
            ("SSL_SERVER_A_KEY", &tls.key),
            ("SSL_CLIENT_S_DN_CN", &tls.common_name),
        ] {
            if let Some(value) = value {
                request.set_variable(name, value);
            }
        }
    }
    if !settings.client_certificates {
        return;
    }
    let verified = request
        .tls
        .filter(|tls| tls.certificate == Certificate::Verified);
    match verified.and_then(|tls| tls.common_name.as_deref()) {
        Some(user) => {
            request.set_variable("SSL_CLIENT_VERIFY", b"SUCCESS");
            request.set_variable("REMOTE_USER", user);
            request.set_variable("AUTH_TYPE", b"SSL_CLIENT_VERIFY");
        }
        None => request.set_variable("SSL_CLIENT_VERIFY", b"NONE"),
    }
}

fn connection_accept(peer: &Peer, settings: &settings::Settings) -> Arrival {
    let settings = &settings.extforward;
    match settings.proxy_protocol && settings.forwarders.trusts_neighbour(peer) {
        true => Arrival::Introduced,
        false => Arrival::AsEver,
    }
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_extforward",
    directives: DIRECTIVES,
    hooks: Hooks {
        connection_accept: Some(connection_accept),
        uri_raw: Some(uri_raw),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests;
