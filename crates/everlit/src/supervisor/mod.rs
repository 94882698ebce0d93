//! The supervisor: owns the listening sockets, starts and watches generations, and keeps its PID for ever.
//!
//! In: signals, requests at the control socket, what generations say and how they end. Out: generations started, told and
//! replaced; reports. Must hold: one thread that waits in [`Supervisor::turn`], and elsewhere only for a moment, with a
//! limit, at a first start (for addresses that a closing instance still has) and before it becomes a new binary (for that
//! to read its state); it never speaks HTTP and never parses a configuration.

// Decisions: pure, without clock and descriptors.
pub(crate) mod backoff;
pub(crate) mod failure;
pub(crate) mod generation;
mod idle;
pub(crate) mod report;
pub(crate) mod restart;
pub(crate) mod silence;
pub(crate) mod stop;

// What they are about.
mod age;
pub(crate) mod binary;
mod bind;
mod certificates;
mod check;
mod journal;
mod listeners;
mod notices;
mod occupant;
mod programs;
mod service;
mod takeover;
mod worker;

// The loop, by where events come from and actions go.
mod ending;
mod hearing;
mod operator;
mod outcome;
mod restarting;
pub(crate) mod resume;
pub(crate) mod start;
mod status;
mod tending;

use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::time::Timespec;

use self::backoff::Backoff;
use self::binary::{Binary, FileState};
use self::certificates::Watch;
use self::ending::Ending;
use self::idle::Idle;
use self::journal::Journal;
use self::listeners::Listeners;
use self::notices::Notices;
use self::operator::{Asked, Taker};
use self::programs::Programs;
use self::report::{Caller, Pending};
use self::restarting::Running;
use self::resume::Renewal;
use self::service::{PidFile, Service};
use self::start::Greeting;
use self::takeover::Predecessor;
use self::worker::Worker;
use crate::control::message::LastRestart;
use crate::control::server::{ClientId, Server};
use crate::plan::Plan;
use crate::source::Source;
use crate::sys::daemon::Outcome;
use crate::sys::signal::Signals;

/// Everything a supervisor knows.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// The time of this turn of the loop.
    now: Instant,
    started: Instant,

    // What it runs.
    binary: Binary,
    /// The file that this process is running, as it was when it started.
    running_from: Option<FileState>,
    source: Source,
    /// Where it was started: relative paths of the configuration start there, whatever directory we are in.
    directory: PathBuf,
    ground: Ground,

    // What is in force.
    plan: Option<Plan>,
    listeners: Listeners,
    certificates: Watch,
    /// Until then a generation may still listen where it is to listen no longer.
    retiring_until: Option<Instant>,
    pid_file: Option<PidFile>,
    journal: Journal,

    // Generations.
    workers: Vec<Worker>,
    next_number: u64,
    backoff: Backoff,
    /// When a crashed one is replaced.
    replace_at: Option<Instant>,

    /// Of backends.
    programs: Programs,

    // Changes.
    restart: Option<Running>,
    /// Asked for while another one ran.
    queued: Option<Vec<Caller>>,
    pending: Vec<Pending>,
    last_restart: Option<(Instant, LastRestart)>,
    /// This process is to become what is on disk, if that is still this file.
    renewal: Option<Renewal>,
    ending: Option<Ending>,
    /// With `-i`.
    idle: Option<Idle>,

    // Other instances.
    predecessor: Option<Predecessor>,
    taker: Option<Taker>,

    // Lines.
    signals: Signals,
    notices: Notices,
    control: Server,
    control_path: PathBuf,
    service: Service,
    asked: Vec<Asked>,
    /// Whoever started us and waits for how that goes.
    outcome: Option<Outcome>,
    greeting: Greeting,

    /// Set when it is over.
    exit: Option<u8>,
}

/// Where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ground {
    /// In the foreground, with a terminal: Ctrl-C means stop, and nobody comes to take over.
    Terminal,
    /// In the foreground, for another program.
    Foreground,
    /// In the background.
    Background,
}

/// Whom an event is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Signals,
    Notices,
    Control,
    Client(ClientId),
    /// A client that hung up while we were to answer.
    Hangup(ClientId),
    Line(u64),
    Process(u64),
    /// The process of a backend's program.
    Program(u64),
    Check,
    Predecessor,
}

impl Supervisor {
    /// Turns until it is over.
    pub(crate) fn run(mut self) -> ExitCode {
        loop {
            self.settle();
            if let Some(code) = self.exit {
                return ExitCode::from(code);
            }
            self.turn();
        }
    }

