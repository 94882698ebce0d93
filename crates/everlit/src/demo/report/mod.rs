//! What is told at the end.
//!
//! In: what was measured. Out: [`Report`], its words and its JSON, and what was lost. Must hold: every figure is measured by
//! the clients or comes from the kernel; what the server says of itself is told apart.

mod number;
mod text;

use serde::Serialize;

use super::clients::Kind;
use super::crowd::Staying;
use super::kernel::ByKind;
use super::measure::{Figures, Losses, Window};
use crate::control;
pub(super) use number::millis;

pub(super) use text::{line_of, table};

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Version of the program.
    pub(super) version: &'static str,
    /// Where the site was.
    pub(super) address: String,
    /// How many clients stayed, by what they did.
    pub(super) clients: ByKind,
    /// New connections a second.
    pub(super) new_connections_per_second: u32,
    /// The time before the first restart, to compare with.
    pub(super) calm: Span,
    /// Each restart, with the time until the next.
    pub(super) restarts: Vec<Restart>,
    /// The whole.
    pub(super) totals: Totals,
    /// The process that stayed.
    pub(super) supervisor: Supervisor,
    /// What was lost, or went wrong, in words; empty if nothing.
    pub(super) failures: Vec<String>,
}

/// What the clients saw in some time.
#[derive(Debug, Serialize)]
pub(super) struct Span {
    /// Whole, right answers.
    pub(super) answers: u64,
    /// The longest wait of any client.
    pub(super) longest_wait_ms: f64,
    /// Whose it was.
    pub(super) longest_wait_of: Option<Kind>,
    /// What was lost.
    pub(super) lost: Losses,
}

/// One restart.
#[derive(Debug, Serialize)]
pub(super) struct Restart {
    /// From 1 on.
    pub(super) number: u32,
    /// What was asked for.
    pub(super) configuration: Configuration,
    /// What came of it.
    #[serde(flatten)]
    pub(super) outcome: Outcome,
    /// From the wish until a client had the first answer of the new process.
    pub(super) new_answers_ms: Option<f64>,
    /// From this wish to the next.
    #[serde(flatten)]
    pub(super) span: Span,
}

/// What a restart is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Configuration {
    Good,
    /// With a mistake, to show that it is refused.
    Broken,
}

/// What came of a restart.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// A new process serves.
    Renewed {
        old: Process,
        new: Process,
        /// Connections that the old process held before and the new one after; `None` if the kernel does not show us.
        moved: Option<ByKind>,
        /// From the wish until the old process was gone; `None` if it never was.
        old_gone_ms: Option<f64>,
        /// What the server says of it: for comparison only.
        server_says: Box<control::message::Report>,
    },
    /// Refused; the same process serves on.
    Refused {
        /// Who serves.
        process: Process,
        /// In the server's words.
        why: String,
    },
}

/// A process that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Process {
    pub(super) generation: u64,
    pub(super) pid: u32,
}

/// All figures together.
#[derive(Debug, Serialize)]
pub(super) struct Totals {
    /// Whole, right answers.
    pub(super) answers: u64,
    /// Times of answers, downloads apart.
    pub(super) median_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) slowest_ms: f64,
    /// Whole downloads, each byte compared.
    pub(super) downloads: u64,
    /// Connections that were open at the beginning and at the end: the very same ones.
    pub(super) stayed: u64,
    /// Bytes that the downloads read.
    pub(super) download_bytes: u64,
    /// What was lost.
    pub(super) lost: Losses,
    /// The first losses, one by one.
    pub(super) first_losses: Vec<String>,
}

/// The process that we started, and that stays.
#[derive(Debug, Serialize)]
pub(super) struct Supervisor {
    pub(super) pid: u32,
    /// Whether that very process was there at the end, and says so itself.
    pub(super) unchanged: bool,
    /// Processes of the server at the end, it included.
    pub(super) processes_at_the_end: usize,
}

impl Span {
    /// Of a window that is over.
    pub(super) fn of(window: &Window) -> Self {
        Self {
            answers: window.answered,
            longest_wait_ms: millis(window.longest),
            longest_wait_of: window.longest_kind,
            lost: window.losses,
        }
    }
}

impl Restart {
    /// A restart and the window that began with it.
    pub(super) fn new(
        number: u32,
        configuration: Configuration,
        outcome: Outcome,
        window: &Window,
    ) -> Self {
        Self {
            number,
            configuration,
            outcome,
            new_answers_ms: window.first_new.map(millis),
            span: Span::of(window),
        }
    }
}

