//! Paths in a configuration: a relative one starts from the working directory, as in lighttpd.
//!
//! They are made absolute when the configuration is read, so that supervisor and generations mean the same file.

use std::path::{Path, PathBuf};

/// The path, absolute; symbolic links and `..` stay as they are.
pub(crate) fn absolute(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    // It fails for the empty path, or without a working directory: then opening the file fails and says so.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The same as bytes, without a slash at the end (but for the root directory): a request's path is put after it.
pub(super) fn directory_prefix(path: &str) -> Vec<u8> {
    if path.is_empty() {
        return Vec::new();
    }
    let mut bytes = absolute(path).into_os_string().into_encoded_bytes();
    while bytes.len() > 1 && bytes.last() == Some(&b'/') {
        bytes.pop();
    }
    bytes
}
