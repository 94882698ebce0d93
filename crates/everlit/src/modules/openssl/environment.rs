//! What backends and logs are told of TLS, in lighttpd's words.
//!
//! In: a request, and what is known of its client's TLS. Out: variables. Must hold: a client that was let in under one name is
//! not served under another that demands more of it.

use super::Settings;
use crate::exchange::{Exchange, Flow};
use crate::request::Request;
use crate::settings;
use crate::tls::Secured;
use crate::tls::peer::Client;

/// Variables that every request over TLS has.
pub fn tell(secured: &Secured, mut put: impl FnMut(&'static str, &[u8])) {
    let suite = secured.suite;
    put("SSL_PROTOCOL", suite.version().name().as_bytes());
    put("SSL_CIPHER", suite.openssl_name().as_bytes());
    let bits: &[u8] = match suite.key_bits() {
        128 => b"128",
        _ => b"256",
    };
    put("SSL_CIPHER_USEKEYSIZE", bits);
    put("SSL_CIPHER_ALGKEYSIZE", bits);
}

/// One of them, and those of the client's certificate.
pub fn find(secured: &Secured, name: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    tell(secured, |known, value| {
        if known.as_bytes() == name {
            found = Some(value.to_vec());
        }
    });
    found
}

pub(super) fn uri_raw(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let settings = &settings.openssl;
    if !settings.client.asked {
        return Flow::GoOn;
    }
    let request = &mut exchange.request;
    let Some(secured) = request.secured else {
        return Flow::GoOn;
    };
    // The session may have been made for another host, that asked for something else, or for nothing.
    let client = secured.client.as_deref();
    let client = client.filter(|client| client.judgement.asked == settings.asked_of_clients());
    if settings.client.must && client.is_none() {
        // Misdirected Request (RFC 9110 section 15.5.20).
        exchange.response.status = 421;
        return Flow::Done;
    }
    certificate(request, secured, client, settings);
    Flow::GoOn
}

fn certificate(
    request: &mut Request<'_>,
    secured: &Secured,
    client: Option<&Client>,
    settings: &Settings,
) {
    let Some(client) = client else {
        request.set_variable("SSL_CLIENT_VERIFY", b"NONE");
        return;
    };
    if let Some(flaw) = &client.judgement.flaw {
        request.set_variable("SSL_CLIENT_VERIFY", format!("FAILED:{flaw}").as_bytes());
        return;
    }
    request.set_variable("SSL_CLIENT_VERIFY", b"SUCCESS");
    request.set_variable("SSL_CLIENT_S_DN", client.subject.as_bytes());
    for (name, value) in &client.parts {
        request.set_variable(&format!("SSL_CLIENT_S_DN_{name}"), value.as_bytes());
    }
    request.set_variable("SSL_CLIENT_M_SERIAL", client.serial.as_bytes());
    if let Some(user) = named(client, &settings.client.username) {
        request.set_variable("REMOTE_USER", user.as_bytes());
        request.set_variable("AUTH_TYPE", b"SSL_CLIENT_VERIFY");
    }
    if settings.client.export
        && let Some(der) = secured.facts.client_certificates.first()
    {
        request.set_variable("SSL_CLIENT_CERT", pem(der).as_bytes());
    }
}

/// The variable that is the user's name.
fn named<'c>(client: &'c Client, variable: &str) -> Option<&'c str> {
    if variable == "SSL_CLIENT_M_SERIAL" {
        return Some(&client.serial);
    }
    let part = variable.strip_prefix("SSL_CLIENT_S_DN_")?;
    let named = client.parts.iter().find(|(name, _)| name == part);
    named.map(|(_, value)| value.as_str())
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
