//! How we are, for whoever asks; and what restarts have done.
//!
//! In: everything the supervisor knows, and figures from generations. Out: [`Status`] and reports to clients, lines to the
//! log. Must hold: an answer is never late because a generation is.

use std::os::fd::AsFd;

use super::Supervisor;
use super::report::line;
use super::restarting::Cause;
use crate::control::bound_address;
use crate::control::message::{
    Activity, Farewell, GenerationEntry, LastRestart, ListenerEntry, Reply, Status,
};
use crate::sys;
use crate::version::version;

impl Supervisor {
    /// Answers those who asked, once all generations have said how they are, or time is up.
    pub(super) fn answer_status(&mut self) {
        let complete = self
            .workers
            .iter()
            .filter(|worker| worker.generation.is_up() && worker.line().is_some())
            .all(|worker| worker.figures.is_some());
        let now = self.now;
        let (due, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.asked)
            .into_iter()
            .partition(|asked| complete || now >= asked.until);
        self.asked = waiting;
        if due.is_empty() {
            return;
        }
        let status = Reply::Status(Box::new(self.status()));
        for asked in due {
            self.control.reply(asked.client, &status, now);
        }
    }

    fn status(&self) -> Status {
        let age = |since| self.now.saturating_duration_since(since).as_secs();
        let mut generations: Vec<GenerationEntry> = self
            .workers
            .iter()
            .map(|worker| GenerationEntry {
                number: worker.generation.number(),
                pid: worker.pid.as_raw_nonzero().get().unsigned_abs(),
                version: worker.generation.version().to_owned(),
                state: worker.generation.word().to_owned(),
                uptime_s: age(worker.generation.started()),
                figures: worker.figures.clone(),
            })
            .collect();
        generations.sort_by_key(|entry| (entry.state != "serving", entry.number));
        Status {
            configuration: self.source.identity().display().to_string(),
            version: version().to_owned(),
            supervisor_pid: Some(std::process::id()),
            uptime_s: age(self.started),
            activity: self.activity(),
            generations,
            listeners: self
                .listeners
                .iter()
                .map(|listener| ListenerEntry {
                    name: listener.spec.name.clone(),
                    address: bound_address(listener.socket.as_fd()),
                })
                .collect(),
            programs: self.programs.entries(self.now),
            last_restart: self.last_restart.as_ref().map(|(at, last)| LastRestart {
                ago_s: age(*at),
                ..last.clone()
            }),
            supervisor_rss_kib: resident_kib(),
        }
    }

    fn activity(&self) -> Activity {
        match (&self.ending, &self.restart) {
            (Some(ending), _) if ending.stopping.is_lingering() => Activity::Lingering,
            (Some(_), _) => Activity::Stopping,
            (None, Some(restart)) if restart.cause == Cause::Start => Activity::Starting,
            (None, Some(restart)) if restart.cause == Cause::Request => Activity::Restarting,
            (None, _) if self.serving().is_some() => Activity::Serving,
            (None, _) => Activity::Down,
        }
    }

    /// Reports what is due to those who wait, and to the log.
    pub(super) fn deliver(&mut self) {
        let now = self.now;
        for index in 0..self.pending.len() {
            let pending = &mut self.pending[index];
            let due = pending.due();
            let done = pending.is_done();
            if due.is_empty() && !done {
                continue;
            }
            let report = pending.report(now);
            if done {
                let outcome = line(&report);
                self.journal.say(match report.farewell {
                    Farewell::Nobody => outcome.clone(),
                    _ => format!("restart: {outcome}"),
                });
                // A first start is no restart.
                if report.from.is_some() {
                    self.last_restart = Some((
                        now,
                        LastRestart {
                            ago_s: 0,
                            outcome,
                            succeeded: true,
                        },
                    ));
                }
            }
            let reply = Reply::Reloaded(Box::new(report));
            for caller in due {
                self.control.reply(caller.client(), &reply, now);
            }
        }
        let before = self.pending.len();
        self.pending.retain(|pending| !pending.is_done());
        if self.pending.len() < before {
            // What comes now is waiting, most likely for days.
            sys::memory::trim();
        }
    }
}

/// Resident memory of this process.
fn resident_kib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
