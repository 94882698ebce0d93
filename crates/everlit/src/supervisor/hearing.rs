//! What generations say and how they end.
//!
//! In: notices, messages on their lines, ended processes. Out: events for the restart under way, figures for reports. Must
//! hold: everything a generation said is heard before its end is; its end is heard once.

use std::time::Duration;

use super::Supervisor;
use super::generation::{End, Exit, Remaining};
use super::report::Pending;
use super::restart::Event;
use super::worker::Worker;
use crate::control::message::{Farewell, Progress, Reply};
use crate::link::{FromGeneration, Listeners, ToGeneration};
use crate::tally::Tally;

/// Most notices that are read at a time: any user of the machine may send some, and nobody else is heard meanwhile.
const NOTICES_PER_TURN: usize = 32;

impl Supervisor {
    /// Readiness notices.
    pub(super) fn hear_notices(&mut self) {
        for _ in 0..NOTICES_PER_TURN {
            let Some(said) = self.notices.next() else {
                return;
            };
            let Some(worker) = self
                .workers
                .iter_mut()
                .find(|worker| worker.pid == said.pid)
            else {
                continue;
            };
            let number = worker.generation.number();
            if let Some(status) = said.status {
                worker.generation.says(status);
            }
            if said.ready && worker.generation.ready() && self.is_successor(number) {
                let event = self.switch_programs();
                self.on(event);
            }
        }
    }

