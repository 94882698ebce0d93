//! `everlit demo`: shows the promise, and measures whether it is kept.
//!
//! In: options. Out: a story, a table, an exit code: 0 only if nothing was lost. Must hold: every figure comes from clients
//! or from the kernel; whatever happens, nothing that was started or written is left behind.

// The story needs a site,
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

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clients::Cue;
use crowd::{Crowd, CrowdError, Program, Staying};
use kernel::ByKind;
use measure::Window;
use options::{CALM, FRESH_PER_SECOND, Format, HELP, Options, Wanted};
use report::{Configuration, Process, Report, Restart, Span, Supervisor, Totals};
use server::{SERVER_ARGUMENT, Server, ServerError};
use site::Site;
use stage::{Interrupted, Stage};

use crate::cli::with_causes;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the clients may take to come.
const GATHER_MAX: Duration = Duration::from_secs(30);
/// The restart that has a broken configuration.
const BROKEN: u32 = 2;
/// Descriptors that we need beside those of the clients who stay.
const SPARE_DESCRIPTORS: u64 = 1200;
/// Exit code after a signal, as shells have it for Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Why there is no result.
#[derive(Debug)]
enum DemoError {
    /// The site cannot be written.
    Site(io::Error),
    /// Signals cannot be watched.
    Signals(io::Error),
    /// Too few descriptors.
    Descriptors {
        /// How many are needed.
        needed: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Not all clients could connect, even before the first restart.
    Gathering,
    /// The server.
    Server(ServerError),
    /// The clients, a signal, or the kernel.
    Interrupted(Interrupted),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(_) => {
                f.write_str("write a small site into the directory for temporary files")
            }
            Self::Signals(_) => f.write_str("watch for signals"),
            Self::Descriptors { needed, limit } => write!(
                f,
                "{needed} open files are needed, and the limit is {limit} (ulimit -Hn): ask for fewer --connections"
            ),
            Self::Gathering => write!(
                f,
                "not all clients could connect within {} s, even before the first restart",
                GATHER_MAX.as_secs()
            ),
            Self::Server(error) => error.fmt(f),
            Self::Interrupted(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DemoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Site(cause) | Self::Signals(cause) => Some(cause),
            Self::Server(error) => error.source(),
            Self::Interrupted(error) => error.source(),
            Self::Descriptors { .. } | Self::Gathering => None,
        }
    }
}

impl From<ServerError> for DemoError {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Stage(interrupted) => Self::Interrupted(interrupted),
            error => Self::Server(error),
        }
    }
}

impl From<Interrupted> for DemoError {
    fn from(error: Interrupted) -> Self {
        Self::Interrupted(error)
    }
}

impl From<CrowdError> for DemoError {
    fn from(error: CrowdError) -> Self {
        Self::Interrupted(error.into())
    }
}

/// `everlit demo`, with the arguments that follow it.
pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, lexopt::Error> {
    let is_server = arguments
        .try_raw_args()
        .and_then(|raw| raw.peek().map(|first| first == SERVER_ARGUMENT));
    if is_server == Some(true) {
        arguments.next()?;
        return server::become_server(&mut arguments);
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

/// The story, from the first page to the last.
fn story(options: &Options) -> Result<Report, DemoError> {
    raise_limit(options)?;
    let mut stage = Stage::new(options.format).map_err(DemoError::Signals)?;
    stage.say(&opening(options));
    stage.scene("writing a small site");
    let site = Site::write().map_err(DemoError::Site)?;
    site.configure(1).map_err(DemoError::Site)?;
    stage.scene("starting the server");
    let mut server = Server::start(&site, &mut stage)?;
    stage.say(&cast(options, &server));

    let first = gather(options, &mut server, &mut stage)?;
    let calm = linger_calmly(&mut server, &mut stage)?;
    let mut restarts = Restarts {
        site: &site,
        revision: 1,
        done: Vec::new(),
        open: None,
    };
    let begun = Instant::now();
    for number in 1..=options.restarts {
        stage.scene(format!("restart {number} of {}", options.restarts));
        restarts.next(number, &mut server, &mut stage)?;
        pause(begun + options.every * number, &mut server, &mut stage)?;
    }

    stage.scene("the clients finish what they have begun");
    let last = stage.crowd()?.roll_call()?;
    stage.crowd()?.cue(Cue::Finish)?;
    while !stage.crowd()?.is_over() {
        pause(
            Instant::now() + Duration::from_millis(50),
            &mut server,
            &mut stage,
        )?;
    }
    let crowd = stage.crowd.take().ok_or(CrowdError::Ended)?;
    let figures = crowd.figures()?;
    restarts.close(&figures.window);
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        address: server.address().to_string(),
        clients: ByKind::of(first.iter().copied()),
        new_connections_per_second: FRESH_PER_SECOND,
        calm,
        restarts: restarts.done,
        totals: Totals::of(&figures, &first, &last),
        supervisor: supervisor(&mut server)?,
        failures: Vec::new(),
    };
    report.judge();
    Ok(report)
}

/// Clients come; returns when all who stay are there.
fn gather(
    options: &Options,
    server: &mut Server,
    stage: &mut Stage,
) -> Result<Vec<Staying>, DemoError> {
    let program = Program {
        address: server.address(),
        staying: options.staying(),
        fresh_per_second: FRESH_PER_SECOND,
        pace: options.pace(),
        patience: PATIENCE,
    };
    let expected = program.staying();
    stage.crowd = Some(Crowd::start(program)?);
    stage.scene("clients connect");
    let until = Instant::now() + GATHER_MAX;
    loop {
        let there = stage.crowd()?.roll_call()?;
        if there.len() == expected {
            return Ok(there);
        }
        if Instant::now() >= until {
            return Err(DemoError::Gathering);
        }
        pause(Instant::now() + Duration::from_millis(20), server, stage)?;
    }
}

/// Some time without a restart, to compare with.
fn linger_calmly(server: &mut Server, stage: &mut Stage) -> Result<Span, DemoError> {
    stage.scene("no restart yet");
    let now = Instant::now();
    stage.crowd()?.next_window(now, None)?;
    pause(now + CALM, server, stage)?;
    // What the window has so far; the first restart closes it.
    let window = stage.crowd()?.next_window(Instant::now(), None)?;
    Ok(Span::of(&window))
}

/// Waits until then, while the server lives.
fn pause(until: Instant, server: &mut Server, stage: &mut Stage) -> Result<(), DemoError> {
    while Instant::now() < until {
        server.alive()?;
        stage.wait(&[server.handle()], until)?;
    }
    Ok(())
}

/// The restarts, one after the other.
struct Restarts<'a> {
    site: &'a Site,
    /// Number of the configuration in force.
    revision: u32,
    done: Vec<Restart>,
    /// The last one, whose window is not over.
    open: Option<(u32, Configuration, report::Outcome)>,
}

