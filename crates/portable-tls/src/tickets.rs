//! Keys of session tickets, shared by several processes and configurations.
//!
//! In: time, told by the caller; keys of another process, or lighttpd's `ssl.stek-file`. Out: rustls's `ProducesTickets`.
//! Must hold: the newest active key seals, every one that has not expired opens; a ticket is opened only in the scope that
//! it was made for; keys are wiped.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use rustls::server::ProducesTickets;
use zeroize::Zeroizing;

use crate::error::ImageError;
use crate::image::check_version;

const NAME_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
/// Most keys that an image may have.
const KEYS_MAX: usize = 16;
/// Bytes of lighttpd's file: version, activation, expiration, name, key for HMAC, key for AES.
const STEK_BYTES: usize = 4 + 4 + 4 + 16 + 32 + 32;
/// Version of the images that are written.
const VERSION: u8 = 1;

/// Seconds since 1970.
pub type UnixSeconds = u64;

/// A set of ticket keys. All `now` are [`UnixSeconds`].
pub struct Tickets {
    /// New key after this time.
    period: Duration,
    keys: RwLock<Keys>,
}

/// Keys in the order of their activation, and the last time that was told.
struct Keys {
    now: UnixSeconds,
    keys: Vec<Key>,
}

struct Key {
    name: [u8; NAME_BYTES],
    secret: Zeroizing<[u8; KEY_BYTES]>,
    /// Expanded.
    aead: LessSafeKey,
    /// Seals from this time on.
    active_from: UnixSeconds,
    /// Opens until this time.
    expires: UnixSeconds,
}

/// Keys could not be made: the system has no randomness for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system gives no random bytes")
    }
}

impl std::error::Error for NoRandomness {}

