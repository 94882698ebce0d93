//! The command line.

use std::error::Error;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

const HELP: &str = "\
crowd reload [--idle N|max] [--downloads N] [--half-heads N] [--probes N] [OPTION]...
    Opens N idle connections, slow downloads, half-sent heads; reloads once; says what every client saw.
crowd soak [--reloads N] [--downloads N] [--probes N] [OPTION]...
    Reloads N times in a row under load; says what clients saw and whether anything grew.

  --everlit FILE     the server's binary; default: the one beside this program
  --dir DIR          an empty directory for files, logs and the control socket; default: a temporary one
  --port PORT        where the server listens; default: a free port
  --stall-ms N       longest stall that is allowed; default 100
  --reload-ms N      longest reload that is allowed; default 500
  --gone-ms N        latest moment at which the old process may still be there; default 1000
";

/// What to do.
pub(crate) enum Task {
    /// Print this.
    Help(&'static str),
    /// One reload.
    Crowd(Options),
    /// Many.
    Soak(Options),
}

/// How.
pub(crate) struct Options {
    /// Idle keep-alive connections.
    pub(crate) idle: Idle,
    /// Slow downloads.
    pub(crate) downloads: usize,
    /// Connections with half a request head.
    pub(crate) half_heads: usize,
    /// Keep-alive connections that ask every 10 ms.
    pub(crate) probes: usize,
    /// Reloads in a row.
    pub(crate) reloads: u64,
    /// The server's binary.
    pub(crate) everlit: Option<PathBuf>,
    /// Where files go.
    pub(crate) dir: Option<PathBuf>,
    /// Port of the server; 0: any.
    pub(crate) port: u16,
    /// Limits, in milliseconds.
    pub(crate) stall_ms: u64,
    pub(crate) reload_ms: u64,
    pub(crate) gone_ms: u64,
}

/// Number of idle connections.
#[derive(Clone, Copy)]
pub(crate) enum Idle {
    Count(usize),
    /// As many as one process may have descriptors.
    Max,
}

pub(crate) fn parse() -> Result<Task, Box<dyn Error>> {
    let mut parser = Parser::from_env();
    let mut task = None;
    let mut options = Options {
        idle: Idle::Count(10_000),
        downloads: 200,
        half_heads: 200,
        probes: 20,
        reloads: 1000,
        everlit: None,
        dir: None,
        port: 0,
        stall_ms: 100,
        reload_ms: 500,
        gone_ms: 1000,
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(word) if task.is_none() => task = Some(word.string()?),
            Arg::Long("idle") => {
                let value = parser.value()?;
                options.idle = match value.to_str() {
                    Some("max") => Idle::Max,
                    _ => Idle::Count(value.parse()?),
                };
            }
            Arg::Long("downloads") => options.downloads = parser.value()?.parse()?,
            Arg::Long("half-heads") => options.half_heads = parser.value()?.parse()?,
            Arg::Long("probes") => options.probes = parser.value()?.parse()?,
            Arg::Long("reloads") => options.reloads = parser.value()?.parse()?,
            Arg::Long("everlit") => options.everlit = Some(parser.value()?.into()),
            Arg::Long("dir") => options.dir = Some(parser.value()?.into()),
            Arg::Long("port") => options.port = parser.value()?.parse()?,
            Arg::Long("stall-ms") => options.stall_ms = parser.value()?.parse()?,
            Arg::Long("reload-ms") => options.reload_ms = parser.value()?.parse()?,
            Arg::Long("gone-ms") => options.gone_ms = parser.value()?.parse()?,
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help(HELP)),
            arg => return Err(arg.unexpected().into()),
        }
    }
    match task.as_deref() {
        Some("reload") => Ok(Task::Crowd(options)),
        Some("soak") => Ok(Task::Soak(options)),
        _ => Err(format!("reload or soak?\n\n{HELP}").into()),
    }
}
