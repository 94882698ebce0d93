//! `everlit check`: what the configuration is worth, and what of it is not as in lighttpd.
//!
//! In: a configuration. Out: its errors and warnings, what is different here, and an exit code. Must hold: nothing that
//! runs is touched.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use lexopt::Parser;
use serde::Serialize;

use super::operate::{Answer, options};
use super::target::{self, DEFAULT, TargetError};
use super::{code, source, words};
use crate::causes::with_causes;
use crate::config::{self, Checked, Message, Note, Standing, Style, Survey};
use crate::control::message::{Reply, Request};

/// `--json`
#[derive(Debug, Serialize)]
struct Verdict {
    ok: bool,
    configuration: String,
    listeners: Vec<String>,
    messages: Vec<Message>,
    survey: Option<Survey>,
}

/// What makes the exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fails {
    /// Errors: it would not start.
    ForErrors,
    /// `--strict`: warnings too, and what is unsafe.
    ForWarnings,
}

/// `everlit check [-f FILE] [--json] [--strict]`
pub(super) fn run(parser: Parser) -> Result<ExitCode, lexopt::Error> {
    let options = options(parser, &["strict"])?;
    let fails = match options.has("strict") {
        true => Fails::ForWarnings,
        false => Fails::ForErrors,
    };
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
    let checked = config::check(&source);
    let ok = checked.outcome.is_ok() && (fails == Fails::ForErrors || is_clean(&checked));
    match options.answer {
        Answer::Json => {
            let listeners = checked.outcome.into_iter().flat_map(|plan| plan.listeners);
            let verdict = Verdict {
                ok,
                configuration,
                listeners: listeners.map(|spec| spec.name).collect(),
                messages: checked.messages,
                survey: checked.survey,
            };
            let text = serde_json::to_string(&verdict);
            println!("{}", text.expect("plain data with string keys"));
        }
        Answer::Text => say(&configuration, &checked),
    }
    Ok(match ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(code::FAILED),
    })
}

/// Whether there is no warning.
fn is_clean(checked: &Checked) -> bool {
    let mut notes = checked.survey.iter().flat_map(|survey| &survey.notes);
    checked.messages.is_empty() && notes.all(|note| note.state != Standing::Unsafe)
}

/// Errors with the text where they are, all else in a line each.
fn say(configuration: &str, checked: &Checked) {
    if let Err(error) = &checked.outcome {
        eprintln!("{}\n", error.render_errors(Style::Plain).trim_end());
    }
    for message in checked.messages.iter().filter(|m| m.severity != "error") {
        println!("{}", line(message));
    }
    if let Some(survey) = &checked.survey {
        // The other states are among the messages.
        let untold = |note: &&Note| matches!(note.state, Standing::Different | Standing::Unsafe);
        for note in survey.notes.iter().filter(untold) {
            println!("{}", note_line(note));
        }
        println!("{}", summary(survey));
    }
    match &checked.outcome {
        Ok(plan) => {
            let listeners: Vec<&str> = plan.listeners.iter().map(|l| l.name.as_str()).collect();
            let listeners = listeners.join(", ");
            println!("{configuration} is right; it listens on {listeners}");
        }
        Err(_) => println!("{configuration} cannot be used"),
    }
}

fn line(message: &Message) -> String {
    let place = match (&message.file, message.line, message.column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        _ => String::new(),
    };
    let help = with_help(&message.help);
    format!("{place}{}: {}{help}", message.severity, message.message)
}

fn note_line(note: &Note) -> String {
    let place = format!("{}:{}:{}", note.file, note.line, note.column);
    let help = with_help(&note.help);
    format!(
        "{place}: {}: {}: {}{help}",
        note.state, note.directive, note.how
    )
}

fn with_help(help: &Option<String>) -> String {
    let help = help.as_ref().map(|help| format!("; {help}"));
    help.unwrap_or_default()
}

/// `21 directives: 18 as in lighttpd, 2 different, 1 unknown; other defaults: server.tag, server.max-fds`
fn summary(survey: &Survey) -> String {
    let mut counts: BTreeMap<Standing, usize> = BTreeMap::new();
    for note in &survey.notes {
        *counts.entry(note.state).or_default() += 1;
    }
    let directives = words::count(survey.directives as u64, "directive");
    let mut text = format!("{directives}: {} as in lighttpd", survey.same);
    for (state, count) in counts {
        text.push_str(&format!(", {count} {state}"));
    }
    let defaults: Vec<&str> = survey
        .defaults
        .iter()
        .map(|other| other.directive)
        .collect();
    if !defaults.is_empty() {
        text.push_str(&format!(
            "\nnot set, and of another default than in lighttpd: {}",
            defaults.join(", ")
        ));
    }
    text
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
