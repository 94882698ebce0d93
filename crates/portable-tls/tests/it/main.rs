//! Integration tests: one binary, one module for each way of looking at a session.

// clippy.toml allows this in test functions; their helpers are meant too.
#![allow(clippy::unwrap_used, missing_docs)]

mod handshakes;
mod memory;
mod moves;
mod openssl;
mod support;
mod tickets;
