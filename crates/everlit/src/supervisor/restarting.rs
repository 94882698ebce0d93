//! Carrying out a restart.
//!
//! In: what [`Restart`] decides. Out: processes, sockets and messages; its next event. Must hold: each step that can fail
//! reports its failure as an event, and changes nothing that is in force.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::Signal;

use super::Supervisor;
use super::binary::FileState;
use super::certificates::Watch;
use super::check::Check;
use super::failure::Failure;
use super::generation::Generation;
use super::listeners::Prepared;
use super::report::{Caller, Leaver};
use super::restart::{Action, Event, Predecessor, Restart};
use super::service::{Notice, PidFile};
use super::worker::{Birth, Worker};
use crate::causes::with_causes;
use crate::control::message::{Farewell, Progress, Reply};
use crate::link::{Listeners as ListenersAre, ToGeneration};
use crate::plan::Plan;
use crate::tally::Tally;

/// How long a closing instance may keep an address that we want. It takes some two seconds; more, where there is much else
/// to do.
const CLOSING_PATIENCE: Duration = Duration::from_secs(10);

/// A restart under way.
#[derive(Debug)]
pub(super) struct Running {
    core: Restart,
    pub(super) cause: Cause,
    pub(super) begun: Instant,
    pub(super) ready: Option<Instant>,
    pub(super) callers: Vec<Caller>,
    /// The successor's number.
    pub(super) number: u64,
    /// Who is to hand over.
    pub(super) leaver: Option<Leaver>,
    /// How that one ended, if it has.
    pub(super) parting: Option<(Farewell, Tally)>,
    check: Option<Check>,
    pub(super) plan: Option<Plan>,
    prepared: Option<Prepared>,
    /// The predecessor's end of the handover.
    handover: Option<OwnedFd>,
    /// What was on disk when it began.
    pub(super) binary: Option<FileState>,
    /// Another instance is closing the addresses that we want.
    bind_until: Option<Instant>,
}

/// Why there is a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The first start; a failure ends the supervisor.
    Start,
    /// Somebody asked.
    Request,
    /// A generation crashed.
    Crash,
}

/// Whether an instance that closes its listeners stands in the way of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addresses {
    /// No.
    Free,
    /// Yes, for a moment.
    Closing,
}

impl Running {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.core.deadline()
    }

    /// Whether an instance that was in the way closes its addresses.
    pub(super) fn is_after_another(&self) -> bool {
        self.bind_until.is_some()
    }

    pub(super) fn check_descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.check.iter().flat_map(Check::descriptors)
    }
}

impl Supervisor {
    /// Begins a restart. Nothing else runs, and nobody stops.
    pub(super) fn begin(&mut self, cause: Cause, callers: Vec<Caller>, addresses: Addresses) {
        let leaver = match &self.predecessor {
            Some(predecessor) if cause == Cause::Start => Some(predecessor.leaver.clone()),
            _ => self.serving().map(|worker| Leaver {
                number: worker.generation.number(),
                version: worker.generation.version().to_owned(),
            }),
        };
        let predecessor = match leaver {
            Some(_) => Predecessor::Serving,
            None => Predecessor::Nobody,
        };
        let (core, actions) = Restart::begin(predecessor, self.now);
        self.restart = Some(Running {
            core,
            cause,
            begun: self.now,
            ready: None,
            callers,
            number: self.next_number,
            leaver,
            parting: None,
            check: None,
            plan: None,
            prepared: None,
            handover: None,
            binary: self.binary.state().ok(),
            bind_until: (addresses == Addresses::Closing).then(|| self.now + CLOSING_PATIENCE),
        });
        self.next_number += 1;
        if cause == Cause::Request {
            self.service.tell(Notice::Reloading);
        }
        self.tell_callers(&Progress::Checking);
        self.carry_out(actions);
    }

    /// Begins what was asked for in the meantime.
    pub(super) fn begin_queued(&mut self) {
        if self.restart.is_none()
            && self.ending.is_none()
            && let Some(callers) = self.queued.take()
        {
            self.replace_at = None;
            self.begin(Cause::Request, callers, Addresses::Free);
        }
    }

    /// Something happened that a restart may want to know.
    pub(super) fn on(&mut self, event: Event) {
        let now = self.now;
        let Some(running) = &mut self.restart else {
            return;
        };
        if event == Event::Ready {
            running.ready = Some(now);
        }
        let actions = running.core.handle(event, now);
        self.carry_out(actions);
    }

    pub(super) fn tick_restart(&mut self) {
        if self
            .restart
            .as_ref()
            .and_then(Running::deadline)
            .is_some_and(|deadline| self.now >= deadline)
        {
            self.on(Event::Tick);
        }
    }

    /// The check has said something, or has ended.
    pub(super) fn hear_check(&mut self) {
        let Some(running) = &mut self.restart else {
            return;
        };
        let Some(result) = running.check.as_mut().and_then(Check::step) else {
            return;
        };
        running.check = None;
        match result {
            Ok(plan) => {
                let ready_limit = plan.ready_timeout;
                running.plan = Some(plan);
                self.on(Event::Checked { ready_limit });
            }
            Err(failure) => self.on(Event::Failed(failure)),
        }
    }

