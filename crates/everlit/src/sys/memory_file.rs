//! Text that crosses an exec without touching the disk.
//!
//! In: bytes. Out: a memory file positioned at its start, and its bytes again. Must hold: readers bound what they read.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};

/// More than this is nothing we wrote, in bytes. (A configuration file may have 32 MB.)
const LENGTH_MAX: u64 = 64 * 1024 * 1024;

/// A memory file with this content.
pub(crate) fn write(name: &str, content: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}

/// Everything in a memory file.
pub(crate) fn read(descriptor: OwnedFd) -> io::Result<Vec<u8>> {
    let mut file = File::from(descriptor);
    // The position is shared with whoever gave it to us, and with whom they gave it to before.
    file.rewind()?;
    let mut content = Vec::new();
    file.take(LENGTH_MAX).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_written_is_read() {
        let file = super::write("test", b"content").unwrap();
        let again = file.try_clone().unwrap();
        assert_eq!(super::read(file).unwrap(), b"content");
        assert_eq!(super::read(again).unwrap(), b"content");
    }
}
