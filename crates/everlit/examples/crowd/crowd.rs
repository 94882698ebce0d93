//! One reload, and a crowd of clients around it.
//!
//! In: how many of which kind. Out: what they saw, and the server's report. Must hold: every client that was there before
//! the reload is asked about itself after it.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::call::Call;
use crate::downloads::Downloads;
use crate::gauge::{Gauge, Part};
use crate::hall::{Hall, Waited};
use crate::halves::Halves;
use crate::idlers::Idlers;
use crate::newcomers::Newcomers;
use crate::options::{Idle, Options};
use crate::probes::Probes;
use crate::scene::{Scene, Who};
use crate::server::{Server, Site};
use crate::verdict::{Limits, Verdict, ms};
use crate::{limits, pattern, process};

/// For anything that ends by itself.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long it is watched what this machine does without a reload.
const BEFORE: Duration = Duration::from_secs(3);
/// How long it is watched what comes after it.
const AFTER: Duration = Duration::from_secs(2);
/// One download in so many is a fast one.
const FAST_SHARE: usize = 100;
/// Descriptors of the server besides those that are counted: newcomers, logs, files.
const SPARE: usize = 500;

pub(crate) fn run(options: &Options) -> Result<Verdict, Box<dyn Error>> {
    let descriptors = limits::raise()?;
    // A download that was moved has a descriptor of its own for its file.
    let others = 2 * options.downloads + options.half_heads + options.probes + SPARE;
    let idle = match options.idle {
        Idle::Max => limits::idle_that_fit(descriptors, others),
        Idle::Count(count) => count,
    };
    limits::check(idle, descriptors, others)?;
    let kept = idle + options.downloads + options.half_heads + options.probes;
    let content = pattern::make();
    let server = Server::start(
        &options.place,
        &Site {
            descriptors: idle + others,
            limit: descriptors,
            large: &content,
            directives: "",
        },
    )?;
    println!(
        "{idle} idle, {} downloads, {} half heads, {} probes each 10 ms, 200 new connections a second; load {}",
        options.downloads,
        options.half_heads,
        options.probes,
        process::load()
    );

    let began = Instant::now();
    let mut hall = fill(options, idle, content, &server)?;
    if hall.run_until(Who::Idler, "all opened", PATIENCE, |hall| {
        hall.idlers.is_settled()
            && hall.halves.is_settled()
            && hall.downloads.are_under_way()
            && hall.probes.is_settled()
    })? == Waited::TooLong
    {
        return Ok(say_failures(&hall));
    }
    println!("all there after {:.1} s", began.elapsed().as_secs_f64());
    let old = server.generation()?;
    println!("old generation: {}", footprint(old, kept));

    hall.scene.part = Part::Before;
    hall.newcomers.start(Instant::now());
    hall.run_for(BEFORE)?;
    hall.scene.part = Part::During;
    hall.call = Some(Call::ask(&server, old, &mut hall.scene)?);
    let over = |hall: &Hall| hall.call.as_ref().is_some_and(Call::is_over);
    hall.run_until(Who::OldProcess, "reported and gone", PATIENCE, over)?;
    hall.scene.part = Part::After;
    hall.run_for(AFTER)?;
    hall.probes.stop();
    hall.newcomers.stop();
    hall.run_until(Who::Probe, "answered", PATIENCE, |hall| {
        hall.probes.is_settled() && hall.newcomers.is_settled()
    })?;
    println!("new generation: {}", footprint(server.generation()?, kept));

    hall.halves.complete(&mut hall.scene);
    let settled = |hall: &Hall| hall.halves.is_settled();
    hall.run_until(Who::HalfHead, "answered", PATIENCE, settled)?;
    hall.idlers.ask_again();
    let settled = |hall: &Hall| hall.idlers.is_settled();
    hall.run_until(Who::Idler, "answered again", PATIENCE, settled)?;
    hall.downloads.rush(&mut hall.scene);
    let done = |hall: &Hall| hall.downloads.are_done();
    hall.run_until(Who::Download, "received", PATIENCE, done)?;

    Ok(say(options, idle, &hall))
}

