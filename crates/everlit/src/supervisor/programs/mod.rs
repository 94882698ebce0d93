//! Programs that are started for backends (`bin-path`) and kept running: they belong to the supervisor, so they outlive
//! generations.
//!
//! In: the programs that a plan wants, processes that end, generations that are gone, and `now`. Out: processes at their
//! addresses; what to tell the log. Must hold: a program whose spec did not change is not touched by a restart; one that
//! did change, or is gone from the configuration, ends when nobody needs it any more, and not before.
//!
//! **A restart.** Before the successor is started, new programs are ([`Programs::stage`]). One whose address is free is
//! there at once. One that replaces another at the same address is started behind it (a Unix socket) or waits, bound but
//! not listening (TCP, where a new listener would share the clients of the old one), until the successor is ready
//! ([`Programs::switch`]): so a program that cannot be started, or dies before that moment, fails the restart while the old
//! one still has all clients. For the moment between the successor's readiness and its announcement here, and for TCP until
//! everything has moved, requests may meet either of the two.
//!
//! **A retired program** ([`Retired`]) is needed until all generations that may send requests to it are gone and until no
//! connection to it is open: exchanges that moved to a successor go on with the program that they began with. Who is
//! connected is asked of the kernel once a second ([`peers`]), because nobody else knows: the programs are not ours, and
//! generations may be of another version. Then it gets its kill signal; `server.graceful-shutdown-timeout`, if set, is an
//! end to the waiting.
//!
//! **A stranger** who listens at an address already keeps it, and nothing is started there, as in lighttpd; it is looked at
//! again at the next restart. That is also how a program goes on whose supervisor was killed.

mod change;
mod peers;
mod program;
mod resume;
mod socket;

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::program::Program;
use super::age;
use crate::control::message::{ProgramEntry, ProgramState};
use crate::plan::ProgramSpec;

pub(super) use self::change::{Address, Changed};
pub(super) use self::program::Surroundings;
pub(super) use self::resume::ProgramsState;

/// How often the kernel is asked who is connected to a retired program.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// At the very end, a program that does not end when asked to is killed after this time.
const END_LIMIT: Duration = Duration::from_secs(3);

/// All programs.
#[derive(Debug, Default)]
pub(super) struct Programs {
    /// In the order of the plan.
    current: Vec<Program>,
    /// What the restart under way changes.
    staged: Option<change::Staged>,
    retired: Vec<Retired>,
    /// Not started, because somebody else listens there.
    foreign: Vec<ProgramSpec>,
    last_id: u64,
    look_at: Option<Instant>,
}

/// A program that is configured no longer.
#[derive(Debug)]
struct Retired {
    program: Program,
    phase: Phase,
    /// The last generation that may send requests to it.
    last_user: u64,
    /// Waiting for its connections ends then.
    until: Option<Instant>,
}

/// ```text
/// Needed --no user, no connection, or time is up--> Asked --(at the very end: time is up)--> Killed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Needed,
    /// It got its kill signal then.
    Asked(#[serde(with = "age")] Instant),
    Killed,
}

/// A process that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// For the log.
    Line(String),
    /// A program of the restart under way did not live.
    Stillborn(String),
}

/// When all programs are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// When nobody is connected to them: another instance has taken the connections of ours.
    WhenAlone(Option<Duration>),
    /// Now.
    Now,
}

impl Programs {
    /// Each process with its id, to wait for their ends.
    pub(super) fn handles(&self) -> impl Iterator<Item = (u64, BorrowedFd<'_>)> {
        let staged = self.staged.iter().flat_map(change::Staged::programs);
        let retired = self.retired.iter().map(|retired| &retired.program);
        self.current
            .iter()
            .chain(staged)
            .chain(retired)
            .filter_map(|program| Some((program.id, program.handle()?)))
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let staged = self.staged.iter().flat_map(change::Staged::programs);
        let due = self
            .current
            .iter()
            .chain(staged)
            .chain(self.retired.iter().map(|retired| &retired.program))
            .filter_map(Program::due);
        due.chain(self.look_at).min()
    }

    /// Whether none is left.
    pub(super) fn are_gone(&self) -> bool {
        self.current.is_empty() && self.retired.is_empty() && self.staged.is_none()
    }

    /// The process of this program may have ended.
    pub(super) fn hear_end(&mut self, id: u64, now: Instant) -> Option<News> {
        let staged = self
            .staged
            .iter_mut()
            .flat_map(|staged| staged.programs_mut());
        let born = staged
            .chain(&mut self.current)
            .find(|program| program.id == id);
        let program = match born {
            Some(program) => program,
            None => {
                let retired = self
                    .retired
                    .iter_mut()
                    .find(|retired| retired.program.id == id)?;
                &mut retired.program
            }
        };
        let ended = program.look(now)?;
        let line = format!(
            "{} at {} ended ({})",
            program.command(),
            program.spec.place(),
            ended.exit
        );
        if self.staged.as_ref().is_some_and(|staged| staged.has(id)) {
            return Some(News::Stillborn(line));
        }
        let asked = |retired: &Retired| retired.program.id == id && retired.phase != Phase::Needed;
        if let Some(index) = self.retired.iter().position(asked) {
            self.retired.remove(index).program.socket.remove_file();
            return None;
        }
        Some(News::Line(match ended.wait.is_zero() {
            true => format!("{line}; started again"),
            false => format!("{line}; started again in {:.1} s", ended.wait.as_secs_f32()),
        }))
    }

