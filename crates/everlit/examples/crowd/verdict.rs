//! Whether limits held, as a table for people.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::exchange::Failure;
use crate::scene::Who;

/// The outcome of it all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Held,
    Broken,
}

/// Limits, each with what was measured.
#[derive(Default)]
pub(crate) struct Limits {
    lines: Vec<(Verdict, String)>,
}

impl Limits {
    /// A number that has to be the right one.
    pub(crate) fn exactly(&mut self, what: &str, measured: u64, wanted: u64) {
        let line = format!("{what}: {measured} (wanted {wanted})");
        self.note(measured == wanted, line);
    }

    /// A number that has to be reached.
    pub(crate) fn at_least(&mut self, what: &str, measured: u64, wanted: u64) {
        let line = format!("{what}: {measured} (wanted {wanted} or more)");
        self.note(measured >= wanted, line);
    }

    /// A number that is not to be exceeded.
    pub(crate) fn at_most(&mut self, what: &str, measured: u64, limit: u64) {
        let line = format!("{what}: {measured} (limit {limit})");
        self.note(measured <= limit, line);
    }

    /// A time that is not to be exceeded.
    pub(crate) fn within(&mut self, what: &str, measured: Duration, limit_ms: u64) {
        let line = format!("{what}: {} (limit {limit_ms} ms)", ms(measured));
        self.note(measured <= Duration::from_millis(limit_ms), line);
    }

    /// Each failure that was seen breaks a limit.
    pub(crate) fn failures(&mut self, failures: &BTreeMap<(Who, Failure), u64>) {
        for ((who, failure), count) in failures {
            self.note(false, format!("{count} x {who:?}: {failure}"));
        }
        if failures.is_empty() {
            self.note(true, "failures that a client saw: 0".to_owned());
        }
    }

    /// Prints them.
    pub(crate) fn conclude(&self) -> Verdict {
        println!();
        for (verdict, line) in &self.lines {
            let word = match verdict {
                Verdict::Held => "ok    ",
                Verdict::Broken => "BROKEN",
            };
            println!("{word} {line}");
        }
        match self.lines.iter().any(|(v, _)| *v == Verdict::Broken) {
            true => Verdict::Broken,
            false => Verdict::Held,
        }
    }

    fn note(&mut self, holds: bool, line: String) {
        let verdict = if holds {
            Verdict::Held
        } else {
            Verdict::Broken
        };
        self.lines.push((verdict, line));
    }
}

/// A duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
