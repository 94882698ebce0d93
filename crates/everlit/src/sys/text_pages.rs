//! Pages of program text that only starting needed.
//!
//! In: nothing. Out: a smaller resident set. Must hold: only mappings of code that nothing has written to; a page that is
//! needed again is mapped again from the page cache.
#![allow(unsafe_code, reason = "madvise on mappings that Rust does not know")]

use std::ffi::c_void;

/// Unmaps the code pages of this process until they are needed again. A supervisor sleeps nearly all its life, and the
/// code of a start or a restart, mapped in large steps by the kernel, would be most of its resident memory.
pub(crate) fn forget() {
    // Without /proc it stays as it is.
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return;
    };
    for (start, end) in maps.lines().filter_map(code) {
        // SAFETY: the range is one whole mapping as the kernel has just listed it, private, of a file, executable and not
        // writable: all that can happen is that its pages are read from the file again. One thread runs, so nobody
        // unmapped it since.
        let _ = unsafe {
            rustix::mm::madvise(
                start as *mut c_void,
                end - start,
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
    }
}

/// The range of a line of `/proc/PID/maps`, if it is code of a file.
fn code(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let path = fields.nth(3)?;
    if permissions != "r-xp" || !path.starts_with('/') {
        return None;
    }
    Some((
        usize::from_str_radix(start, 16).ok()?,
        usize::from_str_radix(end, 16).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_found() {
        let line = "55d0c000-55d0f000 r-xp 00002000 fe:00 42    /usr/sbin/everlit";
        assert_eq!(code(line), Some((0x55d0_c000, 0x55d0_f000)));
        for other in [
            "55d0c000-55d0f000 r--p 00002000 fe:00 42    /usr/sbin/everlit",
            "55d0c000-55d0f000 rw-p 00002000 fe:00 42    /usr/sbin/everlit",
            "7ffd0000-7ffd2000 r-xp 00000000 00:00 0     [vdso]",
            "7ffd0000-7ffd2000 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(code(other), None, "{other}");
        }
    }

    #[test]
    fn code_runs_on() {
        forget();
        assert_eq!("1,2".split(',').count(), 2);
    }
}
