//! What handshakes work with: one configuration of rustls for each set of settings that was met.
//!
//! In: settings, and what their files contain. Out: a [`Context`]. Must hold: a certificate without its key serves nobody; a
//! ticket lets nobody in where more is asked of clients than where it was made.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portable_tls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use portable_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use portable_tls::rustls::server::{
    NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier,
};
use portable_tls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use portable_tls::rustls::{self, RootCertStore, ServerConfig};
use portable_tls::{ACME_TLS_1, Config, Suite, UnixSeconds, Version};

use super::peer::Judgement;
use super::snapshot::Snapshot;
use super::store::Store;
use super::verify::Asking;
use crate::config::MAX_KNOWN;
use crate::errorlog;
use crate::modules::openssl::{
    Client, Group, Policy, Preference, Settings as Wanted, Tickets as Allowed,
};

/// How a listener speaks TLS with those whom these settings are for.
#[derive(Clone, Debug)]
pub struct Context {
    /// For the handshake.
    pub config: Config,
    /// Looks at certificates of clients; `None`: nobody is asked for one.
    asking: Option<Arc<Asking>>,
    /// See [`Wanted::asked_of_clients`].
    asked: Arc<[u8]>,
}

/// Why there is no context.
#[derive(Debug)]
pub enum ContextError {
    /// `ssl.pemfile` is not set.
    NoCertificate,
    /// A file has no certificate, or was not read.
    Empty(PathBuf),
    /// None of the keys is that of the certificate.
    NoKey(PathBuf),
    /// rustls refuses something in it.
    Refused {
        /// What.
        what: &'static str,
        /// Where it is from.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Clients are to be verified, and `ssl.verifyclient.ca-file` is not set.
    NoAuthorities,
    /// The policy leaves nothing.
    Nothing(rustls::Error),
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContextError::NoCertificate => {
                f.write_str("ssl.engine is on, and no ssl.pemfile is set")
            }
            ContextError::Empty(path) => write!(f, "{} has no certificate", path.display()),
            ContextError::NoKey(path) => {
                write!(
                    f,
                    "there is no key for the certificate in {}: set ssl.privkey to the file that has it",
                    path.display()
                )
            }
            ContextError::Refused { what, path, cause } => {
                write!(f, "{what} in {}: {cause}", path.display())
            }
            ContextError::NoAuthorities => {
                f.write_str("ssl.verifyclient.activate needs ssl.verifyclient.ca-file")
            }
            ContextError::Nothing(error) => write!(f, "ssl.openssl.ssl-conf-cmd: {error}"),
        }
    }
}

impl std::error::Error for ContextError {}

/// Seconds between two times at which the keys for tickets are told the time.
const TELL_EVERY: UnixSeconds = 60;

/// The contexts that were met; one for each worker thread.
#[derive(Debug)]
pub struct Contexts {
    materials: Materials,
    /// `None`: there is none, and that was said.
    known: HashMap<Wanted, Option<Context>>,
    /// When the keys for tickets were told the time.
    told: UnixSeconds,
}

/// What contexts are made of.
#[derive(Clone, Debug, Default)]
pub struct Materials {
    /// What files contain.
    pub store: Arc<Store>,
    /// Keys for tickets.
    pub tickets: Option<Arc<portable_tls::Tickets>>,
    /// Who makes new ones.
    pub rotation: Rotation,
}

/// Who makes new keys for tickets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// We do, and our successor goes on with ours.
    #[default]
    Own,
    /// Whoever writes the file that other servers share (`ssl.stek-file`).
    Shared,
}

impl Contexts {
    /// None yet.
    pub fn new(materials: Materials) -> Contexts {
        Contexts {
            materials,
            known: HashMap::new(),
            told: 0,
        }
    }

    /// Files were read anew, or keys for tickets changed: for handshakes from now on.
    pub fn renew(&mut self, materials: Materials) {
        *self = Contexts::new(materials);
    }

    /// The context for these settings; `None`: there is none, because a file does not have what it must have. When the server
    /// started that was looked at for each block of the configuration, but not for each combination of them.
    pub fn of(&mut self, wanted: &Wanted) -> Option<&Context> {
        let now = super::unix_now();
        if now.saturating_sub(self.told) >= TELL_EVERY {
            self.told = now;
            self.materials.tell(now);
        }
        if !self.known.contains_key(wanted) {
            if self.known.len() >= MAX_KNOWN {
                self.known.clear();
            }
            let context = self.materials.context(wanted);
            if let Err(error) = &context {
                errorlog::say(
                    "mod_openssl",
                    format_args!("a client is turned away: {error}"),
                );
            }
            self.known.insert(wanted.clone(), context.ok());
        }
        self.known.get(wanted)?.as_ref()
    }
}

