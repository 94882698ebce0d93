//! Giving memory back that only starting needed.
//!
//! In: nothing. Out: a smaller resident set. Must hold: only free heap, and mappings of files that nothing has written to; a
//! page that is needed again is mapped again from the page cache.
#![allow(
    unsafe_code,
    reason = "advice about address ranges is given by raw pointer"
)]

use std::fs;

use rustix::mm::{Advice, madvise};

/// Lets go of the code and constants that were used so far, and of free heap. What is still needed comes back from the
/// page cache at the next use, a few pages at a time; what only read the configuration does not come back.
pub(crate) fn trim() {
    // SAFETY: no condition; it only returns free memory to the system.
    unsafe { libc::malloc_trim(0) };
    // Without /proc it stays as it is.
    let Ok(text) = fs::read_to_string("/proc/self/smaps") else {
        return;
    };
    for (start, end) in untouched(&text) {
        // SAFETY: the range is a private mapping of a file, not writable, and without a page of its own (relocated data
        // would be one), so its pages are equal to the file's, and the kernel reads them again when they are touched.
        let _ = unsafe { madvise(start as *mut _, end - start, Advice::LinuxDontNeed) };
    }
}

/// Ranges in the text of `/proc/PID/smaps` that hold nothing but what is in their files.
fn untouched(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut candidate: Option<(usize, usize)> = None;
    // `Anonymous:` stands before `Swap:` in each entry.
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        match (fields.next(), fields.next()) {
            (Some("Anonymous:"), Some(size)) if size != "0" => candidate = None,
            (Some("Swap:"), Some("0")) => found.extend(candidate.take()),
            (Some("Swap:"), _) => candidate = None,
            (Some(name), _) if name.ends_with(':') => {}
            _ => candidate = read_only_file(line),
        }
    }
    found
}

/// The range that the first line of an entry names, if it is a private mapping of a file that cannot be written to.
fn read_only_file(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let path = fields.nth(3)?;
    if !matches!(permissions, "r-xp" | "r--p") || !path.starts_with('/') {
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

    fn entry(permissions: &str, path: &str, anonymous: u32, swap: u32) -> String {
        format!(
            "55d0c000-55d0f000 {permissions} 00002000 fe:00 42    {path}\nRss: 12 kB\nAnonymous: {anonymous} kB\n\
             Swap: {swap} kB\nVmFlags: rd ex mr mw me\n"
        )
    }

    #[test]
    fn only_what_is_as_in_its_file_is_found() {
        let range = (0x55d0_c000, 0x55d0_f000);
        let everlit = "/usr/sbin/everlit";
        assert_eq!(untouched(&entry("r-xp", everlit, 0, 0)), [range]);
        assert_eq!(untouched(&entry("r--p", everlit, 0, 0)), [range]);
        for other in [
            entry("r--p", everlit, 4, 0),
            entry("r--p", everlit, 0, 4),
            entry("rw-p", everlit, 0, 0),
            entry("r-xp", "[vdso]", 0, 0),
            entry("r--p", "", 0, 0),
        ] {
            assert_eq!(untouched(&other), [], "{other}");
        }
        let both = entry("r--p", everlit, 4, 0) + &entry("r-xp", everlit, 0, 0);
        assert_eq!(untouched(&both), [range]);
    }
}
