//! What is told about a restart that succeeded, and to whom.
//!
//! In: who left, who came, how the leaving goes. Out: a [`Report`] for each caller at the moment it asked for, and one
//! line for the log. Must hold: each caller hears exactly one outcome, over an exec of the supervisor too.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::age;
use crate::control::message::{Farewell, Report, SupervisorRenewal, Until};
use crate::control::server::ClientId;
use crate::tally::Tally;

/// Somebody who asked for a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub(crate) client: u64,
    pub(crate) until: Until,
}

impl Caller {
    pub(crate) fn client(self) -> ClientId {
        ClientId(self.client)
    }
}

/// A restart that succeeded and is not wholly reported.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) from: Option<Leaver>,
    pub(crate) to: u64,
    pub(crate) to_version: String,
    #[serde(with = "age")]
    pub(crate) begun: Instant,
    #[serde(with = "age")]
    pub(crate) ready: Instant,
    #[serde(with = "age::option")]
    pub(crate) gone: Option<Instant>,
    pub(crate) tally: Tally,
    pub(crate) farewell: Farewell,
    pub(crate) renewal: Option<SupervisorRenewal>,
    pub(crate) warnings: Vec<String>,
    pub(crate) callers: Vec<Caller>,
}

/// The generation that leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leaver {
    pub(crate) number: u64,
    pub(crate) version: String,
}

impl Pending {
    /// The leaver says how far it is.
    pub(crate) fn progress(&mut self, tally: Tally, remaining: u64) {
        self.tally = tally;
        self.farewell = Farewell::Draining(remaining);
    }

    /// The leaver is gone.
    pub(crate) fn gone(&mut self, farewell: Farewell, tally: Tally, now: Instant) {
        self.gone = Some(now);
        self.farewell = farewell;
        self.tally = tally;
        if let Farewell::Died {
            lost: Some(lost), ..
        } = self.farewell
        {
            self.tally.dropped += lost;
        }
    }

    /// Takes the callers who are to be told now.
    pub(crate) fn due(&mut self) -> Vec<Caller> {
        if self.renewal.is_none() {
            return Vec::new();
        }
        let gone = self.gone.is_some();
        let (due, waiting) = self
            .callers
            .drain(..)
            .partition(|caller| gone || caller.until == Until::Moved);
        self.callers = waiting;
        due
    }

    /// Nobody is left to tell, and nothing more will happen.
    pub(crate) fn is_done(&self) -> bool {
        self.renewal.is_some() && self.gone.is_some() && self.callers.is_empty()
    }