    /// Waits for something to happen, and takes note of it.
    fn turn(&mut self) {
        let ready = self.wait();
        self.now = now();
        for voice in ready {
            match voice {
                Voice::Signals => self.hear_signals(),
                Voice::Notices => self.hear_notices(),
                Voice::Control => self.control.accept(self.now),
                Voice::Client(id) => self.hear_client(id),
                Voice::Hangup(id) => self.control.drop_client(id),
                Voice::Line(number) => {
                    let now = self.now;
                    if let Some(worker) = self.worker(number) {
                        worker.silence.word(now);
                    }
                    self.hear_line(number);
                }
                Voice::Process(number) => self.hear_end(number),
                Voice::Program(id) => self.hear_program(id),
                Voice::Check => self.hear_check(),
                Voice::Predecessor => self.hear_predecessor(),
            }
        }
        self.tick();
    }

    /// Time passes.
    fn tick(&mut self) {
        self.control.expire(self.now);
        self.tick_restart();
        self.tick_ending();
        self.tick_silence();
        self.answer_status();
        if self.replace_at.is_some_and(|at| self.now >= at) {
            self.replace_at = None;
            self.replace();
        }
        self.tick_programs();
        self.tick_certificates();
        self.tick_idle();
    }

    /// Does what follows from all that is known now, until nothing more follows.
    fn settle(&mut self) {
        self.close_down();
        self.renew();
        self.deliver();
        self.begin_queued();
    }

    /// When [`tick`](Self::tick) has something to do.
    fn deadline(&self) -> Option<Instant> {
        [
            self.control.deadline(),
            self.restart.as_ref().and_then(Running::deadline),
            self.ending.as_ref().and_then(Ending::deadline),
            self.idle_deadline(),
            self.asked.iter().map(|asked| asked.until).min(),
            self.replace_at,
            self.programs.deadline(),
            self.certificates.deadline(),
        ]
        .into_iter()
        .chain(self.workers.iter().map(|worker| worker.silence.deadline()))
        .flatten()
        .min()
    }

    /// Waits, and says who has something to say. The order matters where one process has several ways to speak: its end is
    /// looked at last.
    fn wait(&self) -> Vec<Voice> {
        let mut sources: Vec<(Voice, BorrowedFd<'_>, PollFlags)> = Vec::new();
        let mut listen = |voice, descriptor| sources.push((voice, descriptor, PollFlags::IN));
        listen(Voice::Signals, self.signals.as_fd());
        listen(Voice::Notices, self.notices.as_fd());
        for worker in &self.workers {
            if let Some(line) = worker.line() {
                listen(Voice::Line(worker.generation.number()), line);
            }
        }
        for worker in &self.workers {
            listen(Voice::Process(worker.generation.number()), worker.handle());
        }
        for (id, handle) in self.programs.handles() {
            listen(Voice::Program(id), handle);
        }
        for descriptor in self.restart.iter().flat_map(Running::check_descriptors) {
            listen(Voice::Check, descriptor);
        }
        if let Some(predecessor) = &self.predecessor {
            listen(Voice::Predecessor, predecessor.connection.as_fd());
        }
        listen(Voice::Control, self.control.listener());
        for (id, descriptor, interest) in self.control.interests() {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, interest.read);
            flags.set(PollFlags::OUT, interest.write);
            sources.push((Voice::Client(id), descriptor, flags));
        }

        let mut watched: Vec<PollFd<'_>> = sources
            .iter()
            .map(|(_, descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags))
            .collect();
        let patience = self
            .deadline()
            .map(|deadline| timespec(deadline.saturating_duration_since(now())));
        match poll(&mut watched, patience.as_ref()) {
            Ok(_) => {}
            // Nothing is known to be ready, then; the next turn asks again.
            Err(Errno::INTR | Errno::AGAIN | Errno::NOMEM) => return Vec::new(),
            Err(errno) => unreachable!("poll of descriptors that we own: {errno}"),
        }
        sources
            .iter()
            .zip(&watched)
            .filter(|(_, watched)| !watched.revents().is_empty())
            .map(|((voice, _, flags), watched)| match voice {
                Voice::Client(id)
                    if !flags.contains(PollFlags::IN)
                        && watched
                            .revents()
                            .intersects(PollFlags::HUP | PollFlags::ERR) =>
                {
                    Voice::Hangup(*id)
                }
                _ => *voice,
            })
            .collect()
    }

    fn worker(&mut self, number: u64) -> Option<&mut Worker> {
        self.workers
            .iter_mut()
            .find(|worker| worker.generation.number() == number)
    }

    /// The generation that serves, if there is one.
    fn serving(&self) -> Option<&Worker> {
        self.workers
            .iter()
            .find(|worker| worker.generation.is_serving())
    }
}

/// The loop is the only place of a supervisor that reads the clock.
fn now() -> Instant {
    Instant::now()
}

/// Rounded up, lest we wake too early and find nothing to do.
fn timespec(time: Duration) -> Timespec {
    let time = time + Duration::from_micros(100);
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}
