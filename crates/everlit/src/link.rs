//! The private line between a supervisor and its generation: the messages.
//!
//! A `SOCK_SEQPACKET` socketpair; one message is one JSON object and the descriptors that belong to it. The generation
//! finds its end among the descriptors it was started with, under the name [`LINK_NAME`].
//! Must hold: a closed line with nothing said before means that the supervisor died; the generation serves on.

mod line;

use serde::{Deserialize, Serialize};

use crate::tally::Tally;

pub use line::{DESCRIPTORS_MAX, Line, LineError, Received};

/// Name (`LISTEN_FDNAMES`) of the generation's end of the line.
pub const LINK_NAME: &str = "everlit-link";
/// Name of the socket on which a generation takes over from its predecessor.
pub const HANDOVER_NAME: &str = "everlit-handover";
/// Name of the listening control socket, which a generation serves only when its supervisor is dead.
pub const CONTROL_NAME: &str = "everlit-control";
/// Name of a memory file with the configuration's text, for configurations that are not in a file.
pub const CONFIG_NAME: &str = "everlit-config";
/// Name of a socket that is only bound, because the predecessor serves an overlapping address: the generation listens.
pub const BOUND_NAME: &str = "everlit-bound";
/// Name of a listening socket that is served.
pub const LISTEN_NAME: &str = "everlit-listen";
/// Name of a listening socket that is no longer configured: its accept queue is served, then it is closed.
pub const RETIRE_NAME: &str = "everlit-retire";
/// Environment variable with the number of the generation.
pub const GENERATION_VARIABLE: &str = "EVERLIT_GENERATION";

/// Longest message in bytes.
pub const MESSAGE_MAX: usize = 64 * 1024;

/// From the supervisor to its generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToGeneration {
    /// Hand everything over through the one descriptor that comes with this message, then exit.
    Leave {
        /// Ends the drain of what cannot be moved, in milliseconds from now; `None`: no limit.
        drain_limit_ms: Option<u64>,
    },
    /// Stop gracefully: no successor takes connections. They finish what they have begun; answered by `Progress` and
    /// `Left`, as `Leave` is.
    Quit {
        /// What to do with the listening sockets.
        listeners: Listeners,
        /// Names of those that somebody else keeps open for who comes next (systemd does): no client is turned away
        /// there, what is not accepted waits.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kept: Vec<String>,
        /// As in `Leave`.
        drain_limit_ms: Option<u64>,
    },
    /// Log files were opened anew by the supervisor: one descriptor for each path, in this order.
    Logs {
        /// Paths as in [`crate::plan::Plan::logs`].
        paths: Vec<String>,
    },
    /// Files with certificates and keys have changed, perhaps: the one descriptor is of a memory file with what they contain
    /// ([`crate::tls::snapshot::Snapshot`]).
    Certificates,
    /// Tell how you are: answered by [`FromGeneration::Status`].
    Status,
}

/// What a generation that quits does with its listening sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listeners {
    /// Nobody else serves them: close them losslessly.
    Close,
    /// Another generation serves the same sockets: only stop accepting from them.
    Leave,
}

/// From a generation to its supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromGeneration {
    /// While leaving: so much is done, so many connections are still here.
    Progress {
        /// So far.
        tally: Tally,
        /// Still on their way, or waiting for a quiet point.
        waiting: u64,
        /// Cannot be moved; they finish here.
        draining: u64,
    },
    /// Everything is handed over or finished; the process exits now.
    Left {
        /// Final figures.
        tally: Tally,
    },
    /// The successor failed; what it had not taken is here again and this generation serves as before. Never said after a
    /// `Progress` with nothing `waiting`: from then on the handover is over, and only draining is left.
    Resumed {
        /// Figures of what had been moved until then.
        tally: Tally,
        /// Why, in words.
        reason: String,
    },
    /// It cannot do what [`ToGeneration::Leave`] asks, because it is leaving or stopping already; nothing has changed.
    Refused {
        /// Why, in words.
        reason: String,
    },
    /// Answer to [`ToGeneration::Status`].
    Status(GenerationStatus),
}

/// A generation's own figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationStatus {
    /// Open connections.
    pub connections: u64,
    /// Requests answered since this process started.
    pub requests: u64,
    /// Connections that were taken over from the predecessor.
    pub taken: u64,
    /// Worker threads.
    pub workers: u32,
}
