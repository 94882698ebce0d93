//! Scripts at work.
//!
//! In the order of what happens: `interpreter` has the scripts of a worker and runs them, `script` is one of them, `board` is
//! what they see of an exchange, `lighty` the table through which they see it, `functions` and `stat` what else that offers.
//! `body`, `fields` and `coding` know nothing of Lua. Must hold: an exchange that no script is configured for never comes here.

mod board;
mod body;
mod coding;
mod fields;
mod functions;
mod interpreter;
mod lighty;
mod script;
mod stat;
#[cfg(test)]
mod tests;

pub(super) use board::Stage;
pub use interpreter::Scripts;
pub(super) use interpreter::run;

/// Who speaks in the error log.
const NAME: &str = "mod_magnet";

/// `lighty.RESTART_REQUEST`
const RESTART: i64 = 99;

/// A request that is restarted more often than this runs in circles.
const MOST_RESTARTS: u8 = 9;
