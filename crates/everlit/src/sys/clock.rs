//! Clocks, to be read by people and other programs.
//!
//! In: nothing, or a moment. Out: local time as text, and the monotonic clock as a number that means the same to systemd and
//! to the program that we become. Must hold: nobody decides by the time on the wall.

use std::fmt;
use std::time::SystemTime;

use rustix::time::{ClockId, clock_gettime};

use super::local_time;

/// Local time, `2026-11-23 14:26:19` when displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime {
    /// Since 1970.
    seconds: u64,
}

impl LocalTime {
    /// The local time of `when`; what is before 1970 is 1970.
    pub(crate) fn of(when: SystemTime) -> Self {
        let seconds = when
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self { seconds }
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        local_time::format(self.seconds, c"%Y-%m-%d %H:%M:%S", &mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// `CLOCK_MONOTONIC` in microseconds: what `MONOTONIC_USEC=` of the readiness protocol wants, and where an `Instant` is
/// written for a program after an exec.
pub(crate) fn monotonic_microseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000
        + u64::try_from(now.tv_nsec / 1_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn local_time_is_shown_in_one_shape() {
        let text = LocalTime::of(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let text = text.to_string();
        assert_eq!(text.len(), "2023-11-14 22:13:20".len());
        assert!(text.starts_with("2023-11-1"));
    }
}
