//! What operators and successors ask.
//!
//! In: signals, and requests at the control socket. Out: restarts, stops, answers. Must hold: a request that cannot be
//! carried out is refused with its reason, and changes nothing.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::Supervisor;
use super::ending::Linger;
use super::journal::open_log;
use super::report::Caller;
use crate::control::message::{Progress, Refusal, RefusalKind, Reply, Request, Stop, Until};
use crate::control::orphan::{hand_out, refuse};
use crate::control::server::{ClientId, Heard};
use crate::link::{DESCRIPTORS_MAX, FromGeneration, ToGeneration};
use crate::sys::signal::Order;
use crate::tally::Tally;

/// How long generations may take to say how they are.
const STATUS_PATIENCE: Duration = Duration::from_millis(500);

/// Somebody who asked how we are, while generations are asked the same.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) client: ClientId,
    pub(super) until: Instant,
}

/// Another instance that takes over from us.
#[derive(Debug)]
pub(super) struct Taker {
    client: ClientId,
    /// The generation that was told to leave for it.
    leaving: Option<u64>,
}

impl Supervisor {
    pub(super) fn hear_signals(&mut self) {
        loop {
            match self.signals.next() {
                Ok(Some(Order::Restart)) => self.restart_for(None),
                Ok(Some(Order::ReopenLogs)) => {
                    self.reopen_logs();
                    self.renew_certificates();
                }
                Ok(Some(Order::Stop)) => self.stop(Linger::Configured),
                Ok(Some(Order::Terminate)) => self.terminate(),
                Ok(None) => return,
                Err(error) => {
                    self.journal.say(format_args!("read signals: {error}"));
                    return;
                }
            }
        }
    }

    /// A client can be written to, has said something, or is gone.
    pub(super) fn hear_client(&mut self, id: ClientId) {
        self.control.flush(id);
        let mut heard = self.control.read(id, self.now);
        while let Some(request) = heard {
            self.serve(request);
            heard = self.control.next_request(id, self.now);
        }
        self.look_after_taker();
    }

    fn serve(&mut self, heard: Heard) {
        let Heard {
            client,
            request,
            descriptor,
        } = heard;
        match request {
            Request::Status => self.ask_generations(client),
            Request::Reload { until } => self.restart_for(Some((client, until))),
            Request::Stop { how } => match how {
                Stop::Graceful => self.stop_for(client),
                Stop::Now => {
                    self.terminate();
                    self.tell_when_over(client);
                }
            },
            Request::ReopenLogs => {
                let reply = self.reopen_logs();
                self.renew_certificates();
                self.control.reply(client, &reply, self.now);
            }
            Request::Takeover => self.offer(client),
            Request::Leave { drain_limit_ms } => self.leave_for(client, descriptor, drain_limit_ms),
        }
    }

    /// Somebody wants a restart: now, or after the one that runs, together with all others who want one.
    fn restart_for(&mut self, caller: Option<(ClientId, Until)>) {
        if self.ending.is_some() {
            match caller {
                Some((client, _)) => self.control.reply(client, &refusal_of_stopping(), self.now),
                None => self.journal.say("no restart: the server is stopping"),
            }
            return;
        }
        if let Some((client, _)) = caller
            && self.restart.is_some()
        {
            let queued = Reply::Progress(Progress::Queued);
            self.control.reply(client, &queued, self.now);
        }
        self.queued
            .get_or_insert_default()
            .extend(caller.map(|(client, until)| Caller {
                client: client.0,
                until,
            }));
    }

    pub(super) fn ask_generations(&mut self, client: ClientId) {
        for worker in &mut self.workers {
            // Who cannot be asked is listed without figures.
            if worker.tell(&ToGeneration::Status, &[]).is_ok() {
                worker.figures = None;
            }
        }
        self.asked.push(Asked {
            client,
            until: self.now + STATUS_PATIENCE,
        });
    }

    /// Opens all log files anew, with our privileges, and hands them to the generations.
    fn reopen_logs(&mut self) -> Reply {
        let (paths, error_log) = match &self.plan {
            Some(plan) => (plan.logs.clone(), plan.error_log.clone()),
            None => Default::default(),
        };
        let mut opened: Vec<(String, OwnedFd)> = Vec::new();
        let mut failed = Vec::new();
        for path in paths {
            match open_log(&path) {
                Ok(file) => opened.push((path.to_string_lossy().into_owned(), file.into())),
                Err(error) => failed.push(format!("{}: {error}", path.display())),
            }
        }
        for part in opened.chunks(DESCRIPTORS_MAX.min(16)) {
            let message = ToGeneration::Logs {
                paths: part.iter().map(|(path, _)| path.clone()).collect(),
            };
            let descriptors: Vec<_> = part.iter().map(|(_, file)| file.as_fd()).collect();
            for worker in &self.workers {
                if let Err(error) = worker.tell(&message, &descriptors) {
                    failed.push(format!(
                        "generation {}: {error}",
                        worker.generation.number()
                    ));
                }
            }
        }
        self.journal.redirect(error_log.as_ref());
        self.journal
            .say(format_args!("reopened {} log files", opened.len()));
        for failure in &failed {
            self.journal.say(format_args!("reopen {failure}"));
        }
        Reply::Reopened {
            files: opened.len(),
            failed,
        }
    }