impl Materials {
    /// Keys that our successor is to go on with.
    pub fn own_tickets(&self) -> Option<&portable_tls::Tickets> {
        self.tickets
            .as_deref()
            .filter(|_| self.rotation == Rotation::Own)
    }

    /// Goes on with our predecessor's keys.
    pub fn adopt(&self, exported: &[u8]) {
        if let (Some(own), Ok(theirs)) =
            (self.own_tickets(), portable_tls::Tickets::import(exported))
        {
            own.succeed(theirs);
        }
    }

    /// Tells the keys what time it is: from time to time there is a new one.
    pub fn tell(&self, now: portable_tls::UnixSeconds) {
        match (&self.tickets, self.rotation) {
            (Some(tickets), Rotation::Shared) => tickets.tell(now),
            // Without randomness the old one goes on.
            (Some(tickets), Rotation::Own) => drop(tickets.rotate(now)),
            (None, _) => {}
        }
    }

    /// Makes a context.
    pub fn context(&self, wanted: &Wanted) -> Result<Context, ContextError> {
        let provider = Arc::new(provider(&wanted.policy));
        let key = self.certified_key(wanted, &provider)?;
        let asking = self.asking(&wanted.client, wanted, &provider)?;
        let asked = wanted.asked_of_clients();
        let versions: Vec<_> = wanted
            .policy
            .versions
            .iter()
            .map(|version| match version {
                Version::Tls12 => &rustls::version::TLS12,
                Version::Tls13 => &rustls::version::TLS13,
            })
            .collect();
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(ContextError::Nothing)?;
        let builder = match &asking {
            None => builder.with_no_client_auth(),
            Some(asking) => builder.with_client_cert_verifier(asking.clone()),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
        config.ignore_client_order = wanted.policy.preference == Preference::Server;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match (&self.tickets, wanted.policy.tickets) {
            (Some(tickets), Allowed::Given) => {
                config.ticketer = tickets.ticketer(&asked);
                // Whoever comes with one gets another.
                config.send_tls13_tickets = 1;
            }
            _ => config.send_tls13_tickets = 0,
        }
        Ok(Context {
            config: finish(config)?,
            asking,
            asked: asked.into(),
        })
    }

    /// A context that proves to an authority that the name is ours (`ssl.acme-tls-1`, RFC 8737).
    pub fn challenge(directory: &Path, server_name: &str) -> Result<Context, ContextError> {
        let at = |ending: &str| directory.join(format!("{server_name}.{ending}"));
        let (certificate, key) = (at("crt.pem"), at("key.pem"));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let paths: [Arc<Path>; 2] = [certificate.clone().into(), key.into()];
        let store = Store::new(&Snapshot::take(&paths));
        store.check(&paths).map_err(|error| ContextError::Refused {
            what: "a challenge",
            path: error.path.clone(),
            cause: error.to_string(),
        })?;
        let wanted = Wanted {
            pemfile: Some(paths[0].clone()),
            privkey: Some(paths[1].clone()),
            ..Wanted::default()
        };
        let materials = Materials {
            store: Arc::new(store),
            ..Materials::default()
        };
        let key = materials.certified_key(&wanted, &provider)?;
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ContextError::Nothing)?;
        let mut config = builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![ACME_TLS_1.to_vec()];
        Ok(Context {
            config: finish(config)?,
            asking: None,
            asked: Arc::default(),
        })
    }

    fn certified_key(
        &self,
        wanted: &Wanted,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, ContextError> {
        let path = wanted.pemfile.as_ref().ok_or(ContextError::NoCertificate)?;
        let contents = self
            .store
            .get(path)
            .filter(|contents| !contents.certificates.is_empty());
        let contents = contents.ok_or_else(|| ContextError::Empty(path.to_path_buf()))?;
        let refused = |what, cause: rustls::Error| ContextError::Refused {
            what,
            path: path.to_path_buf(),
            cause: cause.to_string(),
        };
        let own = &contents.certificates[0];
        ParsedCertificate::try_from(own).map_err(|error| refused("the certificate", error))?;
        let elsewhere = wanted
            .privkey
            .as_ref()
            .and_then(|path| self.store.get(path)?.key.as_ref());
        for key in elsewhere.into_iter().chain(&contents.key) {
            let key = load(key, provider).map_err(|error| refused("the key", error))?;
            let mut certified = CertifiedKey::new(self.chain(wanted, &contents.certificates), key);
            match certified.keys_match() {
                Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
                    continue;
                }
                Err(rustls::Error::InconsistentKeys(_)) | Ok(()) => {}
                Err(error) => return Err(refused("the certificate", error)),
            }
            let answer = wanted
                .stapling
                .as_ref()
                .and_then(|path| self.store.get(path));
            certified.ocsp = answer
                .map(|answer| answer.raw.clone())
                .filter(|raw| !raw.is_empty());
            return Ok(certified);
        }
        Err(ContextError::NoKey(path.to_path_buf()))
    }

