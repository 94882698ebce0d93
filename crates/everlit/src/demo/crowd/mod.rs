//! All clients together, on a thread of their own.
//!
//! In: who they are and where they go, and the story's cues. Out: figures whenever they are asked for, and all of them at
//! the end. Must hold: the crowd knows an address and nothing else of the server, so it judges any server alike.

mod floor;
mod seat;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

use super::clients::{Cue, Kind, Pace};
use super::measure::{Figures, Window};
use floor::Floor;

/// Who comes, and how.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Where everybody goes.
    pub(super) address: SocketAddr,
    /// How many of each kind stay; new connections come on top.
    pub(super) staying: Vec<(Kind, usize)>,
    /// How many new connections a second.
    pub(super) fresh_per_second: u32,
    /// How fast those are who stay.
    pub(super) pace: Pace,
    /// How long a client waits before it gives up.
    pub(super) patience: Duration,
}

impl Program {
    /// How many stay.
    pub(super) fn staying(&self) -> usize {
        self.staying.iter().map(|(_, count)| count).sum()
    }
}

/// The running clients. Dropped, they stop at once.
#[derive(Debug)]
pub(super) struct Crowd {
    orders: Option<Sender<Order>>,
    bell: Arc<OwnedFd>,
    act: Act,
    thread: Option<JoinHandle<Result<Figures, CrowdError>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Running,
    /// Told to finish; the thread may end at any moment.
    Going,
}

/// What the story tells the crowd.
enum Order {
    Cue(Cue, Sender<()>),
    NextWindow {
        at: Instant,
        awaited: Option<u32>,
        closed: Sender<Window>,
    },
    Look(Sender<Look>),
    RollCall(Sender<Vec<Staying>>),
}

/// The crowd at a glance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Open connections of those who stay.
    pub(super) staying: usize,
    /// Answers in all.
    pub(super) answered: u64,
    /// Losses in all.
    pub(super) lost: u64,
    /// The longest wait since the last restart began.
    pub(super) longest: Duration,
}

/// The connection of a client who stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Staying {
    /// The client's port.
    pub(super) port: u16,
    /// What it does.
    pub(super) kind: Kind,
}

/// The clients themselves cannot go on: no fault of the server.
#[derive(Debug)]
pub(super) enum CrowdError {
    /// The kernel refused something.
    Kernel {
        /// What.
        operation: &'static str,
        /// What it says.
        cause: io::Error,
    },
    /// Their thread ended by a defect of ours.
    Ended,
}

impl fmt::Display for CrowdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel { operation, .. } => write!(f, "run the clients: {operation}"),
            Self::Ended => f.write_str("run the clients: their thread has ended"),
        }
    }
}

impl std::error::Error for CrowdError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Kernel { cause, .. } => Some(cause),
            Self::Ended => None,
        }
    }
}

/// Names an operation of the kernel that failed.
fn kernel<E: Into<io::Error>>(operation: &'static str) -> impl FnOnce(E) -> CrowdError {
    move |cause| CrowdError::Kernel {
        operation,
        cause: cause.into(),
    }
}

impl Crowd {
    /// Lets them come.
    pub(super) fn start(program: Program) -> Result<Self, CrowdError> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(kernel("eventfd"))?;
        let bell = Arc::new(bell);
        let (orders, inbox) = mpsc::channel();
        let floor = Floor::new(program, bell.clone(), inbox)?;
        let thread = std::thread::Builder::new()
            .name("clients".to_owned())
            .spawn(move || floor.run())
            .map_err(kernel("start a thread"))?;
        Ok(Self {
            orders: Some(orders),
            bell,
            act: Act::Running,
            thread: Some(thread),
        })
    }

    /// Tells everybody where the story is; returns when they have acted on it.
    pub(super) fn cue(&mut self, cue: Cue) -> Result<(), CrowdError> {
        if cue == Cue::Finish {
            self.act = Act::Going;
        }
        self.ask(|answer| Order::Cue(cue, answer))
    }

    /// A restart is asked for at this moment: ends the window before it. Answers of configuration `awaited` come from the
    /// new process.
    pub(super) fn next_window(
        &mut self,
        at: Instant,
        awaited: Option<u32>,
    ) -> Result<Window, CrowdError> {
        self.ask(|closed| Order::NextWindow {
            at,
            awaited,
            closed,
        })
    }

    /// The crowd at a glance; `None` once they are about to go.
    pub(super) fn look(&mut self) -> Result<Option<Look>, CrowdError> {
        match self.act {
            Act::Going => Ok(None),
            Act::Running => self.ask(Order::Look).map(Some),
        }
    }

    /// Everybody who stays and is connected.
    pub(super) fn roll_call(&mut self) -> Result<Vec<Staying>, CrowdError> {
        self.ask(Order::RollCall)
    }

    /// Whether all have gone.
    pub(super) fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// All figures, when all have gone after [`Cue::Finish`]; waits for it.
    pub(super) fn figures(mut self) -> Result<Figures, CrowdError> {
        self.join()
    }

    fn ask<T>(&mut self, order: impl FnOnce(Sender<T>) -> Order) -> Result<T, CrowdError> {
        let (sender, answer) = mpsc::channel();
        let sent = self
            .orders
            .as_ref()
            .map(|orders| orders.send(order(sender)));
        ring(&self.bell);
        match (sent, answer.recv()) {
            (Some(Ok(())), Ok(answer)) => Ok(answer),
            // The thread has ended; it says why.
            _ => Err(self.join().err().unwrap_or(CrowdError::Ended)),
        }
    }

    fn join(&mut self) -> Result<Figures, CrowdError> {
        let thread = self.thread.take().ok_or(CrowdError::Ended)?;
        thread.join().map_err(|_| CrowdError::Ended)?
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // Without orders the thread ends.
        self.orders = None;
        ring(&self.bell);
        if let Some(thread) = self.thread.take() {
            // Whatever it has to say, nobody waits for it any more.
            let _ = thread.join();
        }
    }
}

fn ring(bell: &OwnedFd) {
    // It can only fail when it is ringing already.
    let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
}