impl Restarts<'_> {
    fn next(
        &mut self,
        number: u32,
        server: &mut Server,
        stage: &mut Stage,
    ) -> Result<(), DemoError> {
        let configuration = match number {
            BROKEN => Configuration::Broken,
            _ => Configuration::Good,
        };
        let wanted = self.revision + 1;
        let awaited = match configuration {
            Configuration::Good => {
                self.site.configure(wanted).map_err(DemoError::Site)?;
                Some(wanted)
            }
            Configuration::Broken => {
                self.site.break_config(wanted).map_err(DemoError::Site)?;
                None
            }
        };
        stage.crowd()?.cue(Cue::BeforeRestart)?;
        let staying = stage.crowd()?.roll_call()?;
        let before = held(server, &staying);
        let mut window = None;
        let outcome = server.restart(stage, |stage, at| {
            window = Some(stage.crowd()?.next_window(at, awaited)?);
            Ok(())
        })?;
        stage.crowd()?.cue(Cue::AfterRestart)?;
        if let Some(window) = window {
            self.close(&window);
        }
        let new = process(server.generation());
        let outcome = match outcome {
            server::Outcome::Renewed {
                old,
                old_gone,
                report,
            } => {
                self.revision = wanted;
                let after = before.and_then(|before| held(server, &before));
                report::Outcome::Renewed {
                    old: process(&old),
                    new,
                    moved: after.map(ByKind::of),
                    old_gone_ms: old_gone.map(report::millis),
                    server_says: report,
                }
            }
            server::Outcome::Refused(refusal) => {
                self.site
                    .configure(self.revision)
                    .map_err(DemoError::Site)?;
                report::Outcome::Refused {
                    process: new,
                    why: refusal.message,
                }
            }
        };
        stage.say(&report::line_of(number, configuration, &outcome));
        self.open = Some((number, configuration, outcome));
        Ok(())
    }

    /// The window of the last restart is over.
    fn close(&mut self, window: &Window) {
        if let Some((number, configuration, outcome)) = self.open.take() {
            self.done
                .push(Restart::new(number, configuration, outcome, window));
        }
    }
}

/// Those of these clients whose connection is with the process that serves; `None` if the kernel does not show us.
fn held(server: &Server, staying: &[Staying]) -> Option<Vec<Staying>> {
    kernel::held_by(server.generation().pid, server.address().port(), staying).ok()
}

fn process(generation: &server::Generation) -> Process {
    Process {
        generation: generation.number,
        pid: generation.pid,
    }
}

fn supervisor(server: &mut Server) -> Result<Supervisor, DemoError> {
    server.alive()?;
    let claimed = server.claimed_pid()?;
    let children = kernel::children_of(server.pid()).map_err(|cause| {
        DemoError::Server(ServerError::Kernel {
            operation: "read /proc",
            cause,
        })
    })?;
    Ok(Supervisor {
        pid: server.pid(),
        unchanged: claimed == Some(server.pid()),
        processes_at_the_end: 1 + children.len(),
    })
}

/// Each client is a descriptor here and another one in the server, which inherits our limit.
fn raise_limit(options: &Options) -> Result<(), DemoError> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = 2 * options.connections as u64 + SPARE_DESCRIPTORS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|_| DemoError::Descriptors {
        needed,
        limit: maximum.unwrap_or(u64::MAX),
    })
}

fn opening(options: &Options) -> String {
    format!(
        "What do clients notice while a web server restarts {} times?\n\
         Every figure below is measured by clients or read from the kernel.\n",
        options.restarts
    )
}

fn cast(options: &Options, server: &Server) -> String {
    let mut text = format!(
        "A small site is served at http://{}/ by process {}. Its clients:\n",
        server.address(),
        server.generation().pid,
    );
    for (kind, count) in options.staying() {
        text.push_str(&format!("{count:>6}  {}\n", kind.description()));
    }
    text.push_str(&format!(
        "{FRESH_PER_SECOND:>6}  new connections every second\n"
    ));
    text
}

fn json(report: &Report) -> String {
    serde_json::to_string(report).expect("plain data with string keys always becomes JSON")
}

/// Nobody to read it is no reason to fail.
fn show(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