    /// The predecessor of the restart under way has ended like this.
    pub(super) fn parted(&mut self, farewell: Farewell, tally: Tally) {
        if let Some(running) = &mut self.restart {
            running.parting = Some((farewell, tally));
        }
        self.on(Event::PredecessorEnded);
    }

    pub(super) fn tell_callers(&mut self, progress: &Progress) {
        let Some(running) = &self.restart else {
            return;
        };
        let reply = Reply::Progress(progress.clone());
        for caller in &running.callers {
            self.control.reply(caller.client(), &reply, self.now);
        }
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            let event = match action {
                Action::Check => self.check(),
                Action::CancelCheck => {
                    if let Some(running) = &mut self.restart {
                        running.check = None;
                    }
                    None
                }
                Action::Bind => Some(self.bind()),
                Action::Spawn => Some(self.spawn()),
                Action::KillSuccessor => self.with_successor(kill),
                Action::EndSuccessor => {
                    let now = self.now;
                    self.with_successor(|worker| end(worker, now))
                }
                Action::DismissSuccessor => self.with_successor(dismiss),
                Action::AskToLeave => self.ask_to_leave(),
                Action::MentionSilence(time) => {
                    self.mention_silence(time);
                    None
                }
                Action::Commit => {
                    self.commit();
                    None
                }
                Action::RollBack => {
                    self.roll_back();
                    None
                }
                Action::End(result) => {
                    self.conclude(result);
                    None
                }
            };
            if let Some(event) = event {
                self.on(event);
            }
        }
    }

    fn check(&mut self) -> Option<Event> {
        match Check::start(&self.binary, &self.source, &self.directory) {
            Ok(check) => {
                if let Some(running) = &mut self.restart {
                    running.check = Some(check);
                }
                None
            }
            Err(cause) => Some(Event::Failed(self.spawn_failure(&cause))),
        }
    }

    fn bind(&mut self) -> Event {
        let Some(running) = &mut self.restart else {
            return Event::Abort;
        };
        let wanted = running.plan.iter().flat_map(|plan| &plan.listeners);
        let wanted: Vec<_> = wanted.cloned().collect();
        loop {
            match self.listeners.prepare(&wanted) {
                Ok(prepared) => {
                    running.prepared = Some(prepared);
                    return self.stage_programs();
                }
                Err(error)
                    if error.is_in_use()
                        && (running.bind_until.max(self.retiring_until))
                            .is_some_and(|until| super::now() < until) =>
                {
                    // The other one needs a moment to close, at a first start; or a generation of ours, which closes a
                    // listener that was taken out of the configuration and is wanted again.
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Event::Failed(Failure::Bind(error.to_string())),
            }
        }
    }

    fn spawn(&mut self) -> Event {
        match self.start_successor() {
            Ok(worker) => {
                let generation = worker.generation.number();
                self.workers.push(worker);
                self.tell_callers(&Progress::Starting { generation });
                Event::Spawned
            }
            Err(cause) => Event::Failed(self.spawn_failure(&cause)),
        }
    }

    fn start_successor(&mut self) -> io::Result<Worker> {
        let running = self
            .restart
            .as_mut()
            .expect("only a restart under way asks to start a successor");
        let prepared = running
            .prepared
            .as_ref()
            .expect("a successor is started after binding");
        let handover = match running.leaver {
            Some(_) => {
                let (theirs, ours) = socketpair(
                    AddressFamily::UNIX,
                    SocketType::STREAM,
                    SocketFlags::CLOEXEC,
                    None,
                )?;
                running.handover = Some(ours);
                Some(theirs)
            }
            None => None,
        };
        let version = running
            .plan
            .as_ref()
            .map(|plan| plan.version.clone())
            .unwrap_or_default();
        Worker::start(Birth {
            generation: Generation::new(running.number, version, self.now),
            binary: &self.binary,
            source: &self.source,
            directory: &self.directory,
            listeners: self.listeners.to_serve(prepared).collect(),
            retiring: self
                .listeners
                .to_retire(prepared)
                .map(|listener| listener.socket.as_fd())
                .collect(),
            handover: handover.as_ref().map(AsFd::as_fd),
            control: self.control.listener(),
            notify_socket: self.notices.name()?,
            output: self.ground.output(),
        })
    }

    /// If it cannot even be asked, that is said in its place.
    fn ask_to_leave(&mut self) -> Option<Event> {
        let running = self.restart.as_mut()?;
        let handover = running.handover.take()?;
        let drain_limit_ms = running.plan.as_ref().and_then(drain_limit);
        let number = running.leaver.as_ref().map_or(0, |leaver| leaver.number);
        let foreign = self
            .predecessor
            .as_ref()
            .filter(|predecessor| predecessor.leaver.number == number);
        let asked = if let Some(predecessor) = foreign {
            predecessor
                .ask_to_leave(handover.as_fd(), drain_limit_ms)
                .map(|()| true)
                .map_err(|error| with_causes(&error))
        } else if let Some(worker) = self.worker(number) {
            let leave = ToGeneration::Leave { drain_limit_ms };
            // Only to know what it has, should it die: it can do without.
            let _ = worker.tell(&ToGeneration::Status, &[]);
            worker
                .tell(&leave, &[handover.as_fd()])
                .map(|()| worker.generation.leave())
                .map_err(|error| with_causes(&error))
        } else {
            return None;
        };
        asked.err().map(|error| Event::Resumed {
            reason: format!("generation {number} cannot be asked to leave: {error}"),
            moved: 0,
        })
    }

    fn mention_silence(&mut self, time: Duration) {
        let Some(leaver) = self
            .restart
            .as_ref()
            .and_then(|running| running.leaver.as_ref())
        else {
            return;
        };
        let foreign = self
            .predecessor
            .as_ref()
            .filter(|predecessor| predecessor.leaver == *leaver)
            .map(|predecessor| {
                format!(
                    "; look after process {}, whose supervisor should end it",
                    predecessor.pid
                )
            });
        self.journal.say(format_args!(
            "generation {} has said nothing for {} s while it hands over{}",
            leaver.number,
            time.as_secs(),
            foreign.unwrap_or_default()
        ));
    }

    fn with_successor(&mut self, what: impl FnOnce(&mut Worker)) -> Option<Event> {
        let number = self.restart.as_ref()?.number;
        self.worker(number).map(what);
        None
    }

    fn commit(&mut self) {
        let Some(running) = &mut self.restart else {
            return;
        };
        let number = running.number;
        if let Some(plan) = running.plan.clone() {
            self.certificates = Watch::begin(&plan, self.now);
            self.plan = Some(plan);
        }
        let complaints: Vec<_> = match running.prepared.take() {
            Some(prepared) => {
                for listener in self.listeners.left_over(&prepared) {
                    self.journal.say(format_args!(
                        "{} was passed by systemd, but is not configured: closed",
                        listener.spec.name
                    ));
                }
                if self.listeners.to_retire(&prepared).next().is_some() {
                    self.retiring_until = Some(self.now + CLOSING_PATIENCE);
                }
                self.listeners.commit(prepared)
            }
            None => Vec::new(),
        };
        let mut complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        complaints.extend(self.commit_programs(number));
        // They go to the log and to the callers, with the warnings about the configuration.
        if let Some(plan) = self
            .restart
            .as_mut()
            .and_then(|running| running.plan.as_mut())
        {
            plan.warnings.extend(complaints);
        }
        if let Some(worker) = self.worker(number) {
            worker.generation.serve();
        }
        let error_log = self.plan.as_ref().and_then(|plan| plan.error_log.clone());
        self.journal.redirect(error_log.as_ref());
        self.write_pid_file();
        if let Err(error) = self.control.socket().publish() {
            self.journal.say(format_args!(
                "control socket {}: {error}",
                self.control_path.display()
            ));
        }
    }

    fn write_pid_file(&mut self) {
        let wanted = self.plan.as_ref().and_then(|plan| plan.pid_file.clone());
        if self.pid_file.as_ref().map(PidFile::path) == wanted.as_deref() || self.ending.is_some() {
            return;
        }
        if let Some(old) = self.pid_file.take() {
            old.remove();
        }
        if let Some(path) = wanted {
            match PidFile::write(&path) {
                Ok(file) => self.pid_file = Some(file),
                Err(error) => self
                    .journal
                    .say(format_args!("write {}: {error}", path.display())),
            }
        }
    }

    fn roll_back(&mut self) {
        let number = self.restart.as_ref().map_or(0, |running| running.number);
        self.roll_back_programs(number);
        if let Some(prepared) = self
            .restart
            .as_mut()
            .and_then(|running| running.prepared.take())
        {
            self.listeners.roll_back(prepared);
        }
    }

    fn spawn_failure(&self, cause: &io::Error) -> Failure {
        Failure::Spawn {
            program: self.binary.path().display().to_string(),
            cause: cause.to_string(),
        }
    }
}

fn kill(worker: &mut Worker) {
    worker.generation.condemn();
    worker.signal(Signal::KILL);
}

/// It writes down what it has done, and ends; if it does not, it is killed.
fn end(worker: &mut Worker, now: Instant) {
    worker.generation.condemn();
    worker.silence.told_to_end(now);
    worker.signal(Signal::TERM);
}

/// It finishes what it has taken; others serve the listeners.
fn dismiss(worker: &mut Worker) {
    let quit = ToGeneration::Quit {
        listeners: ListenersAre::Leave,
        kept: Vec::new(),
        drain_limit_ms: None,
    };
    match worker.tell(&quit, &[]) {
        Ok(()) => {
            worker.generation.leave();
        }
        // It cannot be told, so it cannot be left alone either.
        Err(_) => kill(worker),
    }
}

/// How long a drain may take, in milliseconds.
pub(super) fn drain_limit(plan: &Plan) -> Option<u64> {
    plan.graceful_timeout
        .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
}
