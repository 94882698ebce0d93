//! What a database is told: bytes in, bytes out, requests.
//!
//! In: requests that are over. Out: sums. Must hold: each counter has one thread that writes it.

use std::sync::atomic::{AtomicU64, Ordering};

use minicbor::{Decode, Encode};

/// So much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Traffic {
    /// Bytes of requests, heads and bodies.
    #[n(0)]
    pub received: u64,
    /// Bytes of responses, heads and bodies.
    #[n(1)]
    pub sent: u64,
    /// Requests.
    #[n(2)]
    pub requests: u64,
}

impl Traffic {
    /// Both together.
    #[must_use]
    pub fn plus(self, more: Traffic) -> Traffic {
        Traffic {
            received: self.received.saturating_add(more.received),
            sent: self.sent.saturating_add(more.sent),
            requests: self.requests.saturating_add(more.requests),
        }
    }

    /// What is left.
    #[must_use]
    pub fn minus(self, less: Traffic) -> Traffic {
        Traffic {
            received: self.received.saturating_sub(less.received),
            sent: self.sent.saturating_sub(less.sent),
            requests: self.requests.saturating_sub(less.requests),
        }
    }
}

/// Counts up. Any thread may read it, one writes it.
#[derive(Debug, Default)]
pub struct Counter {
    received: AtomicU64,
    sent: AtomicU64,
    requests: AtomicU64,
}

impl Counter {
    /// So much up to now.
    pub fn load(&self) -> Traffic {
        Traffic {
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }

    /// So much more.
    pub fn add(&self, more: Traffic) {
        let sum = self.load().plus(more);
        self.received.store(sum.received, Ordering::Relaxed);
        self.sent.store(sum.sent, Ordering::Relaxed);
        self.requests.store(sum.requests, Ordering::Relaxed);
    }
}

/// What is known of one database, beside what the workers count for it.
#[derive(Debug, Default)]
pub struct Account {
    /// Its file.
    pub name: String,
    /// What generations before this one had counted, and not written.
    pub inherited: Counter,
    /// What this one has written.
    pub written: Counter,
}

/// What a generation leaves to the next one to write.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Unwritten {
    /// The file.
    #[n(0)]
    pub name: String,
    /// So much.
    #[n(1)]
    pub traffic: Traffic,
}
