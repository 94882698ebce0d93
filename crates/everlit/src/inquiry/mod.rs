//! Questions that take time: slow hashes of passwords, directories, databases.
//!
//! In: a hook's [`Question`]. Out: an [`Answer`], later, while other requests are served. Must hold: a hook never waits; a
//! request that waits is an unread request, so that it moves like one; nobody's question is lost, and none is asked twice at
//! the same time by one worker.
//!
//! A hook that wants to know something looks into [`Answers`]. If it is not there, the hook says what is to be asked, and
//! [`Flow::Wait`](crate::exchange::Flow::Wait). The request is put off: all that was read of it, head and all, goes back to
//! the connection, as if it had just arrived and nobody had looked. When there is an answer the request is read again and
//! goes through the modules from the start; this time the hook finds what it wants.
//!
//! ```text
//!                   the first asks            a thread has answered
//!   one question: unknown ------> pending ------------------------> known
//!                    ^              | all who wait are gone           | its life is over
//!                    +--------------+---------------------------------+
//!
//!                         put off            answered, or out of patience
//!   one request:   read ---------> Asking -------------------------------> read again
//!                                     | handover
//!                                     +--> frozen like half a head; the successor reads it, and asks itself
//! ```
//!
//! What may happen to a request that waits: *an answer* is put among the answers before anybody who waits for it is woken,
//! so each finds it. *No answer in time*: the question's own last answer is put there instead (for most: that there is no
//! knowing), and the request is read again. *The pool is full*: the same, in the worker's next turn. *The client is gone*:
//! its place among those who wait is given up; if nobody else waits, a question that no thread has taken up yet is dropped.
//! *A handover*: as if the client were gone; the successor asks anew. *A second question of the same request* (a password,
//! then a document root) is put off again, with a patience of its own; there are no more of them than hooks.
//!
//! An answer lives for some seconds at least, because one request may need it more than once: an authorizer's yes sends it
//! through the modules again. A request that already has an answer from a backend cannot be put off any more: should it
//! raise a question then, it gets 503 (`Desk::again`).
//!
//! Keys of questions are made with a secret of the worker's own and cannot be turned back into passwords. Passwords are in
//! memory that is wiped when it is given back: while a request waits, and while a thread works.

mod answers;
mod pending;
mod pool;

use std::time::Duration;

pub use answers::{Answers, Key};
pub use pending::{Joined, Pending};
pub use pool::{Pool, Reply, Task, strand};

/// Something to be found out.
pub struct Question {
    /// Names it: the same key, the same answer.
    pub key: Key,
    /// How it is found out.
    pub work: Work,
    /// How long an answer is believed.
    pub lives: Lives,
}

/// How an answer is found.
pub enum Work {
    /// By a thread that may take its time.
    Job(Job),
    /// By waiting: unless somebody else answers before, it is this after so many seconds.
    Time(u16, Answer),
}

/// Work for a thread of the pool. What it holds of secrets it wipes itself.
pub type Job = Box<dyn FnOnce() -> Answer + Send>;

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes; and what goes with it, if anything does.
    Yes(Vec<u8>),
    /// No, or nothing there.
    No,
    /// There is no knowing now: nobody could be asked.
    Unavailable,
}

/// How long answers are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lives {
    /// A yes.
    pub yes: Duration,
    /// A no.
    pub no: Duration,
}

/// How long it is believed that there is no knowing.
const UNAVAILABLE: Duration = Duration::from_secs(1);

impl Lives {
    /// For what may change any time: as long as one exchange may need it.
    pub const SHORT: Lives = Lives {
        yes: Duration::from_secs(10),
        no: Duration::from_secs(1),
    };

    /// How long this one is.
    pub fn of(self, answer: &Answer) -> Duration {
        match answer {
            Answer::Yes(_) => self.yes,
            Answer::No => self.no,
            Answer::Unavailable => UNAVAILABLE,
        }
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Question")
    }
}
