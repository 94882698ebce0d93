//! What tests need: a directory of their own with a server in it, and clients that look at every byte.
//!
//! Must hold: nothing sleeps to wait, nothing is killed that was not started here, every port is 0.

mod client;
mod server;

pub(crate) use client::Client;
pub(crate) use server::{Built, Server, Setup, send};

use std::time::Duration;

/// Far longer than anything takes; only so that a failing test ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