impl Totals {
    /// Of all figures, and of who was there at the beginning and at the end.
    pub(super) fn of(figures: &Figures, first: &[Staying], last: &[Staying]) -> Self {
        let stayed = first.iter().filter(|client| last.contains(client));
        Self {
            answers: figures.answered,
            median_ms: millis(figures.times.quantile(0.5)),
            p99_ms: millis(figures.times.quantile(0.99)),
            slowest_ms: millis(figures.times.longest()),
            downloads: figures.downloads,
            stayed: stayed.count() as u64,
            download_bytes: figures.download_bytes,
            lost: figures.losses,
            first_losses: figures.samples.clone(),
        }
    }
}

impl Report {
    /// Looks at the whole, and names what was lost or went wrong, after what is known to have gone wrong already.
    pub(super) fn judge(&mut self) {
        let losses = self.totals.lost.rows().into_iter();
        let losses = losses.filter(|(count, _)| *count > 0);
        let mut failures: Vec<String> = losses
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        failures.extend(self.restarts.iter().flat_map(Restart::failures));
        if !self.supervisor.unchanged {
            failures.push("the server's main process did not live to the end".to_owned());
        } else if self.supervisor.processes_at_the_end != 2 {
            failures.push(format!(
                "{} processes of the server at the end instead of 2",
                self.supervisor.processes_at_the_end
            ));
        }
        self.failures.extend(failures);
    }
}

impl Restart {
    fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut fail = |what: &str| failures.push(format!("restart {}: {what}", self.number));
        match (&self.outcome, self.configuration) {
            (Outcome::Renewed { .. }, Configuration::Broken) => {
                fail("a broken configuration was accepted");
            }
            (Outcome::Refused { why, .. }, Configuration::Good) => {
                fail(&format!("failed: {why}"));
            }
            (Outcome::Renewed { old_gone_ms, .. }, Configuration::Good) => {
                if old_gone_ms.is_none() {
                    fail("the old process did not go");
                }
                if self.new_answers_ms.is_none() {
                    fail("no client saw an answer of the new configuration");
                }
            }
            (Outcome::Refused { .. }, Configuration::Broken) => {}
        }
        failures
    }
}

#[cfg(test)]
pub(super) mod samples;

#[cfg(test)]
mod tests {
    use super::samples::report;
    use super::*;
    use crate::demo::measure::Loss;

    #[test]
    fn a_good_run_has_no_failures() {
        let mut report = report();
        report.judge();
        assert_eq!(report.failures, Vec::<String>::new());
    }

    #[test]
    fn every_loss_and_every_oddity_is_a_failure() {
        let with = |change: &dyn Fn(&mut Report)| {
            let mut report = report();
            change(&mut report);
            report.judge();
            report.failures.join("; ")
        };
        assert_eq!(
            with(&|report| report.totals.lost.count(Loss::Closed)),
            "1 kept connections closed"
        );
        assert_eq!(
            with(&|report| report.restarts[0].configuration = Configuration::Broken),
            "restart 1: a broken configuration was accepted"
        );
        assert_eq!(
            with(&|report| report.restarts[1].configuration = Configuration::Good),
            "restart 2: failed: demo.conf:17:14: error: a quote is missing"
        );
        assert_eq!(
            with(&|report| report.restarts[0].new_answers_ms = None),
            "restart 1: no client saw an answer of the new configuration"
        );
        assert_eq!(
            with(&|report| {
                let Outcome::Renewed { old_gone_ms, .. } = &mut report.restarts[0].outcome else {
                    panic!("the first restart succeeds");
                };
                *old_gone_ms = None;
            }),
            "restart 1: the old process did not go"
        );
        assert_eq!(
            with(&|report| report.supervisor.processes_at_the_end = 3),
            "3 processes of the server at the end instead of 2"
        );
        assert!(!with(&|report| report.supervisor.unchanged = false).is_empty());
    }

    #[test]
    fn the_json_says_what_is_measured_and_what_is_claimed() {
        let json = serde_json::to_value(report()).unwrap();
        let first = &json["restarts"][0];
        assert_eq!(first["outcome"], "renewed");
        assert_eq!(first["moved"]["idle"], 100);
        assert_eq!(first["old_gone_ms"], 41.25);
        assert_eq!(first["longest_wait_of"], "busy");
        assert_eq!(first["server_says"]["tally"]["moved"]["idle"], 199);
        assert_eq!(first["lost"]["kept_connections_closed"], 0);
        assert_eq!(json["restarts"][1]["outcome"], "refused");
        assert_eq!(
            json["restarts"][1]["new_answers_ms"],
            serde_json::Value::Null
        );
    }
}
