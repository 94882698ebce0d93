//! Giving memory back that only starting needed.
#![allow(
    unsafe_code,
    reason = "advice about address ranges is given by raw pointer"
)]

use std::fs;

use rustix::mm::{Advice, madvise};

/// Lets go of the code that has run so far, and of free heap. What is still needed comes back from the page cache at the
/// next use, a few pages at a time; what only read the configuration does not come back.
pub(crate) fn trim() {
    // SAFETY: no condition; it only returns free memory to the system.
    unsafe { libc::malloc_trim(0) };
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else {
        return;
    };
    for (start, end) in maps.lines().filter_map(code_of_a_file) {
        // SAFETY: the range is a private mapping of a file that is not writable and not relocated (code is position
        // independent), so its pages are equal to the file's, and the kernel reads them again when they are touched.
        let _ = unsafe { madvise(start as *mut _, end - start, Advice::LinuxDontNeed) };
    }
}

/// The address range of a line of `/proc/PID/maps`, if it is executable code from a file.
fn code_of_a_file(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()? == "r-xp";
    let is_file = fields.nth(3)?.starts_with('/');
    let range = (
        usize::from_str_radix(start, 16).ok()?,
        usize::from_str_radix(end, 16).ok()?,
    );
    (is_code && is_file).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_let_go() {
        let code = "55d0-55f0 r-xp 00001000 fe:00 123   /usr/sbin/everlit";
        assert_eq!(code_of_a_file(code), Some((0x55d0, 0x55f0)));
        for line in [
            "55d0-55f0 r--p 00001000 fe:00 123   /usr/sbin/everlit",
            "55d0-55f0 rw-p 00001000 fe:00 123   /usr/sbin/everlit",
            "7ff0-7ff1 r-xp 00000000 00:00 0   [vdso]",
            "55d0-55f0 rw-p 00000000 00:00 0",
            "",
        ] {
            assert_eq!(code_of_a_file(line), None, "{line}");
        }
    }

    #[test]
    fn what_was_let_go_comes_back() {
        trim();
        assert_eq!("1-2".split_once('-'), Some(("1", "2")));
    }
}
