//! mod_openssl: TLS. lighttpd has six modules for it, one for each library, with the same directives; here they are one.
//!
//! Must hold: nothing is read from a file here. What the directives name is loaded when a generation starts
//! ([`crate::tls::store`]).

mod ciphers;
mod conf_cmd;
mod environment;

use std::path::Path;
use std::sync::Arc;

use lighttpd_conf::{Kind, Scope, Value};

pub use conf_cmd::{Group, Policy, Preference, Tickets};
pub use environment::{find, tell};

use super::{Hooks, Module};
use crate::config::paths::absolute;
use crate::config::{Change, Counts, Directive, Lack, Read, Reader, Risk, Setter};
use crate::net::Peer;
use crate::route::arrival::Arrival;
use crate::settings;

/// Settings of mod_openssl.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Settings {
    /// `ssl.engine`
    pub engine: Engine,
    /// `ssl.pemfile`: the certificate, those of authorities that are sent along, and perhaps its key.
    pub pemfile: Option<Arc<Path>>,
    /// `ssl.privkey`: its key; `None`: it is in `ssl.pemfile`.
    pub privkey: Option<Arc<Path>>,
    /// `ssl.ca-file`, `ssl.verifyclient.ca-file`: authorities that vouch for clients, and complete our own chain.
    pub authorities: Option<Arc<Path>>,
    /// `ssl.ca-dn-file`, `ssl.verifyclient.ca-dn-file`: authorities whose names clients are told.
    pub named_authorities: Option<Arc<Path>>,
    /// `ssl.ca-crl-file`, `ssl.verifyclient.ca-crl-file`: certificates of clients that were revoked.
    pub revoked: Option<Arc<Path>>,
    /// `ssl.stapling-file`: what the authority says of our certificate (OCSP), as DER.
    pub stapling: Option<Arc<Path>>,
    /// `ssl.acme-tls-1`: the directory with certificates for challenges.
    pub acme: Option<Arc<Path>>,
    /// `ssl.verifyclient.*`
    pub client: Client,
    /// `ssl.openssl.ssl-conf-cmd`, `ssl.cipher-list`
    pub policy: Arc<Policy>,
}

/// Whether a listener speaks TLS (`ssl.engine`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Engine {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

/// What is asked of clients (`ssl.verifyclient.*`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// `ssl.verifyclient.activate`: they are asked for a certificate.
    pub asked: bool,
    /// `ssl.verifyclient.enforce`: they must have one. Default on.
    pub must: bool,
    /// `ssl.verifyclient.depth`: certificates of authorities between theirs and one that is trusted. Default 9.
    pub depth: u16,
    /// `ssl.verifyclient.username`: the variable that is the user's name, as `SSL_CLIENT_S_DN_CN`; empty: none.
    pub username: Arc<str>,
    /// `ssl.verifyclient.exportcert`: backends see the whole certificate.
    pub export: bool,
}

impl Default for Client {
    fn default() -> Client {
        Client {
            asked: false,
            must: true,
            depth: 9,
            username: Arc::from(""),
            export: false,
        }
    }
}

fn file(path: &str) -> Option<Arc<Path>> {
    (!path.is_empty()).then(|| Arc::from(absolute(path)))
}

const fn of_socket(directive: Directive) -> Directive {
    directive.in_scope(Scope::Socket)
}

const CLIENT_SIDE: Lack = Lack::Purpose(
    "Encrypted Client Hello is not there: what makes handshakes here has it for clients only",
);

