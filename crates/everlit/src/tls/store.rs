//! Certificates and keys, as they are in files.
//!
//! In: the paths that directives name. Out: what is in these files. Must hold: each file is read once; what cannot be used is
//! said with the name of its file, before anything is served; nothing of a key is ever printed.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portable_tls::rustls::pki_types::pem::PemObject as _;
use portable_tls::rustls::pki_types::pem::{self, SectionKind};
use portable_tls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs1KeyDer,
    PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

/// What files contain, by their paths.
#[derive(Debug, Default)]
pub struct Store {
    files: BTreeMap<Arc<Path>, Contents>,
}

/// What is in a file.
#[derive(Default)]
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
#[derive(Debug)]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Reason {
    /// It cannot be read.
    Read(io::Error),
    /// It is no PEM file.
    Pem(String),
    /// Something that must be there is not.
    Lacks(&'static str),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            Reason::Read(error) => write!(f, "read {path}: {error}"),
            Reason::Pem(why) => write!(f, "{path} is no good PEM file: {why}"),
            Reason::Lacks(what) => write!(f, "{path} has no {what}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Read(error) => Some(error),
            Reason::Pem(_) | Reason::Lacks(_) => None,
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
    /// Reads these files.
    pub fn load<'p>(paths: impl Iterator<Item = &'p Arc<Path>>) -> Result<Store, StoreError> {
        let mut store = Store::default();
        for path in paths {
            if !store.files.contains_key(path) {
                let contents = read(path).map_err(|reason| StoreError {
                    path: path.to_path_buf(),
                    reason,
                })?;
                store.files.insert(path.clone(), contents);
            }
        }
        Ok(store)
    }

    /// What is in a file, if it was read.
    pub fn get(&self, path: &Path) -> Option<&Contents> {
        self.files.get(path)
    }
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Contents, Reason> {
    let bytes = zeroize::Zeroizing::new(std::fs::read(path).map_err(Reason::Read)?);
    parse(&bytes)
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
