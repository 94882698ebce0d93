//! Many times, kept as counts.
//!
//! In: durations. Out: quantiles to within some three in a hundred, and the exact maximum. Must hold: its size does not
//! depend on how many there are.

use std::time::Duration;

/// Buckets for each doubling.
const STEPS: u64 = 32;
/// Doublings above the first `STEPS` microseconds; together more than an hour.
const DOUBLINGS: u64 = 28;

/// Counts of durations, in buckets that grow with the duration.
#[derive(Clone, Debug)]
pub(in crate::demo) struct Times {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            counts: vec![0; (STEPS * (DOUBLINGS + 1)) as usize],
            total: 0,
            longest: Duration::ZERO,
        }
    }
}

impl Times {
    /// Adds one.
    pub(in crate::demo) fn record(&mut self, time: Duration) {
        let bucket = bucket(time.as_micros()).min(self.counts.len() - 1);
        self.counts[bucket] += 1;
        self.total += 1;
        self.longest = self.longest.max(time);
    }

    /// The longest.
    pub(in crate::demo) fn longest(&self) -> Duration {
        self.longest
    }

    /// The time that this share (0 to 1) of all were within; zero if there are none.
    pub(in crate::demo) fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_end(bucket as u64).min(self.longest);
            }
        }
        self.longest
    }
}

/// The first `STEPS` buckets are a microsecond wide, the next as many two for each doubling, and so on.
fn bucket(micros: u128) -> usize {
    let micros = u64::try_from(micros).unwrap_or(u64::MAX);
    if micros < STEPS {
        return micros as usize;
    }
    let doubling = micros.ilog2() - STEPS.ilog2();
    let step = (micros >> doubling) - STEPS;
    (STEPS * (u64::from(doubling) + 1) + step) as usize
}

fn upper_end(bucket: u64) -> Duration {
    if bucket < STEPS {
        return Duration::from_micros(bucket + 1);
    }
    let doubling = bucket / STEPS - 1;
    Duration::from_micros((bucket % STEPS + STEPS + 1) << doubling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_of_a_known_set() {
        let mut times = Times::default();
        assert_eq!(times.quantile(0.5), Duration::ZERO);
        for millis in 1..=1000 {
            times.record(Duration::from_millis(millis));
        }
        assert_eq!(times.longest(), Duration::from_secs(1));
        let near = |share: f64, millis: f64| {
            let got = times.quantile(share).as_secs_f64() * 1000.0;
            assert!((got / millis - 1.0).abs() < 0.04, "{share}: {got}");
        };
        near(0.5, 500.0);
        near(0.99, 990.0);
        near(1.0, 1000.0);
    }

    proptest! {
        #[test]
        fn a_time_is_within_its_bucket(micros in 0_u64..(1 << 32)) {
            let bucket = bucket(u128::from(micros)) as u64;
            let end = upper_end(bucket).as_micros() as u64;
            prop_assert!(micros < end);
            prop_assert!(end - micros <= 1 + micros / STEPS);
        }
    }

    #[test]
    fn the_longest_of_all_fits() {
        let mut times = Times::default();
        times.record(Duration::from_secs(1_000_000));
        assert_eq!(
            times.quantile(0.5),
            Duration::from_secs(1_000_000).min(upper_end(STEPS * (DOUBLINGS + 1) - 1))
        );
    }
}
