//! The command line.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::php::{self, Reloads};
use crate::secure;
use crate::tunnels::{self, Which};

const HELP: &str = "\
crowd reload [--idle N|max] [--downloads N] [--half-heads N] [--probes N] [OPTION]...
    Opens N idle connections, slow downloads, half-sent heads; reloads once; says what every client saw.
crowd soak [--reloads N] [--downloads N] [--probes N] [OPTION]...
    Reloads N times in a row under load; says what clients saw and whether anything grew.
crowd tunnels [--tunnels N] [--rate N] [--reloads N] [--every MS] [--other nginx] [OPTION]...
    Opens N WebSockets to an echo backend, each with N messages a second; reloads every so many milliseconds; says what
    became of every message. `--other` measures another server in the same way, without reloads.
crowd tls [--idle N] [--busy N] [OPTION]...
    Opens N idle TLS sessions, and as many downloads, uploads, WebSockets and slow requests over TLS as --busy says; reloads
    once; says what became of each session. Its --reload-ms is 700 unless given.
crowd php [--rate N] [--children N] [--seconds N] [--no-reloads] [--reload-fpm] [--fpm-patience S] [OPTION]...
    N requests a second to PHP-FPM behind fastcgi.server, each of 0 to 5 s; reloads every second, and with --reload-fpm
    PHP-FPM too, every ten; says what became of every request. --fpm-patience is its process_control_timeout.

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
    /// Many, with tunnels.
    Tunnels(Place, tunnels::Plan),
    /// One, with clients that speak TLS.
    Secure(Place, secure::Plan),
    /// Many, with PHP.
    Php(Place, php::Plan),
}

/// What is measured, and where.
#[derive(Clone, Default)]
pub(crate) struct Place {
    /// The server's binary.
    pub(crate) everlit: Option<PathBuf>,
    /// Where files go.
    pub(crate) dir: Option<PathBuf>,
    /// Port of the server; 0: any.
    pub(crate) port: u16,
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
    /// What is measured, and where.
    pub(crate) place: Place,
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
        place: Place::default(),
        stall_ms: 100,
        reload_ms: 500,
        gone_ms: 1000,
    };
    let mut tunnels = tunnels::Plan::default();
    let mut php = php::Plan::default();
    let mut busy = 20;
    let mut reload_ms = None;
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
            Arg::Long("reloads") => {
                options.reloads = parser.value()?.parse()?;
                tunnels.reloads = options.reloads;
            }
            Arg::Long("tunnels") => tunnels.tunnels = parser.value()?.parse()?,
            Arg::Long("every") => tunnels.every = Duration::from_millis(parser.value()?.parse()?),
            Arg::Long("rate") => {
                let rate: f64 = parser.value()?.parse()?;
                if !(0.001..=1e6).contains(&rate) {
                    return Err(format!("--rate {rate}: so many a second?").into());
                }
                (tunnels.rate, php.rate) = (rate, rate);
            }
            Arg::Long("other") => match parser.value()?.to_str() {
                Some("nginx") => tunnels.server = Which::Nginx,
                other => return Err(format!("--other {other:?}: only nginx is known").into()),
            },
            Arg::Long("seconds") => php.time = Duration::from_secs(parser.value()?.parse()?),
            Arg::Long("children") => php.children = parser.value()?.parse()?,
            Arg::Long("fpm-patience") => php.patience = parser.value()?.parse()?,
            Arg::Long("no-reloads") => php.everlit = Reloads::Never,
            Arg::Long("reload-fpm") => php.fpm = Reloads::Every(php::FPM_EVERY),
            Arg::Long("everlit") => options.place.everlit = Some(parser.value()?.into()),
            Arg::Long("dir") => options.place.dir = Some(parser.value()?.into()),
            Arg::Long("port") => options.place.port = parser.value()?.parse()?,
            Arg::Long("stall-ms") => options.stall_ms = parser.value()?.parse()?,
            Arg::Long("reload-ms") => reload_ms = Some(parser.value()?.parse()?),
            Arg::Long("busy") => busy = parser.value()?.parse()?,
            Arg::Long("gone-ms") => options.gone_ms = parser.value()?.parse()?,
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help(HELP)),
            arg => return Err(arg.unexpected().into()),
        }
    }
    match task.as_deref() {
        Some("reload") => Ok(Task::Crowd(Options {
            reload_ms: reload_ms.unwrap_or(options.reload_ms),
            ..options
        })),
        Some("tls") => {
            let Idle::Count(idle) = options.idle else {
                return Err("--idle max: not with TLS".into());
            };
            let plan = secure::Plan {
                idle,
                busy,
                reload_ms: reload_ms.unwrap_or(700),
                gone_ms: options.gone_ms,
            };
            Ok(Task::Secure(options.place, plan))
        }
        Some("soak") => Ok(Task::Soak(options)),
        Some("tunnels") => Ok(Task::Tunnels(options.place, tunnels)),
        Some("php") => Ok(Task::Php(options.place, php)),
        _ => Err(format!("reload, soak, tunnels, tls or php?\n\n{HELP}").into()),
    }
}
