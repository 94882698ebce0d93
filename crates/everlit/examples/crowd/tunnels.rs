//! Many reloads in a row, with thousands of tunnels that live through all of them.
//!
//! In: how many tunnels and reloads, and how often. Out: what became of every message; what a tunnel costs. Must hold:
//! reloads come at a steady pace, whatever messages are on their way; a figure without reloads stands beside each with.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::census::{self, Holding};
use crate::echo::Echo;
use crate::latency::Span;
use crate::nginx::Nginx;
use crate::options::Place;
use crate::scene::{Scene, Who};
use crate::server::{Server, Site};
use crate::steady::Steady;
use crate::talkers::Talkers;
use crate::verdict::{Limits, Verdict, ms};
use crate::{limits, process};

const PATIENCE: Duration = Duration::from_secs(120);
/// How long nobody says anything, for memory and processor time.
const IDLE: Duration = Duration::from_secs(5);
/// How long messages go without a reload, for comparison; before and after.
const QUIET: Duration = Duration::from_secs(10);
/// A message is one of a reload's if it was on its way so shortly before or after it.
const MARGIN: Duration = Duration::from_millis(500);
/// Descriptors of the server besides tunnels.
const SPARE: usize = 500;
/// How much the 99th percentile may be worse around reloads.
const ADDED_MS: u64 = 50;
/// How much of its memory the server may have more at the end, in percent.
const GROWTH: u64 = 20;
/// Processor time of all processes in a second in which nobody says anything.
const IDLE_MS: u64 = 10;

/// What to measure.
pub(crate) struct Plan {
    pub(crate) tunnels: usize,
    /// Messages a second of each.
    pub(crate) rate: f64,
    pub(crate) reloads: u64,
    /// Time between two reloads.
    pub(crate) every: Duration,
    pub(crate) server: Which,
}

/// Whom to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Everlit,
    /// For comparison; it is not reloaded.
    Nginx,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            tunnels: 5000,
            rate: 1.0,
            reloads: 60,
            every: Duration::from_millis(1000),
            server: Which::Everlit,
        }
    }
}

enum Subject {
    Everlit(Server),
    Nginx(Nginx),
}

struct Run<'a> {
    subject: &'a Subject,
    scene: Scene,
    talkers: Talkers,
    steady: Option<Steady>,
}

/// What the server held at the moments of interest.
struct Holdings {
    /// First messages that were not back a second after all tunnels were open.
    stuck: u64,
    empty: Holding,
    idle: Holding,
    before: Holding,
    after: Holding,
    idle_again: Holding,
    /// Processor time of an idle second, before all reloads and after them.
    idled: [Duration; 2],
}

pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Verdict, Box<dyn Error>> {
    let limit = limits::raise()?;
    let descriptors = 2 * plan.tunnels + SPARE;
    limits::check(2 * plan.tunnels, limit, SPARE)?;
    let echo = Echo::start()?;
    let subject = start(place, plan, &echo, descriptors, limit)?;
    println!(
        "{}: {} tunnels, each {} messages a second; load {}",
        subject.name(),
        plan.tunnels,
        plan.rate,
        process::load()
    );
    let empty = census::holding(subject.root())?;
    let mut run = Run {
        scene: Scene::new(subject.address())?,
        talkers: Talkers::new(plan.tunnels),
        steady: None,
        subject: &subject,
    };

    let began = Instant::now();
    if !run.until(PATIENCE, |run| run.talkers.are_open())? {
        return Err("the tunnels did not open in time".into());
    }
    println!(
        "{} open after {:.1} s",
        run.talkers.alive(),
        began.elapsed().as_secs_f64()
    );
    run.pass(Duration::from_secs(1))?;
    let stuck = run.talkers.away();
    let (idle, idled_before) = run.idle()?;
    run.talkers.talk(plan.rate);
    run.pass(QUIET)?;
    let before = census::holding(subject.root())?;
    if let Subject::Everlit(server) = &subject {
        run.steady = Some(Steady::new(server, plan.every, plan.reloads));
        let over = |run: &Run<'_>| run.steady.as_ref().is_none_or(Steady::is_over);
        let time = plan.every * u32::try_from(plan.reloads)?;
        if !run.until(time + PATIENCE, over)? {
            return Err("a reload did not come to its end".into());
        }
    }
    run.pass(QUIET)?;
    let after = census::holding(subject.root())?;
    run.talkers.fall_silent();
    run.until(PATIENCE, |run| run.talkers.away() == 0)?;
    run.pass(Duration::from_secs(1))?;
    let (idle_again, idled_after) = run.idle()?;

    let holdings = Holdings {
        stuck,
        empty,
        idle,
        before,
        after,
        idle_again,
        idled: [idled_before, idled_after],
    };
    Ok(judge(plan, &run, &echo, &holdings))
}

fn start(
    place: &Place,
    plan: &Plan,
    echo: &Echo,
    descriptors: usize,
    limit: u64,
) -> Result<Subject, Box<dyn Error>> {
    if plan.server == Which::Nginx {
        return Ok(Subject::Nginx(Nginx::start(echo.port, descriptors)?));
    }
    let directives = format!(
        "server.modules += ( \"mod_proxy\" )\n\
         proxy.server = ( \"\" => (( \"host\" => \"127.0.0.1\", \"port\" => {} )) )\n\
         proxy.header = ( \"upgrade\" => \"enable\" )\n",
        echo.port
    );
    let site = Site {
        descriptors,
        limit,
        large: &[],
        directives: &directives,
    };
    Ok(Subject::Everlit(Server::start(place, &site)?))
}

