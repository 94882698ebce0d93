//! What tests from outside are made of: servers that are real processes, a client that hides nothing, documents.
//!
//! Must hold: nobody sleeps. Whatever is waited for is bytes, the end of a stream, or the end of a process, and
//! [`PATIENCE`] ends a test that waits in vain.

pub mod documents;
pub mod http;
pub mod servers;

use std::time::Duration;

/// So long may a single step take on the slowest machine before the test fails. Never reached when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);
