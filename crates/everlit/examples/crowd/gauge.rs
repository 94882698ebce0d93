//! The longest of many durations, for each part of a measurement.

use std::time::Duration;

/// Parts of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Clients come in, as fast as they can.
    Opening,
    /// No reload has been asked for: what this machine does anyway.
    Before,
    /// From the request for the reload until its report is here and the old process is gone.
    During,
    /// Afterwards.
    After,
}

/// Number and longest of the durations of each part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge {
    parts: [(u64, Duration); 4],
}

impl Gauge {
    pub(crate) fn record(&mut self, part: Part, duration: Duration) {
        let (count, longest) = &mut self.parts[part as usize];
        *count += 1;
        *longest = duration.max(*longest);
    }

    /// How many there were.
    pub(crate) fn count(&self, part: Part) -> u64 {
        self.parts[part as usize].0
    }

    /// The longest of them.
    pub(crate) fn longest(&self, part: Part) -> Duration {
        self.parts[part as usize].1
    }

    /// The longest since the reload was asked for.
    pub(crate) fn longest_since_reload(&self) -> Duration {
        self.longest(Part::During).max(self.longest(Part::After))
    }
}
