//! Requests and replies, as they stand in their lines.
//!
//! In and out: [`Request`] and [`Reply`], one JSON object a line, each with the version `v`. Must hold: a reader ignores
//! fields that it does not know; a request of another version is refused by name, not misread.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::link::GenerationStatus;
use crate::tally::Tally;

/// Version of requests and replies.
pub const VERSION: u32 = 1;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Request {
    /// How are you? Answered by [`Reply::Status`].
    Status,
    /// Restart gracefully. Answered by [`Reply::Reloaded`].
    Reload {
        /// When to answer.
        #[serde(default)]
        until: Until,
    },
    /// Stop. Answered by [`Reply::Stopped`].
    Stop {
        /// How.
        #[serde(default)]
        how: Stop,
    },
    /// Open log files anew, and read certificates. Answered by [`Reply::Reopened`].
    ReopenLogs,
    /// Give me your listening sockets: I am your successor. Answered by [`Reply::Takeover`].
    Takeover,
    /// Hand everything over through the descriptor that comes with this line. Only after [`Request::Takeover`] on the same
    /// connection. Answered by [`Reply::Progress`] lines and [`Reply::Left`] or [`Reply::Resumed`].
    Leave {
        /// Ends the drain of what cannot be moved, in milliseconds; none: no limit.
        #[serde(default)]
        drain_limit_ms: Option<u64>,
    },
}

/// How long a reload's caller wants to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// Until the old generation is gone.
    #[default]
    Gone,
    /// Until everything that can move has moved, even if some connections are still drained by the old generation.
    Moved,
}

/// How to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// What was begun is finished.
    #[default]
    Graceful,
    /// At once; connections are cut.
    Now,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Not final: what is going on.
    Progress(Progress),
    /// Answer to [`Request::Status`].
    Status(Box<Status>),
    /// The restart succeeded.
    Reloaded(Box<Report>),
    /// Everything is finished; the process ends now.
    Stopped {
        /// What became of connections.
        tally: Tally,
    },
    /// Logs were reopened.
    Reopened {
        /// Files opened.
        files: usize,
        /// Files that could not be opened, with reasons; their old descriptors stay in use.
        failed: Vec<String>,
    },
    /// Here are the listening sockets; descriptors come with this line, one for each name. More such lines may follow.
    Takeover(Takeover),
    /// Everything was handed over or finished; or, to a successor that has not yet asked for [`Request::Leave`], what is
    /// left is finished without it.
    Left {
        /// Final figures.
        tally: Tally,
    },
    /// The handover failed, and the old instance serves on.
    Resumed {
        /// What had been moved until then.
        tally: Tally,
        /// Why.
        reason: String,
    },
    /// The request failed or was refused. What was in force still is; only [`RefusalKind::RestartFailed`] may have cost
    /// something, which its text then says: connections that a new generation had taken when it died.
    Error(Refusal),
}

impl Reply {
    /// Whether nothing more follows for this request.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Progress(_) => false,
            Self::Takeover(takeover) => takeover.last,
            _ => true,
        }
    }
}

/// What is going on, for whoever waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Progress {
    /// Another restart runs; this one is next.
    Queued,
    /// The configuration is read by the new binary.
    Checking,
    /// The new generation starts.
    Starting {
        /// Its number.
        generation: u64,
    },
    /// The new generation serves; the old one hands its connections over.
    Moving {
        /// Moved and finished so far.
        tally: Tally,
        /// Not yet moved.
        waiting: u64,
        /// Cannot be moved; they finish where they are.
        draining: u64,
    },
    /// Stopping: still available for a successor for so long.
    Lingering {
        /// Milliseconds.
        remaining_ms: u64,
    },
}

/// What was handed to a successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Takeover {
    /// Names of the listeners (`0.0.0.0:80`), in the order of the descriptors.
    pub listeners: Vec<String>,
    /// Number of the generation that will leave.
    pub generation: u64,
    /// Version of its binary.
    pub version: String,
    /// Who answers: a supervisor's process, or the orphaned generation's.
    pub pid: u32,
    /// No more such lines follow.
    pub last: bool,
}

