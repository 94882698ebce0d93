//! Looking after the programs of backends.
//!
//! In: steps of a restart, ended processes, the end of everything. Out: what [`Programs`](super::programs::Programs) makes
//! of it, told to the restart or to the log. Must hold: programs end after the last generation, never before.

use std::path::Path;

use super::failure::Failure;
use super::programs::{Address, Changed, Farewell, News, Surroundings};
use super::restart::Event;
use super::restarting::Cause;
use super::worker::Output;
use super::{Ground, Supervisor};
use crate::config::LogPlace;
use crate::plan::Plan;

impl Ground {
    /// Where output of a child goes.
    pub(super) fn output(self) -> Output {
        match self {
            Self::Background => Output::Nowhere,
            Self::Terminal | Self::Foreground => Output::Ours,
        }
    }
}

/// Not a method, so that programs can be changed meanwhile.
fn surroundings<'a>(
    directory: &'a Path,
    ground: Ground,
    plan: Option<&'a Plan>,
) -> Surroundings<'a> {
    Surroundings {
        directory,
        output: ground.output(),
        error_log: plan.and_then(|plan| {
            let log = plan.breakage_log.as_deref();
            log.or(plan.error_log.as_ref().and_then(LogPlace::file))
        }),
    }
}

impl Supervisor {
    /// The restart under way has its listeners, and wants its programs.
    pub(super) fn stage_programs(&mut self) -> Event {
        let Some(running) = &self.restart else {
            return Event::Abort;
        };
        let leaving = running.cause == Cause::Start
            && (self.predecessor.is_some() || running.is_after_another());
        let address = match leaving {
            true => Address::Leaving,
            false => Address::Settled,
        };
        let plan = running.plan.as_ref();
        let wanted = plan.map_or(&[][..], |plan| &plan.programs);
        let around = surroundings(&self.directory, self.ground, plan);
        match self.programs.stage(wanted, address, around, self.now) {
            Ok(()) => Event::Bound,
            Err(error) => Event::Failed(Failure::Program(error.to_string())),
        }
    }

    /// The successor is ready: so must its programs be.
    pub(super) fn switch_programs(&mut self) -> Event {
        let plan = self
            .restart
            .as_ref()
            .and_then(|running| running.plan.as_ref());
        let around = surroundings(&self.directory, self.ground, plan);
        match self.programs.switch(around, self.now) {
            Ok(()) => Event::Ready,
            Err(error) => Event::Failed(Failure::Program(error.to_string())),
        }
    }

    /// Generation `number` serves. Returns warnings.
    pub(super) fn commit_programs(&mut self, number: u64) -> Vec<String> {
        let limit = self.plan.as_ref().and_then(|plan| plan.graceful_timeout);
        let Changed { started, warnings } =
            self.programs
                .commit(number.saturating_sub(1), limit, self.now);
        for line in started {
            self.journal.say(line);
        }
        warnings
    }

    /// Generation `number` does not serve after all.
    pub(super) fn roll_back_programs(&mut self, number: u64) {
        let limit = self.plan.as_ref().and_then(|plan| plan.graceful_timeout);
        self.programs.roll_back(number, limit, self.now);
    }

    /// A program's process has ended.
    pub(super) fn hear_program(&mut self, id: u64) {
        match self.programs.hear_end(id, self.now) {
            None => {}
            Some(News::Line(line)) => self.journal.say(line),
            Some(News::Stillborn(line)) => {
                self.journal.say(&line);
                // If it is too late for that, it is started again like any other.
                self.on(Event::Failed(Failure::Program(line)));
            }
        }
    }

    pub(super) fn tick_programs(&mut self) {
        let oldest = self
            .workers
            .iter()
            .map(|worker| worker.generation.number())
            .min();
        let around = surroundings(&self.directory, self.ground, self.plan.as_ref());
        for line in self.programs.tick(oldest, around, self.now) {
            self.journal.say(line);
        }
    }

    /// All generations are gone, for good. Whether the programs are, too.
    pub(super) fn end_programs(&mut self) -> bool {
        let Some(ending) = &mut self.ending else {
            return true;
        };
        let farewell = match ending.given_away && !ending.stopping.is_immediate() {
            true => Farewell::WhenAlone(self.plan.as_ref().and_then(|plan| plan.graceful_timeout)),
            false => Farewell::Now,
        };
        self.programs.end(farewell, self.now);
        self.programs.are_gone()
    }
}
