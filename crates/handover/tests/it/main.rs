//! Integration tests: one binary, one module for each way of looking at a handover.

// clippy.toml allows this in test functions; their helpers are meant too.
#![allow(clippy::unwrap_used)]

mod channels;
mod golden;
mod pair;
mod processes;
mod untrusted;
