//! What will go wrong with a certificate one day, or does for some of its names.
//!
//! In: a certificate, and where it is used. Out: sentences. Must hold: only what is certain is said.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use der::Decode as _;
use lighttpd_conf::{Block, Config, Field, Operator};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::store::Store;
use crate::modules::openssl::Settings;

/// How long before its end it is said that a certificate expires.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// What is to be said of the certificate of this block.
pub(super) fn remarks(
    config: &Config,
    block: &Block,
    settings: &Settings,
    store: &Store,
) -> Vec<String> {
    let mut remarks = Vec::new();
    let Some(path) = &settings.pemfile else {
        return remarks;
    };
    let Some(contents) = store.get(path) else {
        return remarks;
    };
    let Some(certificate) = contents
        .certificates
        .first()
        .and_then(|der| Certificate::from_der(der).ok())
    else {
        return remarks;
    };
    let shown = path.display();
    let own = &certificate.tbs_certificate;
    let now = SystemTime::now();
    let (begin, end) = (
        own.validity.not_before.to_system_time(),
        own.validity.not_after.to_system_time(),
    );
    if end <= now {
        remarks.push(format!(
            "the certificate in {shown} has expired on {}",
            httpdate::fmt_http_date(end)
        ));
    } else if end <= now + SOON {
        remarks.push(format!(
            "the certificate in {shown} expires on {}",
            httpdate::fmt_http_date(end)
        ));
    }
    if begin > now {
        remarks.push(format!(
            "the certificate in {shown} is not valid before {}",
            httpdate::fmt_http_date(begin)
        ));
    }
    let is_alone = contents.certificates.len() == 1 && settings.authorities.is_none();
    if is_alone && own.subject != own.issuer {
        remarks.push(format!(
            "{shown} has no certificate of the authority that has signed the server's: clients may not trust it; append what the authority calls the chain"
        ));
    }
    let names = names(own);
    if let Some(host) = host(config, block)
        && !names.iter().any(|name| covers(name, &host))
    {
        let list = if names.is_empty() {
            "no name".to_owned()
        } else {
            names.join(", ")
        };
        remarks.push(format!(
            "the certificate in {shown} is for {list}, not for {host}"
        ));
    }
    remarks
}

/// The one host that a block is for, if it is for one.
fn host(config: &Config, block: &Block) -> Option<String> {
    let condition = block.condition.as_ref()?;
    if condition.field == Field::Host && condition.operator == Operator::Equal {
        let bare = crate::route::uri::without_any_port(condition.value.as_bytes());
        return String::from_utf8(bare.to_vec()).ok();
    }
    let parent = block.parent?;
    host(config, &config.blocks()[parent.index()])
}

fn names(own: &x509_cert::TbsCertificate) -> Vec<String> {
    let Ok(Some((_, names))) = own.get::<SubjectAltName>() else {
        return Vec::new();
    };
    let names = names.0.into_iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => match bytes.as_bytes() {
            four if four.len() == 4 => {
                Some(IpAddr::from(<[u8; 4]>::try_from(four).ok()?).to_string())
            }
            sixteen => Some(IpAddr::from(<[u8; 16]>::try_from(sixteen).ok()?).to_string()),
        },
        _ => None,
    });
    names.collect()
}

/// Whether a name of a certificate is that of a host (RFC 6125 section 6.4).
fn covers(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(parent), Some((_, rest))) => parent.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_is_one_label() {
        assert!(covers("*.example.org", "www.EXAMPLE.org"));
        assert!(covers("example.org", "Example.org"));
        assert!(!covers("*.example.org", "example.org"));
        assert!(!covers("*.example.org", "a.b.example.org"));
    }
}