static DIRECTIVES: &[Directive] = &[
    of_socket(Directive::request(
        "ssl.engine",
        Setter::Bool(|settings, on| {
            settings.openssl.engine = if on { Engine::On } else { Engine::Off };
        }),
        "\"disable\"",
        "Whether this listener speaks TLS.",
    )),
    Directive::request(
        "ssl.pemfile",
        Setter::Text(|settings, path| settings.openssl.pemfile = file(path)),
        "",
        "PEM file with the certificate of the server, those of authorities to send along, and perhaps its key.",
    ),
    Directive::request(
        "ssl.privkey",
        Setter::Text(|settings, path| settings.openssl.privkey = file(path)),
        "",
        "PEM file with the key of the certificate, if it is not in ssl.pemfile.",
    ),
    Directive::request(
        "ssl.ca-file",
        Setter::Text(|settings, path| settings.openssl.authorities = file(path)),
        "",
        "PEM file with certificates of authorities, for chains that are not complete and for those of clients.",
    ),
    Directive::request(
        "ssl.verifyclient.ca-file",
        Setter::Text(|settings, path| settings.openssl.authorities = file(path)),
        "",
        "PEM file with certificates of the authorities that vouch for clients.",
    ),
    Directive::request(
        "ssl.ca-dn-file",
        Setter::Text(|settings, path| settings.openssl.named_authorities = file(path)),
        "",
        "PEM file with certificates of the authorities whose names clients are told.",
    ),
    Directive::request(
        "ssl.verifyclient.ca-dn-file",
        Setter::Text(|settings, path| settings.openssl.named_authorities = file(path)),
        "",
        "PEM file with certificates of the authorities whose names clients are told.",
    ),
    Directive::request(
        "ssl.ca-crl-file",
        Setter::Text(|settings, path| settings.openssl.revoked = file(path)),
        "",
        "PEM file with lists of client certificates that were revoked.",
    ),
    Directive::request(
        "ssl.verifyclient.ca-crl-file",
        Setter::Text(|settings, path| settings.openssl.revoked = file(path)),
        "",
        "PEM file with lists of client certificates that were revoked.",
    ),
    Directive::request(
        "ssl.stapling-file",
        Setter::Text(|settings, path| settings.openssl.stapling = file(path)),
        "",
        "DER file with what the authority says of the certificate (OCSP).",
    ),
    Directive::request(
        "ssl.acme-tls-1",
        Setter::Text(|settings, path| settings.openssl.acme = file(path)),
        "",
        "Directory with certificates for challenges by ACME: NAME.crt.pem and NAME.key.pem.",
    ),
    Directive::request(
        "ssl.verifyclient.activate",
        Setter::Bool(|settings, on| settings.openssl.client.asked = on),
        "\"disable\"",
        "Whether clients are asked for a certificate.",
    ),
    Directive::request(
        "ssl.verifyclient.enforce",
        Setter::Bool(|settings, on| settings.openssl.client.must = on),
        "\"enable\"",
        "Whether clients that are asked must have one.",
    ),
    Directive::request(
        "ssl.verifyclient.depth",
        Setter::Short(|settings, depth| settings.openssl.client.depth = depth),
        "9",
        "How many authorities may stand between a client's certificate and one that is trusted.",
    )
    .differs(
        Counts::Used,
        "the certificates that the client sends are counted",
    ),
    Directive::request(
        "ssl.verifyclient.username",
        Setter::Text(|settings, name| settings.openssl.client.username = name.into()),
        "",
        "Variable of the certificate that is the user's name, as SSL_CLIENT_S_DN_CN.",
    ),
    Directive::request(
        "ssl.verifyclient.exportcert",
        Setter::Bool(|settings, on| settings.openssl.client.export = on),
        "\"disable\"",
        "Whether backends get the whole certificate (SSL_CLIENT_CERT).",
    ),
    of_socket(Directive::request(
        "ssl.openssl.ssl-conf-cmd",
        Setter::Own(Kind::KvString, conf_cmd),
        "()",
        "Protocols, cipher suites and groups, with the keys of OpenSSL's SSL_CONF_cmd.",
    )
    .differs(
        Counts::Warned,
        "there are TLS 1.2 and 1.3 with forward secrecy, and nothing older",
    )),
    of_socket(Directive::request(
        "ssl.cipher-list",
        Setter::Own(Kind::String, cipher_list),
        "",
        "Cipher suites of TLS 1.2, as OpenSSL lists them.",
    )
    .differs(
        Counts::Warned,
        "there are the suites of TLS 1.2 with forward secrecy and authenticated encryption, and no others",
    )),
    Directive::server(
        "ssl.stek-file",
        Setter::Text(|draft, path| {
            draft.server.ticket_keys = (!path.is_empty()).then(|| absolute(path));
        }),
        "",
        "File with a key for session tickets that other servers share, read at each start and reload.",
    )
    .differs(
        Counts::Used,
        "tickets are sealed in another way, so all servers that share it must be Everlit",
    ),
    Directive::nothing(
        "ssl.read-ahead",
        Kind::Bool,
        Scope::Connection,
        "\"disable\"",
        "Records are always read as many as there are.",
    )
    .differs(
        Counts::Used,
        "any value means the same: records are read as many as there are",
    ),
    Directive::nothing(
        "ssl.disable-client-renegotiation",
        Kind::Bool,
        Scope::Connection,
        "\"enable\"",
        "Nobody renegotiates.",
    )
    .differs(
        Counts::Used,
        "any value means the same: nobody renegotiates",
    ),
    Directive::nothing(
        "debug.log-ssl-noise",
        Kind::Bool,
        Scope::Connection,
        "\"disable\"",
        "Handshakes that clients break off are never logged.",
    )
    .differs(
        Counts::Used,
        "any value means the same: such handshakes are never logged",
    ),
    Directive::unsupported(
        "ssl.ech-opts",
        Kind::KvAny,
        Scope::Socket,
        CLIENT_SIDE,
        Risk::Visible,
        "Encrypted Client Hello.",
    ),
    Directive::unsupported(
        "ssl.ech-public-name",
        Kind::String,
        Scope::Connection,
        CLIENT_SIDE,
        Risk::Visible,
        "Name that everybody may see.",
    )
    .obsolete("write ssl.ech-opts = ( \"public-names\" => ... )"),
];

