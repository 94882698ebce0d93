//! `ssl.openssl.ssl-conf-cmd` (SSL_CONF_cmd(3)) and `ssl.cipher-list`, as far as rustls has what they are about.
//!
//! In: pairs of strings. Out: a [`Policy`], and remarks. Must hold: what leaves nothing to speak is an error; what has no
//! effect is said to have none, unless it only asks for what is so anyway.

use lighttpd_conf::{Span, Value, ValueError};
use portable_tls::{Suite, Version};

use super::ciphers::{self, List};
use crate::config::Reader;
use crate::config::nearest::nearest;

/// What is offered to clients, beside certificates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Versions.
    pub versions: Vec<Version>,
    /// Cipher suites of both versions, in order; `None`: all, as rustls orders them.
    pub suites: [Option<Vec<Suite>>; 2],
    /// Key exchange groups, in order; `None`: all.
    pub groups: Option<Vec<Group>>,
    /// Whose order of cipher suites counts.
    pub preference: Preference,
    /// Whether sessions can be resumed by tickets.
    pub tickets: Tickets,
}

/// Key exchange groups that rustls has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// X25519 with ML-KEM-768 (post-quantum).
    X25519MlKem768,
    /// X25519.
    X25519,
    /// P-256.
    Secp256r1,
    /// P-384.
    Secp384r1,
}

/// Whose order of cipher suites counts (`Options` => `ServerPreference`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preference {
    /// The client's: it knows whether it has AES in hardware, and all we offer is strong.
    #[default]
    Client,
    /// Ours: the order was written down.
    Server,
}

/// Whether there are session tickets (`Options` => `SessionTicket`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tickets {
    /// Yes.
    #[default]
    Given,
    /// No.
    Withheld,
}

/// Index into [`Policy::suites`].
const TLS12: usize = 0;
const TLS13: usize = 1;

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            versions: vec![Version::Tls12, Version::Tls13],
            suites: [None, None],
            groups: None,
            preference: Preference::default(),
            tickets: Tickets::default(),
        }
    }
}

impl Policy {
    /// This one, and what another says that this one leaves open: the cipher suites.
    #[must_use]
    pub fn over(&self, base: &Policy) -> Policy {
        let mut policy = self.clone();
        for (own, other) in policy.suites.iter_mut().zip(&base.suites) {
            if own.is_none() && other.is_some() {
                own.clone_from(other);
                policy.preference = base.preference;
            }
        }
        policy
    }

    /// The cipher suites of a version.
    pub fn suites_of(&self, version: Version) -> Option<&[Suite]> {
        let index = match version {
            Version::Tls12 => TLS12,
            Version::Tls13 => TLS13,
        };
        self.suites[index].as_deref()
    }
}

const KEYS: &[&str] = &[
    "MinProtocol",
    "MaxProtocol",
    "Protocol",
    "CipherString",
    "Ciphersuites",
    "Curves",
    "Groups",
    "Options",
];

/// Keys of OpenSSL for what is not there.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("DHParameters", "there is no key exchange in finite fields"),
    ("SecurityLevel", "what is offered has level 2 at least"),
    ("SignatureAlgorithms", "the certificate's key decides"),
    (
        "ClientSignatureAlgorithms",
        "all that are safe are accepted",
    ),
    ("RecordPadding", "records are not padded"),
    ("NumTickets", "the number of tickets is fixed"),
    (
        "ECDHParameters",
        "keys for the key exchange are always fresh",
    ),
];

/// Reads the pairs of `ssl.openssl.ssl-conf-cmd` into `policy`.
pub(super) fn read(
    value: &Value,
    policy: &mut Policy,
    reader: &mut Reader,
) -> Result<(), ValueError> {
    let mut range = [Version::Tls12, Version::Tls13];
    let mut named: Option<Vec<Version>> = None;
    for (key, value) in value.to_map()? {
        let text = value.to_str()?;
        let at = value.span;
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        if is("MinProtocol") {
            range[0] = lowest(text, at, reader);
        } else if is("MaxProtocol") {
            match highest(text) {
                Some(version) => range[1] = version,
                None => no_version(at, reader),
            }
        } else if is("Protocol") {
            named = Some(protocols(text));
        } else if is("CipherString") {
            cipher_list(text, at, policy, reader);
        } else if is("Ciphersuites") {
            take(ciphers::tls13(text), TLS13, at, policy, reader);
        } else if is("Curves") || is("Groups") {
            policy.groups = Some(groups(text, at, reader));
        } else if is("Options") {
            options(text, at, policy, reader);
        } else if let Some((name, why)) = WITHOUT_EFFECT.iter().find(|(name, _)| is(name)) {
            reader.warn(at, format!("{name} has no effect: {why}"));
        } else {
            let near = nearest(key, KEYS.iter().copied());
            let help = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
            reader.warn(
                at,
                format!("{key} has no effect: this server's TLS does not know it{help}"),
            );
        }
    }
    let within = |version: &Version| (range[0] as u8..=range[1] as u8).contains(&(*version as u8));
    let mut versions = named.unwrap_or_else(|| vec![Version::Tls12, Version::Tls13]);
    versions.retain(within);
    if versions.is_empty() {
        no_version(value.span, reader);
    } else {
        policy.versions = versions;
    }
    Ok(())
}

