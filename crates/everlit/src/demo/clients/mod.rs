//! The clients: what each kind says and expects, without any socket.
//!
//! In: [`Event`]s with the time. Out: [`Next`] steps, figures, and losses as errors. Must hold: a client knows only what
//! the network shows it; nothing the server says about itself counts.

mod answer;
mod exchange;

// The kinds, from the simplest on.
mod fresh;

mod busy;

mod idle;

mod half;

mod download;

use std::fmt;
use std::time::{Duration, Instant};

pub(super) use answer::Flaw;
use serde::Serialize;

use super::measure::{Figures, Loss};

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Comes, asks once, goes.
    Fresh,
    /// Asks again and again on one connection.
    Busy,
    /// Asks at the beginning and at the end, and keeps the connection open between.
    Idle,
    /// Sends half a request before each restart and the other half after it, on one connection.
    Half,
    /// Reads a large file slowly.
    Download,
}

impl Kind {
    /// What such a client is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fresh => "new connection",
            Self::Busy => "busy connection",
            Self::Idle => "idle connection",
            Self::Half => "half-sent request",
            Self::Download => "slow download",
        }
    }

    /// What many such clients do.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Fresh => "new connections with one request each",
            Self::Busy => "busy connections: stay open, and ask again and again",
            Self::Idle => "idle connections: stay open, and ask at the beginning and the end",
            Self::Half => "half-sent requests: the rest is sent after the restart",
            Self::Download => "slow downloads of 64 MiB",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What happens to a client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event<'a> {
    /// The connection is there.
    Connected,
    /// Bytes arrived, at least one.
    Bytes(&'a [u8]),
    /// The time it asked for has come.
    Time,
    /// The story goes on.
    Cue(Cue),
}

/// Where the story is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// A restart is about to begin.
    BeforeRestart,
    /// A restart is over.
    AfterRestart,
    /// No restart will follow: finish what was begun, and go.
    Finish,
}

/// What a client does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing, until something happens.
    Wait,
    /// Sends these bytes.
    Send(Vec<u8>),
    /// It has what it wanted, and closes its connection.
    Close,
}

/// One client. An error is a loss: the connection is of no use any more.
pub(super) trait Client: fmt::Debug + Send {
    /// Something happened.
    fn on(&mut self, event: Event<'_>, now: Instant, figures: &mut Figures) -> Result<Next, Loss>;

    /// Since when it has been waiting for the server; `None` if it is not.
    fn waiting_since(&self) -> Option<Instant>;

    /// Whether it has begun something that the server must finish.
    fn stage(&self) -> Stage;

    /// When it wants to hear of the time.
    fn wake_at(&self) -> Option<Instant> {
        None
    }

    /// How many bytes it wants to read now.
    fn appetite(&self) -> usize {
        usize::MAX
    }
}

/// Where a connection is, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A request was begun, or the connection itself.
    UnderWay,
    /// Between two requests.
    Between,
}

/// How fast clients are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// From one request of a busy connection to the next.
    pub(super) busy_every: Duration,
    /// Bytes a second of each download.
    pub(super) download_rate: u64,
}

/// A client that begins now.
pub(super) fn client(kind: Kind, pace: &Pace, now: Instant) -> Box<dyn Client> {
    match kind {
        Kind::Fresh => Box::new(fresh::Fresh::new(now)),
        Kind::Busy => Box::new(busy::Busy::new(pace.busy_every, now)),
        Kind::Idle => Box::new(idle::Idle::new(now)),
        Kind::Half => Box::new(half::Half::new(now)),
        Kind::Download => Box::new(download::Download::new(pace.download_rate, now)),
    }
}

#[cfg(test)]
mod script;
