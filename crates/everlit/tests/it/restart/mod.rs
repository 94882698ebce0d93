//! Restarts, row by row of doc/restart.md: what happens, and what happens if it fails.

mod activation;
mod failures;
mod outcome;
mod takeover;
mod whole;
