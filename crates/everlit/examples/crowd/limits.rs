//! How many descriptors this process may have.

use std::error::Error;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

/// Idle connections that fit below a limit, beside so many other descriptors of the server.
pub(crate) fn idle_that_fit(limit: u64, others: usize) -> usize {
    (limit as usize).saturating_sub(others)
}

/// Whether so many idle connections fit.
pub(crate) fn check(idle: usize, limit: u64, others: usize) -> Result<(), String> {
    if idle > idle_that_fit(limit, others) {
        return Err(format!(
            "{idle} idle connections and {others} other descriptors do not fit below the limit of {limit} for a process; \
             raise `ulimit -Hn` (beyond the hard limit only with CAP_SYS_RESOURCE)"
        ));
    }
    Ok(())
}