    /// As of now.
    pub(crate) fn report(&self, now: Instant) -> Report {
        Report {
            from: self.from.as_ref().map(|leaver| leaver.number),
            to: self.to,
            from_version: self.from.as_ref().map(|leaver| leaver.version.clone()),
            to_version: self.to_version.clone(),
            tally: self.tally,
            farewell: self.farewell.clone(),
            ready_ms: milliseconds(self.ready.saturating_duration_since(self.begun)),
            gone_ms: self
                .gone
                .map(|gone| milliseconds(gone.saturating_duration_since(self.ready))),
            total_ms: milliseconds(now.saturating_duration_since(self.begun)),
            supervisor: self
                .renewal
                .clone()
                .unwrap_or_else(|| SupervisorRenewal::Kept("it is about to".to_owned())),
            warnings: self.warnings.clone(),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One line for the log and for `everlit status`.
pub(crate) fn line(report: &Report) -> String {
    let mut line = match (report.from, &report.from_version) {
        (Some(from), Some(version)) if *version != report.to_version => format!(
            "generation {from} ({version}) -> {} ({})",
            report.to, report.to_version
        ),
        (Some(from), _) => format!("generation {from} -> {}", report.to),
        (None, _) => format!("generation {}", report.to),
    };
    line.push_str(&format!(": ready after {} ms", report.ready_ms));
    if report.from.is_some() {
        line.push_str(&format!("; {}", tally_words(&report.tally)));
        match (&report.farewell, report.gone_ms) {
            (Farewell::Draining(count), _) => {
                line.push_str(&format!("; {count} still drained by the old process"));
            }
            (Farewell::Died { lost, how }, _) => {
                let lost = match lost {
                    Some(lost) => lost.to_string(),
                    None => "an unknown number of".to_owned(),
                };
                line.push_str(&format!(
                    "; the old process died ({how}), {lost} connections with it"
                ));
            }
            (_, Some(gone)) => line.push_str(&format!("; old process gone after {gone} ms")),
            (_, None) => {}
        }
    }
    if let SupervisorRenewal::Kept(reason) = &report.supervisor {
        line.push_str(&format!("; the supervisor stays as it is: {reason}"));
    }
    line
}

/// `moved 212 (200 idle, 4 in a head, 4 in a body, 4 in a response), drained 0, dropped 0`.
pub(crate) fn tally_words(tally: &Tally) -> String {
    let moved = &tally.moved;
    let kinds: Vec<String> = [
        (moved.idle, "idle"),
        (moved.head, "in a request head"),
        (moved.body, "in a request body"),
        (moved.response, "in a response"),
        (moved.tunnel, "in a tunnel"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let kinds = match kinds.is_empty() {
        true => String::new(),
        false => format!(" ({})", kinds.join(", ")),
    };
    format!(
        "moved {}{kinds}, drained {}, dropped {}",
        moved.total(),
        tally.drained,
        tally.dropped
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(now: Instant) -> Pending {
        Pending {
            from: Some(Leaver {
                number: 7,
                version: "0.1.0".to_owned(),
            }),
            to: 8,
            to_version: "0.1.0".to_owned(),
            begun: now,
            ready: now + Duration::from_millis(12),
            gone: None,
            tally: Tally::default(),
            farewell: Farewell::Draining(2),
            renewal: None,
            warnings: Vec::new(),
            callers: vec![
                Caller {
                    client: 1,
                    until: Until::Moved,
                },
                Caller {
                    client: 2,
                    until: Until::Gone,
                },
            ],
        }
    }

    #[test]
    fn each_caller_is_told_once_and_in_time() {
        let now = Instant::now();
        let mut pending = pending(now);
        assert!(pending.due().is_empty());
        pending.renewal = Some(SupervisorRenewal::Renewed);
        assert_eq!(pending.due().len(), 1);
        assert!(pending.due().is_empty());
        assert!(!pending.is_done());
        let gone = now + Duration::from_millis(40);
        pending.gone(Farewell::Left, Tally::default(), gone);
        assert_eq!(pending.due()[0].client, 2);
        assert!(pending.is_done());
        let report = pending.report(gone);
        assert_eq!(
            (report.ready_ms, report.gone_ms, report.total_ms),
            (12, Some(28), 40)
        );
    }

    #[test]
    fn what_died_with_its_process_is_dropped() {
        let now = Instant::now();
        let mut pending = pending(now);
        let died = Farewell::Died {
            lost: Some(3),
            how: "killed by SIGKILL".to_owned(),
        };
        pending.gone(died, Tally::default(), now);
        assert_eq!(pending.tally.dropped, 3);
    }

    #[test]
    fn the_line_reads_well() {
        let now = Instant::now();
        let mut pending = pending(now);
        let mut tally = Tally::default();
        tally.moved.idle = 200;
        tally.moved.response = 4;
        pending.renewal = Some(SupervisorRenewal::Renewed);
        pending.gone(Farewell::Left, tally, now + Duration::from_millis(40));
        assert_eq!(
            line(&pending.report(now)),
            "generation 7 -> 8: ready after 12 ms; moved 204 (200 idle, 4 in a response), drained 0, dropped 0; \
             old process gone after 28 ms"
        );
        pending.to_version = "0.2.0".to_owned();
        pending.renewal = Some(SupervisorRenewal::Kept("no".to_owned()));
        let line = line(&pending.report(now));
        assert!(line.starts_with("generation 7 (0.1.0) -> 8 (0.2.0): "));
        assert!(line.ends_with("; the supervisor stays as it is: no"));
    }

    #[test]
    fn it_survives_an_exec() {
        let pending = pending(Instant::now());
        let text = serde_json::to_string(&pending).unwrap();
        let again: Pending = serde_json::from_str(&text).unwrap();
        assert_eq!(again.callers, pending.callers);
        assert_eq!(again.gone, None);
    }
}
