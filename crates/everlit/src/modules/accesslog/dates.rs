//! Dates as a log shows them, made once a second.

use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::Arc;

use crate::sys::local_time;

thread_local! {
    /// The last date of each format that this thread has used. There are few, and they live as long as the configuration,
    /// which is as long as the process.
    static LAST: RefCell<Vec<Last>> = const { RefCell::new(Vec::new()) };
}

struct Last {
    format: Arc<CStr>,
    seconds: u64,
    text: Vec<u8>,
}

/// Appends the local time, `seconds` after 1970, in a format of strftime(3).
pub(super) fn append(out: &mut Vec<u8>, seconds: u64, format: &Arc<CStr>) {
    LAST.with_borrow_mut(|all| {
        let known = all
            .iter()
            .position(|last| Arc::ptr_eq(&last.format, format));
        let index = known.unwrap_or_else(|| {
            all.push(Last {
                format: format.clone(),
                seconds: u64::MAX,
                text: Vec::new(),
            });
            all.len() - 1
        });
        let last = &mut all[index];
        if last.seconds != seconds {
            last.seconds = seconds;
            last.text.clear();
            local_time::format(seconds, format, &mut last.text);
        }
        out.extend_from_slice(&last.text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_own_date() {
        let (year, seconds): (Arc<CStr>, Arc<CStr>) = (c"%Y".into(), c"%S;".into());
        let mut out = Vec::new();
        for (time, format) in [
            (0, &seconds),
            (61, &seconds),
            (86_400 * 400, &year),
            (61, &seconds),
        ] {
            append(&mut out, time, format);
        }
        assert_eq!(out, b"00;01;197101;");
    }
}
