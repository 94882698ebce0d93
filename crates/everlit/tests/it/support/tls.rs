//! Certificates, servers that speak TLS, and clients that do.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use portable_tls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use portable_tls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use portable_tls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime,
};
use portable_tls::rustls::{
    self, CipherSuite, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::http::{Asked, Client, Response};

/// A certificate and its key, as PEM and DER.
pub struct Identity {
    pub pem: String,
    pub key: String,
    pub der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Identity {
    /// One that vouches for itself.
    pub fn own(name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Identity {
            pem: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.clone()).into()
    }
}

/// An authority that vouches for clients.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for somebody.
    pub fn vouch_for(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(vec![0x0a, 0xbc].into());
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity {
            pem: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }
}

/// Whether all tests that can do so are to speak TLS: `EVERLIT_TEST_TLS=1`.
pub fn is_everywhere() -> bool {
    std::env::var_os("EVERLIT_TEST_TLS").is_some()
}

/// The lines of a configuration that has its listeners speak TLS, with a certificate of their own in `directory`.
pub fn lines(directory: &Path) -> String {
    let own = Identity::own("localhost");
    let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    std::fs::write(&certificate, &own.pem).unwrap();
    std::fs::write(&key, &own.key).unwrap();
    format!(
        "server.modules += ( \"mod_openssl\" )\nssl.engine = \"enable\"\nssl.pemfile = \"{}\"\nssl.privkey = \"{}\"\n",
        certificate.display(),
        key.display()
    )
}

/// What a client offers.
pub struct Offer {
    pub config: ClientConfig,
    pub name: &'static str,
}

/// Every cipher suite that there is.
pub const SUITES: [CipherSuite; 9] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// The suites that go with the certificates made here.
pub fn usable() -> impl Iterator<Item = CipherSuite> {
    SUITES.into_iter().take(6)
}

impl Offer {
    /// Everything.
    pub fn all() -> Offer {
        Offer::with(aws_lc_rs::default_provider(), None)
    }

    /// One cipher suite.
    pub fn only(suite: CipherSuite) -> Offer {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|have| have.suite() == suite);
        Offer::with(provider, None)
    }

    /// Everything, and a certificate.
    pub fn as_somebody(identity: &Identity) -> Offer {
        let chain = vec![identity.der.clone()];
        Offer::with(
            aws_lc_rs::default_provider(),
            Some((chain, identity.key_der())),
        )
    }

    /// Everything, and a certificate that comes along with its authority's.
    pub fn as_somebody_with(identity: &Identity, authority: &Authority) -> Offer {
        let chain = vec![identity.der.clone(), authority.0.der().clone()];
        Offer::with(
            aws_lc_rs::default_provider(),
            Some((chain, identity.key_der())),
        )
    }

    fn with(
        provider: CryptoProvider,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Offer {
        let is_13 = |suite: &rustls::SupportedCipherSuite| suite.tls13().is_some();
        let mut versions = Vec::new();
        if provider.cipher_suites.iter().any(is_13) {
            versions.push(&rustls::version::TLS13);
        }
        if !provider.cipher_suites.iter().all(is_13) {
            versions.push(&rustls::version::TLS12);
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting));
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        };
        Offer {
            config,
            name: "localhost",
        }
    }

    /// To a server of this name.
    pub fn to(mut self, name: &'static str) -> Offer {
        self.name = name;
        self
    }

    /// A handshake that is to begin.
    pub fn begin(&self) -> ClientConnection {
        let name = ServerName::try_from(self.name).unwrap();
        ClientConnection::new(Arc::new(self.config.clone()), name).unwrap()
    }

    pub fn connect(&self, address: SocketAddr) -> Client {
        Client::secure(address, self.begin())
    }
}

/// The answer to a request by GET.
pub fn get(client: &mut Client, path: &str) -> Response {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    client.response(Asked::ForAnything).unwrap()
}

/// Trusts everybody: these tests are about the other end.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let provider = aws_lc_rs::default_provider();
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let provider = aws_lc_rs::default_provider();
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
