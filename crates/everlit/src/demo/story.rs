//! The story, from the first page to the last.
//!
//! In: options. Out: a report. Must hold: once clients are there, they are heard: whatever the server does then is told with
//! their figures.

use std::time::{Duration, Instant};

use super::clients::Cue;
use super::crowd::{Crowd, CrowdError, Program, Staying};
use super::error::DemoError;
use super::kernel::{self, ByKind};
use super::options::{CALM, FRESH_PER_SECOND, Options};
use super::report::{Report, Span, Supervisor, Totals};
use super::restarts::{self, Restarts};
use super::server::Server;
use super::site::Site;
use super::stage::Stage;
use crate::causes::with_causes;
use crate::version::version;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the clients may take to come.
pub(super) const GATHER_MAX: Duration = Duration::from_secs(30);
/// Descriptors that a process needs beside those of the clients who stay: when nobody is answered, new connections pile up
/// until they lose patience.
const SPARE_DESCRIPTORS: u64 = FRESH_PER_SECOND as u64 * PATIENCE.as_secs() + 200;

/// The story, from the first page to the last.
pub(super) fn story(options: &Options) -> Result<Report, DemoError> {
    raise_limit(options)?;
    let mut stage = Stage::new(options.format).map_err(DemoError::Signals)?;
    stage.say(&opening(options));
    let site = Site::write().map_err(DemoError::Site)?;
    site.configure(restarts::FIRST).map_err(DemoError::Site)?;
    stage.scene("starting the server");
    let mut server = Server::start(&site, &mut stage)?;
    stage.say(&cast(options, &server));

    let first = gather(options, &mut server, &mut stage)?;
    let calm = stay_calm(&mut server, &mut stage)?;
    let mut restarts = Restarts::new(&site);
    let failure = match restart(options, &mut restarts, &mut server, &mut stage) {
        Ok(()) => None,
        Err(DemoError::Server(error)) => Some(with_causes(&error)),
        Err(error) => return Err(error),
    };

    stage.scene("the clients finish what they have begun");
    let last = stage.crowd()?.roll_call()?;
    stage.crowd()?.cue(Cue::Finish)?;
    while !stage.crowd()?.is_over() {
        stage.wait(&[], Instant::now() + Duration::from_millis(50))?;
    }
    let crowd = stage.crowd.take().ok_or(CrowdError::Ended)?;
    let figures = crowd.figures()?;
    restarts.close(&figures.window);
    let mut report = Report {
        version: version(),
        address: server.address().to_string(),
        clients: ByKind::of(first.iter().copied()),
        new_connections_per_second: FRESH_PER_SECOND,
        calm,
        restarts: restarts.into_rows(),
        totals: Totals::of(&figures, &first, &last),
        supervisor: supervisor(&mut server),
        failures: failure.into_iter().collect(),
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
fn stay_calm(server: &mut Server, stage: &mut Stage) -> Result<Span, DemoError> {
    stage.scene("no restart yet");
    let now = Instant::now();
    stage.crowd()?.next_window(now, None)?;
    pause(now + CALM, server, stage)?;
    // What the window has so far; the first restart closes it.
    let window = stage.crowd()?.next_window(Instant::now(), None)?;
    Ok(Span::of(&window))
}

/// All restarts, one after the other.
fn restart(
    options: &Options,
    restarts: &mut Restarts<'_>,
    server: &mut Server,
    stage: &mut Stage,
) -> Result<(), DemoError> {
    let begun = Instant::now();
    for number in 1..=options.restarts {
        stage.scene(format!("restart {number} of {}", options.restarts));
        restarts.next(number, server, stage)?;
        pause(begun + options.every * number, server, stage)?;
    }
    Ok(())
}

/// Waits until then, while the server lives.
fn pause(until: Instant, server: &mut Server, stage: &mut Stage) -> Result<(), DemoError> {
    while Instant::now() < until {
        server.alive()?;
        stage.wait(&[server.handle()], until)?;
    }
    Ok(())
}

/// The process that we started, if it is still there.
fn supervisor(server: &mut Server) -> Supervisor {
    let alive = server.alive().is_ok();
    let claimed = server.claimed_pid().ok().flatten();
    // Who cannot be counted is not there.
    let children = kernel::children_of(server.pid()).unwrap_or_default();
    Supervisor {
        pid: server.pid(),
        unchanged: alive && claimed == Some(server.pid()),
        processes_at_the_end: usize::from(alive) + children.len(),
    }
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