impl Subject {
    fn name(&self) -> &'static str {
        match self {
            Subject::Everlit(_) => "everlit",
            Subject::Nginx(_) => "nginx",
        }
    }

    fn address(&self) -> std::net::SocketAddrV4 {
        match self {
            Subject::Everlit(server) => server.address,
            Subject::Nginx(nginx) => nginx.address,
        }
    }

    /// The process from which all others descend.
    fn root(&self) -> u32 {
        match self {
            Subject::Everlit(server) => server.supervisor(),
            Subject::Nginx(nginx) => nginx.master(),
        }
    }
}

impl Run<'_> {
    /// What the server holds, and its processor time in a second, while nobody says anything.
    fn idle(&mut self) -> Result<(Holding, Duration), Box<dyn Error>> {
        let first = census::holding(self.subject.root())?;
        let began = Instant::now();
        self.pass(IDLE)?;
        let elapsed = began.elapsed();
        let last = census::holding(self.subject.root())?;
        let used = last.processor_time.saturating_sub(first.processor_time);
        Ok((last, used.div_f64(elapsed.as_secs_f64())))
    }

    fn pass(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        self.until(time, |_| false).map(drop)
    }

    /// Serves all until something holds; whether it does, in time.
    fn until(
        &mut self,
        patience: Duration,
        reached: impl Fn(&Run<'_>) -> bool,
    ) -> Result<bool, Box<dyn Error>> {
        let end = Instant::now() + patience;
        while !reached(self) {
            if Instant::now() >= end {
                return Ok(false);
            }
            let scene = &mut self.scene;
            self.talkers.advance(scene);
            if let (Some(steady), Subject::Everlit(server)) = (&mut self.steady, self.subject) {
                steady.advance(server, scene)?;
            }
            let reload = self.steady.as_ref().and_then(Steady::due);
            let due = [Some(end), self.talkers.due(), reload];
            for (who, index) in scene.wait(due.into_iter().flatten().min())? {
                match (who, &mut self.steady) {
                    (Who::Tunnel, _) => self.talkers.on_news(index, scene),
                    (who, Some(steady)) => steady.on_news(who, scene)?,
                    _ => {}
                }
            }
        }
        Ok(true)
    }
}

fn judge(plan: &Plan, run: &Run<'_>, echo: &Echo, holdings: &Holdings) -> Verdict {
    let done = run.steady.as_ref().map(|steady| &steady.done);
    let tally = &run.talkers.tally;
    let lost = run.talkers.lost();
    println!(
        "\nmessages: {} sent, {} reached the backend, {} returned, {lost} lost, {} out of order, {} duplicated, {} altered",
        tally.sent,
        echo.messages(),
        tally.returned,
        tally.out_of_order,
        tally.duplicated,
        tally.altered
    );
    println!(
        "tunnels: {} opened, {} dropped, {} ended at the backend",
        tally.opened,
        tally.dropped,
        echo.ended()
    );
    let spans: Vec<Span> = done
        .iter()
        .flat_map(|done| &done.spans)
        .map(|(start, end)| (*start - MARGIN, *end + MARGIN))
        .collect();
    let (inside, outside) = run.talkers.latencies.split(&spans);
    println!("round trip:");
    if inside.count > 0 {
        println!("  around reloads (0.5 s before and after)  {inside}");
    }
    println!("  away from them                           {outside}");
    let (inside_own, outside_own) = run.talkers.own.split(&spans);
    println!("this program was late with sending:");
    if inside.count > 0 {
        println!("  around reloads                           {inside_own}");
    }
    println!("  away from them                           {outside_own}");
    if let Some(done) = done {
        done.say(plan.every);
    }
    let per_tunnel = |holding: &Holding| {
        let bytes = (holding.proportional_kib * 1024) as f64
            - (holdings.empty.proportional_kib * 1024) as f64;
        bytes / plan.tunnels.max(1) as f64
    };
    println!(
        "server, all its processes:    processes  resident KiB  proportional KiB  bytes a tunnel"
    );
    for (what, holding) in [
        ("without tunnels", &holdings.empty),
        ("idle tunnels", &holdings.idle),
        ("messages, before reloads", &holdings.before),
        ("messages, after reloads", &holdings.after),
        ("idle tunnels again", &holdings.idle_again),
    ] {
        println!(
            "  {what:26} {:10} {:13} {:17} {:15.0}",
            holding.processes,
            holding.resident_kib,
            holding.proportional_kib,
            per_tunnel(holding)
        );
    }
    let [first, last] = holdings.idled;
    println!(
        "processor time of a second with idle tunnels: {}, after reloads {}; load now {}",
        ms(first),
        ms(last),
        process::load()
    );

    let mut limits = Limits::default();
    limits.exactly("tunnels opened", tally.opened, plan.tunnels as u64);
    limits.exactly("tunnels dropped", tally.dropped, 0);
    limits.exactly("messages returned", tally.returned, tally.sent);
    limits.exactly("first messages stuck", holdings.stuck, 0);
    limits.exactly("messages lost", lost, 0);
    limits.exactly("messages out of order", tally.out_of_order, 0);
    limits.exactly("messages duplicated", tally.duplicated, 0);
    limits.exactly("messages altered", tally.altered, 0);
    if let Some(done) = done {
        limits.exactly("reloads", done.spans.len() as u64, plan.reloads);
        limits.within(
            "99th percentile away from reloads (a machine that is busier cannot measure this)",
            outside.p99,
            ADDED_MS,
        );
        limits.within(
            "99th percentile, added by reloads",
            inside.p99.saturating_sub(outside.p99),
            ADDED_MS,
        );
        limits.at_most(
            "resident KiB at the end",
            holdings.after.resident_kib,
            holdings.before.resident_kib * (100 + GROWTH) / 100,
        );
    }
    limits.within("processor time of an idle second", first.max(last), IDLE_MS);
    limits.failures(&run.scene.failures);
    limits.conclude()
}
