//! Directories that speak LDAP.
//!
//! In: where one is, how it is spoken to, whom or what to look for. Out: whether a password is right; a value. Must hold: no
//! password is said before TLS is spoken, where that is wanted; an empty one proves nothing.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{LdapConn, LdapConnSettings, LdapError, Scope, SearchEntry, dn_escape, ldap_escape};
use portable_tls::rustls::pki_types::CertificateDer;
use portable_tls::rustls::pki_types::pem::PemObject as _;
use portable_tls::rustls::{self, ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use crate::inquiry::Answer;

/// A directory, and how to speak to it.
#[derive(Clone)]
pub struct Directory {
    /// One after the other, until one is there.
    pub urls: Vec<String>,
    /// Whether TLS is begun on a connection without.
    pub start_tls: bool,
    /// Certificates of authorities; `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// Who searches; empty: nobody in particular.
    pub bind_dn: String,
    /// Its password.
    pub bind_password: Zeroizing<String>,
    /// How long each step may take.
    pub timeout: Duration,
}

/// Somebody who says a password.
pub struct Login {
    /// Its name.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
    /// Where users are.
    pub base: String,
    /// How they are found, with `?` for the name; or, with a comma at the beginning, the rest of their DN.
    pub filter: String,
    /// It must be in one of these; `None`: it need not.
    pub groups: Option<Vec<String>>,
    /// The attribute that names members.
    pub member: String,
}

/// Why a directory does not answer.
#[derive(Debug)]
pub enum Failure {
    /// What it said, or did not say.
    Ldap(LdapError),
    /// Its authorities' certificates cannot be read.
    CaFile(PathBuf, io::Error),
    /// None is configured.
    Nowhere,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Ldap(error) => error.fmt(f),
            Failure::CaFile(path, error) => write!(f, "read {}: {error}", path.display()),
            Failure::Nowhere => f.write_str("no directory is configured"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<LdapError> for Failure {
    fn from(error: LdapError) -> Failure {
        Failure::Ldap(error)
    }
}

/// Result codes of LDAP (RFC 4511 section 4.1.9) that say something of the directory, not of who asks.
const BUSY: [u32; 4] = [51, 52, 80, 2];

impl Directory {
    /// Whether a password is right, and its owner let in.
    pub fn login(&self, login: &Login) -> Result<Answer, Failure> {
        let mut conn = self.connect()?;
        let dn = match login.filter.starts_with(',') {
            true => format!("uid={}{}", dn_escape(&login.user), login.filter),
            false => {
                self.bind(&mut conn)?;
                let filter = login.filter.replace('?', &ldap_escape(&login.user));
                match self.find(&mut conn, &login.base, &filter)? {
                    Some(dn) => dn,
                    None => return Ok(Answer::No),
                }
            }
        };
        conn.with_timeout(self.timeout);
        match conn.simple_bind(&dn, &login.password)?.rc {
            0 => {}
            code if BUSY.contains(&code) => return Ok(Answer::Unavailable),
            _ => return Ok(Answer::No),
        }
        let is_let_in = match &login.groups {
            None => true,
            Some(groups) => {
                self.bind(&mut conn)?;
                let value = match &login.member[..] {
                    "member" => ldap_escape(&dn),
                    _ => ldap_escape(&login.user),
                };
                let filter = format!("({}={value})", login.member);
                let mut is_member = false;
                for group in groups {
                    // A group that is not there has no members.
                    is_member |= matches!(self.find(&mut conn, group, &filter), Ok(Some(_)));
                }
                is_member
            }
        };
        let _ = conn.unbind();
        Ok(match is_let_in {
            true => Answer::Yes(Vec::new()),
            false => Answer::No,
        })
    }

    /// The first value of an attribute, of the one entry that fits.
    pub fn value(
        &self,
        base: &str,
        filter: &str,
        attribute: &str,
    ) -> Result<Option<String>, Failure> {
        let mut conn = self.connect()?;
        self.bind(&mut conn)?;
        conn.with_timeout(self.timeout);
        let found = conn.search(base, Scope::Subtree, filter, vec![attribute])?;
        let (entries, _) = found.success()?;
        let _ = conn.unbind();
        let mut entries = entries.into_iter().filter(|entry| !entry.is_ref());
        let (first, second) = (entries.next(), entries.next());
        let (Some(first), None) = (first, second) else {
            return Ok(None);
        };
        let attributes = SearchEntry::construct(first).attrs.into_iter();
        let mut named = attributes.filter(|(name, _)| name.eq_ignore_ascii_case(attribute));
        Ok(named
            .next()
            .and_then(|(_, values)| values.into_iter().next()))
    }

    fn connect(&self) -> Result<LdapConn, Failure> {
        let mut failure = Failure::Nowhere;
        for url in &self.urls {
            let mut settings = LdapConnSettings::new()
                .set_conn_timeout(self.timeout)
                .set_starttls(self.start_tls);
            if (self.start_tls || is_secure(url))
                && let Some(config) = self.tls()?
            {
                settings = settings.set_config(config);
            }
            match LdapConn::with_settings(settings, url) {
                Ok(conn) => return Ok(conn),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    /// As whoever searches.
    fn bind(&self, conn: &mut LdapConn) -> Result<(), Failure> {
        conn.with_timeout(self.timeout);
        conn.simple_bind(&self.bind_dn, &self.bind_password)?
            .success()?;
        Ok(())
    }

    /// The DN of the first entry that fits.
    fn find(
        &self,
        conn: &mut LdapConn,
        base: &str,
        filter: &str,
    ) -> Result<Option<String>, Failure> {
        conn.with_timeout(self.timeout);
        // No attributes (RFC 4511 section 4.5.1.8).
        let found = conn.search(base, Scope::Subtree, filter, vec!["1.1"])?;
        let (entries, _) = found.success()?;
        let mut entries = entries.into_iter().filter(|entry| !entry.is_ref());
        Ok(entries.next().map(|entry| SearchEntry::construct(entry).dn))
    }

    /// Whom to believe; `None`: the system says.
    fn tls(&self) -> Result<Option<Arc<ClientConfig>>, Failure> {
        let Some(path) = &self.ca_file else {
            return Ok(None);
        };
        let fail = |error| Failure::CaFile(path.clone(), error);
        let text = std::fs::read(path).map_err(fail)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| fail(io::Error::other(error)))?;
            roots
                .add(certificate)
                .map_err(|error| fail(io::Error::other(error)))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| fail(io::Error::other(error)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Some(Arc::new(config)))
    }
}

/// Whether TLS is spoken from the beginning.
fn is_secure(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("ldaps"))
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Directory({:?})", self.urls)
    }
}
