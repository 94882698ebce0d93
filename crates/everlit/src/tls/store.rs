//! Certificates and keys, as they are in files.
//!
//! In: a snapshot of the files that directives name. Out: what is in them. Must hold: what cannot be used is said with the
//! name of its file, before anything is served; nothing of a key is ever printed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use portable_tls::rustls::pki_types::pem::PemObject as _;
use portable_tls::rustls::pki_types::pem::{self, SectionKind};
use portable_tls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs1KeyDer,
    PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustix::io::Errno;

use super::snapshot::Snapshot;

/// What files contain, by their paths.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Store {
    files: BTreeMap<PathBuf, Result<Contents, Reason>>,
}

/// What is in a file.
#[derive(Default, PartialEq, Eq)]
pub struct Contents {
    /// Certificates, in order.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The first private key.
    pub key: Option<PrivateKeyDer<'static>>,
    /// Lists of certificates that were revoked.
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
    /// The file itself, if it is no PEM: an answer of OCSP.
    pub raw: Vec<u8>,
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It cannot be read.
    Read(Errno),
    /// It is no PEM file.
    Pem(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            Reason::Read(errno) => write!(f, "read {path}: {errno}"),
            Reason::Pem(why) => write!(f, "{path} is no good PEM file: {why}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Read(errno) => Some(errno),
            Reason::Pem(_) => None,
        }
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (certificates, key) = (self.certificates.len(), self.key.is_some());
        write!(f, "Contents({certificates} certificates, key: {key})")
    }
}

impl Store {
    /// Takes the files of a snapshot apart.
    pub fn new(snapshot: &Snapshot) -> Store {
        let files = snapshot.iter().map(|(path, content)| {
            let contents = content.map_err(Reason::Read).and_then(parse);
            (path.to_path_buf(), contents)
        });
        Store {
            files: files.collect(),
        }
    }

    /// Whether all of these files can be used.
    pub fn check<P: AsRef<Path>>(
        &self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<(), StoreError> {
        for path in paths {
            let path = path.as_ref();
            if let Some(Err(reason)) = self.files.get(path) {
                let (path, reason) = (path.to_path_buf(), reason.clone());
                return Err(StoreError { path, reason });
            }
        }
        Ok(())
    }

    /// What is in a file, if it is there and can be used.
    pub fn get(&self, path: &Path) -> Option<&Contents> {
        self.files.get(path)?.as_ref().ok()
    }
}

/// Takes a file apart.
pub fn parse(bytes: &[u8]) -> Result<Contents, Reason> {
    let mut contents = Contents::default();
    let mut sections = 0;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
        let (kind, der) = section.map_err(|error| Reason::Pem(say(&error)))?;
        sections += 1;
        let key: Option<PrivateKeyDer<'static>> = match kind {
            SectionKind::Certificate => {
                contents.certificates.push(der.into());
                None
            }
            SectionKind::Crl => {
                contents.revoked.push(der.into());
                None
            }
            SectionKind::PrivateKey => Some(PrivatePkcs8KeyDer::from(der).into()),
            SectionKind::RsaPrivateKey => Some(PrivatePkcs1KeyDer::from(der).into()),
            SectionKind::EcPrivateKey => Some(PrivateSec1KeyDer::from(der).into()),
            _ => None,
        };
        if contents.key.is_none() {
            contents.key = key;
        }
    }
    if sections == 0 {
        contents.raw = bytes.to_vec();
    }
    Ok(contents)
}

fn say(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section does not begin as it must".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
        _ => "it cannot be read".to_owned(),
    }
}
