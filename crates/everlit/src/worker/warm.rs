//! Which TLS sessions keep their expanded keys.
//!
//! In: connections that have just used theirs. Out: those that must give theirs back. Must hold: no more than 256
//! have any, so that 10,000 idle connections cost no more than they must, and a busy one does not expand its keys anew for
//! each request.

use std::collections::VecDeque;

use super::table::Key;

/// Sessions with expanded keys, of which each takes about 1.3 KiB.
const WARM_MAX: usize = 256;

/// Connections whose sessions have expanded keys, the longest known first.
#[derive(Debug, Default)]
pub(super) struct Warm(VecDeque<Key>);

/// Whether a connection is among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Warmth {
    /// No.
    #[default]
    Cold,
    /// Yes.
    Warm,
}

impl Warm {
    /// One more. Returns one that must give its keys back, if there are too many; it may be gone.
    pub(super) fn push(&mut self, key: Key) -> Option<Key> {
        self.0.push_back(key);
        (self.0.len() > WARM_MAX)
            .then(|| self.0.pop_front())
            .flatten()
    }
}
