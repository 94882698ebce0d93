//! What the server's processes are and hold.
//!
//! In: the process from which all others descend. Out: sums over all of them; how many generations there are at a time.
//! Must hold: it is the kernel that says it.

use std::io;
use std::time::{Duration, Instant};

use crate::process;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(5);

/// Counts generations, again and again.
pub(crate) struct Census {
    supervisor: u32,
    next: Instant,
}

impl Census {
    pub(crate) fn new(supervisor: u32) -> Census {
        Census {
            supervisor,
            next: Instant::now(),
        }
    }

    /// Counts them, if it is time to; otherwise zero.
    pub(crate) fn look(&mut self, now: Instant) -> usize {
        if now < self.next {
            return 0;
        }
        self.next = now + EVERY;
        let children = process::children(self.supervisor);
        let is_generation =
            |pid: &u32| process::arguments(*pid).get(1).map(String::as_str) == Some("generation");
        match children.len() {
            // There is always one; a second child may be a check of the configuration.
            0 | 1 => children.len(),
            _ => children.into_iter().filter(is_generation).count(),
        }
    }

    /// When it is time to.
    pub(crate) fn due(&self) -> Instant {
        self.next
    }
}

/// What the processes of a server hold together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holding {
    pub(crate) processes: usize,
    pub(crate) resident_kib: u64,
    pub(crate) proportional_kib: u64,
    pub(crate) processor_time: Duration,
}

/// Adds up this process and all that descend from it.
pub(crate) fn holding(root: u32) -> io::Result<Holding> {
    let all = process::all(root);
    let mut holding = Holding {
        processes: all.len(),
        resident_kib: 0,
        proportional_kib: 0,
        processor_time: Duration::ZERO,
    };
    for pid in all {
        holding.resident_kib += process::resident_kib(pid)?;
        holding.proportional_kib += process::proportional_kib(pid)?;
        holding.processor_time += process::processor_time(pid)?;
    }
    Ok(holding)
}
