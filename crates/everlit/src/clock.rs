//! The time, read once per turn of the loop.
//!
//! In: the kernel's clocks, read by the loop alone. Out: [`Now`], handed down to everything that needs the time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// One moment, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Time since boot; for deadlines and durations.
    pub monotonic: Duration,
    /// Time since 1970-01-01 UTC; for dates.
    pub unix: Duration,
}

impl Now {
    /// Reads the clocks.
    pub fn read() -> Now {
        let monotonic = clock_gettime(ClockId::Monotonic);
        let unix = clock_gettime(ClockId::Realtime);
        let duration = |t: rustix::time::Timespec| {
            Duration::new(
                t.tv_sec.max(0) as u64,
                t.tv_nsec.clamp(0, 999_999_999) as u32,
            )
        };
        Now {
            monotonic: duration(monotonic),
            unix: duration(unix),
        }
    }
}
