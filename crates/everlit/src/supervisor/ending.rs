//! Stopping the whole instance.
//!
//! In: requests to stop, and what becomes of generations. Out: messages and signals to them; the exit code. Must hold: the
//! pid file goes at once, the control socket last; 1 is the code if connections were cut, 0 if none was.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::generation::{End, Exit};
use super::idle::{Idle, Verdict};
use super::listeners::Listeners;
use super::restart::Event;
use super::restarting::drain_limit;
use super::service::Notice;
use super::silence;
use super::stop::{Action, Stopping};
use super::{Ground, Supervisor};
use crate::control::message::{Progress, Reply};
use crate::control::server::ClientId;
use crate::link::{GenerationStatus, Listeners as ListenersAre, ToGeneration};
use crate::tally::Tally;

/// How long an instance waits for a successor if nothing else is configured.
const LINGER: Duration = Duration::from_secs(5);

/// An instance on its way out.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) stopping: Stopping,
    callers: Vec<ClientId>,
    tally: Tally,
    /// Connections were cut.
    cut: bool,
    /// The listening sockets are another instance's.
    pub(super) given_away: bool,
}

/// How long to wait for a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linger {
    /// As configured.
    Configured,
    /// Not at all: somebody wants it to stop, not to restart.
    Nothing,
}

impl Ending {
    fn new(stopping: Stopping) -> Self {
        Self {
            stopping,
            callers: Vec::new(),
            tally: Tally::default(),
            cut: false,
            given_away: false,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.stopping.deadline()
    }
}

impl Supervisor {
    /// A graceful stop; the second time, impatience.
    pub(super) fn stop(&mut self, linger: Linger) {
        match &mut self.ending {
            Some(ending) => {
                let action = ending.stopping.hurry(self.now);
                self.end_generations(action);
            }
            None => {
                let linger = match linger {
                    Linger::Configured => self.linger(),
                    Linger::Nothing => Duration::ZERO,
                };
                let (stopping, _) = Stopping::gracefully(linger, self.now);
                self.ending = Some(Ending::new(stopping));
                self.begin_to_end();
            }
        }
    }

    /// Asks the generation that serves for signs of life, if it is time.
    pub(super) fn tick_idle(&mut self) {
        let (alone, now) = (self.alone(), self.now);
        let asked = self.idle.as_mut().and_then(|idle| idle.tick(alone, now));
        let Some(number) = asked else {
            return;
        };
        let told = self
            .worker(number)
            .is_some_and(|worker| worker.tell(&ToGeneration::Status, &[]).is_ok());
        if let (false, Some(idle)) = (told, &mut self.idle) {
            idle.disturbed(now);
        }
    }

    /// What a generation says of itself may be that nobody needs it.
    pub(super) fn hear_activity(&mut self, number: u64, status: &GenerationStatus) {
        let now = self.now;
        let Some(idle) = &mut self.idle else {
            return;
        };
        if idle.heard(number, status, now) == Verdict::Stop {
            let limit = idle.limit().as_secs();
            self.journal
                .say(format_args!("no activity for {limit} s (-i)"));
            self.stop(Linger::Nothing);
        }
    }

    /// When [`tick_idle`](Self::tick_idle) has something to do.
    pub(super) fn idle_deadline(&self) -> Option<Instant> {
        self.idle.as_ref().and_then(Idle::deadline)
    }

    /// The generation that serves, if nothing else goes on.
    fn alone(&self) -> Option<u64> {
        if self.restart.is_some() || self.predecessor.is_some() {
            return None;
        }
        match self.workers.as_slice() {
            [worker] if worker.generation.is_serving() => Some(worker.generation.number()),
            _ => None,
        }
    }

    /// A stop at once.
    pub(super) fn terminate(&mut self) {
        let action = match &mut self.ending {
            Some(ending) if ending.stopping.is_immediate() => ending.stopping.hurry(self.now),
            ending => {
                let (stopping, action) = Stopping::at_once(self.now);
                match ending {
                    Some(ending) => ending.stopping = stopping,
                    None => {
                        *ending = Some(Ending::new(stopping));
                        self.begin_to_end();
                    }
                }
                action
            }
        };
        self.end_generations(action);
    }

    /// Somebody wants to be told when it is over; and whoever waits for nobody need not linger.
    pub(super) fn stop_for(&mut self, client: ClientId) {
        match &mut self.ending {
            None => self.stop(Linger::Nothing),
            Some(ending) => {
                ending.stopping.quit();
            }
        }
        self.tell_when_over(client);
    }

    /// Somebody wants to be told when it is over.
    pub(super) fn tell_when_over(&mut self, client: ClientId) {
        if let Some(ending) = &mut self.ending {
            ending.callers.push(client);
            if let Some(remaining) = ending.stopping.remaining(self.now) {
                let remaining_ms = u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX);
                let progress = Reply::Progress(Progress::Lingering { remaining_ms });
                self.control.reply(client, &progress, self.now);
            }
        }
    }

    fn linger(&self) -> Duration {
        let configured = self.plan.as_ref().and_then(|plan| plan.linger);
        configured.unwrap_or_else(|| match self.ground {
            // Nobody can come: the terminal is ours, or the service manager waits for our end before it starts another.
            Ground::Terminal => Duration::ZERO,
            _ if self.service.is_managed() => Duration::ZERO,
            Ground::Foreground | Ground::Background => LINGER,
        })
    }