    /// Time passes; `oldest` is the oldest generation that lives. Returns lines for the log.
    pub(super) fn tick(
        &mut self,
        oldest: Option<u64>,
        around: Surroundings<'_>,
        now: Instant,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        if self.look_at.is_some_and(|at| now >= at) {
            self.look_after_retired(oldest, now);
        }
        let staged = self
            .staged
            .iter_mut()
            .flat_map(|staged| staged.programs_mut());
        let needed = self
            .retired
            .iter_mut()
            .filter(|retired| retired.phase == Phase::Needed)
            .map(|retired| &mut retired.program);
        for program in staged.chain(&mut self.current).chain(needed) {
            if let Some(Err(error)) = program.start_if_due(around, now) {
                lines.push(format!("start {}: {error}", program.command()));
            }
        }
        lines
    }

    fn look_after_retired(&mut self, oldest: Option<u64>, now: Instant) {
        self.retired.retain_mut(|retired| {
            let Retired {
                program,
                phase,
                last_user,
                until,
            } = retired;
            let in_use = oldest.is_some_and(|oldest| oldest <= *last_user);
            if *phase == Phase::Needed {
                let patient = until.is_none_or(|until| now < until);
                if patient && (in_use || program.has_peers()) {
                    return true;
                }
                program.socket.remove_file();
                program.ask_to_end();
                *phase = Phase::Asked(now);
            }
            program.running().is_some()
        });
        self.look_at = (!self.retired.is_empty()).then(|| now + LOOK_INTERVAL);
    }

    fn retire(&mut self, program: Program, last_user: u64, limit: Option<Duration>, now: Instant) {
        self.retired.push(Retired {
            program,
            phase: Phase::Needed,
            last_user,
            until: limit.map(|limit| now + limit),
        });
        self.look_at = Some(now);
    }

    /// An instance that takes over from us may be at the same addresses.
    pub(super) fn share(&self) {
        for program in &self.current {
            program.socket.share();
        }
    }

    /// All generations are gone, for good: the programs end, too. To be called until [they are gone](Self::are_gone).
    pub(super) fn end(&mut self, farewell: Farewell, now: Instant) {
        let limit = match farewell {
            Farewell::WhenAlone(limit) => limit,
            Farewell::Now => Some(Duration::ZERO),
        };
        for mut program in std::mem::take(&mut self.current) {
            program.socket.step_aside();
            self.retire(program, 0, limit, now);
        }
        for retired in &mut self.retired {
            if farewell == Farewell::Now {
                retired.until = Some(now);
            }
            if let Phase::Asked(at) = retired.phase
                && now >= at + END_LIMIT
            {
                retired.program.kill();
                retired.phase = Phase::Killed;
            }
        }
        self.look_after_retired(None, now);
    }

    /// Ends them without a word: nobody has ever been served by them.
    pub(super) fn abandon(&mut self) {
        if let Some(staged) = self.staged.take() {
            self.current.extend(staged.into_programs());
        }
        let retired = self.retired.drain(..).map(|retired| retired.program);
        for mut program in self.current.drain(..).chain(retired) {
            program.kill();
            program.socket.step_aside();
            program.socket.remove_file();
        }
    }

    /// For `everlit status`.
    pub(super) fn entries(&self, now: Instant) -> Vec<ProgramEntry> {
        let of = |program: &Program, state: ProgramState| {
            let running = program.running();
            ProgramEntry {
                command: program.command(),
                address: program.spec.place(),
                state: match running {
                    None if state == ProgramState::Running => ProgramState::Down,
                    _ => state,
                },
                pid: running.map(|(pid, _)| pid.as_raw_nonzero().get().unsigned_abs()),
                uptime_s: running.map(|(_, since)| now.saturating_duration_since(since).as_secs()),
                restarts: program.restarts,
            }
        };
        let current = self
            .current
            .iter()
            .map(|program| of(program, ProgramState::Running));
        let foreign = self.foreign.iter().map(|spec| ProgramEntry {
            command: spec.arguments.join(" "),
            address: spec.place(),
            state: ProgramState::Foreign,
            pid: None,
            uptime_s: None,
            restarts: 0,
        });
        let retired = self.retired.iter().map(|retired| {
            of(
                &retired.program,
                match retired.phase {
                    Phase::Needed => ProgramState::Retiring,
                    Phase::Asked(_) | Phase::Killed => ProgramState::Ending,
                },
            )
        });
        current.chain(foreign).chain(retired).collect()
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
