//! Everlit from outside: real processes, real sockets.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may, and clippy knows only the latter"
)]

mod command_line;
mod control_socket;
mod limits;
mod restart;
mod support;
