//! Many reloads in a row under load.
//!
//! In: how many. Out: a table of what the processes hold, and whether it grows; what clients saw; what is in the log. Must
//! hold: the next reload is asked for as soon as the last one is over.

use std::error::Error;
use std::time::{Duration, Instant};

use everlit::control::message::{Farewell, SupervisorRenewal};

use crate::call::Call;
use crate::downloads::Downloads;
use crate::gauge::{Gauge, Part};
use crate::hall::{Hall, Waited};
use crate::halves::Halves;
use crate::idlers::Idlers;
use crate::newcomers::Newcomers;
use crate::options::Options;
use crate::probes::Probes;
use crate::scene::{Scene, Who};
use crate::server::Server;
use crate::verdict::{Limits, Verdict, ms};
use crate::{limits, pattern, process};

const PATIENCE: Duration = Duration::from_secs(60);
/// Descriptors of the server, generously.
const DESCRIPTORS: usize = 2000;
/// Reloads between two looks at the processes.
const SAMPLE_EVERY: u64 = 50;
/// Idle connections that live through all of it.
const IDLE: usize = 200;
/// Most downloads; one of them is fast.
const DOWNLOADS: usize = 8;
/// Descriptors that may be more at the end: newcomers come and go.
const SLACK_DESCRIPTORS: u64 = 16;
/// Memory that may be more at the end: allocators are not exact.
const SLACK_KIB: u64 = 1024;
/// Lines in the log that a reload may take.
const LINES_A_RELOAD: u64 = 2;

/// What the processes hold after so many reloads.
struct Sample {
    reloads: u64,
    supervisor: Holding,
    generation: Holding,
    processes: u64,
}

struct Holding {
    descriptors: u64,
    /// Memory of its own.
    kib: u64,
    /// That, and pages of the program's file.
    resident: u64,
}

/// What the reports said.
#[derive(Default)]
struct Totals {
    reloads: u64,
    moved: u64,
    drained: u64,
    dropped: u64,
    /// Old processes that ended without a goodbye, or supervisors that stayed as they were.
    imperfect: u64,
    took: Gauge,
    gone: Gauge,
}

pub(crate) fn run(options: &Options) -> Result<Verdict, Box<dyn Error>> {
    let limit = limits::raise()?;
    let content = pattern::make();
    let downloads = options.downloads.min(DOWNLOADS);
    let server = Server::start(options, DESCRIPTORS, limit, &content)?;
    let mut scene = Scene::new(server.address)?;
    let mut hall = Hall {
        idlers: Idlers::new(IDLE),
        halves: Halves::default(),
        downloads: Downloads::open(downloads, 1, content, &mut scene),
        probes: Probes::open(options.probes, &mut scene),
        newcomers: Newcomers::default(),
        call: None,
        scene,
    };
    if hall.run_until(Who::Idler, "all opened", PATIENCE, |hall| {
        hall.idlers.is_settled() && hall.downloads.are_under_way() && hall.probes.is_settled()
    })? == Waited::TooLong
    {
        return Err("the clients could not connect".into());
    }
    hall.newcomers.start(Instant::now());
    hall.run_for(Duration::from_secs(1))?;
    hall.scene.part = Part::During;

    println!(
        "{} reloads, {IDLE} idle, {downloads} downloads, {} probes each 10 ms, 200 new connections a second; load {}",
        options.reloads,
        options.probes,
        process::load()
    );
    println!(
        "reloads  processes   supervisor fds   own KiB  resident   generation fds   own KiB  resident"
    );
    let began = Instant::now();
    let mut totals = Totals::default();
    let mut samples = Vec::new();
    for number in 0..options.reloads {
        if number % SAMPLE_EVERY == 0 {
            samples.push(sample(number, &server)?);
        }
        if reload(&server, &mut hall, &mut totals)? == Waited::TooLong {
            break;
        }
    }
    samples.push(sample(totals.reloads, &server)?);
    let took = began.elapsed();

    hall.probes.stop();
    hall.newcomers.stop();
    hall.idlers.ask_again();
    hall.downloads.rush(&mut hall.scene);
    hall.run_until(Who::Idler, "answered at the end", PATIENCE, |hall| {
        hall.probes.is_settled()
            && hall.newcomers.is_settled()
            && hall.idlers.is_settled()
            && hall.downloads.are_done()
    })?;
    println!(
        "\n{} reloads in {:.1} s: {} moved, {} drained, {} dropped; longest reload {}, old process gone after {} at most",
        totals.reloads,
        took.as_secs_f64(),
        totals.moved,
        totals.drained,
        totals.dropped,
        ms(totals.took.longest(Part::During)),
        ms(totals.gone.longest(Part::During)),
    );
    for (what, gauge) in [
        ("probes", &hall.probes.took),
        ("new connections", &hall.newcomers.took),
        ("downloads starved", &hall.downloads.starved),
        ("this program was late", &hall.probes.own),
    ] {
        println!(
            "{what}: {}, longest {}",
            gauge.count(Part::During),
            ms(gauge.longest(Part::During))
        );
    }
    println!(
        "downloads: {} files whole, {:.1} GB compared",
        hall.downloads.files,
        hall.downloads.bytes as f64 / 1e9
    );
    judge(options, &server, &hall, &totals, &samples)
}

