//! Everlit, a web server whose restarts nobody notices.

// Between processes.
pub mod inherit;
pub mod link;
pub mod plan;
pub mod source;
pub mod tally;

pub(crate) mod sys;
