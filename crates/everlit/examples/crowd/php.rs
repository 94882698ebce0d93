//! Many reloads in a row, with slow requests to PHP-FPM on their way; and what PHP-FPM loses when it is reloaded itself.
//!
//! In: how many requests a second, and whose reloads. Out: what became of every request, beside what PHP noted of it. Must
//! hold: what PHP never had, what it was killed over, and what it had done is told apart.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use crate::fpm::{Fpm, Noted};
use crate::latency::Latencies;
use crate::options::Place;
use crate::scene::{Scene, Who};
use crate::server::{Server, Site};
use crate::steady::Steady;
use crate::verdict::{Limits, Verdict};
use crate::visits::{self, Visit, Visits};
use crate::{limits, process};

/// Time between two reloads of PHP-FPM.
pub(crate) const FPM_EVERY: Duration = Duration::from_secs(10);
/// For answers after the last request was sent.
const PATIENCE: Duration = Duration::from_secs(180);
/// Descriptors of the server, generously.
const DESCRIPTORS: usize = 8000;

/// How often something is reloaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reloads {
    Never,
    Every(Duration),
}

/// What to measure.
pub(crate) struct Plan {
    /// Requests a second.
    pub(crate) rate: f64,
    /// For how long.
    pub(crate) time: Duration,
    /// PHP's processes.
    pub(crate) children: u32,
    /// Seconds that PHP-FPM waits for their requests when it is reloaded.
    pub(crate) patience: u32,
    /// Reloads of the server.
    pub(crate) everlit: Reloads,
    /// Reloads of PHP-FPM.
    pub(crate) fpm: Reloads,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            rate: 20.0,
            time: Duration::from_secs(60),
            children: 32,
            patience: 0,
            everlit: Reloads::Every(Duration::from_secs(1)),
            fpm: Reloads::Never,
        }
    }
}

/// What PHP knows of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    NeverBegun,
    BegunOnly,
    Done,
}

pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Verdict, Box<dyn Error>> {
    let limit = limits::raise()?;
    let fpm = Fpm::start(plan.children, plan.patience)?;
    let directives = format!(
        "server.modules += ( \"mod_alias\", \"mod_fastcgi\" )\n\
         alias.url = ( \"/answer.php\" => \"{}\" )\n\
         fastcgi.server = ( \".php\" => (( \"socket\" => \"{}\" )) )\n",
        fpm.script.display(),
        fpm.socket.display()
    );
    let site = Site {
        descriptors: DESCRIPTORS,
        limit,
        large: &[],
        directives: &directives,
    };
    let server = Server::start(place, &site)?;
    println!(
        "{} requests a second for {} s, each of 0 to 5 s; {} children of PHP-FPM; load {}",
        plan.rate,
        plan.time.as_secs(),
        plan.children,
        process::load()
    );
    let mut scene = Scene::new(server.address)?;
    let mut visits = Visits::new(plan.rate, plan.time);
    let mut steady = match plan.everlit {
        Reloads::Never => None,
        Reloads::Every(every) => {
            let count = plan.time.div_duration_f64(every) as u64;
            Some((Steady::new(&server, every, count), every))
        }
    };
    let began = Instant::now();
    let end = began + plan.time + PATIENCE;
    let mut fpm_due = match plan.fpm {
        Reloads::Never => None,
        Reloads::Every(every) => Some((began + every / 2, every)),
    };
    let (mut fpm_reloads, mut most) = (0, 0);
    loop {
        let is_reloaded = steady.as_ref().is_none_or(|(steady, _)| steady.is_over());
        if visits.are_over() && is_reloaded || Instant::now() >= end {
            break;
        }
        visits.advance(&mut scene);
        most = most.max(visits.under_way());
        if let Some((steady, _)) = &mut steady {
            steady.advance(&server, &mut scene)?;
        }
        if let Some((due, every)) = &mut fpm_due
            && Instant::now() >= *due
            && *due < began + plan.time
        {
            *due += *every;
            fpm.reload()?;
            fpm_reloads += 1;
        }
        let reload = steady.as_ref().and_then(|(steady, _)| steady.due());
        let fpm_due = fpm_due
            .map(|(due, _)| due)
            .filter(|due| *due < began + plan.time);
        let due = [Some(end), visits.due(), reload, fpm_due];
        for (who, index) in scene.wait(due.into_iter().flatten().min())? {
            match (who, &mut steady) {
                (Who::Visit, _) => visits.on_news(index, &mut scene),
                (who, Some((steady, _))) => steady.on_news(who, &scene)?,
                _ => {}
            }
        }
    }
    if let Some((steady, every)) = &steady {
        steady.done.say(*every);
    }
    println!(
        "PHP-FPM reloaded {fpm_reloads} times; at most {most} requests on their way at a time"
    );
    let journal = fpm.journal(visits.all().len())?;
    let verdict = judge(plan, &visits, &journal);
    say_log(&server)?;
    Ok(verdict)
}

