//! How certificates of clients are looked at (`ssl.verifyclient.*`).
//!
//! In: authorities, and what was revoked. Out: a verifier for rustls. Must hold: a certificate that is no good lets nobody in
//! where one is demanded; where it is only asked for, it is not mistaken for a good one.

use std::sync::Arc;

use portable_tls::rustls::client::danger::HandshakeSignatureValid;
use portable_tls::rustls::pki_types::{CertificateDer, UnixTime};
use portable_tls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use portable_tls::rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Asks for a certificate, and lets everybody in: whether it is good is looked at when the handshake is over.
#[derive(Debug)]
pub(super) struct Lenient(pub(super) Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Lenient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Whether a certificate that the client has shown is good; the reason if not.
pub(super) fn judge(
    verifier: &dyn ClientCertVerifier,
    certificates: &[CertificateDer<'_>],
    depth: u16,
) -> Result<(), String> {
    let Some((own, others)) = certificates.split_first() else {
        return Err("no certificate".to_owned());
    };
    if others.len() > usize::from(depth) {
        return Err("certificate chain too long".to_owned());
    }
    match verifier.verify_client_cert(own, others, UnixTime::now()) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
