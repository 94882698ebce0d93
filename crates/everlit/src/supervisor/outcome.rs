//! What a restart comes to.
//!
//! In: its outcome. Out: a report that will be delivered, or the reason told at once; the next attempt if nobody serves. Must
//! hold: each caller hears one outcome; a first start that fails by itself ends the supervisor, nothing else does.

use std::os::fd::AsFd;
use std::time::Duration;

use super::Supervisor;
use super::failure::Failure;
use super::report::Pending;
use super::restarting::{Addresses, Cause, Running};
use super::resume::Renewal;
use super::service::Notice;
use super::start::Greeting;
use crate::control::message::{
    Farewell, LastRestart, Refusal, RefusalKind, Reply, SupervisorRenewal,
};
use crate::tally::Tally;
use crate::version::version;

impl Supervisor {
    pub(super) fn conclude(&mut self, result: Result<(), Failure>) {
        let Some(running) = self.restart.take() else {
            return;
        };
        match result {
            Ok(()) => self.succeeded(running),
            Err(failure) => self.failed(running, &failure),
        }
    }

    fn succeeded(&mut self, running: Running) {
        let changed = running.binary != self.running_from;
        let renewal = match running.cause {
            Cause::Start => Some(SupervisorRenewal::Renewed),
            Cause::Crash if !changed => Some(SupervisorRenewal::Renewed),
            Cause::Crash | Cause::Request => None,
        };
        if renewal.is_none() {
            self.renewal = Some(Renewal {
                proven: running.binary,
            });
        }
        let plan = running.plan.as_ref();
        let mut pending = Pending {
            from: running.leaver,
            to: running.number,
            to_version: plan.map(|plan| plan.version.clone()).unwrap_or_default(),
            begun: running.begun,
            ready: running.ready.unwrap_or(self.now),
            gone: None,
            tally: Tally::default(),
            farewell: Farewell::Nobody,
            renewal,
            warnings: plan.map(|plan| plan.warnings.clone()).unwrap_or_default(),
            callers: running.callers,
        };
        if let Some((farewell, tally)) = running.parting {
            pending.gone(farewell, tally, self.now);
        } else if let Some(from) = &pending.from {
            let departure = self
                .worker(from.number)
                .and_then(|worker| worker.generation.departure());
            let departure = departure.unwrap_or_default();
            let remaining = departure
                .remaining
                .map_or(0, |remaining| remaining.waiting + remaining.draining);
            pending.progress(departure.tally, remaining);
        } else {
            pending.gone = Some(self.now);
        }
        for warning in &pending.warnings {
            self.journal.say(warning);
        }
        self.pending.push(pending);
        if running.cause == Cause::Start {
            self.announce_start();
        }
        self.service.tell(Notice::Ready(&format!(
            "generation {} serves",
            running.number
        )));
    }

    fn announce_start(&mut self) {
        let listeners: Vec<String> = self
            .listeners
            .iter()
            .map(|listener| crate::control::bound_address(listener.socket.as_fd()))
            .collect();
        self.journal.say(format_args!(
            "server started (everlit/{}), process {}, listening on {}",
            version(),
            std::process::id(),
            listeners.join(", ")
        ));
        if self.greeting == Greeting::Addresses {
            for address in &listeners {
                println!("serving at http://{address}/ (Ctrl-C ends it)");
            }
        }
        if let Some(outcome) = self.outcome.take()
            && let Err(error) = outcome.tell(0)
        {
            self.journal
                .say(format_args!("let go of the terminal: {error}"));
        }
    }

    fn failed(&mut self, running: Running, failure: &Failure) {
        if running.cause == Cause::Start {
            eprintln!("everlit: {failure}");
            match self.ending {
                None => self.give_up(),
                // It may have answered somebody already: it ends as every other generation does.
                Some(_) => self.tell_of_failure(),
            }
            return;
        }
        let serving = self.serving().map(|worker| worker.generation.number());
        let outcome = match serving {
            Some(number) => format!("restart failed, generation {number} serves on: {failure}"),
            None => format!("restart failed: {failure}"),
        };
        self.journal.say(&outcome);
        let reply = Reply::Error(Refusal {
            kind: RefusalKind::RestartFailed,
            message: outcome.clone(),
            pid: None,
        });
        for caller in &running.callers {
            self.control.reply(caller.client(), &reply, self.now);
        }
        self.service.tell(Notice::Ready(&outcome));
        self.last_restart = Some((
            self.now,
            LastRestart {
                ago_s: 0,
                outcome,
                succeeded: false,
            },
        ));
        if serving.is_none() {
            self.schedule_replacement(Duration::ZERO);
        }
    }

    /// Nobody serves: a replacement is started, at once or after a while.
    pub(super) fn schedule_replacement(&mut self, served: Duration) {
        if self.ending.is_some() || self.restart.is_some() {
            return;
        }
        let wait = self.backoff.crashed(served);
        if !wait.is_zero() {
            self.journal.say(format_args!(
                "{} failures in a row; the next attempt is in {:.1} s",
                self.backoff.in_a_row(),
                wait.as_secs_f32()
            ));
        }
        self.replace_at = Some(self.now + wait);
    }

    /// Replaces a crashed generation, unless that is being done.
    pub(super) fn replace(&mut self) {
        let up = self.workers.iter().any(|worker| worker.generation.is_up());
        if self.restart.is_none() && self.ending.is_none() && !up {
            self.begin(Cause::Crash, Vec::new(), Addresses::Free);
        }
    }
}