fn judge(plan: &Plan, visits: &Visits, journal: &[Noted]) -> Verdict {
    let mut failures: BTreeMap<(String, Known), Vec<usize>> = BTreeMap::new();
    let mut waits = Latencies::default();
    let mut right = 0;
    for (number, (visit, noted)) in visits.all().iter().zip(journal).enumerate() {
        let why = match visit {
            Visit::Answered(wait) => {
                right += 1;
                waits.record(Instant::now(), *wait);
                continue;
            }
            Visit::Failed(failure) => failure.to_string(),
            Visit::Connecting(_) | Visit::Asked { .. } => "no answer in time".to_owned(),
        };
        let known = match noted {
            Noted { begun: 0, .. } => Known::NeverBegun,
            Noted { ended: 0, .. } => Known::BegunOnly,
            _ => Known::Done,
        };
        failures.entry((why, known)).or_default().push(number);
    }
    let sent = visits.all().len();
    let twice = |post: bool| {
        let all = journal.iter().enumerate();
        all.filter(|(number, noted)| noted.begun > 1 && visits::is_post(*number) == post)
            .count() as u64
    };
    println!(
        "\nrequests: {sent} sent, {right} answered right, {} not; begun by PHP more than once: {} GET, {} POST",
        sent - right,
        twice(false),
        twice(true)
    );
    println!("waited beyond PHP's own time: {}", waits.spread());
    for ((why, known), numbers) in &failures {
        let known = match known {
            Known::NeverBegun => "PHP never began it",
            Known::BegunOnly => "PHP began it and did not finish",
            Known::Done => "PHP finished it",
        };
        let posts = numbers.iter().filter(|number| visits::is_post(**number));
        println!(
            "  {} x {why}: {known} ({} of them POST; numbers {})",
            numbers.len(),
            posts.count(),
            numbers
                .iter()
                .take(12)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        );
    }

    let mut limits = Limits::default();
    let count = |wanted: Option<Known>| {
        let matching = failures
            .iter()
            .filter(|((_, known), _)| wanted.is_none_or(|wanted| wanted == *known));
        matching.map(|(_, numbers)| numbers.len() as u64).sum()
    };
    if plan.fpm == Reloads::Never {
        limits.exactly("requests not answered, or wrong", count(None), 0);
    } else {
        limits.exactly(
            "requests not answered though PHP finished them",
            count(Some(Known::Done)),
            0,
        );
    }
    limits.exactly("POST requests begun more than once", twice(true), 0);
    limits.conclude()
}

fn say_log(server: &Server) -> Result<(), Box<dyn Error>> {
    let log = server.error_log()?;
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("fastcgi"))
        .collect();
    println!(
        "\nthe server's log has {} lines of mod_fastcgi; the last ones:",
        lines.len()
    );
    for line in lines.iter().rev().take(4).rev() {
        println!("  {line}");
    }
    Ok(())
}
