//! All clients together, on one loop.
//!
//! In: the kernel's news and the time. Out: nothing; whoever runs it looks at the clients. Must hold: nothing here waits
//! but [`Scene::wait`], so that what is measured is the server.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::call::Call;
use crate::downloads::Downloads;
use crate::exchange::Failure;
use crate::halves::Halves;
use crate::idlers::Idlers;
use crate::newcomers::Newcomers;
use crate::probes::Probes;
use crate::scene::{Scene, Who};

pub(crate) struct Hall {
    pub(crate) scene: Scene,
    pub(crate) idlers: Idlers,
    pub(crate) halves: Halves,
    pub(crate) downloads: Downloads,
    pub(crate) probes: Probes,
    pub(crate) newcomers: Newcomers,
    pub(crate) call: Option<Call>,
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// With what was waited for.
    Reached,
    /// With the time; it is among the failures now.
    TooLong,
}

impl Hall {
    /// Serves all clients until something holds. If it does not in time, that is a failure of these clients.
    pub(crate) fn run_until(
        &mut self,
        who: Who,
        what: &'static str,
        patience: Duration,
        reached: impl Fn(&Hall) -> bool,
    ) -> Result<Waited, Box<dyn Error>> {
        let end = Instant::now() + patience;
        while !reached(self) {
            if self.scene.now >= end {
                self.scene.failed(who, Failure::Unfinished(what));
                return Ok(Waited::TooLong);
            }
            self.turn(end)?;
        }
        Ok(Waited::Reached)
    }

    /// Serves all clients for so long.
    pub(crate) fn run_for(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + time;
        while self.scene.now < end {
            self.turn(end)?;
        }
        Ok(())
    }

    fn turn(&mut self, end: Instant) -> Result<(), Box<dyn Error>> {
        let scene = &mut self.scene;
        self.idlers.advance(scene);
        self.downloads.advance(scene);
        self.newcomers.advance(scene);
        self.probes.advance(scene);
        let dues = [
            Some(end),
            self.probes.due(),
            self.newcomers.due(),
            self.downloads.due(),
        ];
        let due = dues.into_iter().flatten().min();
        for (who, index) in scene.wait(due)? {
            match who {
                Who::Idler => self.idlers.on_news(index, scene),
                Who::HalfHead => self.halves.on_news(index, scene),
                Who::Download => self.downloads.on_news(index, scene),
                Who::Probe => self.probes.on_news(index, scene),
                Who::Newcomer => self.newcomers.on_news(index, scene),
                // Of other measurements.
                Who::Tunnel | Who::Visit => {}
                Who::Call => {
                    if let Some(call) = &mut self.call {
                        call.hear(scene)?;
                    }
                }
                Who::OldProcess => {
                    if let Some(call) = &mut self.call {
                        call.see_it_go(scene)?;
                    }
                }
            }
        }
        Ok(())
    }
}
