//! 5b. A connection that has just come in, before any of its bytes.
//!
//! In: who it is with, and where it came in. Out: what modules say of it. Must hold: only conditions that can be known by
//! then count: the listener and the other end's address.

use std::rc::Rc;
use std::sync::Arc;

use super::{Desk, Origin};
use crate::gateway::host::{Balance, Group};
use crate::settings::Settings;

/// What a module says of a connection.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// Nothing.
    AsEver,
    /// A proxy sends it, and says first for whom (PROXY protocol).
    Introduced,
    /// It speaks TLS.
    Secured,
    /// All its bytes are for one of these hosts.
    Tunnelled(Arc<Group>, Balance),
}

/// What becomes of a connection.
#[derive(Debug, Default)]
pub struct Arrived {
    /// Whether a header of the PROXY protocol comes before everything else.
    pub introduction: Introduced,
    /// Whether it speaks TLS, perhaps after that header.
    pub secured: Secrecy,
    /// Who is at its other end, if it is a tunnel; and the settings it was made under.
    pub tunnel: Option<(Arc<Group>, Balance, Rc<Settings>)>,
}

/// Whether a connection speaks TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrecy {
    /// No.
    #[default]
    Plain,
    /// Yes.
    Tls,
}

/// Whether a connection begins with a header of the PROXY protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Introduced {
    /// No.
    #[default]
    No,
    /// Yes.
    First,
}

impl Desk {
    /// Asks the modules what becomes of a connection.
    pub fn arrival(&mut self, origin: Origin<'_>) -> Arrived {
        let mut arrived = Arrived::default();
        let hooks = &self.site.pipeline.connection_accept;
        if hooks.is_empty() {
            return arrived;
        }
        let settings = self
            .resolver
            .resolve_arrival(&self.site, origin.listener, origin.peer);
        for hook in hooks {
            match hook(origin.peer, &settings) {
                Arrival::AsEver => {}
                Arrival::Secured => arrived.secured = Secrecy::Tls,
                Arrival::Introduced => arrived.introduction = Introduced::First,
                Arrival::Tunnelled(group, balance) => {
                    let tunnel = (group, balance, settings.clone());
                    arrived.tunnel.get_or_insert(tunnel);
                }
            }
        }
        arrived
    }
}
