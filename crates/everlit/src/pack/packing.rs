//! A body that is compressed as it is sent.
//!
//! In: a body, as an outbox that nobody flushes. Out: chunks (RFC 9112 section 7.1), made when there is room for them. Must
//! hold: nothing is read or compressed ahead of the reader, but for one piece.

use rustix::io::Errno;

use super::keep::Keep;
use super::{Failed, Paused, Stream};
use crate::http1::encode::{LAST_CHUNK, chunk};
use crate::response::FileRange;
use crate::transport::outbox::{Broken, Outbox};

/// Bytes that are read at a time.
const READ: usize = 16 * 1024;

/// So much output is enough for one piece.
const ENOUGH: usize = 16 * 1024;

/// So much is read for one piece, however little comes out of it.
const READ_MAX: usize = 256 * 1024;

/// A body on its way through an encoder.
#[derive(Debug)]
pub struct Packing {
    source: Outbox,
    stream: Stream,
    keep: Option<Keep>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more; so much was read for this piece.
    More(usize),
    /// That was the end.
    Over,
}

impl Packing {
    /// A body that is to be compressed so, from its beginning or from where somebody else has paused; `keep`: where it is
    /// written to as well.
    pub fn new(source: Outbox, paused: Paused, keep: Option<Keep>) -> Packing {
        Packing {
            source,
            stream: Stream::Still(paused),
            keep,
        }
    }

    /// Appends the next piece: something, in any case.
    pub fn fill(&mut self, out: &mut Vec<u8>) -> Result<Progress, Broken> {
        let mut made = Vec::with_capacity(ENOUGH + READ);
        let encoder = self.stream.run().map_err(no_memory)?;
        let mut room = [0; READ];
        let mut read = 0;
        while !self.source.is_empty() && made.len() < ENOUGH {
            if read >= READ_MAX {
                if made.is_empty() {
                    encoder.flush(&mut made).map_err(no_memory)?;
                }
                break;
            }
            let taken = self.source.take(&mut room)?;
            read += taken;
            encoder
                .write(&room[..taken], &mut made)
                .map_err(no_memory)?;
        }
        let is_over = self.source.is_empty();
        if is_over {
            encoder.finish(&mut made).map_err(no_memory)?;
        }
        self.keep(&made);
        chunk(&made, out);
        if !is_over {
            return Ok(Progress::More(read));
        }
        out.extend_from_slice(LAST_CHUNK);
        if let Some(keep) = self.keep.take() {
            // Without it the next one is compressed again.
            let _ = keep.complete();
        }
        Ok(Progress::Over)
    }

    /// Appends what is on its way through the encoder, so that somebody else can go on.
    pub fn pause(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        let mut made = Vec::new();
        self.stream.pause(&mut made)?;
        self.keep(&made);
        chunk(&made, out);
        Ok(())
    }

    /// What is left of the body, and how to go on with it. Nothing, if it was not paused.
    pub fn into_left(self) -> Option<(Paused, Outbox)> {
        Some((self.stream.into_paused()?, self.source))
    }

    /// Bytes of the body that wait in memory.
    pub fn memory(&self) -> usize {
        self.source.memory()
    }

    /// The files that are left of the body.
    pub fn files(&self) -> Box<dyn Iterator<Item = &FileRange> + '_> {
        Box::new(self.source.files())
    }

    fn keep(&mut self, made: &[u8]) {
        if let Some(keep) = &mut self.keep
            && keep.write(made).is_err()
        {
            self.keep = None;
        }
    }
}

fn no_memory(_: Failed) -> Broken {
    Broken::File(Errno::NOMEM)
}
