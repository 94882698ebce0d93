//! One generation: a process that serves everything, and can hand everything on.
//!
//! In: descriptors it was started with, and a configuration. Out: answers to clients, connections to its successor, and
//! an exit code. Must hold: it says ready only when nothing that could fail is left to do; privileges are dropped before
//! the first connection is accepted.

mod crew;
mod dumps;
mod endpoints;
mod giving;
mod lead;
mod logs;
mod minding;
mod notify;
mod recorder;
mod single;
mod start;
mod stdin;
mod taking;

pub use single::serve_one;
pub use start::run;
pub use stdin::{Caller, StdinError};

/// What we call ourselves in a handover.
fn software() -> String {
    format!("everlit {}", crate::version::version())
}
