//! How fast bytes may leave (`connection.kbytes-per-second`, `server.kbytes-per-second`).
//!
//! In: `now`, and what was sent. Out: how much may be sent at this moment. Must hold: no more in a second than was allowed,
//! whoever shares it; nothing is locked, because limits are shared by worker threads.
//!
//! Time is cut into ticks, each with its part of a second's allowance; what a tick leaves over is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// From one tick to the next.
pub const TICK: Duration = Duration::from_millis(250);

/// Limits in force for what is written to the clients of a request.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// `connection.kbytes-per-second`: KiB a second for each connection; 0: no limit.
    pub each: u16,
    /// `server.kbytes-per-second`, shared by all connections under it.
    pub shared: Option<Arc<Shared>>,
}

/// A limit that connections share.
#[derive(Debug)]
pub struct Shared {
    /// Which one of the configuration's it is.
    pub number: u16,
    /// KiB a second.
    pub rate: u16,
    /// The number of the tick in the upper half, what was taken in it in the lower.
    taken: AtomicU64,
}

/// The pace of one response.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    tick: u32,
    /// Sent in this tick.
    sent: u64,
    /// Whether nothing was allowed any more when it was last asked.
    is_spent: bool,
}

impl Limits {
    /// The same for a response that follows another one on its connection: what was sent in this tick counts.
    pub fn pace_after(&self, earlier: Option<Box<Pace>>) -> Option<Box<Pace>> {
        let mut pace = self.pace()?;
        if let Some(earlier) = earlier {
            (pace.tick, pace.sent) = (earlier.tick, earlier.sent);
        }
        Some(pace)
    }

    /// The pace of a response under these limits; nothing if there are none.
    pub fn pace(&self) -> Option<Box<Pace>> {
        (self.each > 0 || self.shared.is_some()).then(|| {
            Box::new(Pace {
                limits: self.clone(),
                tick: 0,
                sent: 0,
                is_spent: false,
            })
        })
    }
}

impl Shared {
    /// A limit of so many KiB a second.
    pub fn new(number: u16, rate: u16) -> Shared {
        Shared {
            number,
            rate,
            taken: AtomicU64::new(0),
        }
    }

    /// Takes some of what is left of this tick's part, at most `wanted`: an eighth of it, so that others have their share.
    fn take(&self, tick: u32, wanted: u64) -> u64 {
        let part = part_of(self.rate);
        let mut granted = 0;
        let change = |state: u64| {
            let taken = match (state >> 32) as u32 == tick {
                true => state & u64::from(u32::MAX),
                false => 0,
            };
            let share = (part / 8).max(512);
            granted = part.saturating_sub(taken).min(wanted).min(share);
            // Below 2^24, because rates are below 2^16 KiB.
            Some(u64::from(tick) << 32 | (taken + granted))
        };
        // It never refuses.
        let _ = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        granted
    }

    /// Gives back what was not used of what was taken in this tick.
    fn give_back(&self, tick: u32, unused: u64) {
        let change = |state: u64| {
            let is_now = (state >> 32) as u32 == tick;
            is_now.then(|| state - unused.min(state & u64::from(u32::MAX)))
        };
        // The tick is over: it has no use any more.
        let _ = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }
}

impl Pace {
    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many bytes may be sent now. What is not used of them is to be [`returned`](Self::used).
    pub fn allow(&mut self, now: Duration) -> u64 {
        let tick = tick_of(now);
        if tick != self.tick {
            self.tick = tick;
            self.sent = 0;
        }
        let own = match self.limits.each {
            0 => u64::from(u32::MAX),
            rate => part_of(rate).saturating_sub(self.sent),
        };
        let allowed = match &self.limits.shared {
            Some(shared) if own > 0 => shared.take(tick, own),
            _ => own,
        };
        self.is_spent = allowed == 0;
        allowed
    }

    /// Whether the next tick is to be waited for.
    pub fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// So much was allowed, and so much was sent.
    pub fn used(&mut self, allowed: u64, sent: u64) {
        self.sent += sent;
        if let Some(shared) = &self.limits.shared {
            shared.give_back(self.tick, allowed.saturating_sub(sent));
        }
    }
}

/// When the next tick begins.
pub fn next_tick(now: Duration) -> Duration {
    TICK * (tick_of(now) + 1)
}

fn tick_of(now: Duration) -> u32 {
    // Enough for thirty years.
    (now.as_millis() / TICK.as_millis()) as u32
}

/// What a rate in KiB a second allows in one tick.
fn part_of(rate: u16) -> u64 {
    u64::from(rate) * 1024 * TICK.as_millis() as u64 / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ticks: u32) -> Duration {
        TICK * ticks
    }

    #[test]
    fn without_limits_there_is_no_pace() {
        assert!(Limits::default().pace().is_none());
    }

    #[test]
    fn each_tick_allows_its_part() {
        let limits = Limits {
            each: 4,
            shared: None,
        };
        let mut pace = limits.pace().unwrap();
        assert_eq!(pace.allow(at(9)), 1024);
        pace.used(1024, 1000);
        assert_eq!(pace.allow(at(9)), 24);
        pace.used(24, 24);
        assert_eq!(pace.allow(at(10) - Duration::from_millis(1)), 0);
        assert_eq!(next_tick(at(10) - Duration::from_millis(1)), at(10));
        assert_eq!(pace.allow(at(10)), 1024);
        pace.used(1024, 1000);
        let mut next = limits.pace_after(Some(pace)).unwrap();
        assert_eq!(next.allow(at(10)), 24);
        assert_eq!(next.allow(at(11)), 1024);
    }

    #[test]
    fn what_is_shared_is_taken_by_whoever_comes() {
        let shared = Arc::new(Shared::new(0, 4));
        let of = |each| {
            let shared = Some(shared.clone());
            Limits { each, shared }.pace().unwrap()
        };
        let (mut first, mut second, mut third) = (of(1), of(0), of(0));
        assert_eq!(first.allow(at(1)), 256);
        first.used(256, 256);
        assert_eq!((first.allow(at(1)), first.is_spent()), (0, true));
        assert_eq!(second.allow(at(1)), 512);
        assert_eq!(third.allow(at(1)), 256);
        third.used(256, 256);
        // While the second sends there is nothing for others.
        assert_eq!((third.allow(at(1)), third.is_spent()), (0, true));
        second.used(512, 100);
        assert_eq!((third.allow(at(1)), third.is_spent()), (412, false));
        third.used(412, 412);
        // What comes back late is of no use.
        assert_eq!(second.allow(at(2)), 512);
        second.used(512, 512);
        assert_eq!(second.allow(at(2)), 512);
        second.used(512, 512);
        shared.give_back(1, 1000);
        assert_eq!(third.allow(at(2)), 0);
    }

    #[test]
    fn threads_together_get_no_more_than_one_alone() {
        let shared = Arc::new(Shared::new(0, 1000));
        let total = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let granted = shared.take(7, 100);
                        let kept = granted / 2;
                        shared.give_back(7, granted - kept);
                        total.fetch_add(kept, Ordering::Relaxed);
                    }
                });
            }
        });
        let total = total.into_inner();
        assert!(total <= 256_000 && total > 255_900, "{total}");
    }
}