impl Tickets {
    /// A new set. A key seals for `period` and opens for three of them, so that a ticket is good for two at least;
    /// lighttpd's period is 8 hours.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn generate(period: Duration, now: UnixSeconds) -> Result<Tickets, NoRandomness> {
        let period = Duration::from_secs(period.as_secs().clamp(60, 2 * 24 * 3600));
        let keys = vec![Key::generate(period, now)?];
        Ok(Tickets {
            period,
            keys: RwLock::new(Keys { now, keys }),
        })
    }

    /// Tells the time: expired keys are wiped, and if the newest key is older than the period there is a new one. Returns
    /// whether there is, so that it can be handed on. Of several processes that share keys one calls this and hands
    /// [`export`](Tickets::export) on; the others [`adopt`](Tickets::adopt) that.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`]; the old keys stay.
    pub fn rotate(&self, now: UnixSeconds) -> Result<bool, NoRandomness> {
        let newest = {
            let mut keys = self.write();
            keys.tell(now);
            keys.keys.last().map(|key| key.active_from)
        };
        let is_due = newest.is_none_or(|it| now.saturating_sub(it) >= self.period.as_secs());
        if is_due {
            let key = Key::generate(self.period, now)?;
            self.write().insert(key);
        }
        Ok(is_due)
    }

    /// Tells the time where keys come from elsewhere: expired ones are wiped, those whose time has come are active.
    pub fn tell(&self, now: UnixSeconds) {
        self.write().tell(now);
    }

    /// The keys as bytes, for another process. They open every ticket: keep them as secret as private keys.
    pub fn export(&self) -> Zeroizing<Vec<u8>> {
        let keys = self.read();
        let image = Image {
            version: VERSION,
            period_secs: self.period.as_secs(),
            now: keys.now,
            keys: keys.keys.iter().map(KeyImage::of).collect(),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 + 96 * image.keys.len()));
        minicbor::encode(&image, &mut *bytes).expect("a vector takes everything");
        bytes
    }

    /// Reads what [`export`](Tickets::export) has written. Any bytes are read or refused.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn import(bytes: &[u8]) -> Result<Tickets, ImageError> {
        check_version(bytes)?;
        let image: Image = minicbor::decode(bytes)?;
        if image.keys.is_empty() || image.keys.len() > KEYS_MAX {
            return Err(ImageError::Impossible("number of keys"));
        }
        if !(60..=2 * 24 * 3600).contains(&image.period_secs) {
            return Err(ImageError::Impossible("period"));
        }
        let mut keys = Keys {
            now: image.now,
            keys: Vec::with_capacity(KEYS_MAX),
        };
        for key in &image.keys {
            keys.insert(key.key());
        }
        Ok(Tickets {
            period: Duration::from_secs(image.period_secs),
            keys: RwLock::new(keys),
        })
    }

    /// Goes on with the keys of another set, and keeps those of its own that have not expired for opening.
    pub fn adopt(&self, others: Tickets) {
        let others = others
            .keys
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut keys = self.write();
        let now = keys.now.max(others.now);
        for key in others.keys {
            keys.insert(key);
        }
        keys.tell(now);
    }

    /// Goes on with the keys of another set in place of its own, which opens nothing that it has sealed itself: for a
    /// successor, that has sealed nothing yet. Unlike [`adopt`](Tickets::adopt) that adds no key to the set, however often
    /// processes follow each other.
    pub fn succeed(&self, predecessor: Tickets) {
        let theirs = predecessor.keys.into_inner();
        *self.write() = theirs.unwrap_or_else(PoisonError::into_inner);
    }

    /// Takes the key of a file in the format of lighttpd's `ssl.stek-file`, 92 bytes: version 0, activation and expiration as
    /// 32-bit numbers of this machine's byte order (seconds since 1970), name, key for HMAC, key for AES. Our tickets are
    /// sealed otherwise than OpenSSL's: both keys go into one, and servers that share the file must all be ours.
    ///
    /// # Errors
    ///
    /// [`ImageError::Impossible`] if it has another length, another version, or expires before it is active.
    pub fn add_stek(&self, file: &[u8], now: UnixSeconds) -> Result<(), ImageError> {
        let key = Key::from_stek(file)?;
        let mut keys = self.write();
        keys.insert(key);
        keys.tell(now);
        Ok(())
    }

    /// A set that has only the key of such a file.
    ///
    /// # Errors
    ///
    /// As [`add_stek`](Tickets::add_stek).
    pub fn from_stek(file: &[u8], now: UnixSeconds) -> Result<Tickets, ImageError> {
        let keys = vec![Key::from_stek(file)?];
        let period = Duration::from_secs(8 * 3600);
        Ok(Tickets {
            period,
            keys: RwLock::new(Keys { now, keys }),
        })
    }

    /// For `ServerConfig::ticketer`. A ticket that was made in a scope is opened only in the same scope: name in it whatever
    /// decides who may come in, such as how client certificates are verified; otherwise a client could get a ticket where
    /// nothing is asked of it and be let in elsewhere under the same server name.
    pub fn ticketer(self: &Arc<Self>, scope: &[u8]) -> Arc<dyn ProducesTickets> {
        Arc::new(Ticketer {
            tickets: self.clone(),
            scope: scope.into(),
        })
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn tell(&mut self, now: UnixSeconds) {
        self.now = now;
        self.keys.retain(|key| key.expires > now);
    }

    fn insert(&mut self, key: Key) {
        self.keys.retain(|it| it.name != key.name);
        let at = self
            .keys
            .partition_point(|it| it.active_from <= key.active_from);
        self.keys.insert(at, key);
        let surplus = self.keys.len().saturating_sub(KEYS_MAX);
        self.keys.drain(..surplus);
    }

    /// The key that seals now.
    fn active(&self) -> Option<&Key> {
        let is_active = |key: &&Key| key.active_from <= self.now && self.now < key.expires;
        self.keys.iter().rfind(is_active)
    }
}

