//! How long to wait before a crashed generation is replaced.
//!
//! In: crashes, with the time the generation had been healthy. Out: the wait. Must hold: the first crash is answered at
//! once, a generation that keeps crashing cannot keep the machine busy.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// First wait that is not nothing; doubles from there.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(30);
/// A generation that served this long is healthy, and its crash a first one.
const HEALTHY: Duration = Duration::from_secs(60);

/// Crashes in a row.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backoff {
    in_a_row: u32,
}

impl Backoff {
    /// A generation crashed after serving for so long (nothing, if it never became ready): how long to wait now.
    pub(crate) fn crashed(&mut self, served: Duration) -> Duration {
        if served >= HEALTHY {
            self.in_a_row = 0;
        }
        let wait = match self.in_a_row {
            0 => Duration::ZERO,
            n => FIRST
                .saturating_mul(1_u32.checked_shl(n - 1).unwrap_or(u32::MAX))
                .min(LONGEST),
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        wait
    }

    /// Crashes in a row until now.
    pub(crate) fn in_a_row(self) -> u32 {
        self.in_a_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_then_doubling_up_to_thirty_seconds() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..12)
            .map(|_| backoff.crashed(Duration::ZERO).as_millis())
            .collect();
        assert_eq!(
            waits,
            [
                0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000
            ]
        );
        for _ in 0..100 {
            assert_eq!(backoff.crashed(Duration::ZERO), LONGEST);
        }
    }

    #[test]
    fn health_is_remembered() {
        let mut backoff = Backoff::default();
        backoff.crashed(Duration::ZERO);
        assert_eq!(backoff.crashed(Duration::from_secs(59)), FIRST);
        assert_eq!(backoff.crashed(Duration::from_secs(60)), Duration::ZERO);
        assert_eq!(backoff.in_a_row(), 1);
    }
}