fn no_version(at: Span, reader: &mut Reader) {
    reader.error(
        at,
        "no version of TLS is left to speak",
        "allow TLSv1.2 or TLSv1.3: older versions are not safe and not there",
    );
}

/// `CipherString` and `ssl.cipher-list`.
pub(super) fn cipher_list(text: &str, at: Span, policy: &mut Policy, reader: &mut Reader) {
    take(ciphers::tls12(text), TLS12, at, policy, reader);
}

fn take(list: List, version: usize, at: Span, policy: &mut Policy, reader: &mut Reader) {
    for word in &list.unknown {
        reader.warn(at, format!("no cipher suite is called \"{word}\" here"));
    }
    if list.suites.is_empty() {
        let have = Suite::all()
            .map(Suite::openssl_name)
            .collect::<Vec<_>>()
            .join(", ");
        let message = "no cipher suite of this list can be offered";
        reader.error(at, message, format!("there are {have}"));
        return;
    }
    policy.suites[version] = Some(list.suites);
    policy.preference = Preference::Server;
}

/// `MinProtocol`
fn lowest(text: &str, at: Span, reader: &mut Reader) -> Version {
    match text.to_ascii_lowercase().as_str() {
        "tlsv1.3" => Version::Tls13,
        "tlsv1.2" => Version::Tls12,
        "none" | "sslv3" | "tlsv1" | "tlsv1.0" | "tlsv1.1" => {
            reader.warn(
                at,
                format!("{text} is not spoken: TLSv1.2 is the lowest version"),
            );
            Version::Tls12
        }
        _ => {
            let message = format!("there is no version \"{text}\"");
            reader.error(at, message, "versions are TLSv1.2 and TLSv1.3");
            Version::Tls12
        }
    }
}

/// `MaxProtocol`; nothing if it allows none that we have.
fn highest(text: &str) -> Option<Version> {
    match text.to_ascii_lowercase().as_str() {
        "none" | "tlsv1.3" => Some(Version::Tls13),
        "tlsv1.2" => Some(Version::Tls12),
        _ => None,
    }
}

/// `Protocol`: names with `-` before those that are taken away, from what was there before.
fn protocols(text: &str) -> Vec<Version> {
    let mut versions = Vec::new();
    for (index, word) in text.split(',').map(str::trim).enumerate() {
        let (takes, name) = match word.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, word.trim_start_matches('+')),
        };
        if index == 0 && takes {
            versions = vec![Version::Tls12, Version::Tls13];
        }
        let meant: &[Version] = match name.to_ascii_lowercase().as_str() {
            "all" => &[Version::Tls12, Version::Tls13],
            "tlsv1.2" => &[Version::Tls12],
            "tlsv1.3" => &[Version::Tls13],
            _ => &[],
        };
        versions.retain(|version| !meant.contains(version));
        if !takes {
            versions.extend(meant);
        }
    }
    versions
}

/// `Groups`, `Curves`: names separated by colons; those that are not there are left out.
fn groups(text: &str, at: Span, reader: &mut Reader) -> Vec<Group> {
    let mut groups = Vec::new();
    for name in text
        .split(':')
        .map(|name| name.trim().trim_start_matches(['*', '?']))
    {
        let group = match name.to_ascii_lowercase().as_str() {
            "x25519mlkem768" => Group::X25519MlKem768,
            "x25519" => Group::X25519,
            "p-256" | "prime256v1" | "secp256r1" => Group::Secp256r1,
            "p-384" | "secp384r1" => Group::Secp384r1,
            _ => {
                reader.warn(at, format!("there is no key exchange \"{name}\" here"));
                continue;
            }
        };
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    if groups.is_empty() {
        let help = "groups are X25519MLKEM768, X25519, P-256 and P-384";
        reader.error(at, "no key exchange is left", help);
    }
    groups
}

/// Options that ask for what is so anyway, or forbid what is not there.
const GRANTED: &[&str] = &[
    "+norenegotiation",
    "-compression",
    "-unsafelegacyrenegotiation",
    "-clientrenegotiation",
    "+bugs",
    "-bugs",
    "+dhsingle",
    "-dhsingle",
    "+ecdhsingle",
    "+singleecdhuse",
    "+singledhuse",
    "+emptyfragments",
    "-emptyfragments",
    "+encryptthenmac",
    "+extendedmastersecret",
    "+nocompression",
    "+noresumptiononrenegotiation",
    "+antireplay",
    "-allownodhekex",
    "-middleboxcompat",
    "+middleboxcompat",
    "+prioritizechacha",
    "-prioritizechacha",
    "+caneames",
    "-ktls",
    "+ignoreunexpectedeof",
    "-ignoreunexpectedeof",
];

fn options(text: &str, at: Span, policy: &mut Policy, reader: &mut Reader) {
    for word in text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        let signed = match word.as_bytes()[0] {
            b'-' | b'+' => word.to_ascii_lowercase(),
            _ => format!("+{}", word.to_ascii_lowercase()),
        };
        match signed.as_str() {
            "+serverpreference" => policy.preference = Preference::Server,
            "-serverpreference" => policy.preference = Preference::Client,
            "+sessionticket" => policy.tickets = Tickets::Given,
            "-sessionticket" => policy.tickets = Tickets::Withheld,
            granted if GRANTED.contains(&granted) => {}
            _ => reader.warn(at, format!("the option {word} has no effect")),
        }
    }
}
