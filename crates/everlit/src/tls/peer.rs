//! What is known of a client that speaks TLS with us: for conditions, backends and logs.
//!
//! In: what a handshake has agreed on. Out: words. Must hold: a certificate is looked at once, when the handshake ends or a
//! connection arrives, and not with each request.

use std::fmt::Write as _;

use der::{Decode as _, Encode as _, Tag, Tagged as _};
use portable_tls::rustls::pki_types::CertificateDer;
use portable_tls::{Facts, Suite};
use x509_cert::Certificate;

/// A client's TLS.
#[derive(Debug)]
pub struct Secured {
    /// Cipher suite, and version.
    pub suite: Suite,
    /// What was agreed on.
    pub facts: Facts,
    /// The client's certificate, if there is one.
    pub client: Option<Box<Client>>,
}

/// What was found when a client's certificate was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Why it is no good; `None`: it is.
    pub flaw: Option<String>,
    /// What was asked of the client ([`Settings::asked_of_clients`](crate::modules::openssl::Settings::asked_of_clients)): the
    /// certificate counts where the same is asked, and nowhere else.
    pub asked: Vec<u8>,
}

/// A client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// What was found when it was looked at.
    pub judgement: Judgement,
    /// Its subject in one line, as OpenSSL writes it.
    pub subject: String,
    /// The parts of its subject: short names and values.
    pub parts: Vec<(String, String)>,
    /// Serial number, hexadecimal.
    pub serial: String,
}

impl Secured {
    /// `judgement` is of the client's certificate, if there is one.
    pub fn new(suite: Suite, facts: Facts, judgement: Judgement) -> Secured {
        let own = facts.client_certificates.first();
        let client = own.map(|der| Box::new(Client::read(der, judgement)));
        Secured {
            suite,
            facts,
            client,
        }
    }
}

impl Client {
    fn read(der: &[u8], mut judgement: Judgement) -> Client {
        let Ok(certificate) = Certificate::from_der(der) else {
            // It was verified: only a part that nobody needed can be strange.
            let unreadable = || "the certificate cannot be read".to_owned();
            judgement.flaw.get_or_insert_with(unreadable);
            return Client {
                judgement,
                subject: String::new(),
                parts: Vec::new(),
                serial: String::new(),
            };
        };
        let own = &certificate.tbs_certificate;
        let mut parts = Vec::new();
        for attribute in own.subject.0.iter().flat_map(|set| set.0.iter()) {
            let name = short_name(&attribute.oid.to_string());
            parts.push((name, text_of(&attribute.value)));
        }
        let mut subject = String::new();
        for (index, (name, value)) in parts.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            // A string takes everything.
            let _ = write!(subject, "{comma}{name} = {value}");
        }
        let mut serial = String::new();
        let bytes = own.serial_number.as_bytes();
        let significant = bytes
            .iter()
            .position(|byte| *byte != 0)
            .unwrap_or(bytes.len());
        for byte in &bytes[significant..] {
            let _ = write!(serial, "{byte:02X}");
        }
        Client {
            judgement,
            subject,
            parts,
            serial,
        }
    }
}

/// OpenSSL's short names of what subjects have.
fn short_name(oid: &str) -> String {
    let known = match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "2.5.4.46" => "dnQualifier",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        other => other,
    };
    known.to_owned()
}

fn text_of(value: &der::Any) -> String {
    let bytes = value.value();
    match value.tag() {
        Tag::BmpString => {
            let pairs = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(pairs)
                .map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        Tag::TeletexString => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => value
                .to_der()
                .map_or_else(|_| String::new(), |der| format!("#{der:02X?}")),
        },
    }
}

/// Those of `more` that lead from this certificate to an authority, in order, without one that vouches for itself.
pub fn issuers(own: &[u8], more: &[CertificateDer<'static>]) -> Vec<CertificateDer<'static>> {
    let read = |der: &[u8]| Certificate::from_der(der).ok();
    let mut chain: Vec<CertificateDer<'static>> = Vec::new();
    let Some(mut last) = read(own) else {
        return chain;
    };
    // Each is taken once, so it ends.
    while chain.len() < more.len() {
        let issuer = &last.tbs_certificate.issuer;
        let next = more.iter().find_map(|der| {
            let found = read(der)?.tbs_certificate;
            let fits =
                found.subject == *issuer && found.subject != found.issuer && !chain.contains(der);
            fits.then_some(der)
        });
        let Some(der) = next else {
            break;
        };
        chain.push(der.clone());
        match read(der) {
            Some(certificate) => last = certificate,
            None => break,
        }
    }
    chain
}
