//! Nonces of Digest, which every worker and every generation can tell for its own.
//!
//! In: the time, a realm, secrets. Out: a nonce, or what is to be said of one. Must hold: a nonce that was given out is good
//! for ten minutes, also in the next processes; nobody else can make one.
//!
//! A nonce is the second in which it was made, a random number, and a keyed hash of both and the realm. The key is
//! "nonce-secret" of `auth.require`, or a secret that a generation makes for itself and gives to its successor, with all it
//! was given. So secrets stay in memory, and clients notice nothing of a reload. A successor lets clients in before it has
//! heard from its predecessor; a nonce that it cannot tell in that time is judged a moment later.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use super::algorithm::{hex, is_same};
use crate::clock::Now;

/// Seconds for which a nonce is good.
const LIFE: u64 = 600;
/// Seconds after which a client is given the next one.
const AGEING: u64 = 540;
/// Seconds by which the clock of whoever made a nonce may be ahead of ours.
const AHEAD: u64 = 2;
/// Most secrets that are handed on: more generations than that in ten minutes, and the oldest nonces go stale early.
const MOST: usize = 64;
/// How long a predecessor may take to hand its secrets on.
const HEIRLOOM_PATIENCE: Duration = Duration::from_secs(10);

/// Secrets to make and tell nonces with.
#[derive(Clone, Debug)]
pub struct Nonces {
    /// The first one makes nonces; all tell them.
    secrets: Arc<[Secret]>,
    /// Until when those of the predecessor may still come (monotonic).
    awaited: Option<Duration>,
}

#[derive(Clone, Encode, Decode)]
#[cbor(map)]
struct Secret {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    key: Vec<u8>,
    /// Until when there may be good nonces of it (Unix time); `None`: it is in use.
    #[n(1)]
    until: Option<u64>,
}

/// What is to be said of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is good.
    Good,
    /// It is good, but not for long.
    Ageing,
    /// It was good, or is not ours: the client is to try again with another one, without asking anybody.
    Stale,
    /// It may be our predecessor's, whose secrets are not here yet.
    Unclear,
}

impl Default for Nonces {
    fn default() -> Self {
        let mut key = vec![0; 32];
        // It does not return before it could; if it failed, there would be no TLS either.
        let _ = rand::fill(&mut key);
        Nonces {
            secrets: Arc::new([Secret { key, until: None }]),
            awaited: None,
        }
    }
}

impl Nonces {
    /// The same, in a process whose predecessor has not handed its secrets on yet.
    #[must_use]
    pub fn awaiting_heirlooms(mut self, now: Now) -> Nonces {
        self.awaited = Some(now.monotonic + HEIRLOOM_PATIENCE);
        self
    }

    /// Whether they may still come.
    pub fn is_awaiting(&self) -> bool {
        self.awaited.is_some()
    }

    /// The same, with those of the predecessor, if there were any: its first one makes nonces from now on, so that all
    /// generations go on with one.
    #[must_use]
    pub fn with_heirlooms(&self, heirlooms: Option<&[u8]>, now: Now) -> Nonces {
        let mut secrets: Vec<Secret> = heirlooms.and_then(read).unwrap_or_default();
        let second = now.unix.as_secs();
        for own in self.secrets.iter() {
            let mut own = own.clone();
            if !secrets.is_empty() && own.until.is_none() {
                own.until = Some(second + LIFE);
            }
            secrets.push(own);
        }
        let mut seen = BTreeSet::new();
        secrets.retain(|secret| {
            secret.until.is_none_or(|until| until >= second) && seen.insert(secret.key.clone())
        });
        seen.into_iter().for_each(|mut key| key.zeroize());
        secrets.truncate(MOST);
        Nonces {
            secrets: secrets.into(),
            awaited: None,
        }
    }

    /// For a successor.
    pub fn export(&self) -> Zeroizing<Vec<u8>> {
        // Room for all, so that it leaves nothing behind by growing.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST * 128));
        minicbor::encode(&*self.secrets, &mut *bytes).expect("memory takes what is written to it");
        bytes
    }

    /// Whether this is what a predecessor would hand on.
    pub fn is_heirloom(bytes: &[u8]) -> bool {
        read(bytes).is_some()
    }

    /// A nonce.
    pub fn make(&self, realm: &str, secret: Option<&str>, now: Now) -> String {
        let mut random = [0; 8];
        let _ = rand::fill(&mut random);
        let open = format!("{:x}:{}", now.unix.as_secs(), *hex(&random));
        let key = match secret {
            Some(secret) => secret.as_bytes(),
            None => &self.secrets[0].key,
        };
        let seal = seal(key, open.as_bytes(), realm);
        format!("{open}:{}", *seal)
    }

