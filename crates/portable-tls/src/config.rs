//! rustls's configuration, prepared so that its handshakes end in sessions that can move.
//!
//! In: a `ServerConfig`. Out: [`Config`], cheap to clone, the only thing that handshakes begin with; and the traffic
//! secrets of TLS 1.3, which rustls tells to nobody but a `KeyLog`. Must hold: secrets reach the handshake that is
//! running on this thread, or nobody; a `KeyLog` that was there before goes on hearing everything.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use rustls::{KeyLog, ServerConfig};
use zeroize::Zeroizing;

use crate::error::UnsupportedSuite;
use crate::suite::Suite;

/// A `ServerConfig` whose handshakes end in sessions that can move.
#[derive(Clone, Debug)]
pub struct Config(Arc<ServerConfig>);

impl Config {
    /// Changes what must be changed: secrets may be extracted, early data (0-RTT) is refused because it can be replayed,
    /// and the `KeyLog` is wrapped by one that tells us the secrets too.
    ///
    /// # Errors
    ///
    /// The provider offers a cipher suite that sessions do not have.
    pub fn new(mut config: ServerConfig) -> Result<Config, UnsupportedSuite> {
        for suite in &config.crypto_provider().cipher_suites {
            let id = suite.suite().into();
            Suite::from_id(id).ok_or(UnsupportedSuite { id })?;
        }
        config.enable_secret_extraction = true;
        config.max_early_data_size = 0;
        config.key_log = Arc::new(Tap(config.key_log));
        Ok(Config(Arc::new(config)))
    }

    /// What rustls works with.
    pub fn rustls(&self) -> &Arc<ServerConfig> {
        &self.0
    }
}

/// The first traffic secrets of a connection.
#[derive(Default)]
pub(crate) struct TrafficSecrets {
    pub(crate) client: Zeroizing<Vec<u8>>,
    pub(crate) server: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for TrafficSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrafficSecrets(secret)")
    }
}

thread_local! {
    /// Secrets of the handshake that is running on this thread. rustls logs synchronously and does not say for whom.
    static LISTENING: RefCell<Option<TrafficSecrets>> = const { RefCell::new(None) };
}

/// Runs a step of a handshake; the secrets that it tells are added to `secrets`.
pub(crate) fn listen<T>(secrets: &mut TrafficSecrets, step: impl FnOnce() -> T) -> T {
    LISTENING.set(Some(std::mem::take(secrets)));
    let result = step();
    *secrets = LISTENING.take().unwrap_or_default();
    result
}

#[derive(Debug)]
struct Tap(Arc<dyn KeyLog>);

const CLIENT: &str = "CLIENT_TRAFFIC_SECRET_0";
const SERVER: &str = "SERVER_TRAFFIC_SECRET_0";

impl KeyLog for Tap {
    fn will_log(&self, label: &str) -> bool {
        matches!(label, CLIENT | SERVER) || self.0.will_log(label)
    }

    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        LISTENING.with_borrow_mut(|secrets| match (secrets, label) {
            (Some(secrets), CLIENT) => secrets.client = secret.to_vec().into(),
            (Some(secrets), SERVER) => secrets.server = secret.to_vec().into(),
            _ => {}
        });
        if self.0.will_log(label) {
            self.0.log(label, client_random, secret);
        }
    }
}
