//! The restarts, one after the other.
//!
//! In: a site, a server, its clients. Out: a [`Restart`] for each, with its window. Must hold: the configuration on disk is a
//! good one again after a broken one was refused.

use super::clients::Cue;
use super::crowd::Staying;
use super::error::DemoError;
use super::kernel::{self, ByKind};
use super::measure::Window;
use super::report::{self, Configuration, Process, Restart};
use super::server::{self, Server};
use super::site::Site;
use super::stage::Stage;

/// The restart that has a broken configuration.
const BROKEN: u32 = 2;
/// Number of the first configuration.
pub(super) const FIRST: u32 = 1;

/// The restarts, one after the other.
pub(super) struct Restarts<'a> {
    site: &'a Site,
    /// Number of the configuration in force.
    revision: u32,
    done: Vec<Restart>,
    /// The latest one, whose window is not over.
    open: Option<(u32, Configuration, report::Outcome)>,
}

impl<'a> Restarts<'a> {
    /// None yet.
    pub(super) fn new(site: &'a Site) -> Self {
        Self {
            site,
            revision: FIRST,
            done: Vec::new(),
            open: None,
        }
    }

    /// Restarts the server, and waits until it is over.
    pub(super) fn next(
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
        let outcome = server.restart(stage, |stage, at| {
            let window = stage.crowd()?.next_window(at, awaited)?;
            self.close(&window);
            Ok(())
        })?;
        stage.crowd()?.cue(Cue::AfterRestart)?;
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

    /// The window of the latest restart is over.
    pub(super) fn close(&mut self, window: &Window) {
        if let Some((number, configuration, outcome)) = self.open.take() {
            self.done
                .push(Restart::new(number, configuration, outcome, window));
        }
    }

    /// All of them, each closed.
    pub(super) fn into_rows(self) -> Vec<Restart> {
        self.done
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
