//! `everlit demo`: shows the promise, and measures whether it is kept.
//!
//! In: options. Out: a story, a table, an exit code: 0 only if nothing was lost. Must hold: every figure comes from clients
//! or from the kernel; whatever happens, nothing that was started or written is left behind.

// The story,
mod story;

mod restarts;

mod error;

// which needs a site,
mod options;
mod pages;
mod site;

// a server,
mod kernel;
mod server;

// clients,
mod clients;
mod crowd;
mod measure;

// and somebody to tell it to.
mod report;
mod stage;

use std::io::{self, Write};
use std::process::ExitCode;

use error::DemoError;
use options::{Format, HELP, Wanted};
use report::Report;
use server::{SERVER_ARGUMENT, become_server};
use stage::Interrupted;
use story::story;

use crate::causes::with_causes;

/// Exit code after a signal, as shells have it for Ctrl-C.
const INTERRUPTED: u8 = 130;

/// `everlit demo`, with the arguments that follow it.
pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, lexopt::Error> {
    let is_server = arguments
        .try_raw_args()
        .and_then(|raw| raw.peek().map(|first| first == SERVER_ARGUMENT));
    if is_server == Some(true) {
        arguments.next()?;
        return become_server(&mut arguments);
    }
    let options = match Wanted::parse(&mut arguments)? {
        Wanted::Demo(options) => options,
        Wanted::Help => {
            show(HELP);
            return Ok(ExitCode::SUCCESS);
        }
    };
    Ok(match story(&options) {
        Ok(report) => {
            match options.format {
                Format::Text => show(&format!("\n{}", report::table(&report))),
                Format::Json => show(&format!("{}\n", json(&report))),
            }
            match report.failures.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("everlit demo: {}", with_causes(&error));
            match error {
                DemoError::Interrupted(Interrupted::Signal) => ExitCode::from(INTERRUPTED),
                _ => ExitCode::FAILURE,
            }
        }
    })
}

fn json(report: &Report) -> String {
    serde_json::to_string(report).expect("plain data with string keys always becomes JSON")
}

/// Nobody to read it is no reason to fail.
fn show(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
