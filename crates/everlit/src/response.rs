//! 8. A response before it is put on the wire: status, header fields, where the body comes from.
//!
//! In: what modules decide. Out: something that `http1::encode` frames and an outbox sends. Must hold: framing fields
//! (`Content-Length`, `Transfer-Encoding`, `Connection`, `Date`) are never set here; they follow from the body. For HEAD
//! the body is made all the same, for its length; the framing leaves it out.

pub mod headers;
pub mod partial;
pub mod range;

use std::rc::Rc;

use crate::files::OpenFile;
use crate::pack::{Packing, Plan};
pub use headers::Headers;

/// A response under way.
#[derive(Debug, Default)]
pub struct Response {
    /// Status code; 0: nobody has answered yet.
    pub status: u16,
    /// Header fields.
    pub headers: Headers,
    /// Body.
    pub body: Body,
    /// What is to become of a body that is still to come.
    pub plan: Option<Box<Plan>>,
}

/// Where the body comes from.
#[derive(Debug, Default)]
pub enum Body {
    /// There is none: `Content-Length: 0`, or a status that has no body.
    #[default]
    Empty,
    /// Made for this response.
    Bytes(Vec<u8>),
    /// A small file that the cache holds in memory.
    Cached(Rc<[u8]>),
    /// Part of a file.
    File(FileRange),
    /// Several of them, one after the other: multipart/byteranges.
    Parts(Vec<Part>),
    /// One that is compressed as it is sent, for clients that know chunks.
    Packed(Box<Packing>),
    /// A backend's, which is still to come.
    Coming,
}

/// One piece of a [`Body::Parts`].
#[derive(Debug)]
pub enum Part {
    /// Bytes made for this response.
    Bytes(Vec<u8>),
    /// Part of a file.
    File(FileRange),
}

/// Part of an open file.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The file.
    pub file: Rc<OpenFile>,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl Body {
    /// Length in bytes; nothing if it is not known.
    pub fn length(&self) -> Option<u64> {
        Some(match self {
            Body::Packed(_) | Body::Coming => return None,
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Cached(bytes) => bytes.len() as u64,
            Body::File(range) => range.length,
            Body::Parts(parts) => parts.iter().map(Part::length).sum(),
        })
    }
}

impl Part {
    /// Length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::File(range) => range.length,
        }
    }
}

impl Response {
    /// Makes it ready for the next request, keeping its memory.
    pub fn clear(&mut self) {
        self.status = 0;
        self.headers.clear();
        self.body = Body::Empty;
        self.plan = None;
    }
}
