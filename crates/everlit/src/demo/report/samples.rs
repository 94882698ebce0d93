//! A run that never was, for tests.

use super::*;
use crate::control::message::{Farewell, SupervisorRenewal};
use crate::tally::{Moved, Tally};

pub(in crate::demo) fn report() -> Report {
    let (old, new) = (
        Process {
            generation: 1,
            pid: 101,
        },
        Process {
            generation: 2,
            pid: 105,
        },
    );
    let clients = ByKind {
        busy: 100,
        idle: 100,
        half_sent: 4,
        downloads: 4,
    };
    Report {
        version: "0.0.0",
        address: "127.0.0.1:4711".to_owned(),
        clients,
        new_connections_per_second: 200,
        calm: span(650, 1.25),
        restarts: vec![
            Restart {
                number: 1,
                configuration: Configuration::Good,
                outcome: Outcome::Renewed {
                    old,
                    new,
                    moved: Some(clients),
                    old_gone_ms: Some(41.25),
                    server_says: Box::new(claim()),
                },
                new_answers_ms: Some(23.5),
                span: span(900, 3.875),
            },
            Restart {
                number: 2,
                configuration: Configuration::Broken,
                outcome: Outcome::Refused {
                    process: new,
                    why: "demo.conf:17:14: error: a quote is missing".to_owned(),
                },
                new_answers_ms: None,
                span: span(901, 2.5),
            },
        ],
        totals: Totals {
            answers: 2451,
            median_ms: 0.25,
            p99_ms: 1.5,
            slowest_ms: 3.875,
            downloads: 4,
            stayed: 208,
            download_bytes: 4 * (64 << 20),
            lost: Losses::default(),
            first_losses: Vec::new(),
        },
        supervisor: Supervisor {
            pid: 100,
            unchanged: true,
            processes_at_the_end: 2,
        },
        failures: Vec::new(),
    }
}

fn span(answers: u64, longest_wait_ms: f64) -> Span {
    Span {
        answers,
        longest_wait_ms,
        longest_wait_of: Some(Kind::Busy),
        lost: Losses::default(),
    }
}

fn claim() -> control::message::Report {
    control::message::Report {
        from: Some(1),
        to: 2,
        from_version: Some("0.0.0".to_owned()),
        to_version: "0.0.0".to_owned(),
        tally: Tally {
            moved: Moved {
                idle: 199,
                ..Moved::default()
            },
            ..Tally::default()
        },
        farewell: Farewell::Left,
        ready_ms: 20,
        gone_ms: Some(20),
        total_ms: 41,
        supervisor: SupervisorRenewal::Renewed,
        warnings: Vec::new(),
    }
}
