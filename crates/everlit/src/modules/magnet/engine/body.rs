//! The body of a response, as scripts make it: texts and parts of files.
//!
//! In: what a script adds. Out: a [`Body`]. Must hold: only regular files are opened, and a body never has more than its
//! length says.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::rc::Rc;

use rustix::fs::OFlags;

use crate::response::{Body, FileRange, Part};

/// Files up to this many bytes are read at once.
const SMALL: u64 = 16 * 1024;

/// Where in a file a part ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// With the file.
    OfFile,
    /// So many bytes later.
    After(u64),
}

/// Appends a text.
pub(super) fn append(body: &mut Body, text: &[u8]) {
    match body {
        _ if text.is_empty() => {}
        Body::Bytes(bytes) => bytes.extend_from_slice(text),
        Body::Parts(parts) => match parts.last_mut() {
            Some(Part::Bytes(bytes)) => bytes.extend_from_slice(text),
            _ => parts.push(Part::Bytes(text.to_vec())),
        },
        Body::Empty => *body = Body::Bytes(text.to_vec()),
        Body::Cached(cached) => *body = Body::Bytes([cached, text].concat()),
        Body::File(range) => {
            let range = Part::File(range.clone());
            *body = Body::Parts(vec![range, Part::Bytes(text.to_vec())]);
        }
        // Bytes that are still to come cannot be followed by others.
        Body::Packed(_) | Body::Coming => {}
    }
}

/// Bytes that it takes of our memory.
pub(super) fn memory(body: &Body) -> usize {
    match body {
        Body::Bytes(bytes) => bytes.len(),
        Body::Cached(bytes) => bytes.len(),
        Body::Parts(parts) => {
            let of_part = |part: &Part| match part {
                Part::Bytes(bytes) => bytes.len(),
                Part::File(_) => 0,
            };
            parts.iter().map(of_part).sum()
        }
        Body::Empty | Body::File(_) | Body::Packed(_) | Body::Coming => 0,
    }
}

/// Appends part of a file; `start`: bytes from its beginning, or from its end if negative.
pub(super) fn append_file(body: &mut Body, path: &[u8], start: i64, end: End) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    let nonblocking = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let mut options = File::options();
    let file = options
        .read(true)
        .custom_flags(nonblocking.cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let size = metadata.len();
    let offset = match u64::try_from(start) {
        Ok(start) => start.min(size),
        Err(_) => size.saturating_sub(start.unsigned_abs()),
    };
    let length = match end {
        End::OfFile => size - offset,
        End::After(length) => length.min(size - offset),
    };
    if length <= SMALL {
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, offset)?;
        append(body, &bytes);
        return Ok(());
    }
    let range = FileRange {
        file: Rc::new(OwnedFd::from(file).into()),
        offset,
        length,
    };
    match body {
        Body::Empty => *body = Body::File(range),
        Body::Parts(parts) => parts.push(Part::File(range)),
        Body::Packed(_) | Body::Coming => {}
        Body::Bytes(_) | Body::Cached(_) | Body::File(_) => {
            let before = match std::mem::take(body) {
                Body::Bytes(bytes) => Part::Bytes(bytes),
                Body::Cached(bytes) => Part::Bytes(bytes.to_vec()),
                Body::File(range) => Part::File(range),
                Body::Empty | Body::Packed(_) | Body::Coming | Body::Parts(_) => {
                    Part::Bytes(Vec::new())
                }
            };
            *body = Body::Parts(vec![before, Part::File(range)]);
        }
    }
    Ok(())
}

/// All of it; nothing if it is still to come.
pub(super) fn content(body: &Body) -> Option<io::Result<Vec<u8>>> {
    let of_file = |range: &FileRange, out: &mut Vec<u8>| -> io::Result<()> {
        let from = out.len();
        out.resize(from + range.length as usize, 0);
        let (mut at, mut offset) = (from, range.offset);
        while at < out.len() {
            match rustix::io::pread(&range.file, &mut out[at..], offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => (at, offset) = (at + read, offset + read as u64),
            }
        }
        Ok(())
    };
    let mut out = Vec::new();
    let outcome = match body {
        Body::Empty => Ok(()),
        Body::Bytes(bytes) => return Some(Ok(bytes.clone())),
        Body::Cached(bytes) => return Some(Ok(bytes.to_vec())),
        Body::File(range) => of_file(range, &mut out),
        Body::Parts(parts) => parts.iter().try_for_each(|part| match part {
            Part::Bytes(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Part::File(range) => of_file(range, &mut out),
        }),
        Body::Packed(_) | Body::Coming => return None,
    };
    Some(outcome.map(|()| out))
}
