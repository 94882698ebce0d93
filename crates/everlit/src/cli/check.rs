//! `everlit check`: what the configuration is worth.
//!
//! In: a configuration. Out: its warnings, or why it is refused. Must hold: nothing that runs is touched.

use std::ffi::OsString;
use std::process::ExitCode;

use lexopt::Parser;
use serde::Serialize;

use super::operate::{Answer, options};
use super::target::{self, DEFAULT, TargetError};
use super::{code, source};
use crate::causes::with_causes;
use crate::config::{self, Message};
use crate::control::message::{Reply, Request};

/// `--json`
#[derive(Debug, Serialize)]
struct Verdict {
    ok: bool,
    configuration: String,
    listeners: Vec<String>,
    messages: Vec<Message>,
}

pub(super) fn run(parser: Parser) -> Result<ExitCode, lexopt::Error> {
    let options = options(parser, &[])?;
    let file = match options.file {
        Some(file) => file,
        None => match running() {
            Ok(file) => file,
            Err(error) => {
                eprintln!("everlit check: {}", with_causes(&error));
                return Ok(ExitCode::from(code::FAILED));
            }
        },
    };
    let source = match source(file) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("everlit check: {}", with_causes(&error));
            return Ok(ExitCode::from(code::FAILED));
        }
    };
    let configuration = source.identity().display().to_string();
    let (ok, listeners, text) = match config::plan(&source) {
        Ok(plan) => {
            let listeners = plan.listeners.into_iter().map(|spec| spec.name).collect();
            (true, listeners, plan.warnings.join(""))
        }
        Err(error) => (false, Vec::new(), error.to_string()),
    };
    let verdict = Verdict {
        ok,
        configuration,
        listeners,
        messages: config::check(&source),
    };
    match options.answer {
        Answer::Json => println!(
            "{}",
            serde_json::to_string(&verdict).expect("plain data with string keys")
        ),
        Answer::Text => say(&verdict, &text),
    }
    Ok(match verdict.ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(code::FAILED),
    })
}

fn say(verdict: &Verdict, text: &str) {
    if !text.is_empty() {
        eprintln!("{}", text.trim_end());
    }
    if verdict.ok {
        println!(
            "{} is right; it listens on {}",
            verdict.configuration,
            verdict.listeners.join(", ")
        );
    }
}

/// The configuration of the only instance, or the usual one.
fn running() -> Result<OsString, TargetError> {
    let mut connection = match target::find(None) {
        Ok(connection) => connection,
        Err(TargetError::NotRunning { .. }) => return Ok(DEFAULT.into()),
        Err(error) => return Err(error),
    };
    connection
        .ask(&Request::Status)
        .and_then(|()| connection.next_reply())
        .map(|reply| match reply {
            Reply::Status(status) => status.configuration.into(),
            _ => DEFAULT.into(),
        })
        .map_err(TargetError::Client)
}
