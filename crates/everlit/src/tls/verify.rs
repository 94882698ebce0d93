//! How certificates of clients are looked at (`ssl.verifyclient.*`).
//!
//! In: authorities, and what was revoked. Out: a verifier for rustls. Must hold: a certificate that is no good lets nobody in
//! where one is demanded; where it is only asked for, it is not mistaken for a good one.

use std::sync::Arc;

use portable_tls::rustls::client::danger::HandshakeSignatureValid;
use portable_tls::rustls::pki_types::{CertificateDer, UnixTime};
use portable_tls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use portable_tls::rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::modules::openssl::Client;

/// Asks clients for a certificate.
#[derive(Debug)]
pub(super) struct Asking {
    verifier: Arc<dyn ClientCertVerifier>,
    /// Whoever has no good one is not let in. Otherwise everybody is, and whether it is good is looked at when the handshake
    /// is over.
    must: bool,
    /// How many authorities may stand between a certificate and one that is trusted.
    depth: usize,
}

impl Asking {
    /// `verifier` knows the authorities.
    pub(super) fn new(verifier: Arc<dyn ClientCertVerifier>, client: &Client) -> Asking {
        Asking {
            verifier,
            must: client.must,
            depth: client.depth.into(),
        }
    }

    /// Whether certificates that a client has shown are good; the reason if not.
    pub(super) fn judge(&self, certificates: &[CertificateDer<'_>]) -> Result<(), String> {
        let Some((own, others)) = certificates.split_first() else {
            return Err("no certificate".to_owned());
        };
        self.look(own, others, UnixTime::now())
            .map_err(|error| error.to_string())
    }

    fn look(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if others.len() > self.depth {
            return Err(Error::General("certificate chain too long".to_owned()));
        }
        self.verifier.verify_client_cert(own, others, now)?;
        Ok(())
    }
}

impl ClientCertVerifier for Asking {
    fn client_auth_mandatory(&self) -> bool {
        self.must
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.must {
            self.look(own, others, now)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
