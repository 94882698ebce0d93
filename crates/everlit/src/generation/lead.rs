//! The lead thread of a generation: talks with the supervisor, with a predecessor and with a successor.
//!
//! In: messages, signals, reports of the workers. Out: orders to the workers, and the process's exit. Must hold: without a
//! supervisor the generation serves on; it ends only when it is told to, and then only when nothing is left or time is up.

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::crew::Crew;
use super::giving::{Giving, Outcome, revive};
use super::logs::Reader;
use super::recorder::Recorder;
use super::taking::{Progress, Taking};
use crate::causes::with_causes;
use crate::clock::Now;
use crate::config::Site;
use crate::control::orphan::{About, Facts, Interest, Order as OrphanOrder, Orphan, Standing};
use crate::errorlog;
use crate::link::{FromGeneration, GenerationStatus, Line, Listeners, Received, ToGeneration};
use crate::modules::auth::nonce::Nonces;
use crate::sys::filter::drop_syns;
use crate::sys::signal::{Order as Signal, Signals};
use crate::sys::socket::hide_listener;
use crate::tally::Tally;
use crate::tls;
use crate::tls::context::Materials;
use crate::tls::snapshot::Snapshot;
use crate::worker::chores::Haste;
use crate::worker::conn::Stay;
use crate::worker::endpoint::Endpoint;
use crate::worker::{Order, Report};

/// How long the accept queue of a listener that is configured no longer is served.
const RETIRE_GRACE: Duration = Duration::from_secs(2);

/// The lead thread's state.
#[derive(Debug)]
pub(super) struct Lead {
    pub(super) site: Arc<Site>,
    pub(super) crew: Crew,
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    /// Index of the first endpoint that is configured no longer.
    pub(super) retiring_from: usize,
    pub(super) signals: Signals,
    pub(super) superior: Superior,
    /// To be served when the supervisor is dead.
    pub(super) control: Option<OwnedFd>,
    pub(super) about: About,
    /// Keys for session tickets go to the successor.
    pub(super) materials: Materials,
    /// So do those for nonces.
    pub(super) nonces: Nonces,
    pub(super) taking: Option<Taking>,
    pub(super) taken: u64,
    pub(super) activity: Activity,
    /// Commands that read logs.
    pub(super) readers: Vec<Reader>,
    /// Writes figures; `None`: there is nothing to write.
    pub(super) recorder: Option<Recorder>,
    /// When the listeners that are configured no longer are closed (monotonic).
    pub(super) retire_at: Option<Duration>,
}

/// Whom the generation obeys.
#[derive(Debug)]
pub(super) enum Superior {
    /// A supervisor.
    Supervisor(Line),
    /// Nobody; it answers at the control socket itself.
    Orphan(Box<Orphan>),
    /// Nobody, and it cannot be reached but by signals.
    None,
}

/// What the generation is about.
#[derive(Debug)]
pub(super) enum Activity {
    /// Serving.
    Serving,
    /// Handing over.
    Giving(Box<Giving>),
    /// Ending without a successor, at the latest then (monotonic).
    Quitting {
        listeners: Listeners,
        deadline: Option<Duration>,
        last_progress: Duration,
    },
}

/// How a turn of the loop ended.
enum Turn {
    On,
    Exit(Haste),
    /// Exit at once; so many connections were open.
    Cut(u64),
}

impl Lead {
    /// Works until the generation has come to its end.
    pub(super) fn run(mut self) -> ExitCode {
        self.record();
        let ending = loop {
            self.wait();
            let now = Now::read().monotonic;
            match self.turn(now) {
                Turn::On => {}
                Turn::Exit(haste) => break (ExitCode::SUCCESS, haste),
                Turn::Cut(0) => break (ExitCode::SUCCESS, Haste::Great),
                Turn::Cut(_) => break (ExitCode::from(1), Haste::Great),
            }
        };
        let (code, haste) = ending;
        self.crew.order_all(|| Order::End);
        self.crew.join(haste);
        code
    }

