//! What came with a request, whole.
//!
//! In: pieces, in memory and in files. Out: text, or all of it in another file. Must hold: never more in memory than
//! [`TEXT_MAX`].

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;

use super::answer::Answer;
use super::tree::copy_range;
use crate::worker::chores::Piece;

/// Longest XML that is read.
const TEXT_MAX: u64 = 1 << 20;

/// A request's body.
#[derive(Debug)]
pub(super) struct Body(Vec<Piece>);

impl Body {
    pub(super) fn new(pieces: Vec<Piece>) -> Body {
        Body(pieces)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length() == 0
    }

    pub(super) fn length(&self) -> u64 {
        let length = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::File { length, .. } => *length,
        };
        self.0.iter().map(length).sum()
    }

    /// All of it, if it is short.
    pub(super) fn text(&self) -> Result<String, Answer> {
        if self.length() > TEXT_MAX {
            return Err(Answer::status(413));
        }
        let mut text = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Bytes(bytes) => text.extend_from_slice(bytes),
                Piece::File {
                    file,
                    offset,
                    length,
                } => read(file, *offset, *length, &mut text).map_err(|_| Answer::status(500))?,
            }
        }
        String::from_utf8(text).map_err(|_| Answer::status(400))
    }

    /// Writes it into a file, from this offset on.
    pub(super) fn write_to(&self, file: impl AsFd, mut at: u64) -> Result<(), Errno> {
        for piece in &self.0 {
            match piece {
                Piece::Bytes(bytes) => {
                    write_all(&file, bytes, at)?;
                    at += bytes.len() as u64;
                }
                Piece::File {
                    file: from,
                    offset,
                    length,
                } => {
                    copy_range(from, *offset, &file, at, *length)?;
                    at += length;
                }
            }
        }
        Ok(())
    }
}

fn read(file: &OwnedFd, mut offset: u64, mut left: u64, out: &mut Vec<u8>) -> Result<(), Errno> {
    let mut buffer = vec![0; 16 * 1024];
    while left > 0 {
        let most = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        match rustix::io::pread(file, &mut buffer[..most], offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(n) => {
                out.extend_from_slice(&buffer[..n]);
                offset += n as u64;
                left -= n as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Writes all of these bytes.
pub(super) fn write_all(file: impl AsFd, mut bytes: &[u8], mut at: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(&file, bytes, at) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(n) => {
                bytes = &bytes[n..];
                at += n as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
