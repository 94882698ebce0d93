//! One reload, and a crowd of clients that speak TLS.
//!
//! In: how many are idle, how many of each errand are under way. Out: what the reload took, and what became of each. Must
//! hold: every client that was there before the reload is asked about itself after it, on the same TLS session.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use everlit::control::client::Connection;
use everlit::control::message::{Reply, Report, Request, Until};
use rcgen::{CertificateParams, KeyPair};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;

use crate::echo::Echo;
use crate::errands::{self, Common};
use crate::exchange::REQUEST;
use crate::lines::{self, Exchange, Line};
use crate::options::Place;
use crate::server::{SMALL, Server, Site};
use crate::sockets::Sources;
use crate::verdict::{Limits, Verdict};
use crate::{limits, pattern, process};

const PATIENCE: Duration = Duration::from_secs(120);
/// Descriptors of the server besides those that are counted.
const SPARE: usize = 500;

/// What to measure.
pub(crate) struct Plan {
    pub(crate) idle: usize,
    /// Clients with each errand.
    pub(crate) busy: usize,
    /// Longest reload that is allowed, and when the old process must be gone.
    pub(crate) reload_ms: u64,
    pub(crate) gone_ms: u64,
}

pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Verdict, Box<dyn Error>> {
    let descriptors = limits::raise()?;
    let busy = plan.busy * errands::ALL.len();
    let others = 2 * busy + SPARE;
    limits::check(plan.idle, descriptors, others)?;
    let common = Arc::new(Common {
        content: pattern::make(),
        begun: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    });
    let echo = Echo::start()?;
    let backend = errands::start_backend(common.clone())?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    let pem = std::env::temp_dir().join(format!("everlit-crowd-{}.pem", std::process::id()));
    std::fs::write(
        &pem,
        format!("{}{}", certificate.pem(), key.serialize_pem()),
    )?;
    let server = Server::start(
        place,
        &Site {
            descriptors: plan.idle + others,
            limit: descriptors,
            large: &common.content,
            directives: &format!(
                "server.modules += ( \"mod_openssl\", \"mod_proxy\" )\n\
                 ssl.engine = \"enable\"\nssl.pemfile = \"{}\"\n\
                 server.stream-request-body = 1\nproxy.header = ( \"upgrade\" => \"enable\" )\n\
                 proxy.server = (\n\
                 \"/tunnel/\" => (( \"host\" => \"127.0.0.1\", \"port\" => {} )),\n\
                 \"/upload\" => (( \"host\" => \"127.0.0.1\", \"port\" => {backend} )),\n\
                 \"/slow\" => (( \"host\" => \"127.0.0.1\", \"port\" => {backend} )) )\n",
                pem.display(),
                echo.port
            ),
        },
    );
    // The server has it, or nobody needs it; but a reload reads it again.
    let outcome = server.and_then(|server| {
        let exchange = Exchange::new(server.address, certificate.der().clone())?;
        measure(&server, &exchange, plan, &common)
    });
    std::fs::remove_file(&pem)?;
    outcome
}