fn conf_cmd(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut policy = Policy::default();
    conf_cmd::read(value, &mut policy, reader)?;
    Ok(Change::new(move |settings: &mut settings::Settings| {
        let over = policy.over(&settings.openssl.policy);
        settings.openssl.policy = Arc::new(over);
    }))
}

fn cipher_list(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let text = value.to_str()?;
    let mut policy = Policy::default();
    if !text.is_empty() {
        conf_cmd::cipher_list(text, value.span, &mut policy, reader);
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        let mut both = (*settings.openssl.policy).clone();
        both.suites[0].clone_from(&policy.suites[0]);
        both.preference = policy.preference;
        settings.openssl.policy = Arc::new(both);
    }))
}

impl Settings {
    /// Files that are read when a generation starts.
    pub fn files(&self) -> impl Iterator<Item = &Arc<Path>> {
        let certificates = [&self.pemfile, &self.privkey, &self.stapling];
        let authorities = [&self.authorities, &self.named_authorities, &self.revoked];
        certificates.into_iter().chain(authorities).flatten()
    }

    /// Everything that decides which clients are let in, as bytes to compare; empty if nothing is asked of them.
    pub fn asked_of_clients(&self) -> Vec<u8> {
        let mut asked = Vec::new();
        if !self.client.asked {
            return asked;
        }
        asked.push(u8::from(self.client.must));
        asked.extend_from_slice(&self.client.depth.to_be_bytes());
        for path in [&self.authorities, &self.named_authorities, &self.revoked] {
            let path = path
                .as_ref()
                .map(|path| path.as_os_str().as_encoded_bytes());
            asked.extend_from_slice(path.unwrap_or_default());
            asked.push(0);
        }
        asked
    }
}

fn connection_accept(_peer: &Peer, settings: &settings::Settings) -> Arrival {
    match settings.openssl.engine {
        Engine::On => Arrival::Secured,
        Engine::Off => Arrival::AsEver,
    }
}

/// The module, and its other names in lighttpd.
pub static MODULE: Module = Module {
    name: "mod_openssl",
    directives: DIRECTIVES,
    hooks: Hooks {
        connection_accept: Some(connection_accept),
        uri_raw: Some(environment::uri_raw),
        ..Hooks::NONE
    },
};

/// Its names in lighttpd, one for each library.
pub static ALIASES: &[&str] = &[
    "mod_boringssl",
    "mod_gnutls",
    "mod_mbedtls",
    "mod_nss",
    "mod_wolfssl",
];
