//! Reloads at a steady pace.
//!
//! In: how often and how many. Out: what each was like. Must hold: one at a time; one that is due while the one before is
//! not over is asked for as soon as it is.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::call::Call;
use crate::census::Census;
use crate::latency::{Latencies, Span};
use crate::scene::{Scene, Who};
use crate::server::Server;

/// Later than this is late.
const TOLERANCE: Duration = Duration::from_millis(20);

pub(crate) struct Steady {
    every: Duration,
    /// When the next one is.
    due: Instant,
    /// How many are still to come.
    left: u64,
    call: Option<(Call, Instant)>,
    census: Census,
    pub(crate) done: Done,
}

/// What reloads were like.
#[derive(Default)]
pub(crate) struct Done {
    /// From asking until the report was here and the old process gone.
    pub(crate) spans: Vec<Span>,
    /// Until the report.
    pub(crate) reported: Latencies,
    /// Until the old process was gone.
    pub(crate) gone: Latencies,
    /// Connections that the reports call moved, and those of them that are tunnels.
    pub(crate) moved: u64,
    pub(crate) tunnels: u64,
    /// Connections that the reports call dropped.
    pub(crate) dropped: u64,
    /// Asked for later than planned.
    pub(crate) late: u64,
    /// Most generations at a time.
    pub(crate) generations: usize,
}

impl Steady {
    /// So many, the first one now.
    pub(crate) fn new(server: &Server, every: Duration, count: u64) -> Steady {
        Steady {
            every,
            due: Instant::now(),
            left: count,
            call: None,
            census: Census::new(server.supervisor()),
            done: Done::default(),
        }
    }

    /// Whether all are over.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0 && self.call.is_none()
    }

    /// When there is something to do without news.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.call {
            Some(_) => Some(self.census.due()),
            None => (self.left > 0).then_some(self.due),
        }
    }

    /// Asks for a reload if one is due; notes one that is over.
    pub(crate) fn advance(
        &mut self,
        server: &Server,
        scene: &mut Scene,
    ) -> Result<(), Box<dyn Error>> {
        let now = Instant::now();
        if let Some((call, asked)) = &self.call {
            self.done.generations = self.done.generations.max(self.census.look(now));
            if !call.is_over() {
                return Ok(());
            }
            if let (Some((report, took)), Some(gone)) = (&call.report, call.gone) {
                self.done.spans.push((*asked, now));
                self.done.moved += report.tally.moved.total();
                self.done.tunnels += report.tally.moved.tunnel;
                self.done.dropped += report.tally.dropped;
                self.done.reported.record(*asked, *took);
                self.done.gone.record(*asked, gone);
            }
            self.call = None;
        }
        if self.left == 0 || now < self.due {
            return Ok(());
        }
        self.done.late += u64::from(now > self.due + TOLERANCE);
        self.due += self.every;
        self.left -= 1;
        self.call = Some((Call::ask(server, server.generation()?, scene)?, now));
        Ok(())
    }

    /// News of the reload under way, if it is that.
    pub(crate) fn on_news(&mut self, who: Who, scene: &Scene) -> Result<(), Box<dyn Error>> {
        match (who, &mut self.call) {
            (Who::Call, Some((call, _))) => call.hear(scene),
            (Who::OldProcess, Some((call, _))) => call.see_it_go(scene),
            _ => Ok(()),
        }
    }
}

impl Done {
    /// Prints them.
    pub(crate) fn say(&self, every: Duration) {
        println!(
            "{} reloads, one each {} ms, {} of them late; {} connections moved, of them {} tunnels, {} dropped; at most {} \
             generations at a time",
            self.spans.len(),
            every.as_millis(),
            self.late,
            self.moved,
            self.tunnels,
            self.dropped,
            self.generations
        );
        println!("  until the report        {}", self.reported.spread());
        println!("  until the old was gone  {}", self.gone.spread());
    }
}
