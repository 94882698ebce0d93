//! What client and server agreed on, for logs, environments and decisions.
//!
//! In: a finished handshake, or an image. Out: plain data, owned by the caller, so that a session stays small. Must hold:
//! certificates are here only if the configuration's verifier has accepted them.

use rustls::{HandshakeKind, ServerConnection};

/// How the handshake went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// In full.
    #[default]
    Full,
    /// In full, after the client was asked for a key share of another group.
    FullWithRetry,
    /// From a ticket.
    Resumed,
}

/// What was agreed on, apart from what the session knows itself: its version and cipher suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Name of the server that the client asked for (SNI).
    pub server_name: Option<Box<str>>,
    /// Protocol (ALPN).
    pub protocol: Option<Box<[u8]>>,
    /// How the handshake went.
    pub kind: Kind,
    /// The client's certificates as DER, its own first, all as it sent them. Empty if there are none.
    pub client_certificates: Vec<Box<[u8]>>,
}

impl Facts {
    pub(crate) fn of(rustls: &ServerConnection) -> Facts {
        let certificates = rustls.peer_certificates().unwrap_or_default();
        Facts {
            server_name: rustls.server_name().map(Box::from),
            protocol: rustls.alpn_protocol().map(Box::from),
            kind: match rustls.handshake_kind() {
                Some(HandshakeKind::Resumed) => Kind::Resumed,
                Some(HandshakeKind::FullWithHelloRetryRequest) => Kind::FullWithRetry,
                _ => Kind::Full,
            },
            client_certificates: certificates
                .iter()
                .map(|it| Box::from(it.as_ref()))
                .collect(),
        }
    }
}
