//! Everlit, a web server whose restarts nobody notices.

// The way of a request.
pub mod http1;
pub mod route;

// Between processes.
pub mod control;
pub mod inherit;
pub mod link;
pub mod plan;
pub mod source;
pub mod tally;

pub(crate) mod sys;
