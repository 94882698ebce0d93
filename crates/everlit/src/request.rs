//! 5. What every module sees of a request.
//!
//! In: a parsed head, its target taken apart, the connection's addresses. Out: facts, for modules and for conditions.
//! Must hold: borrowed data only, except where a module changed something.

use std::borrow::Cow;
use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::http1::head::Head;
use crate::net::{Peer, Scheme};
use crate::route::uri::Uri;
use crate::tls::Secured;
use crate::transport::proxy_protocol::Tls;

/// One request, on its way through the modules.
#[derive(Debug)]
pub struct Request<'r> {
    /// The head as it was sent.
    pub head: &'r Head<'r>,
    /// The target, normalised and decoded.
    pub uri: Uri<'r>,
    /// Authority (`host[:port]`), normalised; empty if the client sent none.
    pub host: Cow<'r, [u8]>,
    /// The client, as far as is known.
    pub peer: Peer,
    /// The other end of the connection: the client, or a proxy in front of us.
    pub neighbour: &'r Peer,
    /// Name of the listener, as in `$SERVER["socket"]`.
    pub listener: &'r str,
    /// Local port; 0 for a Unix socket.
    pub local_port: u16,
    /// `http` or `https`, as the client came.
    pub scheme: &'static str,
    /// What a proxy in front of us has told of TLS between the client and itself (PROXY protocol).
    pub tls: Option<&'r Tls>,
    /// What we and the other end of the connection have agreed on, if it speaks TLS with us.
    pub secured: Option<&'r Secured>,
    /// What a proxy in front of us has told, and is in force above.
    pub told: Option<Box<Told>>,
    /// Header fields that modules added or replaced; an empty value hides what the client sent.
    pub overrides: Vec<(Vec<u8>, Vec<u8>)>,
    /// Variables that modules set, for backends and logs (`setenv.add-environment`).
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether an authorizer is still to be asked.
    pub permit: Permit,
    /// Whether its target is another one than was asked for (mod_rewrite).
    pub rewritten: Rewritten,
}

/// Whether a request's target was rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rewritten {
    /// No.
    #[default]
    Not,
    /// So often, and may be again.
    Times(u8),
    /// Yes, and it stays as it is now.
    ForGood,
}

/// Whether an authorizer (`fastcgi.server` with `mode`) is still to be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Permit {
    /// Yes, if there is one.
    #[default]
    Sought,
    /// No: it has said yes.
    Given,
    /// No, and what it guards is below this directory (its `docroot`), wherever other documents are.
    Below(Vec<u8>),
}

/// What a proxy that we trust has told of a client, in place of what the connection tells (mod_extforward). Plain data:
/// a request that is on its way to a backend takes it along.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Told {
    /// The client; its port is not known.
    #[n(0)]
    pub peer: Peer,
    /// How it came; `None`: as the connection did.
    #[n(1)]
    pub scheme: Option<Scheme>,
    /// The host it asked for, normalised; `None`: as the request says.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub host: Option<Vec<u8>>,
}

impl Request<'_> {
    /// Believes what a proxy has told.
    pub fn hear(&mut self, told: Told) {
        self.peer = told.peer;
        if let Some(scheme) = told.scheme {
            self.scheme = scheme.as_str();
        }
        if let Some(host) = &told.host {
            self.host = Cow::Owned(host.clone());
        }
        self.told = Some(Box::new(told));
    }

    /// Value of a request header field, as modules left it.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        if !self.overrides.is_empty() {
            let replaced = self
                .overrides
                .iter()
                .rev()
                .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
            if let Some((_, value)) = replaced {
                return (!value.is_empty()).then_some(value);
            }
        }
        self.head.fields.find(name)
    }

    /// Sets a variable for backends and logs, whatever it was before.
    pub fn set_variable(&mut self, name: &str, value: &[u8]) {
        self.environment
            .retain(|(known, _)| known != name.as_bytes());
        self.environment
            .push((name.as_bytes().to_vec(), value.to_vec()));
    }

    /// The client's address, if it came over IP.
    pub fn remote_ip(&self) -> Option<IpAddr> {
        self.peer.ip()
    }
}
