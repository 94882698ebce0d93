//! Dates in the local time zone.
//!
//! `/etc/localtime`, or `TZ`, is read by the C library when [`read_time_zone`] is called, and not again.
#![allow(
    unsafe_code,
    reason = "time zones are the C library's business; it needs no second copy of their rules"
)]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::sync::Once;

/// Longest date that is made.
const ROOM: usize = 512;

/// Reads the time zone. To be called before a chroot; later calls do nothing.
pub(crate) fn read_time_zone() {
    static ONCE: Once = Once::new();
    // SAFETY: it only reads the environment, which nobody in this program changes.
    ONCE.call_once(|| unsafe { tzset() });
}

unsafe extern "C" {
    /// tzset(3); the `libc` crate does not have it.
    fn tzset();
}

/// Appends a moment, in seconds since 1970, in a format of strftime(3).
pub(crate) fn format(seconds: u64, format: &CStr, out: &mut Vec<u8>) {
    let seconds = libc::time_t::try_from(seconds).unwrap_or(libc::time_t::MAX);
    read_time_zone();
    let mut parts = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are valid for the call.
    let made = unsafe { libc::localtime_r(&raw const seconds, parts.as_mut_ptr()) };
    if !made.is_null() {
        // SAFETY: the call above has filled them in.
        append(unsafe { parts.assume_init_ref() }, format, out);
    }
}

/// The same, in UTC.
pub(crate) fn format_utc(seconds: u64, format: &CStr, out: &mut Vec<u8>) {
    let seconds = libc::time_t::try_from(seconds).unwrap_or(libc::time_t::MAX);
    let mut parts = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are valid for the call.
    let made = unsafe { libc::gmtime_r(&raw const seconds, parts.as_mut_ptr()) };
    if !made.is_null() {
        // SAFETY: the call above has filled them in.
        append(unsafe { parts.assume_init_ref() }, format, out);
    }
}

fn append(parts: &libc::tm, format: &CStr, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + ROOM, 0);
    // SAFETY: `out` has ROOM bytes after `start`, and the format ends with a NUL.
    let length = unsafe {
        libc::strftime(
            out[start..].as_mut_ptr().cast(),
            ROOM,
            format.as_ptr(),
            std::ptr::from_ref(parts),
        )
    };
    out.truncate(start + length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_its_parts_and_a_zone() {
        let mut out = b"at ".to_vec();
        format(86_400 * 400, c"%Y %z", &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("at 1971 "), "{text}");
        assert_eq!(text.len(), "at 1971 +0000".len());
    }

    #[test]
    fn a_date_that_is_too_long_is_left_out() {
        let mut out = b"x".to_vec();
        let long = std::ffi::CString::new("%A".repeat(300)).unwrap();
        format(0, &long, &mut out);
        assert_eq!(out, b"x");
    }
}
