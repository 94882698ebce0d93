//! Everything that TLS needs from files, read and tried before anybody is served.
//!
//! In: a site. Out: [`Materials`], or what is wrong, block by block. Must hold: a handshake meets no problem that could have
//! been found here.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lighttpd_conf::{Config, Diagnostic};
use portable_tls::{Tickets, UnixSeconds};

use super::context::{ContextError, Materials, Rotation};
use super::store::{Reason, Store, StoreError};
use crate::config::Site;
use crate::modules::openssl::{Engine, Settings};

/// How long a key seals tickets (as in lighttpd).
const TICKET_PERIOD: Duration = Duration::from_secs(8 * 3600);

/// Why TLS cannot be spoken as the configuration wants it.
#[derive(Debug)]
pub enum LoadError {
    /// A file.
    Store(StoreError),
    /// What is made of them.
    Context(ContextError),
    /// `ssl.stek-file`
    TicketKeys(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Store(error) => error.fmt(f),
            LoadError::Context(error) => error.fmt(f),
            LoadError::TicketKeys(why) => write!(f, "ssl.stek-file: {why}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// Seconds since 1970.
pub fn unix_now() -> UnixSeconds {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// Whether anybody speaks TLS.
pub fn is_spoken(site: &Site) -> bool {
    let mut blocks = site.rules.each();
    blocks.any(|(_, settings)| settings.openssl.engine == Engine::On)
}

/// Reads and tries everything. Nothing is read if nobody speaks TLS.
pub fn load(site: &Site) -> Result<Materials, LoadError> {
    if !is_spoken(site) {
        return Ok(Materials::default());
    }
    let settings = distinct(site);
    let wanted = settings.iter().flat_map(Settings::files);
    let store = Arc::new(Store::load(wanted).map_err(LoadError::Store)?);
    let (tickets, rotation) = match &site.server.ticket_keys {
        Some(path) => (shared(path)?, Rotation::Shared),
        None => {
            let own = Tickets::generate(TICKET_PERIOD, unix_now());
            (
                own.map_err(|error| LoadError::TicketKeys(error.to_string()))?,
                Rotation::Own,
            )
        }
    };
    let materials = Materials {
        store,
        tickets: Some(Arc::new(tickets)),
        rotation,
    };
    for settings in settings.iter().filter(|settings| is_served(settings)) {
        materials.context(settings).map_err(LoadError::Context)?;
    }
    Ok(materials)
}

/// The settings of all blocks, each once: thousands of hosts may share a certificate.
fn distinct(site: &Site) -> HashSet<Settings> {
    let blocks = site.rules.each();
    blocks.map(|(_, settings)| settings.openssl).collect()
}

/// Looks for what is wrong, and says where it is written.
pub fn look(config: &Config, site: &Site, problems: &mut Vec<Diagnostic>) {
    let blocks: Vec<_> = site.rules.each().collect();
    if blocks
        .iter()
        .all(|(_, settings)| settings.openssl.engine == Engine::Off)
    {
        return;
    }
    for (index, settings) in &blocks {
        let block = &config.blocks()[*index];
        let own = |name: &str| block.get(name).map(|value| value.span);
        let names = [
            "ssl.pemfile",
            "ssl.privkey",
            "ssl.verifyclient.activate",
            "ssl.engine",
            "ssl.ca-file",
        ];
        let Some(place) = names.into_iter().find_map(own) else {
            continue;
        };
        let wanted = &settings.openssl;
        let found = match Store::load(wanted.files()) {
            Err(error) => Err(LoadError::Store(error)),
            Ok(store) => {
                let materials = Materials {
                    store: Arc::new(store),
                    ..Materials::default()
                };
                let tried = match is_served(wanted) {
                    true => materials.context(wanted).map(|_| ()),
                    false => Ok(()),
                };
                tried.map(|()| materials).map_err(LoadError::Context)
            }
        };
        match found {
            Err(error) => problems.push(config.error(place, error.to_string())),
            Ok(materials) => {
                let remarks = super::health::remarks(config, block, wanted, &materials.store);
                problems.extend(
                    remarks
                        .into_iter()
                        .map(|remark| config.warning(place, remark)),
                );
            }
        }
    }
}

/// Whether handshakes are made under these settings.
fn is_served(settings: &Settings) -> bool {
    settings.engine == Engine::On || settings.pemfile.is_some()
}

fn shared(path: &Path) -> Result<Tickets, LoadError> {
    let bytes = std::fs::read(path).map_err(|error| {
        LoadError::Store(StoreError {
            path: path.to_path_buf(),
            reason: Reason::Read(error),
        })
    })?;
    let bytes = zeroize::Zeroizing::new(bytes);
    Tickets::from_stek(&bytes, unix_now())
        .map_err(|error| LoadError::TicketKeys(format!("{}: {error}", path.display())))
}