    /// A successor wants our listening sockets.
    fn offer(&mut self, client: ClientId) {
        let refusal = match &mut self.ending {
            None => Some(Reply::Error(Refusal {
                kind: RefusalKind::Serving,
                message:
                    "this instance serves, and was not asked to stop; for a restart: everlit reload"
                        .to_owned(),
                pid: Some(std::process::id()),
            })),
            Some(ending) if !ending.stopping.is_lingering() => Some(refusal_of_stopping()),
            Some(_) if self.restart.is_some() || self.taker.is_some() => Some(refuse(
                RefusalKind::Stopping,
                "another handover is under way",
            )),
            Some(ending) => {
                ending.stopping.successor_came(self.now);
                None
            }
        };
        let serving = self.serving().map(|worker| {
            let generation = &worker.generation;
            (generation.number(), generation.version().to_owned())
        });
        let (number, version) = match (refusal, serving) {
            (None, Some(serving)) => serving,
            (refusal, _) => {
                let reply = refusal.unwrap_or_else(refusal_of_stopping);
                self.control.reply(client, &reply, self.now);
                return;
            }
        };
        self.taker = Some(Taker {
            client,
            leaving: None,
        });
        let sockets: Vec<_> = self
            .listeners
            .iter()
            .map(|listener| (listener.spec.name.clone(), listener.socket.as_fd()))
            .collect();
        hand_out(
            &mut self.control,
            client,
            &sockets,
            number,
            &version,
            self.now,
        );
    }

    /// The successor is ready: our generation hands over to it.
    fn leave_for(
        &mut self,
        client: ClientId,
        handover: Option<OwnedFd>,
        drain_limit_ms: Option<u64>,
    ) {
        let number = self.serving().map(|worker| worker.generation.number());
        let (Some(handover), Some(number), Some(taker)) = (
            handover,
            number,
            self.taker
                .as_mut()
                .filter(|taker| taker.client == client && taker.leaving.is_none()),
        ) else {
            let reply = refuse(
                RefusalKind::BadRequest,
                "leave: only after takeover, once, and with one descriptor",
            );
            self.control.reply(client, &reply, self.now);
            return;
        };
        taker.leaving = Some(number);
        // From now on the listening sockets are the taker's, whatever becomes of our generation.
        if let Some(ending) = &mut self.ending {
            ending.given_away = true;
        }
        let Some(worker) = self.worker(number) else {
            return;
        };
        let leave = ToGeneration::Leave { drain_limit_ms };
        match worker.tell(&leave, &[handover.as_fd()]) {
            Ok(()) => {
                worker.generation.leave();
            }
            Err(error) => {
                let resumed = FromGeneration::Resumed {
                    tally: Tally::default(),
                    reason: crate::causes::with_causes(&error),
                };
                self.tell_taker(number, &resumed);
            }
        }
    }

    /// We stop while a taker is still starting: it goes on alone, with the listening sockets that it has.
    pub(super) fn release_taker(&mut self) {
        let starting = |taker: &mut Taker| taker.leaving.is_none();
        let Some(Taker { client, .. }) = self.taker.take_if(starting) else {
            return;
        };
        if self.control.is_connected(client)
            && let Some(ending) = &mut self.ending
        {
            ending.given_away = true;
            let tally = Tally::default();
            self.control.reply(client, &Reply::Left { tally }, self.now);
        }
    }

    /// The taker of this generation's connections, if there is one.
    pub(super) fn taker_of(&self, number: u64) -> Option<ClientId> {
        self.taker
            .as_ref()
            .filter(|taker| taker.leaving == Some(number))
            .map(|taker| taker.client)
    }

    /// Passes on to the taker what our leaving generation says.
    pub(super) fn tell_taker(&mut self, number: u64, said: &FromGeneration) {
        let Some(client) = self.taker_of(number) else {
            return;
        };
        let reply = match said {
            FromGeneration::Status(_) => return,
            FromGeneration::Progress {
                tally,
                waiting,
                draining,
            } => Reply::Progress(Progress::Moving {
                tally: *tally,
                waiting: *waiting,
                draining: *draining,
            }),
            FromGeneration::Left { tally } => Reply::Left { tally: *tally },
            FromGeneration::Refused { reason } => {
                self.taker = None;
                refuse(RefusalKind::Stopping, reason)
            }
            FromGeneration::Resumed { tally, reason } => {
                self.taker = None;
                if let Some(ending) = &mut self.ending {
                    ending.given_away = false;
                    ending.stopping.successor_went(self.now);
                }
                Reply::Resumed {
                    tally: *tally,
                    reason: reason.clone(),
                }
            }
        };
        self.control.reply(client, &reply, self.now);
    }

    /// A taker that left before anything was handed over has changed its mind.
    pub(super) fn look_after_taker(&mut self) {
        if let Some(taker) = &self.taker
            && taker.leaving.is_none()
            && !self.control.is_connected(taker.client)
        {
            self.taker = None;
            if let Some(ending) = &mut self.ending {
                ending.stopping.successor_went(self.now);
            }
        }
    }
}

/// It is too late.
pub(super) fn refusal_of_stopping() -> Reply {
    refuse(RefusalKind::Stopping, "the server is stopping")
}
