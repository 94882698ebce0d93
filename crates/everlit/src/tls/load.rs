//! Everything that TLS needs from files, read and tried before anybody is served.
//!
//! In: a site. Out: [`Materials`], or what is wrong, block by block. Must hold: a handshake meets no problem that could have
//! been found here.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lighttpd_conf::{Config, Diagnostic};
use portable_tls::{ImageError, Tickets, UnixSeconds};

use super::context::{ContextError, Materials, Rotation};
use super::snapshot::Snapshot;
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

/// Files that TLS needs; none if nobody speaks it.
pub fn files(site: &Site) -> BTreeSet<PathBuf> {
    if !is_spoken(site) {
        return BTreeSet::new();
    }
    let settings = distinct(site);
    let of_settings = settings.iter().flat_map(Settings::files);
    let all = of_settings.map(|path| path.to_path_buf());
    all.chain(site.server.ticket_keys.clone()).collect()
}

/// Reads and tries everything. Nothing is read if nobody speaks TLS.
pub fn load(site: &Site) -> Result<Materials, LoadError> {
    if !is_spoken(site) {
        return Ok(Materials::default());
    }
    let snapshot = Snapshot::take(files(site));
    let (tickets, rotation) = match &site.server.ticket_keys {
        Some(path) => {
            let tickets = Tickets::from_stek(shared(path, &snapshot)?, unix_now());
            let tickets = tickets.map_err(|error| unusable(path, error))?;
            (tickets, Rotation::Shared)
        }
        None => {
            let own = Tickets::generate(TICKET_PERIOD, unix_now());
            let tickets = own.map_err(|error| LoadError::TicketKeys(error.to_string()))?;
            (tickets, Rotation::Own)
        }
    };
    let materials = Materials {
        store: Arc::new(Store::new(&snapshot)),
        tickets: Some(Arc::new(tickets)),
        rotation,
    };
    try_all(site, &materials)?;
    Ok(materials)
}

/// What `old` becomes with a newer snapshot of the files: nothing if they are the same. The keys for tickets stay, but for a
/// new one of `ssl.stek-file`.
pub fn renew(
    site: &Site,
    old: &Materials,
    snapshot: &Snapshot,
) -> Result<Option<Materials>, LoadError> {
    let materials = Materials {
        store: Arc::new(Store::new(snapshot)),
        ..old.clone()
    };
    try_all(site, &materials)?;
    if let (Some(path), Some(tickets)) = (&site.server.ticket_keys, &old.tickets) {
        let added = tickets.add_stek(shared(path, snapshot)?, unix_now());
        added.map_err(|error| unusable(path, error))?;
    }
    Ok((materials.store != old.store).then_some(materials))
}

fn try_all(site: &Site, materials: &Materials) -> Result<(), LoadError> {
    let settings = distinct(site);
    let wanted = settings.iter().flat_map(Settings::files);
    materials.store.check(wanted).map_err(LoadError::Store)?;
    for settings in settings.iter().filter(|settings| is_served(settings)) {
        materials.context(settings).map_err(LoadError::Context)?;
    }
    Ok(())
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
    let materials = Materials {
        store: Arc::new(Store::new(&Snapshot::take(files(site)))),
        ..Materials::default()
    };
    let store = &materials.store;
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
        let tried = store.check(wanted.files()).map_err(LoadError::Store);
        let found = tried.and_then(|()| match is_served(wanted) {
            true => {
                let context = materials.context(wanted);
                context.map(|_| ()).map_err(LoadError::Context)
            }
            false => Ok(()),
        });
        match found {
            Err(error) => problems.push(config.error(place, error.to_string())),
            Ok(()) => {
                let remarks = super::health::remarks(config, block, wanted, store);
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

fn shared<'s>(path: &Path, snapshot: &'s Snapshot) -> Result<&'s [u8], LoadError> {
    snapshot.get(path).map_err(|errno| {
        LoadError::Store(StoreError {
            path: path.to_path_buf(),
            reason: Reason::Read(errno),
        })
    })
}

fn unusable(path: &Path, error: ImageError) -> LoadError {
    LoadError::TicketKeys(format!("{}: {error}", path.display()))
}
