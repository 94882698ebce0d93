//! 11c. What is owed to somebody as plain data, and the other way round.
//!
//! In: an outbox. Out: one image for each piece; descriptors of files travel beside them, in the order of
//! [`Outbox::files`]. Must hold: as many descriptors are taken as [`files`] says.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::image::{PieceImage, SegmentImage};
use crate::files::OpenFile;
use crate::response::FileRange;
use crate::transport::outbox::{Left, Outbox};

/// The pieces. The outbox is settled.
pub(super) fn images(outbox: Outbox) -> Vec<SegmentImage> {
    let left = outbox.into_left().into_iter();
    left.map(|left| match left {
        Left::Bytes(bytes) => SegmentImage::Bytes(bytes),
        Left::File(range) => SegmentImage::File {
            offset: range.offset,
            length: range.length,
        },
        Left::Packed(paused, source) => SegmentImage::Packed {
            paused,
            source: source.into_iter().filter_map(piece).collect(),
        },
    })
    .collect()
}

fn piece(left: Left) -> Option<PieceImage> {
    match left {
        Left::Bytes(bytes) => Some(PieceImage::Bytes(bytes)),
        Left::File(range) => Some(PieceImage::File {
            offset: range.offset,
            length: range.length,
        }),
        // Nothing is compressed twice.
        Left::Packed(..) => None,
    }
}

/// How many descriptors belong to these.
pub(super) fn files(images: &[SegmentImage]) -> usize {
    let count = |image: &SegmentImage| match image {
        SegmentImage::Bytes(_) => 0,
        SegmentImage::File { .. } => 1,
        SegmentImage::Packed { source, .. } => {
            let is_file = |piece: &&PieceImage| matches!(piece, PieceImage::File { .. });
            source.iter().filter(is_file).count()
        }
    };
    images.iter().map(count).sum()
}

/// An outbox again.
pub(super) fn outbox(images: Vec<SegmentImage>, fds: &mut dyn Iterator<Item = OwnedFd>) -> Outbox {
    let left = images.into_iter().filter_map(|image| {
        Some(match image {
            SegmentImage::Bytes(bytes) => Left::Bytes(bytes),
            SegmentImage::File { offset, length } => Left::File(range(fds, offset, length)?),
            SegmentImage::Packed { paused, source } => {
                let source = source.into_iter().filter_map(|piece| {
                    Some(match piece {
                        PieceImage::Bytes(bytes) => Left::Bytes(bytes),
                        PieceImage::File { offset, length } => {
                            Left::File(range(fds, offset, length)?)
                        }
                    })
                });
                Left::Packed(paused, source.collect())
            }
        })
    });
    Outbox::from_left(left.collect())
}

fn range(fds: &mut dyn Iterator<Item = OwnedFd>, offset: u64, length: u64) -> Option<FileRange> {
    Some(FileRange {
        file: Rc::new(OpenFile::from(fds.next()?)),
        offset,
        length,
    })
}