    /// Messages on a line.
    pub(super) fn hear_line(&mut self, number: u64) {
        while let Some(worker) = self.worker(number) {
            match worker.hear() {
                Ok(Some(message)) => self.hear_message(number, message),
                Ok(None) => return,
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    self.journal.say(format_args!(
                        "generation {number}: {error}: {}",
                        cause.unwrap_or_default()
                    ));
                    return;
                }
            }
        }
    }

    fn hear_message(&mut self, number: u64, message: FromGeneration) {
        let Some(worker) = self.worker(number) else {
            return;
        };
        match &message {
            FromGeneration::Status(figures) => {
                worker.generation.counted(figures.connections);
                worker.figures = Some(figures.clone());
                self.hear_activity(number, figures);
                return;
            }
            FromGeneration::Progress {
                tally,
                waiting,
                draining,
            } => {
                let remaining = Remaining {
                    waiting: *waiting,
                    draining: *draining,
                };
                if worker.generation.progress(*tally, remaining) {
                    self.hear_progress(number, *tally, remaining);
                }
            }
            FromGeneration::Left { tally } => {
                if worker.generation.left(*tally) {
                    let nothing = Remaining {
                        waiting: 0,
                        draining: 0,
                    };
                    self.hear_progress(number, *tally, nothing);
                }
            }
            FromGeneration::Refused { reason } => {
                self.journal
                    .say(format_args!("generation {number} does not leave: {reason}"));
                if self.is_leaver(number) {
                    self.on(Event::Resumed {
                        reason: reason.clone(),
                        moved: 0,
                    });
                }
            }
            FromGeneration::Resumed { reason, tally } => {
                self.hear_resumed(number, reason.clone(), tally.moved.total());
            }
        }
        self.tell_taker(number, &message);
    }

    /// A predecessor, ours or another instance's, says how far it is.
    pub(super) fn hear_progress(&mut self, number: u64, tally: Tally, remaining: Remaining) {
        let Remaining { waiting, draining } = remaining;
        if self.is_leaver(number) {
            self.tell_callers(&Progress::Moving {
                tally,
                waiting,
                draining,
            });
            self.on(Event::Progress { waiting });
        }
        let now = self.now;
        if let Some(pending) = self.pending_from(number) {
            pending.progress(tally, waiting + draining);
            let reply = Reply::Progress(Progress::Moving {
                tally,
                waiting,
                draining,
            });
            for caller in pending.callers.clone() {
                self.control.reply(caller.client(), &reply, now);
            }
        }
    }

    fn hear_resumed(&mut self, number: u64, reason: String, moved: u64) {
        let leaver = self.is_leaver(number);
        let taken = self.taker_of(number).is_some();
        let Some(worker) = self.worker(number) else {
            return;
        };
        if !worker.generation.resumed() {
            return;
        }
        if leaver {
            self.on(Event::Resumed { reason, moved });
        } else if !taken {
            // Its successor serves already; it may finish what it has, but nobody needs it for more.
            let quit = ToGeneration::Quit {
                listeners: Listeners::Leave,
                kept: Vec::new(),
                drain_limit_ms: None,
            };
            let told = worker.tell(&quit, &[]);
            worker.generation.leave();
            self.journal.say(match told {
                Ok(()) => {
                    format!("generation {number} finishes what it could not hand over: {reason}")
                }
                Err(error) => format!("generation {number}: {error}"),
            });
        }
    }

    /// A process has ended.
    pub(super) fn hear_end(&mut self, number: u64) {
        // Whatever it said last arrived before its end did.
        self.hear_notices();
        self.hear_line(number);
        let Some(index) = self
            .workers
            .iter()
            .position(|worker| worker.generation.number() == number)
        else {
            return;
        };
        let Some(exit) = self.workers[index].exit() else {
            return;
        };
        let Worker {
            generation,
            figures,
            ..
        } = self.workers.remove(index);
        let served = self.now.saturating_duration_since(generation.started());
        let end = generation.gone(exit);
        self.note_exit(exit, &end);

        let successor = self.is_successor(number);
        if !successor
            && let Some((farewell, tally)) = farewell(&end, figures.as_ref().map(|f| f.connections))
        {
            if self.is_leaver(number) {
                self.parted(farewell, tally);
                return;
            }
            let now = self.now;
            if let Some(pending) = self.pending_from(number) {
                pending.gone(farewell, tally, now);
                return;
            }
        }
        match end {
            End::NeverReady { exit, said } if successor => {
                self.on(Event::SuccessorEnded { exit, said });
            }
            End::Crashed(exit) if successor => {
                self.on(Event::SuccessorEnded { exit, said: None });
            }
            End::Crashed(exit) => self.crashed(number, exit, served),
            End::Lost { exit, lost, .. } if self.ending.is_none() => {
                self.journal.say(format_args!(
                    "generation {number} ended while it finished ({exit}); connections lost: {}",
                    lost.map_or("unknown".to_owned(), |lost| lost.to_string())
                ));
            }
            End::NeverReady { .. } | End::Lost { .. } | End::Left(_) | End::Condemned => {}
        }
    }

    fn crashed(&mut self, number: u64, exit: Exit, served: Duration) {
        if self.ending.is_some() {
            return;
        }
        self.journal.say(format_args!(
            "generation {number} crashed ({exit}); connections waiting to be accepted are kept for its replacement"
        ));
        self.schedule_replacement(served);
    }

    /// Another instance, which hands over to us, has said something.
    pub(super) fn hear_predecessor(&mut self) {
        loop {
            let Some(predecessor) = &mut self.predecessor else {
                return;
            };
            let number = predecessor.leaver.number;
            match predecessor.connection.try_next_reply() {
                Ok(None) => return,
                Ok(Some(Reply::Progress(Progress::Moving {
                    tally,
                    waiting,
                    draining,
                }))) => {
                    let remaining = Remaining { waiting, draining };
                    self.hear_progress(number, tally, remaining);
                }
                Ok(Some(Reply::Left { tally })) => {
                    self.predecessor_gone(number, Farewell::Left, tally)
                }
                Ok(Some(Reply::Resumed { reason, tally })) => {
                    self.predecessor = None;
                    self.on(Event::Resumed {
                        reason,
                        moved: tally.moved.total(),
                    });
                }
                Ok(Some(Reply::Error(refusal))) => {
                    self.predecessor = None;
                    self.on(Event::Resumed {
                        reason: refusal.message,
                        moved: 0,
                    });
                }
                // Said before anything was asked of it, or by a later version.
                Ok(Some(_)) => {}
                Err(error) => {
                    let died = Farewell::Died {
                        lost: None,
                        how: error.to_string(),
                    };
                    self.predecessor_gone(number, died, Tally::default());
                }
            }
        }
    }

    fn predecessor_gone(&mut self, number: u64, farewell: Farewell, tally: Tally) {
        self.predecessor = None;
        let now = self.now;
        if self.is_leaver(number) {
            self.parted(farewell, tally);
        } else if let Some(pending) = self.pending_from(number) {
            pending.gone(farewell, tally, now);
        }
    }

    /// Whether it is the one that the restart under way starts.
    fn is_successor(&self, number: u64) -> bool {
        self.restart
            .as_ref()
            .is_some_and(|running| running.number == number)
    }

    /// Whether it is the one that leaves in the restart under way.
    fn is_leaver(&self, number: u64) -> bool {
        self.restart
            .as_ref()
            .and_then(|running| running.leaver.as_ref())
            .is_some_and(|leaver| leaver.number == number)
    }

    /// The report that still waits for the end of this one.
    fn pending_from(&mut self, number: u64) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|pending| {
            pending.gone.is_none()
                && pending
                    .from
                    .as_ref()
                    .is_some_and(|leaver| leaver.number == number)
        })
    }
}

/// What a generation's end means to a report; none if it never served.
fn farewell(end: &End, connections: Option<u64>) -> Option<(Farewell, Tally)> {
    match end {
        End::NeverReady { .. } | End::Condemned => None,
        End::Left(tally) => Some((Farewell::Left, *tally)),
        End::Crashed(exit) => Some((
            Farewell::Died {
                lost: connections,
                how: exit.to_string(),
            },
            Tally::default(),
        )),
        End::Lost { exit, tally, lost } => Some((
            Farewell::Died {
                lost: *lost,
                how: exit.to_string(),
            },
            *tally,
        )),
    }
}