    /// What is to be said of one.
    pub fn judge(&self, nonce: &[u8], realm: &str, secret: Option<&str>, now: Now) -> Judgement {
        let Some((made, open, sealed)) = take_apart(nonce) else {
            return Judgement::Stale;
        };
        // Another worker thread may be ahead by the time of a turn of its loop.
        let age = now.unix.as_secs().saturating_sub(made);
        if age > LIFE || made > now.unix.as_secs() + AHEAD {
            return Judgement::Stale;
        }
        let is_ours = |key: &[u8]| is_same(seal(key, open, realm).as_bytes(), sealed);
        let known = match secret {
            Some(secret) => is_ours(secret.as_bytes()),
            None => self.secrets.iter().any(|secret| is_ours(&secret.key)),
        };
        let may_come = secret.is_none() && self.awaited.is_some_and(|until| until > now.monotonic);
        match (known, age > AGEING) {
            (true, false) => Judgement::Good,
            (true, true) => Judgement::Ageing,
            (false, _) if may_come => Judgement::Unclear,
            (false, _) => Judgement::Stale,
        }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

fn read(bytes: &[u8]) -> Option<Vec<Secret>> {
    let secrets: Vec<Secret> = minicbor::decode(bytes).ok()?;
    let is_good = |secret: &Secret| (16..=64).contains(&secret.key.len());
    (secrets.len() <= MOST && secrets.iter().all(is_good)).then_some(secrets)
}

/// The keyed hash of what is open in a nonce, half of it: it is not kept for long.
fn seal(key: &[u8], open: &[u8], realm: &str) -> Zeroizing<String> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(open);
    context.update(b":");
    context.update(realm.as_bytes());
    hex(&context.sign().as_ref()[..16])
}

/// When a nonce was made, what of it is open, and what seals that.
fn take_apart(nonce: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let end = nonce.iter().rposition(|byte| *byte == b':')?;
    let (open, sealed) = (&nonce[..end], &nonce[end + 1..]);
    let made = open.split(|byte| *byte == b':').next()?;
    let made = u64::from_str_radix(str::from_utf8(made).ok()?, 16).ok()?;
    Some((made, open, sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Now {
        Now {
            monotonic: Duration::from_secs(second),
            unix: Duration::from_secs(1_700_000_000 + second),
        }
    }

    #[test]
    fn a_nonce_is_good_for_ten_minutes() {
        let nonces = Nonces::default();
        let nonce = nonces.make("r", None, at(100));
        let judge = |realm, second| nonces.judge(nonce.as_bytes(), realm, None, at(second));
        assert_eq!(judge("r", 100), Judgement::Good);
        assert_eq!(judge("r", 640), Judgement::Good);
        assert_eq!(judge("r", 641), Judgement::Ageing);
        assert_eq!(judge("r", 700), Judgement::Ageing);
        assert_eq!(judge("r", 701), Judgement::Stale);
        assert_eq!(judge("r", 99), Judgement::Good);
        assert_eq!(judge("r", 97), Judgement::Stale);
        assert_eq!(judge("other", 100), Judgement::Stale);
        assert_ne!(nonces.make("r", None, at(100)), nonce);
    }

    #[test]
    fn what_is_no_nonce_of_ours_is_stale() {
        let nonces = Nonces::default();
        let nonce = nonces.make("r", None, at(0));
        let stranger = Nonces::default().make("r", None, at(0));
        let later = nonce.replacen("6553f100", "6553f101", 1);
        assert_ne!(later, nonce);
        for bad in [
            "",
            ":",
            "::",
            "abc",
            "6553f100:",
            "zz:1:2",
            "6553f100:1:2",
            &stranger,
            &later,
        ] {
            let judged = nonces.judge(bad.as_bytes(), "r", None, at(1));
            assert_eq!(judged, Judgement::Stale, "{bad}");
        }
    }

    #[test]
    fn with_a_configured_secret_every_process_tells_them() {
        let nonce = Nonces::default().make("r", Some("s"), at(0));
        let judge = |secret| Nonces::default().judge(nonce.as_bytes(), "r", secret, at(1));
        assert_eq!(judge(Some("s")), Judgement::Good);
        assert_eq!(judge(Some("t")), Judgement::Stale);
        assert_eq!(judge(None), Judgement::Stale);
    }

    #[test]
    fn secrets_are_handed_on_from_generation_to_generation() {
        let mut now = 0;
        let mut nonces = Nonces::default();
        let mut given: Vec<String> = vec![nonces.make("r", None, at(0))];
        for _ in 0..20 {
            now += 10;
            let fresh = Nonces::default().awaiting_heirlooms(at(now));
            // Let in before the predecessor has spoken.
            let judged = fresh.judge(given[0].as_bytes(), "r", None, at(now));
            assert_eq!(judged, Judgement::Unclear);
            let early = fresh.make("r", None, at(now));
            assert_eq!(
                fresh.judge(early.as_bytes(), "r", None, at(now)),
                Judgement::Good
            );
            given.push(early);
            let exported = nonces.export();
            assert!(Nonces::is_heirloom(&exported));
            nonces = fresh.with_heirlooms(Some(&exported), at(now));
            given.push(nonces.make("r", None, at(now)));
            for nonce in &given {
                assert_eq!(
                    nonces.judge(nonce.as_bytes(), "r", None, at(now)),
                    Judgement::Good
                );
            }
        }
        assert_eq!(nonces.secrets.len(), 21);
        // In time, only the one that is in use is left.
        let nonces = Nonces::default().with_heirlooms(Some(&nonces.export()), at(10_000));
        assert_eq!(nonces.secrets.len(), 2);
    }

    #[test]
    fn without_heirlooms_it_goes_on_alone() {
        let fresh = Nonces::default().awaiting_heirlooms(at(0));
        let stranger = Nonces::default().make("r", None, at(0));
        let judge =
            |nonces: &Nonces, second| nonces.judge(stranger.as_bytes(), "r", None, at(second));
        assert_eq!(judge(&fresh, 9), Judgement::Unclear);
        assert_eq!(judge(&fresh, 10), Judgement::Stale);
        let alone = fresh.with_heirlooms(None, at(1));
        assert_eq!(judge(&alone, 1), Judgement::Stale);
        assert_eq!(alone.secrets.len(), 1);
        assert!(alone.secrets[0].until.is_none());
        for bad in [&b""[..], b"nonsense", &[0x81, 0xa1, 0x00, 0x41, 0x01]] {
            assert!(!Nonces::is_heirloom(bad), "{bad:?}");
        }
        let alone = fresh.with_heirlooms(Some(b"nonsense"), at(1));
        assert_eq!(alone.secrets.len(), 1);
    }
}
