//! How long many things took, told apart by when they happened.

use std::fmt;
use std::time::{Duration, Instant};

use crate::verdict::ms;

/// What was measured, each with the moment at which it began.
#[derive(Default)]
pub(crate) struct Latencies {
    all: Vec<(Instant, Duration)>,
}

/// From when to when.
pub(crate) type Span = (Instant, Instant);

/// Number, median, 99th percentile, longest.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl Latencies {
    pub(crate) fn record(&mut self, began: Instant, took: Duration) {
        self.all.push((began, took));
    }

    /// Of those that touch any of the spans, and of those that touch none. The spans are in order.
    pub(crate) fn split(&self, spans: &[Span]) -> (Spread, Spread) {
        let touches = |(began, took): &(Instant, Duration)| {
            let first = spans.partition_point(|(_, end)| end < began);
            spans
                .get(first)
                .is_some_and(|(start, _)| *start <= *began + *took)
        };
        let (inside, outside): (Vec<_>, Vec<_>) = self.all.iter().partition(|one| touches(one));
        (spread(inside), spread(outside))
    }

    /// Of all.
    pub(crate) fn spread(&self) -> Spread {
        spread(self.all.iter().collect())
    }
}

fn spread(all: Vec<&(Instant, Duration)>) -> Spread {
    let mut all: Vec<Duration> = all.into_iter().map(|(_, took)| *took).collect();
    all.sort_unstable();
    let Some(max) = all.last().copied() else {
        return Spread::default();
    };
    let at = |share: f64| all[((all.len() as f64 * share) as usize).min(all.len() - 1)];
    Spread {
        count: all.len(),
        p50: at(0.5),
        p99: at(0.99),
        max,
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = [self.p50, self.p99, self.max].map(ms);
        let count = self.count;
        write!(f, "p50 {p50:>9}  p99 {p99:>9}  max {max:>9}  ({count})")
    }
}