    /// The certificate and those that lead to an authority: if `ssl.pemfile` has it alone, `ssl.ca-file` may have the rest.
    fn chain(
        &self,
        wanted: &Wanted,
        own: &[CertificateDer<'static>],
    ) -> Vec<CertificateDer<'static>> {
        let mut chain = own.to_vec();
        if own.len() == 1
            && !wanted.client.asked
            && let Some(more) = wanted
                .authorities
                .as_ref()
                .and_then(|path| self.store.get(path))
        {
            chain.extend(super::peer::issuers(&own[0], &more.certificates));
        }
        chain
    }

    fn asking(
        &self,
        client: &Client,
        wanted: &Wanted,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<Asking>>, ContextError> {
        if !client.asked {
            return Ok(None);
        }
        let path = wanted
            .authorities
            .as_ref()
            .or(wanted.named_authorities.as_ref());
        let path = path.ok_or(ContextError::NoAuthorities)?;
        let contents = self
            .store
            .get(path)
            .filter(|contents| !contents.certificates.is_empty());
        let contents = contents.ok_or_else(|| ContextError::Empty(path.to_path_buf()))?;
        let refused = |cause: String| ContextError::Refused {
            what: "the authorities",
            path: path.to_path_buf(),
            cause,
        };
        let mut roots = RootCertStore::empty();
        for authority in &contents.certificates {
            roots
                .add(authority.clone())
                .map_err(|error| refused(error.to_string()))?;
        }
        let mut builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        if let Some(named) = wanted
            .named_authorities
            .as_ref()
            .and_then(|path| self.store.get(path))
        {
            builder = builder.clear_root_hint_subjects();
            let mut hints = RootCertStore::empty();
            for authority in &named.certificates {
                hints
                    .add(authority.clone())
                    .map_err(|error| refused(error.to_string()))?;
            }
            builder = builder.add_root_hint_subjects(hints.subjects());
        }
        if let Some(revoked) = wanted
            .revoked
            .as_ref()
            .and_then(|path| self.store.get(path))
        {
            builder = builder
                .with_crls(revoked.revoked.iter().cloned())
                .allow_unknown_revocation_status();
        }
        let verifier = builder
            .build()
            .map_err(|error| refused(error.to_string()))?;
        Ok(Some(Arc::new(Asking::new(verifier, client))))
    }
}

impl Context {
    /// Looks at the certificates that a client has shown.
    pub fn judge(&self, certificates: &[Box<[u8]>]) -> Judgement {
        let Some(asking) = self.asking.as_deref() else {
            return Judgement::default();
        };
        let certificates: Vec<_> = certificates
            .iter()
            .map(|der| CertificateDer::from(&der[..]))
            .collect();
        Judgement {
            flaw: asking.judge(&certificates).err(),
            asked: self.asked.to_vec(),
        }
    }
}

fn finish(config: ServerConfig) -> Result<Config, ContextError> {
    Config::new(config)
        .map_err(|error| ContextError::Nothing(rustls::Error::General(error.to_string())))
}

fn load(
    key: &PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<Arc<dyn rustls::sign::SigningKey>, rustls::Error> {
    provider.key_provider.load_private_key(key.clone_key())
}

/// What rustls may use.
fn provider(policy: &Policy) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    let have = std::mem::take(&mut provider.cipher_suites);
    // Those of TLS 1.3 come first, as in rustls's own order.
    for version in [Version::Tls13, Version::Tls12] {
        let of_version = |id: u16| Suite::from_id(id).filter(|suite| suite.version() == version);
        match policy.suites_of(version) {
            Some(suites) => {
                let find =
                    |suite: &Suite| have.iter().find(|it| u16::from(it.suite()) == suite.id());
                provider
                    .cipher_suites
                    .extend(suites.iter().filter_map(find).copied());
            }
            None => {
                let ours = have
                    .iter()
                    .filter(|it| of_version(it.suite().into()).is_some());
                provider.cipher_suites.extend(ours.copied());
            }
        }
    }
    if let Some(groups) = &policy.groups {
        provider.kx_groups = groups
            .iter()
            .map(|group| match group {
                Group::X25519MlKem768 => aws_lc_rs::kx_group::X25519MLKEM768,
                Group::X25519 => aws_lc_rs::kx_group::X25519,
                Group::Secp256r1 => aws_lc_rs::kx_group::SECP256R1,
                Group::Secp384r1 => aws_lc_rs::kx_group::SECP384R1,
            })
            .collect();
    }
    provider
}
