//! How many descriptors this process may have.

use std::error::Error;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not idle connections: the other clients, those just being opened or closed, files.
const OTHERS: u64 = 4096;

/// Raises the limit as far as the system lets us, and returns it. The server inherits it.
pub(crate) fn raise() -> Result<u64, Box<dyn Error>> {
    let before = getrlimit(Resource::Nofile);
    let most: u64 = std::fs::read_to_string("/proc/sys/fs/nr_open")?
        .trim()
        .parse()?;
    // With the privilege beyond the hard limit, without it up to that.
    for limit in [Some(most), before.maximum] {
        let wanted = Rlimit {
            current: limit,
            maximum: limit,
        };
        if setrlimit(Resource::Nofile, wanted).is_ok() {
            return Ok(limit.unwrap_or(most));
        }
    }
    Ok(before.current.unwrap_or(1024))
}

/// Idle connections that fit below a limit.
pub(crate) fn room_for_idlers(limit: u64) -> usize {
    limit.saturating_sub(OTHERS) as usize
}

/// Whether so many idle connections fit below a limit.
pub(crate) fn check(idle: usize, limit: u64) -> Result<(), String> {
    if idle > room_for_idlers(limit) {
        return Err(format!(
            "{idle} idle connections do not fit below the limit of {limit} descriptors; raise `ulimit -n`"
        ));
    }
    Ok(())
}
