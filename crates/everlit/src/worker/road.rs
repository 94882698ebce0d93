//! The road to the successor: how many frozen connections may be on it at the same time.
//!
//! In: connections that set out, and that have arrived or come back. Out: whether there is room for more. Must hold: a
//! connection is frozen only when it is its turn to travel, so that its client waits for a few hundred others at most,
//! however many there are.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Most connections on the road: two full messages of the handover, so that one is filled while the other is answered.
const CAPACITY: usize = 512;

/// Shared by all workers of a generation that leaves, and its lead thread.
#[derive(Debug, Default)]
pub struct Road {
    travelling: AtomicUsize,
}

impl Road {
    /// Whether there is room for more.
    pub fn has_room(&self) -> bool {
        self.travelling.load(Ordering::Relaxed) < CAPACITY
    }

    /// A connection has set out. Workers that find room at the same time may exceed the limit by a little.
    pub fn set_out(&self) {
        self.travelling.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection is the successor's, or a worker's again.
    pub fn arrived(&self) {
        self.travelling.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_road_has_room_again_when_somebody_arrives() {
        let road = Road::default();
        for _ in 0..CAPACITY {
            assert!(road.has_room());
            road.set_out();
        }
        assert!(!road.has_room());
        road.arrived();
        assert!(road.has_room());
    }
}
