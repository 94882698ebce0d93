//! What tests need: a directory of their own with a server in it, clients that look at every byte, documents.
//!
//! Must hold: nobody sleeps to wait: what is waited for is bytes, the end of a stream, or the end of a process, and
//! [`PATIENCE`] ends a test that waits in vain. Nothing is killed that was not started here; every port is 0.

pub mod documents;
pub mod http;
#[cfg(feature = "maxminddb")]
pub mod mmdb;
pub mod servers;
pub mod tls;
pub mod transport;
pub mod unpack;

mod client;
mod server;

pub(crate) use client::Client;
pub(crate) use server::{Built, Server, Setup, children, halt, send};

use std::time::Duration;

/// Far longer than a single step takes on the slowest machine; only so that a failing test ends.
pub const PATIENCE: Duration = Duration::from_secs(60);
