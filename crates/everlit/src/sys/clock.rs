//! The clock on the wall.
//!
//! In: nothing. Out: local time as text, and the monotonic microseconds that systemd wants. Must hold: nothing decides by
//! these; they are for reading and reporting.
#![allow(unsafe_code, reason = "rustix has no localtime_r")]

use std::fmt;
use std::time::SystemTime;

use rustix::time::{ClockId, clock_gettime};

/// Local time, `2026-11-23 14:26:19` when displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime {
    year: i32,
    month: i32,
    day: i32,
    hour: i32,
    minute: i32,
    second: i32,
}

impl LocalTime {
    /// The local time of `when`; the epoch if the time zone cannot express it.
    pub(crate) fn of(when: SystemTime) -> Self {
        let seconds = when
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let seconds = libc::time_t::try_from(seconds).unwrap_or(libc::time_t::MAX);
        let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
        // SAFETY: both pointers are valid for the call, and `tm` is plain data for which all zeroes are a value.
        let parts = unsafe {
            libc::localtime_r(&raw const seconds, parts.as_mut_ptr());
            parts.assume_init()
        };
        Self {
            year: parts.tm_year + 1900,
            month: parts.tm_mon + 1,
            day: parts.tm_mday,
            hour: parts.tm_hour,
            minute: parts.tm_min,
            second: parts.tm_sec,
        }
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }
}

/// `CLOCK_MONOTONIC` in microseconds, as `MONOTONIC_USEC=` of the readiness protocol wants it.
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