impl Key {
    fn new(
        name: [u8; NAME_BYTES],
        secret: Zeroizing<[u8; KEY_BYTES]>,
        active_from: UnixSeconds,
        expires: UnixSeconds,
    ) -> Key {
        let aead = UnboundKey::new(&AES_256_GCM, &*secret).expect("a key of AES-256 has 32 bytes");
        Key {
            name,
            secret,
            aead: LessSafeKey::new(aead),
            active_from,
            expires,
        }
    }

    fn generate(period: Duration, now: UnixSeconds) -> Result<Key, NoRandomness> {
        let mut name = [0; NAME_BYTES];
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        aws_lc_rs::rand::fill(&mut name).map_err(|_| NoRandomness)?;
        aws_lc_rs::rand::fill(&mut *secret).map_err(|_| NoRandomness)?;
        Ok(Key::new(
            name,
            secret,
            now,
            now.saturating_add(3 * period.as_secs()),
        ))
    }

    fn from_stek(file: &[u8]) -> Result<Key, ImageError> {
        let file: &[u8; STEK_BYTES] = file
            .try_into()
            .map_err(|_| ImageError::Impossible("length of a ticket key file"))?;
        let number =
            |at: usize| u32::from_ne_bytes([file[at], file[at + 1], file[at + 2], file[at + 3]]);
        let (active_from, expires) = (number(4), number(8));
        if number(0) != 0 {
            return Err(ImageError::Impossible("version of a ticket key file"));
        }
        if expires <= active_from {
            return Err(ImageError::Impossible("expiration of a ticket key file"));
        }
        let mut name = [0; NAME_BYTES];
        name.copy_from_slice(&file[12..28]);
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        Salt::new(HKDF_SHA256, b"portable-tls tickets")
            .extract(&file[28..])
            .expand(&[&name], HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut *secret))
            .expect("HKDF gives as many bytes as its hash has");
        Ok(Key::new(name, secret, active_from.into(), expires.into()))
    }
}

struct Ticketer {
    tickets: Arc<Tickets>,
    scope: Box<[u8]>,
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        // Below a week (RFC 8446 section 4.6.1), as periods are at most two days.
        2 * self.tickets.period.as_secs() as u32
    }

    /// Name of the key, nonce, sealed, tag.
    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let keys = self.tickets.read();
        let key = keys.active()?;
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        let head = NAME_BYTES + NONCE_LEN;
        let mut ticket = Vec::with_capacity(head + plain.len() + AES_256_GCM.tag_len());
        ticket.extend_from_slice(&key.name);
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(&*self.scope);
        let tag = key
            .aead
            .seal_in_place_separate_tag(nonce, aad, &mut ticket[head..])
            .ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_first_chunk::<NAME_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let keys = self.tickets.read();
        // Names are no secret: they are in every ticket.
        let key = keys
            .keys
            .iter()
            .find(|key| key.name == *name && keys.now < key.expires)?;
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = key
            .aead
            .open_in_place(nonce, Aad::from(&*self.scope), &mut bytes)
            .ok()?;
        let length = plain.len();
        bytes.truncate(length);
        Some(bytes)
    }
}

/// Version 1 of a set of keys.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Image {
    #[n(0)]
    version: u8,
    #[n(1)]
    period_secs: u64,
    #[n(2)]
    now: u64,
    #[n(3)]
    keys: Vec<KeyImage>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeyImage {
    #[n(0)]
    name: ByteArray<NAME_BYTES>,
    #[n(1)]
    secret: ByteArray<KEY_BYTES>,
    #[n(2)]
    active_from: u64,
    #[n(3)]
    expires: u64,
}

impl KeyImage {
    fn of(key: &Key) -> KeyImage {
        KeyImage {
            name: key.name.into(),
            secret: (*key.secret).into(),
            active_from: key.active_from,
            expires: key.expires,
        }
    }

    fn key(&self) -> Key {
        let secret = Zeroizing::new(*self.secret);
        Key::new(*self.name, secret, self.active_from, self.expires)
    }
}

impl Drop for KeyImage {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret[..]);
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tickets({} keys)", self.read().keys.len())
    }
}

impl fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticketer({:?})", self.tickets)
    }
}