/// One reload, from the request until the report is here and the old process is gone.
fn reload(server: &Server, hall: &mut Hall, totals: &mut Totals) -> Result<Waited, Box<dyn Error>> {
    hall.call = Some(Call::ask(server, server.generation()?, &mut hall.scene)?);
    let over = |hall: &Hall| hall.call.as_ref().is_some_and(Call::is_over);
    let waited = hall.run_until(Who::OldProcess, "reported and gone", PATIENCE, over)?;
    let Some(call) = hall.call.take() else {
        return Ok(waited);
    };
    if let (Some((report, took)), Some(gone)) = (&call.report, call.gone) {
        totals.reloads += 1;
        totals.moved += report.tally.moved.total();
        totals.drained += report.tally.drained;
        totals.dropped += report.tally.dropped;
        totals.took.record(Part::During, *took);
        totals.gone.record(Part::During, gone);
        let perfect =
            report.farewell == Farewell::Left && report.supervisor == SupervisorRenewal::Renewed;
        if !perfect {
            totals.imperfect += 1;
            println!("imperfect: {:?}, {:?}", report.farewell, report.supervisor);
        }
    }
    Ok(waited)
}

fn sample(reloads: u64, server: &Server) -> Result<Sample, Box<dyn Error>> {
    let (supervisor, generation) = (server.supervisor(), server.generation()?);
    let sample = Sample {
        reloads,
        supervisor: holding(supervisor)?,
        generation: holding(generation)?,
        processes: process::family(supervisor) as u64,
    };
    println!(
        "{:7}  {:9}   {:14} {:9} {:9}   {:14} {:9} {:9}",
        sample.reloads,
        sample.processes,
        sample.supervisor.descriptors,
        sample.supervisor.kib,
        sample.supervisor.resident,
        sample.generation.descriptors,
        sample.generation.kib,
        sample.generation.resident
    );
    Ok(sample)
}

fn holding(pid: u32) -> Result<Holding, Box<dyn Error>> {
    Ok(Holding {
        descriptors: process::descriptors(pid)? as u64,
        kib: process::anonymous_kib(pid)?,
        resident: process::resident_kib(pid)?,
    })
}

fn judge(
    options: &Options,
    server: &Server,
    hall: &Hall,
    totals: &Totals,
    samples: &[Sample],
) -> Result<Verdict, Box<dyn Error>> {
    let log = server.error_log()?;
    let lines: Vec<&str> = log.lines().collect();
    println!(
        "\nerror log: {} lines, {} bytes; the last of them:",
        lines.len(),
        log.len()
    );
    for line in lines.iter().rev().take(4).rev() {
        println!("  {line}");
    }

    let mut limits = Limits::default();
    limits.exactly("reloads that succeeded", totals.reloads, options.reloads);
    limits.exactly("reloads that were not perfect", totals.imperfect, 0);
    limits.exactly("connections dropped", totals.dropped, 0);
    limits.within(
        "longest wait of a probe",
        hall.probes.took.longest(Part::During),
        options.stall_ms,
    );
    let newcomers = hall.newcomers.took.longest(Part::During);
    limits.within(
        "longest wait of a new connection",
        newcomers,
        options.stall_ms,
    );
    let starved = hall.downloads.starved.longest(Part::During);
    limits.within("longest starving of a download", starved, options.stall_ms);
    limits.within(
        "old process gone",
        totals.gone.longest(Part::During),
        options.gone_ms,
    );
    let [first, second] = hall.idlers.answers();
    limits.exactly(
        "idle connections that lived through it",
        second as u64,
        first as u64,
    );
    let lines_limit = LINES_A_RELOAD * totals.reloads + 10;
    limits.at_most("lines in the log", lines.len() as u64, lines_limit);

    // The first sample is that of a server that was never reloaded; what it is like afterwards starts with the second.
    if let [_, first, .., last] = samples {
        limits.exactly("processes", last.processes, first.processes);
        growth(
            &mut limits,
            "supervisor",
            &first.supervisor,
            &last.supervisor,
            // The call that asked for the reload may not be closed yet.
            1,
        );
        growth(
            &mut limits,
            "generation",
            &first.generation,
            &last.generation,
            SLACK_DESCRIPTORS,
        );
    }
    limits.failures(&hall.scene.failures);
    Ok(limits.conclude())
}

fn growth(limits: &mut Limits, who: &str, first: &Holding, last: &Holding, slack: u64) {
    let most = first.descriptors + slack;
    limits.at_most(&format!("descriptors of the {who}"), last.descriptors, most);
    limits.at_most(
        &format!("own KiB of the {who}"),
        last.kib,
        first.kib + SLACK_KIB,
    );
}
