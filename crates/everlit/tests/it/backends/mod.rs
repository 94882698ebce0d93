//! Backends that misbehave, and restarts in the middle of what they do. One module a misbehaviour.
//!
//! The test itself is the backend: it accepts the connection that the server makes, reads the request and sends what it
//! likes, step by step, so that nothing depends on time.

mod ajp;
pub mod backend;

mod breakage;
mod broken;
mod bulk;
mod early;
mod everybody;
mod failures;
mod garbage;
mod hangups;
mod interim;
mod lengths;
mod refusing;
pub mod restart;
mod restart_programs;
mod restart_tunnels;
mod scripts;
mod second;
mod silent;
mod slow;
mod stalls;
mod tunnels;
mod variables;
mod versions;