/// How an instance is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What configuration it runs: a path, or a name.
    pub configuration: String,
    /// Version of the supervisor's binary.
    pub version: String,
    /// Process of the supervisor; none when it is dead and a generation answers for itself.
    pub supervisor_pid: Option<u32>,
    /// Seconds since the instance was started, over all its restarts.
    pub uptime_s: u64,
    /// What it is doing.
    pub activity: Activity,
    /// Its generations, the serving one first.
    pub generations: Vec<GenerationEntry>,
    /// Where it listens.
    pub listeners: Vec<ListenerEntry>,
    /// Programs that it keeps running for backends (`bin-path`).
    #[serde(default)]
    pub programs: Vec<ProgramEntry>,
    /// Outcome of the last restart, in words; none if there was none.
    pub last_restart: Option<LastRestart>,
    /// Resident memory of the supervisor in KiB.
    pub supervisor_rss_kib: Option<u64>,
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Its first generation is not ready yet.
    Starting,
    /// Serving.
    Serving,
    /// Serving, and a restart is under way.
    Restarting,
    /// Stopped gracefully, and available for a successor.
    Lingering,
    /// Finishing what was begun.
    Stopping,
    /// Its generation crashed and is not replaced yet.
    Down,
    /// Its supervisor is dead; the generation serves on alone.
    Orphaned,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Restarting => "restarting",
            Self::Lingering => "stopping, and waiting for a successor",
            Self::Stopping => "stopping",
            Self::Down => "down: its generation crashed",
            Self::Orphaned => "serving without a supervisor",
        })
    }
}

/// One generation in a [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationEntry {
    /// Its number.
    pub number: u64,
    /// Its process.
    pub pid: u32,
    /// Version of its binary.
    pub version: String,
    /// `starting`, `ready`, `serving`, `leaving`.
    pub state: String,
    /// Seconds since it was started.
    pub uptime_s: u64,
    /// Its own figures; none if it did not answer in time.
    pub figures: Option<GenerationStatus>,
}

/// One listener in a [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerEntry {
    /// As configured.
    pub name: String,
    /// As bound: with the port that the kernel chose, if the configured one is 0.
    pub address: String,
}

/// One program of a `bin-path` in a [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEntry {
    /// What was started: file and arguments.
    pub command: String,
    /// Where it listens.
    pub address: String,
    /// What it is doing.
    pub state: ProgramState,
    /// Its process; none if it is not running, or is not ours.
    pub pid: Option<u32>,
    /// Seconds since this process was started; none without a process of ours.
    pub uptime_s: Option<u64>,
    /// How often it was started again after it had ended.
    pub restarts: u32,
}

/// What a program is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramState {
    /// Running.
    Running,
    /// It ended, and is started again in a moment.
    Down,
    /// No longer configured: it finishes what it has, and is then asked to end.
    Retiring,
    /// Asked to end.
    Ending,
    /// Somebody else listens at its address, so it was not started.
    Foreign,
}

impl fmt::Display for ProgramState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Down => "down: it ended, and is started again",
            Self::Retiring => "no longer configured, and finishing",
            Self::Ending => "asked to end",
            Self::Foreign => "not started: somebody else listens there",
        })
    }
}

/// How the last restart ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRestart {
    /// Seconds ago.
    pub ago_s: u64,
    /// In words.
    pub outcome: String,
    /// Whether it succeeded.
    pub succeeded: bool,
}

/// What a restart did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Number of the old generation; none at a first start or after a crash.
    pub from: Option<u64>,
    /// Number of the new one.
    pub to: u64,
    /// Version of the old binary.
    pub from_version: Option<String>,
    /// Version of the new one.
    pub to_version: String,
    /// What became of connections.
    pub tally: Tally,
    /// How the old generation ended.
    pub farewell: Farewell,
    /// From the request until the new generation was ready, in milliseconds.
    pub ready_ms: u64,
    /// From then until the old process was gone; none while it is not.
    pub gone_ms: Option<u64>,
    /// From the request until this report.
    pub total_ms: u64,
    /// Whether the supervisor runs the new binary too.
    pub supervisor: SupervisorRenewal,
    /// Warnings about the configuration.
    pub warnings: Vec<String>,
}