fn measure(
    server: &Server,
    exchange: &Exchange,
    plan: &Plan,
    common: &Common,
) -> Result<Verdict, Box<dyn Error>> {
    println!(
        "{} idle TLS sessions, {} each of {:?}; {} cipher suites in turn; load {}",
        plan.idle,
        plan.busy,
        errands::ALL,
        exchange.suites(),
        process::load()
    );
    let mut sources = Sources::new();
    let began = Instant::now();
    let mut idlers = Vec::with_capacity(plan.idle);
    for number in 0..plan.idle {
        let mut line = exchange.call(number, &mut sources)?;
        lines::ask(&mut line, REQUEST, SMALL)?;
        idlers.push(line);
    }
    println!(
        "idle ones there after {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let mut limits = Limits::default();
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        let mut busy = Vec::new();
        for number in 0..plan.busy * errands::ALL.len() {
            let errand = errands::ALL[number % errands::ALL.len()];
            let mut line = exchange.call(number, &mut sources)?;
            busy.push((
                errand,
                scope.spawn(move || {
                    let outcome = errand.run(&mut line, number, common);
                    lines::hang_up(line);
                    outcome.map_err(|error| error.to_string())
                }),
            ));
        }
        let until = Instant::now() + PATIENCE;
        while common.begun.load(Ordering::Acquire) < busy.len() && Instant::now() < until {
            std::thread::yield_now();
        }
        let begun = common.begun.load(Ordering::Acquire);
        limits.exactly("errands under way", begun as u64, busy.len() as u64);
        let reloaded = reload(server);
        common.is_over.store(true, Ordering::Release);
        say(&mut limits, plan, &reloaded?);
        let answered = ask_again(idlers);
        limits.exactly(
            "idle answered on the same session",
            answered,
            plan.idle as u64,
        );
        let mut ended = Vec::new();
        for (errand, thread) in busy {
            let outcome = thread.join().map_err(|_| "a client has panicked")?;
            if let Err(error) = &outcome {
                println!("{errand:?}: {error}");
            }
            ended.extend(outcome.is_ok().then_some(errand));
        }
        for errand in errands::ALL {
            let right = ended.iter().filter(|it| **it == errand).count() as u64;
            limits.exactly(
                &format!("{errand:?}, right to the end"),
                right,
                plan.busy as u64,
            );
        }
        Ok(())
    })?;
    Ok(limits.conclude())
}

/// What a reload was.
struct Reloaded {
    report: Report,
    /// Until the report.
    took: Duration,
    /// Until the old process was gone.
    gone: Duration,
}

fn reload(server: &Server) -> Result<Reloaded, Box<dyn Error>> {
    let old = process::watch(server.generation()?)?;
    let asked = Instant::now();
    let gone = std::thread::spawn(move || wait_for_end(&old).map(|()| asked.elapsed()));
    let mut connection = Connection::open(server.control_path())?.ok_or("the server is gone")?;
    connection.set_patience(Some(PATIENCE))?;
    connection.ask(&Request::Reload { until: Until::Gone })?;
    let report = loop {
        match connection.next_reply()? {
            Reply::Progress(_) => {}
            Reply::Reloaded(report) => break *report,
            reply => return Err(format!("to a reload the server says {reply:?}").into()),
        }
    };
    let took = asked.elapsed();
    let gone = gone.join().map_err(|_| "the watch has panicked")??;
    Ok(Reloaded { report, took, gone })
}

fn wait_for_end(process: &OwnedFd) -> rustix::io::Result<()> {
    poll(&mut [PollFd::new(process, PollFlags::IN)], None).map(drop)
}

fn say(limits: &mut Limits, plan: &Plan, reloaded: &Reloaded) {
    let Reloaded { report, took, gone } = reloaded;
    let moved = report.tally.moved;
    println!(
        "report: moved {} ({} idle, {} heads, {} bodies, {} responses, {} tunnels), {} drained, {} dropped; {:?}; ready \
         {} ms, gone {:?} ms later, {} ms in all",
        moved.total(),
        moved.idle,
        moved.head,
        moved.body,
        moved.response,
        moved.tunnel,
        report.tally.drained,
        report.tally.dropped,
        report.farewell,
        report.ready_ms,
        report.gone_ms,
        report.total_ms,
    );
    let busy = plan.busy as u64;
    limits.exactly("idle moved", moved.idle, plan.idle as u64);
    limits.exactly("tunnels moved", moved.tunnel, busy);
    limits.exactly("uploads moved", moved.body, busy);
    limits.exactly(
        "downloads and slow requests moved",
        moved.response,
        2 * busy,
    );
    limits.exactly("dropped", report.tally.dropped, 0);
    limits.within("reload, until the report", *took, plan.reload_ms);
    limits.within("old process gone", *gone, plan.gone_ms);
}

/// Asks each of them again; returns how many answer rightly.
fn ask_again(idlers: Vec<Line>) -> u64 {
    let mut answered = 0;
    for mut line in idlers {
        match lines::ask(&mut line, REQUEST, SMALL) {
            Ok(()) => answered += 1,
            Err(error) => println!("idle: {error}"),
        }
        lines::hang_up(line);
    }
    answered
}