    fn turn(&mut self, now: Duration) -> Turn {
        self.crew.reports().hush();
        while let Some(report) = self.crew.next_report() {
            self.hear_worker(report);
        }
        if let end @ (Turn::Exit(_) | Turn::Cut(_)) = self.hear_signals(now) {
            return end;
        }
        self.hear_supervisor(now);
        if let end @ (Turn::Exit(_) | Turn::Cut(_)) = self.serve_control(now) {
            return end;
        }
        self.mind_readers();
        self.take(now);
        self.retire(now);
        let turn = self.advance(now);
        self.record();
        turn
    }

    /// Waits until something happens, or the next deadline.
    fn wait(&self) {
        let mut watched: Vec<PollFd<'_>> = Vec::with_capacity(8);
        let mut watch = |fd, flags| watched.push(PollFd::from_borrowed_fd(fd, flags));
        watch(self.signals.as_fd(), PollFlags::IN);
        watch(self.crew.reports().as_fd(), PollFlags::IN);
        match &self.superior {
            Superior::Supervisor(line) => watch(line.as_fd(), PollFlags::IN),
            Superior::Orphan(orphan) => {
                for (fd, interest) in orphan.descriptors() {
                    watch(fd, flags(interest));
                }
            }
            Superior::None => {}
        }
        if let Some(taking) = &self.taking {
            watch(
                taking.channel().as_fd(),
                in_or_out(taking.channel().wants_write()),
            );
        }
        if let Some(output) = self.recorder.as_ref().and_then(Recorder::output) {
            watch(output, PollFlags::IN);
        }
        let mut until: Option<Duration> = self.retire_at;
        let mut by =
            |moment: Duration| until = Some(until.map_or(moment, |until| until.min(moment)));
        let now = Now::read().monotonic;
        if let Some(moment) = self.recorder.as_ref().and_then(Recorder::wake_at) {
            by(moment);
        }
        match &self.activity {
            Activity::Serving => {}
            Activity::Giving(giving) => {
                if let Some(channel) = giving.channel() {
                    watch(channel.as_fd(), in_or_out(channel.wants_write()));
                }
                by(giving.wake_at());
            }
            Activity::Quitting { .. } => by(now + Duration::from_millis(100)),
        }
        // Nobody tells us when a logger ends.
        if matches!(self.superior, Superior::Orphan(_)) || !self.readers.is_empty() {
            by(now + Duration::from_secs(1));
        }
        let timeout = until.map(|until| {
            let wait = until.saturating_sub(now);
            Timespec {
                tv_sec: wait.as_secs() as i64,
                tv_nsec: i64::from(wait.subsec_nanos()),
            }
        });
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            // The descriptors are ours and valid; the kernel may only be out of memory.
            Err(errno) => errorlog::say("generation", format_args!("poll: {errno}")),
        }
    }

    fn hear_worker(&mut self, report: Report) {
        match (&mut self.activity, report) {
            (Activity::Giving(giving), Report::Frozen(frozen)) => giving.offer(*frozen),
            (Activity::Giving(giving), Report::Swept) => giving.swept(),
            // Frozen for a successor that has failed meanwhile.
            (_, Report::Frozen(frozen)) => {
                let thawed = revive(frozen.parcel).into_iter().collect();
                self.crew.adopt(thawed, Stay::Movable);
            }
            // It only wakes us, or comes too late to matter.
            (_, Report::Swept | Report::Empty) => {}
        }
    }

    fn hear_signals(&mut self, now: Duration) -> Turn {
        while let Ok(Some(signal)) = self.signals.next() {
            let supervised = matches!(self.superior, Superior::Supervisor(_));
            match signal {
                Signal::Terminate => return self.cut(),
                // A terminal sends them to all of its processes; with a supervisor it is for that one to say what to do.
                Signal::Stop if !supervised => match self.activity {
                    Activity::Serving => self.quit(Listeners::Close, &self.foreign(), None, now),
                    Activity::Giving(_) | Activity::Quitting { .. } => return self.cut(),
                },
                Signal::ReopenLogs if !supervised => {
                    self.reopen_logs();
                    // With the privileges that are left.
                    self.renew_certificates(&Snapshot::take(tls::files(&self.site)));
                }
                Signal::Stop | Signal::ReopenLogs | Signal::Restart => {}
            }
        }
        Turn::On
    }

    /// Ends at once, and says what that cuts.
    fn cut(&mut self) -> Turn {
        let dropped = self.crew.connections();
        let tally = Tally {
            dropped,
            ..Tally::default()
        };
        self.tell(&FromGeneration::Left { tally });
        Turn::Cut(dropped)
    }

    fn hear_supervisor(&mut self, now: Duration) {
        loop {
            let Superior::Supervisor(line) = &self.superior else {
                return;
            };
            match line.receive::<ToGeneration>() {
                Ok(Received::Message(message, fds)) => self.obey(message, fds, now),
                Ok(Received::Nothing) => return,
                Ok(Received::Closed) => {
                    self.superior = Superior::None;
                    self.become_orphan();
                    return;
                }
                Err(error) => errorlog::say("generation", with_causes(&error)),
            }
        }
    }

    /// Nobody is in command: answers at the control socket, unless that is for a successor to do.
    fn become_orphan(&mut self) {
        let answers = match &self.activity {
            Activity::Serving
            | Activity::Quitting {
                listeners: Listeners::Close,
                ..
            } => true,
            // The successor answers, unless we serve again.
            Activity::Giving(_)
            | Activity::Quitting {
                listeners: Listeners::Leave,
                ..
            } => false,
        };
        if !answers {
            return;
        }
        if let Some(control) = self.control.take() {
            errorlog::say(
                "generation",
                format_args!(
                    "the supervisor is gone; generation {} goes on",
                    self.about.number
                ),
            );
            self.superior = Superior::Orphan(Box::new(Orphan::new(control, self.about.clone())));
        }
    }

    fn obey(&mut self, message: ToGeneration, fds: Vec<OwnedFd>, now: Duration) {
        match message {
            ToGeneration::Leave { drain_limit_ms } => match fds.into_iter().next() {
                Some(socket) => self.leave(socket, drain_limit_ms.map(Duration::from_millis), now),
                None => self.refuse_to_leave("there is no way to the successor"),
            },
            ToGeneration::Quit {
                listeners,
                kept,
                drain_limit_ms,
            } => {
                let drain_limit = drain_limit_ms.map(Duration::from_millis);
                self.quit(listeners, &kept, drain_limit, now);
            }
            ToGeneration::Logs { paths } => self.take_logs(paths, fds),
            ToGeneration::Certificates => {
                if let Some(file) = fds.into_iter().next() {
                    match Snapshot::unpack(file) {
                        Ok(snapshot) => self.renew_certificates(&snapshot),
                        Err(error) => {
                            errorlog::say("generation", format_args!("certificates: {error}"))
                        }
                    }
                }
            }
            ToGeneration::Status => self.tell(&FromGeneration::Status(self.status())),
        }
    }

    fn serve_control(&mut self, now: Duration) -> Turn {
        loop {
            let figures = self.status();
            let Superior::Orphan(orphan) = &mut self.superior else {
                return Turn::On;
            };
            let listeners = self.endpoints[..self.retiring_from]
                .iter()
                .filter_map(|endpoint| {
                    Some((endpoint.name.clone(), endpoint.socket.as_ref()?.as_fd()))
                })
                .collect();
            let standing = match self.activity {
                Activity::Serving => Standing::Serving,
                Activity::Giving(_) => Standing::Leaving,
                Activity::Quitting { .. } => Standing::Stopping,
            };
            let facts = Facts {
                listeners,
                standing,
                figures,
            };
            match orphan.step(&facts, Instant::now()) {
                None => return Turn::On,
                Some(OrphanOrder::Leave {
                    handover,
                    drain_limit,
                }) => self.leave(handover, drain_limit, now),
                Some(OrphanOrder::Quit) => self.quit(Listeners::Close, &[], None, now),
                Some(OrphanOrder::Terminate) => return self.cut(),
            }
        }
    }

    fn refuse_to_leave(&mut self, reason: &str) {
        errorlog::say("generation", format_args!("asked to leave: {reason}"));
        self.tell(&FromGeneration::Refused {
            reason: reason.to_owned(),
        });
    }

    fn leave(&mut self, socket: OwnedFd, drain_limit: Option<Duration>, now: Duration) {
        if !matches!(self.activity, Activity::Serving) {
            return self.refuse_to_leave("it is leaving or stopping already");
        }
        if let Some(taking) = &mut self.taking {
            taking.stop();
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.hush(&self.crew.board);
        }
        // Our successor does not know them.
        self.hide_retiring();
        self.retire_at = Some(now);
        self.retire(now);
        let nonces = self.site.asks_for_digests().then_some(&self.nonces);
        let heirlooms = (self.materials.own_tickets(), nonces);
        match Giving::begin(socket, &self.crew, heirlooms, drain_limit, now) {
            Ok(giving) => self.activity = Activity::Giving(Box::new(giving)),
            Err(error) => {
                let reason = with_causes(&error);
                self.tell(&FromGeneration::Resumed {
                    tally: Tally::default(),
                    reason,
                });
            }
        }
    }

    /// Names of the listening sockets that somebody else keeps open: all of them if no supervisor has made them.
    fn foreign(&self) -> Vec<String> {
        match self.superior {
            Superior::None => self
                .endpoints
                .iter()
                .map(|endpoint| endpoint.name.clone())
                .collect(),
            Superior::Supervisor(_) | Superior::Orphan(_) => Vec::new(),
        }
    }

    /// Ends without a successor. Names in `kept` are of listening sockets that somebody else keeps open.
    fn quit(
        &mut self,
        listeners: Listeners,
        kept: &[String],
        drain_limit: Option<Duration>,
        now: Duration,
    ) {
        match &self.activity {
            Activity::Serving => {}
            // The successor was told too. Nobody needs our copies of the listeners: they only keep the addresses busy.
            Activity::Giving(giving) if giving.is_settled() => {
                for index in 0..self.endpoints.len() {
                    self.crew.order_all(|| Order::Retire(index));
                }
                self.forget_listeners();
                return;
            }
            Activity::Giving(_) | Activity::Quitting { .. } => return,
        }
        if let Some(taking) = &mut self.taking {
            taking.stop();
        }
        if listeners == Listeners::Close {
            for socket in self
                .endpoints
                .iter()
                .filter(|endpoint| !kept.contains(&endpoint.name))
                .filter_map(|endpoint| endpoint.socket.as_ref())
            {
                // A Unix socket has no such filter, and needs none.
                let _ = drop_syns(socket.as_fd()).or_else(|_| hide_listener(socket.as_fd()));
            }
        }
        self.crew.order_all(|| Order::Quit(listeners));
        // The workers close theirs when their grace is over; with ours the address stays busy until the last connection
        // has ended.
        self.forget_listeners();
        let deadline = drain_limit.map(|limit| now + limit);
        self.activity = Activity::Quitting {
            listeners,
            deadline,
            last_progress: now,
        };
    }

    fn forget_listeners(&mut self) {
        self.endpoints.clear();
        self.retiring_from = 0;
        self.retire_at = None;
    }

    /// Takes what the predecessor gives.
    fn take(&mut self, now: Duration) {
        let Some(taking) = &mut self.taking else {
            return;
        };
        let progress = taking.step(&mut self.crew, &self.materials, &mut self.nonces);
        if progress == Progress::Under {
            return;
        }
        self.taken += taking.taken();
        self.taking = None;
        if progress == Progress::Finished {
            // Nobody else needs the listeners that are configured no longer: new clients are turned away at the door.
            self.hide_retiring();
        }
        self.retire_at = Some(now + RETIRE_GRACE);
    }

    /// Nobody new comes to the listeners that are configured no longer.
    fn hide_retiring(&self) {
        for endpoint in &self.endpoints[self.retiring_from..] {
            if let Some(socket) = &endpoint.socket {
                // It is refused only by a kernel that wants privileges for it; then clients are held off instead.
                let _ = hide_listener(socket.as_fd()).or_else(|_| drop_syns(socket.as_fd()));
            }
        }
    }

    /// Closes the listeners that are configured no longer, once their grace is over.
    fn retire(&mut self, now: Duration) {
        if self.retire_at.is_none_or(|at| at > now) {
            return;
        }
        self.retire_at = None;
        for index in self.retiring_from..self.endpoints.len() {
            self.crew.order_all(|| Order::Retire(index));
        }
        self.endpoints.truncate(self.retiring_from);
    }

    /// Goes on with leaving or quitting.
    fn advance(&mut self, now: Duration) -> Turn {
        let mut said = Vec::new();
        let turn = match &mut self.activity {
            Activity::Serving => Turn::On,
            Activity::Giving(giving) => {
                match giving.step(&mut self.crew, now, &mut |message| said.push(message)) {
                    Outcome::Under => Turn::On,
                    Outcome::Left(tally) => {
                        said.push(FromGeneration::Left { tally });
                        Turn::Exit(haste(&tally))
                    }
                    Outcome::Resumed { tally, reason } => {
                        errorlog::say(
                            "generation",
                            format_args!(
                                "the successor failed ({reason}); generation {} serves on",
                                self.about.number
                            ),
                        );
                        said.push(FromGeneration::Resumed { tally, reason });
                        self.activity = Activity::Serving;
                        Turn::On
                    }
                }
            }
            Activity::Quitting {
                deadline,
                last_progress,
                ..
            } => {
                let mut tally = Tally {
                    drained: self.crew.ended_while_leaving(),
                    ..Tally::default()
                };
                let connections = self.crew.connections();
                if self.crew.is_gone() {
                    said.push(FromGeneration::Left { tally });
                    Turn::Exit(Haste::None)
                } else if deadline.is_some_and(|deadline| deadline <= now) {
                    tally.dropped = connections;
                    said.push(FromGeneration::Left { tally });
                    Turn::Exit(Haste::Great)
                } else {
                    if now >= *last_progress + Duration::from_millis(100) {
                        *last_progress = now;
                        said.push(FromGeneration::Progress {
                            tally,
                            waiting: 0,
                            draining: connections,
                        });
                    }
                    Turn::On
                }
            }
        };
        for message in &said {
            self.tell(message);
        }
        if let (Superior::None, Activity::Serving) = (&self.superior, &self.activity) {
            // The supervisor died while we were leaving, and we serve again.
            self.become_orphan();
        }
        turn
    }

    fn tell(&mut self, message: &FromGeneration) {
        match &mut self.superior {
            Superior::Supervisor(line) => {
                // A supervisor that has stopped reading is dying; the next turn will show it.
                let _ = line.send(message, &[]);
            }
            Superior::Orphan(orphan) => orphan.tell(message, Instant::now()),
            Superior::None => {}
        }
    }

    fn status(&self) -> GenerationStatus {
        GenerationStatus {
            connections: self.crew.connections(),
            requests: self.crew.requests(),
            taken: self.taken + self.taking.as_ref().map_or(0, Taking::taken),
            workers: self.crew.len() as u32,
        }
    }

    /// Writes figures, unless a predecessor or a successor does.
    fn record(&mut self) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        let is_alone = self.taking.as_ref().is_none_or(Taking::is_met);
        if is_alone && !matches!(self.activity, Activity::Giving(_)) {
            recorder.begin(Now::read());
        }
        recorder.step(Now::read(), &self.crew.board);
    }

    /// Certificates and keys may be new: for handshakes from now on. If something is wrong with them, the old ones stay.
    fn renew_certificates(&mut self, snapshot: &Snapshot) {
        match tls::renew(&self.site, &self.materials, snapshot) {
            Ok(None) => {}
            Ok(Some(materials)) => {
                errorlog::say(
                    "mod_openssl",
                    format_args!("the certificates were read anew"),
                );
                self.crew
                    .order_all(|| Order::Certificates(materials.clone()));
                self.materials = materials;
            }
            Err(error) => errorlog::say(
                "mod_openssl",
                format_args!("{error}; the old certificates stay"),
            ),
        }
    }
}

/// Where connections were cut because time was up, commands get no more time either.
fn haste(tally: &Tally) -> Haste {
    match tally.dropped {
        0 => Haste::None,
        _ => Haste::Great,
    }
}

fn in_or_out(wants_write: bool) -> PollFlags {
    if wants_write {
        PollFlags::IN | PollFlags::OUT
    } else {
        PollFlags::IN
    }
}

fn flags(interest: Interest) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::OUT, interest.write);
    flags
}