/// How an old generation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Farewell {
    /// There was none.
    Nobody,
    /// It said goodbye.
    Left,
    /// It still finishes this many connections.
    Draining(u64),
    /// It ended without a goodbye.
    Died {
        /// Connections lost with it, if that is known.
        lost: Option<u64>,
        /// How it ended, in words.
        how: String,
    },
}

/// Whether the supervisor runs the new binary too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupervisorRenewal {
    /// It re-executed itself.
    Renewed,
    /// It stays as it is, for this reason.
    Kept(String),
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub kind: RefusalKind,
    /// For people; may have several lines.
    pub message: String,
    /// Process that a person might want to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// Why a request failed, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// The line is no request of this version.
    BadRequest,
    /// Takeover from an instance that serves and was not asked to stop.
    Serving,
    /// The instance is stopping; it is too late for this.
    Stopping,
    /// The restart failed; the old generation serves on, or is replaced if it died as well.
    RestartFailed,
    /// Not possible without a supervisor.
    Orphaned,
}

/// A line: version and content.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    #[serde(flatten)]
    content: T,
}

/// Only the version of a line.
#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

/// Why a line cannot be understood: the other side's fault.
#[derive(Debug)]
pub enum MessageError {
    /// Another version.
    Version(u32),
    /// Not what it should be.
    Json(serde_json::Error),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "control socket: version {version} is not spoken here, version {VERSION} is"
            ),
            // Shown to people at the other end, who have no `source()`.
            Self::Json(cause) => write!(f, "control socket: not understood: {cause}"),
        }
    }
}

impl std::error::Error for MessageError {}

/// A line for this content, with its line feed.
pub fn encode<T: Serialize>(content: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(&Versioned {
        v: VERSION,
        content,
    })
    .expect("plain data with string keys always becomes JSON");
    line.push(b'\n');
    line
}

/// The content of a line.
pub fn decode<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, MessageError> {
    // First the version alone: content of another version may be of any shape.
    let VersionOnly { v } = serde_json::from_slice(line).map_err(MessageError::Json)?;
    if v != VERSION {
        return Err(MessageError::Version(v));
    }
    let versioned: Versioned<T> = serde_json::from_slice(line).map_err(MessageError::Json)?;
    Ok(versioned.content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_look_as_documented() {
        assert_eq!(
            encode(&Request::Reload { until: Until::Gone }),
            b"{\"v\":1,\"op\":\"reload\",\"until\":\"gone\"}\n"
        );
        assert_eq!(
            decode::<Request>(br#"{"v":1,"op":"reload"}"#).unwrap(),
            Request::Reload { until: Until::Gone }
        );
        assert_eq!(
            decode::<Request>(br#"{"v":1,"op":"status","later":[1]}"#).unwrap(),
            Request::Status
        );
    }

    #[test]
    fn another_version_is_named() {
        assert!(matches!(
            decode::<Request>(br#"{"v":2,"op":"what-is-this"}"#),
            Err(MessageError::Version(2))
        ));
        assert!(matches!(
            decode::<Request>(br#"{"v":1,"op":"what-is-this"}"#),
            Err(MessageError::Json(_))
        ));
        assert!(decode::<Request>(b"GET / HTTP/1.1").is_err());
    }

    #[test]
    fn replies_survive_the_way() {
        let reply = Reply::Progress(Progress::Moving {
            tally: Tally::default(),
            waiting: 3,
            draining: 1,
        });
        assert!(!reply.is_final());
        assert_eq!(decode::<Reply>(&encode(&reply)).unwrap(), reply);
        let reply = Reply::Error(Refusal {
            kind: RefusalKind::Serving,
            message: "no".to_owned(),
            pid: Some(7),
        });
        assert!(reply.is_final());
        assert_eq!(decode::<Reply>(&encode(&reply)).unwrap(), reply);
    }
}
