//! `everlit reload`, `stop`, `status`: talking to a running instance.
//!
//! In: a command line. Out: a request, its progress on a terminal, its outcome in words or as JSON, an exit code. Must
//! hold: 0 only if it is done.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use lexopt::{Arg, Parser};

use super::target::{self, TargetError};
use super::{code, words};
use crate::causes::with_causes;
use crate::control::client::ClientError;
use crate::control::message::{
    Farewell, ProgramState, Progress, Reply, Report, Request, Status, Stop, SupervisorRenewal,
    Until, encode,
};
use crate::supervisor::report::tally_words;

/// What all commands take.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) file: Option<OsString>,
    pub(super) answer: Answer,
    /// Long flags of the one command that were given.
    flags: Vec<&'static str>,
}

impl Options {
    /// Whether a long flag of the one command was given.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }
}

/// Whom the answer is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Answer {
    /// People.
    #[default]
    Text,
    /// Programs.
    Json,
}

/// Reads the command line; `flags` are the long flags that this command knows beside the common ones.
pub(super) fn options(
    mut parser: Parser,
    flags: &[&'static str],
) -> Result<Options, lexopt::Error> {
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('f') if options.file.is_none() => options.file = Some(parser.value()?),
            Arg::Long("json") => options.answer = Answer::Json,
            Arg::Long(given) => match flags.iter().find(|flag| **flag == given) {
                Some(flag) => options.flags.push(flag),
                None => return Err(argument.unexpected()),
            },
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

/// `everlit reload [-f FILE] [--json] [--no-wait]`
pub(super) fn reload(parser: Parser) -> Result<ExitCode, lexopt::Error> {
    let options = options(parser, &["no-wait"])?;
    let until = match options.has("no-wait") {
        true => Until::Moved,
        false => Until::Gone,
    };
    Ok(ask("reload", &options, &Request::Reload { until }))
}

/// `everlit stop [-f FILE] [--json] [--now]`
pub(super) fn stop(parser: Parser) -> Result<ExitCode, lexopt::Error> {
    let options = options(parser, &["now"])?;
    let how = match options.has("now") {
        true => Stop::Now,
        false => Stop::Graceful,
    };
    Ok(ask("stop", &options, &Request::Stop { how }))
}

/// `everlit status [-f FILE] [--json]`
pub(super) fn status(parser: Parser) -> Result<ExitCode, lexopt::Error> {
    let options = options(parser, &[])?;
    Ok(ask("status", &options, &Request::Status))
}

fn ask(command: &str, options: &Options, request: &Request) -> ExitCode {
    let fail = |text: &str, code: u8| {
        match options.answer {
            Answer::Text => eprintln!("everlit {command}: {text}"),
            Answer::Json => println!("{}", serde_json::json!({ "error": text })),
        }
        ExitCode::from(code)
    };
    match converse(options, request) {
        Ok(reply) => finish(command, options.answer, &reply),
        Err(error @ TargetError::NotRunning { .. }) => {
            fail(&with_causes(&error), code::NOT_RUNNING)
        }
        Err(error @ TargetError::Ambiguous { .. }) => fail(&with_causes(&error), code::USAGE),
        Err(error) => fail(&with_causes(&error), code::FAILED),
    }
}

fn converse(options: &Options, request: &Request) -> Result<Reply, TargetError> {
    let mut connection = target::find(options.file.clone())?;
    let mut line = ProgressLine::new(options.answer);
    let mut step = || -> Result<Reply, ClientError> {
        connection.ask(request)?;
        loop {
            let reply = connection.next_reply()?;
            match &reply {
                Reply::Progress(progress) => line.show(progress),
                _ => return Ok(reply),
            }
        }
    };
    let reply = step();
    line.clear();
    reply.map_err(TargetError::Client)
}

fn finish(command: &str, answer: Answer, reply: &Reply) -> ExitCode {
    let failed = matches!(reply, Reply::Error(_) | Reply::Resumed { .. });
    let text = match answer {
        Answer::Json => String::from_utf8_lossy(&encode(reply)).into_owned(),
        Answer::Text => describe(reply),
    };
    let mut error = std::io::stderr();
    let mut output = std::io::stdout();
    // Nobody reads: the exit code says it all the same.
    let _ = match (failed, answer) {
        (true, Answer::Text) => write!(error, "everlit {command}: {text}"),
        _ => write!(output, "{text}"),
    };
    match failed {
        true => ExitCode::from(code::FAILED),
        false => ExitCode::SUCCESS,
    }
}

fn describe(reply: &Reply) -> String {
    match reply {
        Reply::Status(status) => describe_status(status),
        Reply::Reloaded(report) => describe_report(report),
        Reply::Stopped { tally } => format!(
            "stopped; {} finished, {} cut\n",
            words::count(tally.drained + tally.moved.total(), "connection"),
            tally.dropped
        ),
        Reply::Reopened { files, failed } => {
            let mut text = format!("{} reopened\n", words::count(*files as u64, "log file"));
            for failure in failed {
                text.push_str(&format!("not reopened: {failure}\n"));
            }
            text
        }
        Reply::Error(refusal) => format!("{}\n", refusal.message),
        Reply::Left { tally } => format!("{}\n", tally_words(tally)),
        Reply::Resumed { reason, .. } => format!("{reason}\n"),
        // Neither ends a conversation that was begun here.
        Reply::Progress(_) | Reply::Takeover(_) => String::new(),
    }
}

fn describe_report(report: &Report) -> String {
    let mut text = String::new();
    for warning in &report.warnings {
        text.push_str(&format!("{warning}\n"));
    }
    let from = match (report.from, &report.from_version) {
        (Some(from), Some(version)) => format!("{from} ({version}) -> "),
        (Some(from), None) => format!("{from} -> "),
        (None, _) => String::new(),
    };
    text.push_str(&format!(
        "generation  {from}{} ({})\n",
        report.to, report.to_version
    ));
    text.push_str(&format!("connections {}\n", tally_words(&report.tally)));
    match &report.farewell {
        Farewell::Nobody | Farewell::Left => {}
        Farewell::Draining(count) => text.push_str(&format!(
            "            {count} more still finish in the old process\n"
        )),
        Farewell::Died { lost, how } => text.push_str(&format!(
            "            the old process died while it handed over ({how}); {}\n",
            match lost {
                Some(lost) => format!("{} lost with it", words::count(*lost, "connection")),
                None => "how many connections were lost with it is not known".to_owned(),
            }
        )),
    }
    text.push_str(&format!("time        ready after {} ms", report.ready_ms));
    if let (Some(gone), Some(_)) = (report.gone_ms, report.from) {
        text.push_str(&format!(", old process gone {gone} ms later"));
    }
    text.push_str(&format!(", {} ms in all\n", report.total_ms));
    if let SupervisorRenewal::Kept(reason) = &report.supervisor {
        text.push_str(&format!(
            "supervisor  still runs the old binary: {reason}\n"
        ));
    }
    text
}

fn describe_status(status: &Status) -> String {
    let mut text = format!("{}: {}\n", status.configuration, status.activity);
    match status.supervisor_pid {
        Some(pid) => text.push_str(&format!(
            "supervisor  process {pid}, version {}, up {}",
            status.version,
            words::duration(status.uptime_s)
        )),
        None => text.push_str(
            "supervisor  dead; start everlit again with this configuration to adopt what runs",
        ),
    }
    if let Some(kib) = status.supervisor_rss_kib {
        text.push_str(&format!(", {kib} KiB"));
    }
    text.push('\n');
    for entry in &status.generations {
        text.push_str(&format!(
            "generation  {}, process {}, version {}, {}, up {}",
            entry.number,
            entry.pid,
            entry.version,
            entry.state,
            words::duration(entry.uptime_s)
        ));
        if let Some(figures) = &entry.figures {
            text.push_str(&format!(
                ", {}, {}",
                words::count(figures.connections, "connection"),
                words::count(figures.requests, "request")
            ));
        }
        text.push('\n');
    }
    for listener in &status.listeners {
        text.push_str(&format!("listener    {}", listener.address));
        if listener.address != listener.name {
            text.push_str(&format!(" (configured as {})", listener.name));
        }
        text.push('\n');
    }
    for program in &status.programs {
        text.push_str(&format!(
            "program     {} at {}",
            program.command, program.address
        ));
        if let Some(pid) = program.pid {
            text.push_str(&format!(": process {pid}"));
        }
        if program.pid.is_none() || program.state != ProgramState::Running {
            text.push_str(&format!(", {}", program.state));
        }
        if let Some(uptime) = program.uptime_s {
            text.push_str(&format!(", up {}", words::duration(uptime)));
        }
        if program.restarts > 0 {
            text.push_str(&format!(
                ", started again {}",
                words::count(u64::from(program.restarts), "time")
            ));
        }
        text.push('\n');
    }
    if let Some(last) = &status.last_restart {
        text.push_str(&format!(
            "restart     {} ago: {}\n",
            words::duration(last.ago_s),
            last.outcome.trim_end().replace('\n', "\n            ")
        ));
    }
    text
}

/// One line that is written over and over, while somebody watches.
#[derive(Debug)]
struct ProgressLine {
    visible: bool,
}

impl ProgressLine {
    fn new(answer: Answer) -> Self {
        Self {
            visible: answer == Answer::Text && std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, progress: &Progress) {
        if !self.visible {
            return;
        }
        let text = match progress {
            Progress::Queued => "another restart is running; this one is next".to_owned(),
            Progress::Checking => "checking the configuration".to_owned(),
            Progress::Starting { generation } => format!("starting generation {generation}"),
            Progress::Moving {
                tally,
                waiting,
                draining,
            } => format!(
                "moved {}, {waiting} waiting, {draining} finishing in the old process",
                tally.moved.total()
            ),
            Progress::Lingering { remaining_ms } => {
                format!("waiting {} s for a successor", remaining_ms / 1000)
            }
        };
        // Only for the eye.
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
    }

    fn clear(&self) {
        if self.visible {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::message::{Activity, ListenerEntry};
    use crate::tally::Tally;

    #[test]
    fn a_report_reads_well() {
        let mut tally = Tally::default();
        tally.moved.idle = 3;
        let report = Report {
            from: Some(1),
            to: 2,
            from_version: Some("0.1.0".to_owned()),
            to_version: "0.2.0".to_owned(),
            tally,
            farewell: Farewell::Left,
            ready_ms: 12,
            gone_ms: Some(8),
            total_ms: 25,
            supervisor: SupervisorRenewal::Renewed,
            warnings: Vec::new(),
        };
        assert_eq!(
            describe_report(&report),
            "generation  1 (0.1.0) -> 2 (0.2.0)\n\
             connections moved 3 (3 idle), drained 0, dropped 0\n\
             time        ready after 12 ms, old process gone 8 ms later, 25 ms in all\n"
        );
    }

    #[test]
    fn a_status_names_the_real_address() {
        let status = Status {
            configuration: "/x.conf".to_owned(),
            version: "0.1.0".to_owned(),
            supervisor_pid: Some(7),
            uptime_s: 5,
            activity: Activity::Serving,
            generations: Vec::new(),
            listeners: vec![ListenerEntry {
                name: "127.0.0.1:0".to_owned(),
                address: "127.0.0.1:4711".to_owned(),
            }],
            programs: Vec::new(),
            last_restart: None,
            supervisor_rss_kib: None,
        };
        assert_eq!(
            describe_status(&status),
            "/x.conf: serving\n\
             supervisor  process 7, version 0.1.0, up 5 s\n\
             listener    127.0.0.1:4711 (configured as 127.0.0.1:0)\n"
        );
    }

    #[test]
    fn flags_are_those_of_the_command() {
        let parser = |arguments: &[&str]| {
            Parser::from_args(arguments.iter().map(OsString::from).collect::<Vec<_>>())
        };
        let given = options(parser(&["--now", "--json", "-f", "x"]), &["now"]).unwrap();
        assert_eq!(given.flags, ["now"]);
        assert_eq!(given.answer, Answer::Json);
        assert!(options(parser(&["--now"]), &[]).is_err());
        assert!(options(parser(&["x.conf"]), &[]).is_err());
    }
}