fn fill(
    options: &Options,
    idle: usize,
    content: Vec<u8>,
    server: &Server,
) -> Result<Hall, Box<dyn Error>> {
    let mut scene = Scene::new(server.address)?;
    let fast = options.downloads.div_ceil(FAST_SHARE);
    Ok(Hall {
        idlers: Idlers::new(idle),
        halves: Halves::open(options.half_heads, &mut scene),
        downloads: Downloads::open(options.downloads, fast, content, &mut scene),
        probes: Probes::open(options.probes, &mut scene),
        newcomers: Newcomers::default(),
        call: None,
        scene,
    })
}

fn footprint(pid: u32, connections: usize) -> String {
    let kib = process::resident_kib(pid).unwrap_or(0);
    format!(
        "{kib} KiB resident, {} bytes a connection, {} descriptors",
        kib * 1024 / connections.max(1) as u64,
        process::descriptors(pid).unwrap_or(0)
    )
}

fn say_failures(hall: &Hall) -> Verdict {
    let mut limits = Limits::default();
    limits.failures(&hall.scene.failures);
    limits.conclude()
}

fn say(options: &Options, idle: usize, hall: &Hall) -> Verdict {
    let mut limits = Limits::default();
    println!("\nlongest wait            before      during       after   measured");
    row("probe's answer", &hall.probes.took);
    row("new connection", &hall.newcomers.took);
    row("download starved", &hall.downloads.starved);
    row("this program was late", &hall.probes.own);
    println!(
        "downloads: {} files whole, {:.1} GB compared",
        hall.downloads.files,
        hall.downloads.bytes as f64 / 1e9
    );

    if let Some(call) = &hall.call {
        if let Some((report, took)) = &call.report {
            let moved = report.tally.moved;
            println!(
                "report: generation {:?} -> {}, moved {} ({} idle, {} heads, {} bodies, {} responses), {} drained, {} \
                 dropped; {:?}; ready {} ms, gone {:?} ms later, {} ms in all; supervisor {:?}",
                report.from,
                report.to,
                moved.total(),
                moved.idle,
                moved.head,
                moved.body,
                moved.response,
                report.tally.drained,
                report.tally.dropped,
                report.farewell,
                report.ready_ms,
                report.gone_ms,
                report.total_ms,
                report.supervisor,
            );
            limits.at_least("idle moved", moved.idle, idle as u64);
            limits.exactly("half heads moved", moved.head, options.half_heads as u64);
            let responses = options.downloads as u64;
            limits.at_least(
                "responses moved",
                moved.response,
                responses.saturating_sub(responses / 50),
            );
            limits.exactly("dropped", report.tally.dropped, 0);
            limits.within("reload, until the report", *took, options.reload_ms);
        }
        if let Some(gone) = call.gone {
            limits.within("old process gone", gone, options.gone_ms);
        }
    }
    for (what, gauge) in [
        ("longest wait of a probe", &hall.probes.took),
        ("longest wait of a new connection", &hall.newcomers.took),
        ("longest starving of a download", &hall.downloads.starved),
    ] {
        limits.within(what, gauge.longest_since_reload(), options.stall_ms);
    }
    let [first, second] = hall.idlers.answers();
    limits.exactly("idle answered before", first as u64, idle as u64);
    limits.exactly(
        "idle answered after, on the same connection",
        second as u64,
        idle as u64,
    );
    let half_heads = options.half_heads as u64;
    limits.exactly(
        "half heads completed and answered",
        hall.halves.answered as u64,
        half_heads,
    );
    let files = options.downloads as u64;
    limits.at_least(
        "downloads with the right bytes to the end",
        hall.downloads.files as u64,
        files,
    );
    limits.failures(&hall.scene.failures);
    limits.conclude()
}

fn row(name: &str, gauge: &Gauge) {
    let longest = |part| ms(gauge.longest(part));
    let count: u64 = [Part::Before, Part::During, Part::After]
        .map(|part| gauge.count(part))
        .iter()
        .sum();
    println!(
        "  {name:22} {:>9} {:>11} {:>11} {count:>10}",
        longest(Part::Before),
        longest(Part::During),
        longest(Part::After)
    );
}
