//! Entity tags of files.
//!
//! In: metadata, and which parts of it count. Out: a strong tag, a decimal number in quotes as lighttpd's are. Must hold:
//! the same file has the same tag in every process and version, so that a restart costs no client its copy.

use crate::files::Metadata;
use crate::settings::EtagParts;

/// The tag, with its quotes; `None` if no part counts.
pub fn entity_tag(metadata: &Metadata, parts: EtagParts) -> Option<String> {
    if !(parts.inode || parts.mtime || parts.size) {
        return None;
    }
    let mut hash = Fnv::default();
    if parts.inode {
        hash.add(metadata.inode);
    }
    if parts.size {
        hash.add(metadata.size);
    }
    if parts.mtime {
        hash.add(metadata.mtime as u64);
        hash.add(u64::from(metadata.mtime_nanos));
    }
    Some(format!("\"{}\"", hash.0))
}

/// FNV-1a, 64 bits: it never changes, unlike the hash of a hash table.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, value: u64) {
        for byte in value.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::EntryKind;

    const METADATA: Metadata = Metadata {
        kind: EntryKind::File,
        device: 1,
        inode: 2,
        size: 3,
        mtime: 1_700_000_000,
        mtime_nanos: 5,
        ctime: (0, 0),
        mode: 0o644,
    };

    fn parts(inode: bool, mtime: bool, size: bool) -> EtagParts {
        EtagParts { inode, mtime, size }
    }

    #[test]
    fn only_the_parts_that_count_change_it() {
        let other = [
            Metadata {
                inode: 9,
                ..METADATA
            },
            Metadata {
                mtime: 9,
                ..METADATA
            },
            Metadata {
                size: 9,
                ..METADATA
            },
            Metadata {
                mtime_nanos: 9,
                ..METADATA
            },
        ];
        for (chosen, changes) in [
            (parts(true, true, true), [true, true, true, true]),
            (parts(false, true, true), [false, true, true, true]),
            (parts(false, false, true), [false, false, true, false]),
            (parts(true, false, false), [true, false, false, false]),
        ] {
            let tag = entity_tag(&METADATA, chosen);
            for (other, changes) in other.iter().zip(changes) {
                assert_eq!(
                    entity_tag(other, chosen) != tag,
                    changes,
                    "{chosen:?} {other:?}"
                );
            }
        }
        assert_eq!(entity_tag(&METADATA, parts(false, false, false)), None);
    }

    #[test]
    fn it_stays_what_it_was_in_older_versions() {
        assert_eq!(
            entity_tag(&METADATA, parts(true, true, true)).as_deref(),
            Some("\"12694832136755965070\"")
        );
    }
}