    fn begin_to_end(&mut self) {
        self.idle = None;
        if let Some(file) = self.pid_file.take() {
            file.remove();
        }
        self.replace_at = None;
        self.service.tell(Notice::Stopping);
        let lingers = self
            .ending
            .as_ref()
            .and_then(|ending| ending.stopping.remaining(self.now));
        self.journal.say(match lingers {
            Some(time) => format!(
                "stopping; waiting {:.1} s for a successor",
                time.as_secs_f32()
            ),
            None => "stopping".to_owned(),
        });
        for caller in self.queued.take().unwrap_or_default() {
            let reply = super::operator::refusal_of_stopping();
            self.control.reply(caller.client(), &reply, self.now);
        }
        self.on(Event::Abort);
        self.programs.share();
    }

    pub(super) fn tick_ending(&mut self) {
        let now = self.now;
        let action = self
            .ending
            .as_mut()
            .and_then(|ending| ending.stopping.tick(now));
        self.end_generations(action);
    }

    /// Ends generations that should speak while they leave, and have not for long.
    pub(super) fn tick_silence(&mut self) {
        for worker in &mut self.workers {
            if !worker.generation.is_ending() {
                worker.silence.not_leaving();
                continue;
            }
            let (signal, word) = match worker.silence.leaving(self.now) {
                None => continue,
                Some(silence::Action::Terminate) => (Signal::TERM, "told to end"),
                Some(silence::Action::Kill) => (Signal::KILL, "killed"),
            };
            let number = worker.generation.number();
            let limit = silence::LIMIT.as_secs();
            self.journal.say(match worker.generation.is_leaving() {
                true => format!(
                    "generation {number} has said nothing for {limit} s while it leaves: {word}"
                ),
                false => format!("generation {number} does not end: {word}"),
            });
            worker.signal(signal);
        }
    }

    fn end_generations(&mut self, action: Option<Action>) {
        match action {
            // That is done when no restart is in the way.
            None | Some(Action::Quit) => {}
            Some(Action::Terminate) => {
                for worker in &mut self.workers {
                    // Its last word, what it cuts, is heard only from one that leaves.
                    worker.generation.leave();
                    worker.signal(Signal::TERM);
                }
            }
            Some(Action::Kill) => {
                for worker in &self.workers {
                    worker.signal(Signal::KILL);
                }
            }
        }
    }

    /// How a generation ended matters to the exit code.
    pub(super) fn note_exit(&mut self, exit: Exit, end: &End) {
        let Some(ending) = &mut self.ending else {
            return;
        };
        match end {
            End::Left(tally) => {
                ending.tally.add(tally);
                ending.cut |= tally.dropped > 0;
            }
            End::Lost { tally, lost, .. } => {
                ending.tally.add(tally);
                let lost = lost.unwrap_or_default();
                ending.tally.dropped += lost;
                ending.cut |= lost > 0;
            }
            End::Crashed(_) | End::NeverReady { .. } | End::Condemned => {}
        }
        ending.cut |= exit == Exit::Code(1);
    }

    /// What follows from stopping: generations are told to finish, and when all are gone it is over.
    pub(super) fn close_down(&mut self) {
        let Some(ending) = &self.ending else {
            return;
        };
        if self.restart.is_some() {
            return;
        }
        if ending.stopping.is_quitting() {
            self.quit_generations();
        }
        if self.workers.is_empty() {
            // Of no use to anybody any more, while programs may still be needed.
            self.release_taker();
            self.let_go_of_listeners();
            if self.end_programs() {
                self.finish();
            }
        }
    }

    fn quit_generations(&mut self) {
        self.release_taker();
        let given_away = self.ending.as_ref().is_some_and(|ending| ending.given_away);
        let quit = ToGeneration::Quit {
            listeners: match given_away {
                true => ListenersAre::Leave,
                false => ListenersAre::Close,
            },
            kept: self.listeners.kept_by_others(),
            drain_limit_ms: self.plan.as_ref().and_then(drain_limit),
        };
        let first_time = self.listeners.iter().next().is_some();
        for worker in &mut self.workers {
            if worker.generation.is_up() {
                if worker.tell(&quit, &[]).is_err() {
                    worker.signal(Signal::TERM);
                }
                worker.generation.leave();
            } else if first_time {
                // It drains already, and need not hold the listeners any more. It may be just ending.
                let _ = worker.tell(&quit, &[]);
            }
        }
        // Of ours only the generation's copies are left, and it closes them when nobody waits there any more.
        self.let_go_of_listeners();
    }

    fn let_go_of_listeners(&mut self) {
        match self.ending.as_ref().is_some_and(|ending| ending.given_away) {
            true => self.listeners.give_away(),
            false => self.listeners.close(),
        }
    }

    fn finish(&mut self) {
        let Some(ending) = self.ending.take() else {
            return;
        };
        self.journal.say(match ending.given_away {
            true => "server stopped: another instance serves on".to_owned(),
            false => format!(
                "server stopped; {} connections finished, {} cut",
                ending.tally.drained, ending.tally.dropped
            ),
        });
        let reply = Reply::Stopped {
            tally: ending.tally,
        };
        for client in ending.callers {
            self.control.reply(client, &reply, self.now);
        }
        self.control.socket().remove();
        self.exit = Some(u8::from(ending.cut));
    }

    /// The first start failed.
    pub(super) fn give_up(&mut self) {
        for worker in &self.workers {
            worker.signal(Signal::KILL);
        }
        self.programs.abandon();
        self.listeners = Listeners::default();
        self.control.socket().remove();
        self.tell_of_failure();
        self.exit = Some(255);
    }

    /// Whoever waits for the first start hears that it failed.
    pub(super) fn tell_of_failure(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            // The end of the pipe says the same.
            let _ = outcome.tell(255);
        }
    }
}
