//! Certificates for tests and examples: one authority, a server with two keys, a client.

// It is for tests, wherever it is included.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, LazyLock};

use portable_tls::Suite;
use portable_tls::rustls::crypto::aws_lc_rs::default_provider;
use portable_tls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use portable_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use portable_tls::rustls::server::WebPkiClientVerifier;
use portable_tls::rustls::version::{TLS12, TLS13};
use portable_tls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
};

/// The name in the server's certificates.
pub(crate) const NAME: &str = "server.test";

/// Which key the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Ecdsa,
    Rsa,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }
}

pub(crate) struct Pki {
    pub(crate) authority: CertificateDer<'static>,
    ecdsa: Identity,
    rsa: Identity,
    pub(crate) client: Identity,
}

/// Made once a process.
pub(crate) static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "authority.test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    let issue = |name: &str, usage, algorithm: &'static SignatureAlgorithm| {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
        Identity {
            certificate,
            key: key.serialize_der(),
        }
    };
    Pki {
        authority,
        ecdsa: issue(
            NAME,
            ExtendedKeyUsagePurpose::ServerAuth,
            &PKCS_ECDSA_P256_SHA256,
        ),
        rsa: issue(NAME, ExtendedKeyUsagePurpose::ServerAuth, &PKCS_RSA_SHA256),
        client: issue(
            "client.test",
            ExtendedKeyUsagePurpose::ClientAuth,
            &PKCS_ECDSA_P256_SHA256,
        ),
    }
});

impl Pki {
    pub(crate) fn server(&self, kind: KeyKind) -> &Identity {
        match kind {
            KeyKind::Ecdsa => &self.ecdsa,
            KeyKind::Rsa => &self.rsa,
        }
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        Arc::new(roots)
    }
}

/// Whether a server asks its clients for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    None,
    Required,
}

/// A configuration with everything that rustls has.
pub(crate) fn server_config(kind: KeyKind, auth: ClientAuth) -> ServerConfig {
    make_server_config(default_provider(), &[&TLS13, &TLS12], kind, auth)
}

/// A configuration with only this suite, and a key that fits it.
pub(crate) fn server_config_with(suite: Suite) -> ServerConfig {
    let kind = if suite.openssl_name().contains("RSA") {
        KeyKind::Rsa
    } else {
        KeyKind::Ecdsa
    };
    make_server_config(
        provider_with(suite),
        &[&TLS13, &TLS12],
        kind,
        ClientAuth::None,
    )
}

fn make_server_config(
    provider: CryptoProvider,
    versions: &[&'static SupportedProtocolVersion],
    kind: KeyKind,
    auth: ClientAuth,
) -> ServerConfig {
    let provider = Arc::new(provider);
    let versions: Vec<_> = versions
        .iter()
        .copied()
        .filter(|version| {
            provider
                .cipher_suites
                .iter()
                .any(|suite| suite.version().version == version.version)
        })
        .collect();
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .unwrap();
    let builder = match auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Required => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(PKI.roots(), provider)
                .build()
                .unwrap(),
        ),
    };
    let identity = PKI.server(kind);
    let mut config = builder
        .with_single_cert(vec![identity.certificate.clone()], identity.key())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// All of rustls, with only this cipher suite.
pub(crate) fn provider_with(suite: Suite) -> CryptoProvider {
    let cipher_suites = aws_lc_rs::ALL_CIPHER_SUITES
        .iter()
        .copied()
        .filter(|it| u16::from(it.suite()) == suite.id())
        .collect();
    CryptoProvider {
        cipher_suites,
        ..default_provider()
    }
}

/// A client that trusts the authority.
pub(crate) fn client_config(
    version: &'static SupportedProtocolVersion,
    auth: ClientAuth,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(PKI.roots());
    match auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Required => builder
            .with_client_auth_cert(vec![PKI.client.certificate.clone()], PKI.client.key())
            .unwrap(),
    }
}
